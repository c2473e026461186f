"""What is erased is gone: from every path, and from the files."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from registry.audit.models import Act
from registry.extensions import Node
from registry.records.models import Record, RestrictedPart, Version
from tests.conftest import Join, Member
from tests.registry.records.acting import act, incident, lesson, submit

SECRET = "Zanzibarquartz"
GROUND = {"code": "personal-data", "reason": "It named a victim."}
PATHS = (
    "/api/v1/records/{id}",
    "/api/v1/records/{id}/versions",
    "/api/v1/records/{id}/versions/1",
    "/api/v1/records/{id}/responses",
    "/api/v1/records/{id}/similar",
    "/api/v1/records/{id}/report/oecd",
    "/feeds/record/{id}.json",
)


@pytest.fixture
async def lab(join: Join) -> Member:
    return await join("lab")


@pytest.fixture
async def steward(join: Join) -> Member:
    return await join("editors", scopes="registry:steward records:read")


async def begin(client: httpx.AsyncClient, lab: Member, **fields: Any) -> tuple[str, str]:
    made = await submit(client, lab, incident(title=f"The {SECRET} matter", **fields))
    assert made.status_code == 201, made.text
    return made.json()["id"], made.headers["etag"]


async def test_every_path_says_that_it_was_erased_and_on_what_ground(
    client: httpx.AsyncClient, lab: Member, steward: Member
) -> None:
    id, etag = await begin(client, lab)
    etag = (await act(client, lab, id, "publish", etag)).headers["etag"]
    for path in PATHS:
        await client.get(path.format(id=id))  # so that the front has it
    done = await act(client, steward, id, "erase", etag, GROUND)
    assert (done.status_code, done.json()) == (200, {"id": id, "erased": True, "code": "personal-data"})
    for path in PATHS:
        for who in ({}, lab.headers, steward.headers):
            answer = await client.get(path.format(id=id), headers=who)
            assert answer.status_code == 410, (path, answer.text)
            assert answer.json()["ground"] == "personal-data"
            assert answer.json()["erase_index"] is None  # there is no log here that could have it
            assert SECRET not in answer.text
    for path in ("/api/v1/records", "/feeds/all.json", "/feeds/provider/lab.atom", "/sitemap.xml"):
        assert id not in (await client.get(path)).text, path
    assert (await client.get("/api/v1/changes")).json()["items"][-1]["action"] == "erased"
    draft = await client.get(f"/api/v1/records/{id}/draft", headers=lab.headers)
    assert draft.status_code == 410
    again = await act(client, steward, id, "erase", etag, GROUND)
    assert (again.status_code, "erased already" in again.text) == (409, True)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("candor.sqlite*")}


async def test_nothing_of_it_is_left_in_tables_and_files(
    client: httpx.AsyncClient, lab: Member, steward: Member, node: Node
) -> None:
    id, etag = await begin(client, lab, summary=f"About {SECRET}.")
    headers = {**lab.headers, "Idempotency-Key": "a-key-of-mine", "If-Match": etag}
    done = await client.post(f"/api/v1/records/{id}/actions/publish", json={}, headers=headers)
    etag = done.headers["etag"]
    more = lesson(
        kind="incident",
        content=incident()["content"],
        title=f"{SECRET} again",
        revision={"type": "correction"},
    )
    begun = await client.put(
        f"/api/v1/records/{id}/draft", json=more, headers={**lab.headers, "If-Match": etag}
    )
    assert begun.status_code == 200, begun.text
    file = await client.post(
        f"/api/v1/records/{id}/evidence?name=note.txt",
        content=f"Seen: {SECRET}".encode(),
        headers={**lab.headers, "Content-Type": "text/plain"},
    )
    assert file.status_code == 201, file.text
    assert (await act(client, steward, id, "erase", etag, GROUND)).status_code == 200
    async with node.database.read() as session:
        record = (await session.scalars(select(Record).where(Record.id == id))).one()
        versions = (await session.scalars(select(Version).where(Version.record_pk == record.pk))).all()
        parts = (
            await session.scalars(select(RestrictedPart).where(RestrictedPart.record_pk == record.pk))
        ).all()
        acts = (await session.scalars(select(Act).where(Act.subject == id, Act.action == "erase"))).all()
    assert [(version.document, version.salt) for version in versions] == [(b"", b"")]
    assert [len(version.commit) for version in versions] == [64]
    assert [part.salt for part in parts] == [b""]
    assert [act.detail["code"] for act in acts] == ["personal-data"]
    if node.database.is_sqlite:
        held = _files(node.settings.data)
        assert [name for name, data in held.items() if SECRET.encode() in data] == []
        assert held["candor.sqlite"]


async def test_a_draft_that_was_never_public_leaves_no_trace_for_others(
    client: httpx.AsyncClient, lab: Member, steward: Member
) -> None:
    id, etag = await begin(client, lab)
    assert (await act(client, steward, id, "erase", etag, GROUND)).status_code == 200
    assert (await client.get(f"/api/v1/records/{id}")).status_code == 404
    assert (await client.get(f"/api/v1/records/{id}/draft", headers=lab.headers)).status_code == 410
    assert (await client.get("/api/v1/changes")).json()["items"] == []


async def test_only_a_steward_erases_and_says_why(
    client: httpx.AsyncClient, lab: Member, steward: Member
) -> None:
    id, etag = await begin(client, lab)
    assert (await act(client, lab, id, "erase", etag, GROUND)).status_code == 403
    bare = await act(client, steward, id, "erase", etag)
    assert {finding["pointer"] for finding in bare.json()["findings"]} == {"/code", "/reason"}
    words = await act(client, steward, id, "erase", etag, {**GROUND, "code": "It named Ada."})
    assert [finding["pointer"] for finding in words.json()["findings"]] == ["/code"]
    assert "personal-data" in words.json()["findings"][0]["suggestion"]
    assert (await act(client, steward, id, "erase", '"x"', GROUND)).status_code == 412
    assert (await act(client, steward, "CIR-000000000H", "erase", etag, GROUND)).status_code == 404
    assert (await client.get(f"/api/v1/records/{id}/draft", headers=lab.headers)).status_code == 200
