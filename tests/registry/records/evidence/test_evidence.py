"""Evidence over HTTP: who is shown a file, how much is taken, and how it comes back."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from registry.app import Application
from registry.audit.models import Act
from registry.db import Database
from registry.extensions import Extension, Node
from registry.providers.models import Provider
from registry.records.evidence.models import EvidenceAudience, EvidenceFile
from registry.records.evidence.service import erase_evidence
from registry.records.models import Record
from tests.conftest import Join, Member, only_app
from tests.registry.records.acting import act, bring_out, lesson, submit, withdraw
from tests.registry.sharing.circles import EVERYTHING, end, gather

TEXT = b"What was seen."
AMBER = {"tlp": "AMBER", "groups": "labs"}


@pytest.fixture
async def app(node: Node, extensions: tuple[Extension, ...]) -> Application:
    """A registry that takes little."""
    small = node.settings.model_copy(
        update={"evidence_files": 3, "evidence_file_megabytes": 1, "evidence_record_megabytes": 2}
    )
    return only_app(replace(node, settings=small), extensions)


async def add(
    client: httpx.AsyncClient, who: Member, id: str, content: Any = TEXT, **more: Any
) -> httpx.Response:
    headers = {"Content-Type": more.pop("media_type", "text/plain"), **who.headers, **more.pop("headers", {})}
    params = {"name": "seen.txt", **more}
    return await client.post(
        f"/api/v1/records/{id}/evidence", content=content, params=params, headers=headers
    )


async def names(client: httpx.AsyncClient, who: Member, id: str) -> list[str]:
    answer = await client.get(f"/api/v1/records/{id}/evidence", headers=who.headers)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["items"]]


async def test_a_file_is_its_owners_until_it_is_shared(client: httpx.AsyncClient, join: Join) -> None:
    lab, member = await join(scopes=EVERYTHING), await join("member", scopes=EVERYTHING)
    approved = await join("approved")
    await gather(client, "labs", lab, member)
    id = await bring_out(client, lab, lesson())
    made = await add(client, lab, id)
    assert made.status_code == 201, made.text
    kept = made.json()
    assert (kept["tlp"], kept["size"], kept["sha256"]) == ("RED", len(TEXT), hashlib.sha256(TEXT).hexdigest())
    where = made.headers["location"]
    assert [await names(client, who, id) for who in (lab, member, approved)] == [["seen.txt"], [], []]
    hidden = await client.get(where, headers=member.headers)
    unknown = await client.get(f"{where[:-4]}0000", headers=member.headers)
    assert (hidden.status_code, hidden.json()["detail"]) == (404, unknown.json()["detail"])
    assert (await client.get(where)).status_code == 401

    sent = {"tlp": "AMBER", "groups": ["labs"]}
    assert (await client.patch(where, json=sent, headers=lab.headers)).status_code == 428
    shared = await client.patch(where, json=sent, headers=lab.headers | {"If-Match": made.headers["etag"]})
    assert shared.status_code == 200, shared.text
    assert [await names(client, who, id) for who in (member, approved)] == [["seen.txt"], []]
    stale = await client.delete(where, headers=lab.headers | {"If-Match": made.headers["etag"]})
    assert stale.status_code == 412
    read = await client.get(where, headers=member.headers)
    assert (read.content, read.headers["content-type"]) == (TEXT, "text/plain; charset=utf-8")
    assert read.headers["content-disposition"].startswith('attachment; filename="seen.txt"')
    assert read.headers["x-content-type-options"] == "nosniff"
    assert read.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert read.headers["cache-control"].startswith("private")
    await end(client, member, "labs", "member")
    assert (await client.get(where, headers=member.headers)).status_code == 404
    refused = await client.delete(where, headers=member.headers | {"If-Match": "*"})
    assert refused.status_code == 404
    gone = await client.delete(where, headers=lab.headers | {"If-Match": "*"})
    assert gone.status_code == 204
    assert (await client.get(where, headers=lab.headers)).status_code == 404


async def test_a_file_beside_what_a_reader_may_not_see_is_not_there(
    client: httpx.AsyncClient, join: Join
) -> None:
    """Neither beside a draft nor beside a record of another circle, whatever the file's own level."""
    lab, other = await join(scopes=EVERYTHING), await join("other", scopes=EVERYTHING)
    draft = (await submit(client, lab, lesson())).json()["id"]
    await gather(client, "labs", lab)
    shared = await bring_out(client, lab, lesson(handling={"tlp": "AMBER", "groups": ["labs"]}))
    for id in (draft, shared):
        made = await add(client, lab, id, tlp="GREEN")
        assert made.status_code == 201, made.text
        assert await names(client, lab, id) == ["seen.txt"]
        for path in (made.headers["location"], f"/api/v1/records/{id}/evidence"):
            one = await client.get(path, headers=other.headers)
            two = await client.get(path.replace(id, "CIR-000000000H"), headers=other.headers)
            assert (one.status_code, two.status_code) == (404, 404)
            assert one.json()["detail"].replace(id, "") == two.json()["detail"].replace("CIR-000000000H", "")
        assert (await add(client, other, id)).status_code == 404


