"""Signatures of records: over the draft's bytes, kept with them, shown with the version, and gone too."""

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk as jose_jwk
from joserfc import jws
from sqlalchemy import func, select

from registry.canonical import canonical
from registry.changelog.tail import Tail
from registry.clock import read_instant
from registry.db import now
from registry.extensions import Node
from registry.providers.queries import by_slug
from registry.records import documents
from registry.records.api_shared import desk_of
from registry.records.firing import fire
from registry.records.mirrored import erase_mirrored
from registry.records.models import Draft, Record, Version
from registry.signing.jws import SignatureError, new_key, sign, signed_bytes, verify_signature
from registry.signing.models import VersionSignature
from registry.signing.queries import signatures_of
from registry.transparency.keys import prepare
from registry.transparency.sequencer import Sequencer
from registry.transparency.storage import open_storage
from tests.conftest import Join, Member
from tests.registry.mirroring import mirror, version_of
from tests.registry.records.acting import act, draft, lesson, put, revise, submit
from tests.registry.signing.signers import SigningKey, administrator, registered

SCOPES = "records:read records:write records:review records:publish"
sqlite_only = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


async def signed(
    client: httpx.AsyncClient, member: Member, id: str, signature: Any, etag: str
) -> httpx.Response:
    headers = {**member.headers, "If-Match": etag}
    body = {"signature": signature}
    return await client.put(f"/api/v1/records/{id}/draft/signature", json=body, headers=headers)


async def proof_of(node: Node, client: httpx.AsyncClient, id: str, number: int) -> dict[str, Any]:
    storage = open_storage(node.settings, node.database)
    keys = prepare(node.settings, node.origin)
    await Tail(node.database, Sequencer(node.database, node.origin, keys, storage)).step()
    answer = await client.get(f"/api/v1/records/{id}/versions/{number}/proof")
    assert answer.status_code == 200, answer.text
    proof: dict[str, Any] = answer.json()
    return proof


