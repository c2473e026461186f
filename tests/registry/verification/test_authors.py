"""Whether an organisation signed a version, as somebody sees it who trusts the registry for nothing."""

from typing import Any

import pytest

from registry.canonical import canonical
from registry.signing.jws import new_key, public_part, sign, signed_bytes
from registry.verification.authors import Shown, check_authors
from registry.verification.report import Report

BODY: dict[str, Any] = {
    "id": "CIR-7GQ2M4KX9X",
    "title": "A lesson",
    "version": 2,
    "provider": {"slug": "example-lab", "name": "Example Lab", "domain": "lab.example"},
    "co_providers": [{"slug": "other-lab", "name": "Other Lab"}],
}
PREV = "ab" * 32
KEY, OTHER = new_key(), new_key()


def told(**changes: Any) -> dict[str, Any]:
    jws = sign(signed_bytes(BODY, PREV), KEY)
    return {"provider": "example-lab", "jwk": public_part(KEY), "jws": jws, "prev": PREV, **changes}


@pytest.mark.parametrize(
    ("signature", "shown", "ok"),
    [
        (told(), (KEY, OTHER), True),
        # Whoever forges the registry's word cannot forge what the domain shows.
        (told(), (OTHER,), False),
        (told(), None, None),
        (told(provider="other-lab"), (KEY,), None),
        (told(provider="third-lab"), (KEY,), False),
        (told(jwk=public_part(OTHER)), (OTHER,), False),
        (told(jws=sign(b"other bytes", KEY)), (KEY,), False),
        (told(prev=None), (KEY,), False),
        (told(prev=7), (KEY,), False),
        (told(jws="nonsense"), (KEY,), False),
        (told(jwk={"kty": "oct"}), (KEY,), False),
        (told(jwk="nonsense"), (KEY,), False),
        # What came through others, who know no key.
        (told(jwk=None), (KEY,), True),
        (told(jwk=None), (OTHER,), None),
        (told(jwk=None), None, None),
        ("nonsense", (KEY,), None),
    ],
)
async def test_a_signature_counts_where_the_domain_shows_its_key(
    signature: Any, shown: tuple[dict[str, Any], ...] | None, ok: bool | None
) -> None:
    asked: list[str] = []

    async def ask(domain: str) -> Shown | None:
        asked.append(domain)
        return None if shown is None else {key["kid"]: public_part(key) for key in shown}

    report = Report("record", True)
    await check_authors(report, canonical(BODY), [signature], ask)
    assert [check.ok for check in report.checks] == [ok], report.checks
    assert set(asked) <= {"lab.example"}
    assert report.sound is (ok is not False)


async def test_nobody_has_to_sign() -> None:
    report = Report("record", True)
    await check_authors(report, canonical(BODY), [])
    assert report.checks == []