@pytest.mark.parametrize(
    ("media_type", "content", "status"),
    [
        ("text/html", b"<script>", 415),
        ("image/svg+xml", b"<svg/>", 415),
        ("application/zip", b"PK\x03\x04", 415),
        ("image/png", b"GIF89a", 415),
        ("application/json", b"{", 415),
        ("text/plain", b"", 415),
        ("text/plain", b"x" * (1024 * 1024 + 1), 413),
    ],
)
async def test_what_is_not_taken_leaves_nothing_behind(
    client: httpx.AsyncClient, join: Join, media_type: str, content: bytes, status: int
) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    answer = await add(client, lab, id, content, media_type=media_type)
    assert answer.status_code == status
    assert answer.json()["detail"].endswith(".")
    assert await names(client, lab, id) == []


async def test_what_is_too_large_is_refused_at_the_first_byte_over(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 64 * 1024
            yield b"x" * 64 * 1024

    answer = await add(client, lab, id, endless())
    assert answer.status_code == 413
    assert sent <= 1024 * 1024 + 2 * 64 * 1024


async def test_a_record_has_so_many_files_and_so_many_bytes(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    large = b"x" * (1024 * 1024)
    assert (await add(client, lab, id, large)).status_code == 201
    assert (await add(client, lab, id, large[:-1])).status_code == 201
    assert (await add(client, lab, id, b"ab")).status_code == 413, "two bytes, and there is room for one"
    assert (await add(client, lab, id, b"a")).status_code == 201
    assert (await add(client, lab, id, b"a")).status_code == 409


@pytest.mark.parametrize(
    "name", ["доклад.txt", "تقرير.txt", "报告.txt", "../../รายงาน.txt", "a\u202etxt.exe"]
)
async def test_names_in_every_script_come_back(client: httpx.AsyncClient, join: Join, name: str) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    made = await add(client, lab, id, name=name)
    kept = made.json()["name"]
    assert kept == name.rpartition("/")[2].replace("\u202e", "")
    header = (await client.get(made.headers["location"], headers=lab.headers)).headers["content-disposition"]
    assert header.isascii()
    assert ".." not in header
    disposed = await client.post(
        f"/api/v1/records/{id}/evidence",
        content=TEXT,
        headers={**lab.headers, "Content-Type": "text/plain", "Content-Disposition": header},
    )
    assert disposed.json()["name"] == kept


async def test_sharing_is_publishing(client: httpx.AsyncClient, join: Join, database: Database) -> None:
    lab, writer = await join(), await join("writer", scopes="records:read records:write")
    newcomer = await join("newcomer", approve=False)
    ids = {who.slug: (await submit(client, who, lesson())).json()["id"] for who in (lab, writer, newcomer)}
    for who in (writer, newcomer):
        assert (await add(client, who, ids[who.slug], tlp="GREEN")).status_code == 403
        assert (await add(client, who, ids[who.slug])).status_code == 201
    for sent, code in (
        ({"groups": "labs"}, "tlp-missing"),
        (AMBER, "unknown-group"),
        ({"tlp": "?"}, "bad-field"),
    ):
        refused = await add(client, lab, ids[lab.slug], **sent)
        assert refused.status_code == 422
        assert code in [one["code"] for one in refused.json()["findings"]]
    async with database.write() as session:
        await session.execute(update(Provider).where(Provider.slug == lab.slug).values(four_eyes=True))
    assert (await add(client, lab, ids[lab.slug], tlp="GREEN")).status_code == 403
    assert (await add(client, lab, ids[lab.slug])).status_code == 201


async def test_it_is_written_down_without_what_is_in_it(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    made = await add(client, lab, id)
    await client.delete(made.headers["location"], headers=lab.headers | {"If-Match": "*"})
    async with database.read() as session:
        acts = (
            await session.scalars(select(Act).where(Act.action.like("evidence-%")).order_by(Act.pk))
        ).all()
    assert [act.action for act in acts] == ["evidence-added", "evidence-removed"]
    told = str([(act.subject, act.detail) for act in acts])
    assert "seen" not in told
    assert made.json()["sha256"] not in told


async def test_erasing_reaches_the_bytes(client: httpx.AsyncClient, join: Join, database: Database) -> None:
    lab = await join(scopes=EVERYTHING)
    await gather(client, "labs", lab)
    id = await bring_out(client, lab, lesson())
    await add(client, lab, id, **AMBER)
    await withdraw(client, lab, id)
    assert await names(client, lab, id) == ["seen.txt"]
    async with database.write() as session:
        await erase_evidence(session, (await session.scalars(select(Record.pk))).one())
    async with database.read() as session:
        for table in (EvidenceFile, EvidenceAudience):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


async def test_the_same_request_under_one_key_is_one_file(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    headers = {"Idempotency-Key": "once"}
    one, two = [await add(client, lab, id, headers=headers) for _ in range(2)]
    assert one.json() == two.json()
    assert (await add(client, lab, id, b"other", headers=headers)).status_code == 409
    assert await names(client, lab, id) == ["seen.txt"]
    assert (await act(client, lab, id, "publish", '"x"')).status_code in (409, 412)