async def test_a_version_is_verified_without_trust_in_the_registry(
    node: Node, client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join(scopes=SCOPES)
    key = await registered(node, client, "example-lab")
    id = (await submit(client, lab, lesson())).json()["id"]
    read = await draft(client, lab, id)
    kept = await signed(client, lab, id, key.sign(read.content), read.headers["etag"])
    assert kept.status_code == 200, kept.text
    assert [one["kid"] for one in kept.json()["signatures"]] == [key.kid]
    # A change beside the bytes keeps it, a change of them drops it.
    again = await put(client, lab, id, lesson(handling={"tlp": "CLEAR"}), kept.headers["etag"])
    beside = await client.get(f"/api/v1/records/{id}/handling", headers=lab.headers)
    assert [one["provider"] for one in beside.json()["signatures"]] == ["example-lab"]
    again = await put(client, lab, id, lesson(title="Another"), again.headers["etag"])
    beside = await client.get(f"/api/v1/records/{id}/handling", headers=lab.headers)
    assert "signatures" not in beside.json()

    read = await draft(client, lab, id)
    done = await act(client, lab, id, "publish", again.headers["etag"], {"signature": key.sign(read.content)})
    assert done.status_code == 200, done.text
    # The second is not signed, the third is: `prev` comes from the second.
    assert (await revise(client, lab, id, title="Second")).status_code == 200
    start = await draft(client, lab, id)
    body = {k: v for k, v in start.json().items() if k not in ("schema", "id", "origin", "provider", "prev")}
    body["revision"] = {"type": "correction", "note": "Told better."}
    made = await put(client, lab, id, body, start.headers["etag"])
    read = await draft(client, lab, id)
    signature = {"signature": key.sign(read.content)}
    assert (await act(client, lab, id, "publish", made.headers["etag"], signature)).status_code == 200

    published = key_of((await client.get("/api/v1/providers/example-lab/jwks.json")).json(), key.kid)
    before = {one["version"]: one["commit"] for one in await history(client, id)}
    for number, prev in ((1, None), (3, before["2"])):
        proof = await proof_of(node, client, id, number)
        (one,) = proof["signatures"]
        assert (one["provider"], one["kid"], one["prev"]) == ("example-lab", key.kid, prev)
        assert one["jwk"].items() <= published.items()
        document = (await client.get(f"/api/v1/records/{id}/versions/{number}")).content
        verify_signature(document, one["prev"], one["jws"], published)
        for altered in (document.replace(b"lab", b"Lab"), document.replace(b"A", b"B", 1)):
            if altered != document:
                with pytest.raises(SignatureError):
                    verify_signature(altered, one["prev"], one["jws"], published)
        with pytest.raises(SignatureError):
            verify_signature(document, "0" * 64, one["jws"], published)
    assert "signatures" not in await proof_of(node, client, id, 2)
    # Those who follow are handed them with the documents.
    lines = (await client.get("/federation/v1/documents?from=0")).text.splitlines()
    told = [json.loads(line).get("signatures", []) for line in lines]
    assert [len(each) for each in told] == [1, 0, 1]
    assert told[2] == [one["jws"]]


async def history(client: httpx.AsyncClient, id: str) -> list[dict[str, Any]]:
    items = (await client.get(f"/api/v1/records/{id}/versions")).json()["items"]
    return [{**one, "version": str(one["version"])} for one in items]


def key_of(key_set: dict[str, Any], kid: str) -> dict[str, Any]:
    return next(one for one in key_set["keys"] if one["kid"] == kid)


@sqlite_only
async def test_what_is_wrong_with_a_signature_is_said(
    node: Node, client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join(scopes=SCOPES)
    key, ended = await registered(node, client, "example-lab"), await registered(node, client, "example-lab")
    admin = await administrator(node, client, "example-lab")
    await client.delete(f"/api/v1/providers/example-lab/keys/{ended.kid}", headers=admin.headers)
    made = await submit(client, lab, lesson())
    id, etag = made.json()["id"], made.headers["etag"]
    read = await draft(client, lab, id)
    secret = jose_jwk.import_key(key.jwk)

    def by_hand(header: dict[str, Any]) -> str:
        whole = jws.serialize_compact(header, read.content, secret, algorithms=["EdDSA"])
        return jws.detach_content(whole)

    good = key.sign(read.content)
    head, tail = good.split("..")
    whole = jws.serialize_compact({"alg": "EdDSA", "kid": key.kid}, b"x", secret, algorithms=["EdDSA"])
    hmac = jws.serialize_compact({"alg": "HS256", "kid": key.kid}, b"x", jose_jwk.OctKey.generate_key())
    wrong = {
        "signature-bytes": key.sign(read.content + b" "),
        "signature-key": SigningKey(new_key()).sign(read.content),
        "signature-key-ended": ended.sign(read.content),
        "signature-not-detached": whole,
        "signature-alg": jws.detach_content(hmac),
        "signature-kid": by_hand({"alg": "EdDSA"}),
    }
    for code, signature in wrong.items():
        answer = await act(client, lab, id, "publish", etag, {"signature": signature})
        assert answer.status_code == 422, code
        assert answer.json()["findings"][0]["code"] == code
        assert answer.json()["findings"][0]["pointer"] == "/signature"
    told = await signed(client, lab, id, wrong["signature-bytes"], etag)
    # It names the bytes that there are.
    assert etag.strip('"').partition(".")[0] in told.json()["findings"][0]["message"]
    unread = ("", "..", f"{head}..", "é..x", f"x..{tail}", f"{head}.{tail}", 7, [good], "a" * 2000)
    for bad in (*unread, by_hand({"alg": "EdDSA", "kid": key.kid, "jwk": key.body("x")["key"]})):
        answer = await signed(client, lab, id, bad, etag)
        assert answer.status_code == 422, bad
        assert answer.json()["findings"][0]["code"] == "signature-form", bad
    assert (await signed(client, lab, id, good, '"x"')).status_code == 412

    # Who is not named signs nothing: it would say who wrote it.
    for attribution in ("anonymous", "sector"):
        made = await submit(client, lab, lesson(attribution=attribution))
        read = await draft(client, lab, made.json()["id"])
        answer = await act(
            client,
            lab,
            made.json()["id"],
            "publish",
            made.headers["etag"],
            {"signature": key.sign(read.content)},
        )
        assert answer.json()["findings"][0]["code"] == "signature-names"


@sqlite_only
async def test_each_of_a_joint_record_signs_and_the_schedule_keeps_it(
    node: Node, client: httpx.AsyncClient, join: Join
) -> None:
    lab, other = await join(scopes=SCOPES), await join("other-lab", scopes=SCOPES)
    key, theirs = await registered(node, client, "example-lab"), await registered(node, client, "other-lab")
    made = await submit(client, lab, lesson(co_providers=["other-lab"]))
    id = made.json()["id"]
    read = await draft(client, other, id)
    agreed = await act(
        client, other, id, "approve", read.headers["etag"], {"signature": theirs.sign(read.content)}
    )
    assert agreed.status_code == 200, agreed.text
    at = now().replace(year=now().year + 1).isoformat()
    when = {"at": at, "signature": key.sign(read.content)}
    etag = (await draft(client, lab, id)).headers["etag"]
    planned = await act(client, lab, id, "schedule", etag, when)
    assert planned.status_code == 200, planned.text
    async with node.database.write() as session:
        row = (await session.scalars(select(Draft))).one()
        row.due_at = read_instant("2020-01-01T00:00:00Z")
    assert await fire(node.database, await desk_of(node)) == 1
    proof = await proof_of(node, client, id, 1)
    assert {one["provider"] for one in proof["signatures"]} == {"example-lab", "other-lab"}
    document = (await client.get(f"/api/v1/records/{id}/versions/1")).content
    for one in proof["signatures"]:
        verify_signature(document, None, one["jws"], one["jwk"])

    steward = await join("editors", scopes="records:read registry:steward")
    newest = await client.get(f"/api/v1/records/{id}")
    gone = await client.post(
        f"/api/v1/records/{id}/actions/erase",
        json={"code": "personal-data", "reason": "It named a victim."},
        headers={**steward.headers, "If-Match": newest.headers["etag"]},
    )
    assert gone.status_code == 200, gone.text
    async with node.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(VersionSignature)) == 0


@sqlite_only
async def test_signatures_of_another_registry_are_kept_and_verified_by_a_proven_domain(
    node: Node, client: httpx.AsyncClient, join: Join
) -> None:
    await join(domain="lab.example", scopes=SCOPES)
    key, unknown = await registered(node, client, "example-lab"), SigningKey(new_key())
    shown = {"slug": "elsewhere", "name": "A lab", "domain": "lab.example", "verified": True}

    async def mirrored(name: str, *, proven: bool = True, prev: str | None = None, **fields: Any) -> Any:
        number = 2 if prev else 1
        item = version_of(name, number, provider=shown, **fields)
        mine = sign(signed_bytes(item.value, prev), key.jwk)
        texts: Any = (mine, unknown.sign(b"x"), "nonsense")
        async with node.database.write() as session:
            (await by_slug(session, "example-lab")).domain_verified = proven
        assert await mirror(node, replace(item, signatures=texts)) == ["stored"]
        async with node.database.read() as session:
            of_item = select(Version.pk).join(Record, Record.pk == Version.record_pk)
            of_item = of_item.where(Record.id == item.id, Version.number == number)
            pk = (await session.scalars(of_item)).one()
            return item, (await signatures_of(session, [pk])).get(pk, []), mine

    item, (first, second), mine = await mirrored("a")
    assert (first.provider, first.domain, first.kid) == ("elsewhere", "lab.example", key.kid)
    assert (first.jwk or {}).get("x") == key.jwk["x"]
    assert (first.jws, second.provider, second.jwk) == (mine, None, None)
    # The next one is signed over the commitment of this one.
    _, (first, _), _ = await mirrored("a", prev=item.commit, title="Again")
    assert first.jwk is not None
    assert [one.jwk for one in (await mirrored("b", proven=False))[1]] == [None, None]
    assert (await mirrored("c", attribution="anonymous"))[1] == []
    del shown["domain"]
    assert [one.jwk for one in (await mirrored("d"))[1]] == [None, None]
    async with node.database.write() as session:
        assert await erase_mirrored(session, item.origin, item.id, 1, "other")
    async with node.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(VersionSignature)) == 2 + 2 + 2


words = st.text(st.characters(blacklist_categories=("Cs",)), max_size=20)
names = st.text("abcdefgh_", min_size=1, max_size=8)
values = st.recursive(
    words | st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(names, values, max_size=5),
    st.none() | st.just("ab" * 32),
    st.sampled_from(["named", "sector", "anonymous"]),
    st.booleans(),
)
def test_the_signed_bytes_are_made_again_from_what_was_published(
    fields: dict[str, Any], prev: str | None, attribution: str, editorial: bool
) -> None:
    publisher = documents.Publisher("example-lab", "A lab", "lab.example", True, "sector:J")
    submission = {**fields, "attribution": attribution}
    if editorial:
        submission["revision"] = {"type": "editorial"}
    body = documents.draft(
        submission, id="CIR-7GQ2M4KX9X", origin="registry.example/log", publisher=publisher, prev=prev
    )
    before = {"published": "2026-01-01T00:00:00Z", "modified": "2026-01-02T00:00:00Z"} if prev else None
    document = documents.publish(body, number=2 if prev else 1, at=now(), before=before)
    assert signed_bytes(json.loads(canonical(document)), prev) == canonical(body)
