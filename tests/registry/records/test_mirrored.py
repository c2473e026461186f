"""Records of other registries as they are written here, and erased."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from registry.canonical import canonical, commitment
from registry.extensions import Node
from registry.records.mirrored import erase_mirrored
from registry.records.models import Record, RecordLink, RecordTag, Version
from tests.registry.mirroring import PEER, mirror, mirror_all, their_id, version_of

WITHDRAWAL = {"code": "other", "text": "It was wrong."}


async def test_versions_are_written_as_they_are(client: httpx.AsyncClient, node: Node) -> None:
    odd = version_of(
        "odd",
        tags=["theirs:not/known-here"],
        novelty={"deep": [1, {"id": their_id("other"), "type": "unheard-of"}]},
        relations=[{"type": "unheard-of", "target": {"id": their_id("odd")}}],
    )
    first, gone = version_of("a"), version_of("a", 2, withdrawal=WITHDRAWAL)
    again = version_of("a", 3, tags=["misuse:spam"])
    assert await mirror(node, odd, first, gone, again) == ["stored"] * 4
    # Given once more, with one that is new, only that is written.
    later = version_of("a", 4, tags=["misuse:spam"])
    assert await mirror(node, odd, first, gone, again, later) == ["held"] * 4 + ["stored"]

    read = await client.get(f"/api/v1/records/{odd.id}")
    assert read.content == odd.document
    assert read.headers["etag"].strip('"').startswith(odd.commit)
    listed = (await client.get(f"/api/v1/records/{first.id}/versions")).json()["items"]
    assert [(one["version"], one["action"]) for one in reversed(listed)] == [
        ("1", "published"),
        ("2", "withdrawn"),
        ("3", "reinstated"),
        ("4", "revised"),
    ]
    changes = (await client.get("/api/v1/changes?after=0")).json()["items"]
    assert [(one["seq"], one["origin"], one["version"]) for one in changes] == [
        (1, PEER, 1),
        (2, PEER, 1),
        (3, PEER, 2),
        (4, PEER, 3),
        (5, PEER, 4),
    ]
    # Lists are cut from the newest version alone, and keep the place of the first.
    by_tag = (await client.get("/api/v1/records?tag=misuse:spam")).json()["items"]
    assert [(one["id"], one["version"]) for one in by_tag] == [(first.id, 4)]
    assert not (await client.get("/api/v1/records?tag=misuse:fraud")).json()["items"]


async def test_an_older_version_that_comes_late_changes_no_list(
    client: httpx.AsyncClient, node: Node
) -> None:
    newer = version_of("a", 3, title="Newest")
    assert await mirror(node, newer) == ["stored"]
    assert await mirror(node, version_of("a", 2, tags=["misuse:spam"])) == ["stored"]
    read = (await client.get(f"/api/v1/records/{newer.id}")).json()
    assert (read["title"], read["version"]) == ("Newest", 3)
    assert (await client.get(f"/api/v1/records/{newer.id}/versions/2")).status_code == 200
    assert not (await client.get("/api/v1/records?tag=misuse:spam")).json()["items"]


def _renamed(**fields: Any) -> Any:
    item = version_of("bad", **fields)
    return replace(item, id=their_id("bad"), version=1, origin=PEER)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_one_that_cannot_be_shown_keeps_no_neighbour_out(node: Node) -> None:
    deep: Any = "deep"
    for _ in range(40):
        deep = [deep]
    bad = {
        "own-origin": version_of("bad", origin=node.origin),
        "other-content": replace(version_of("bad"), document=version_of("bad").document + b" "),
        "other-name": _renamed(origin="third.example/log"),
        "unknown-kind": version_of("bad", kind="prophecy"),
        "wrong-shape": version_of("bad", title=["a", "list"]),
        "wrong-time": version_of("bad", updated="0001-01-01T00:00:00+14:00"),
        "control-character": version_of("bad", title="hidden \u202e text"),
        "too-deep": version_of("bad", novelty=deep),
        "bad-id": replace(version_of("bad"), id="CIR-0"),
    }
    good = [version_of(f"good-{number}") for number in range(len(bad))]
    mixed = [each for pair in zip(bad.values(), good, strict=True) for each in pair]
    outcomes = await mirror_all(node, mixed)
    assert [one.code for one in outcomes[::2]] == list(bad)
    assert all(one.text for one in outcomes[::2])
    assert {one.state for one in outcomes[1::2]} == {"stored"}
    assert (await mirror_all(node, [version_of("good-0", 2, kind="weakness")]))[0].code == "other-kind"
    # What submissions may be written in short stands written out in documents.
    shorthands: list[dict[str, Any]] = [
        {"relations": ["CIR-7GQ2M4KX9X"]},
        {"systems": {"name": "A"}},
        {"content": {"recommendations": ["Do it."]}},
        {"updated": "2026-01-01"},
    ]
    odd = [version_of("odd", **fields) for fields in shorthands]
    codes = [one.code for one in await mirror_all(node, odd)]
    assert codes == ["wrong-shape", "wrong-shape", "wrong-shape", "wrong-time"]


async def test_what_its_origin_erased_is_destroyed(client: httpx.AsyncClient, node: Node) -> None:
    secret = "Nobody may read this any more."
    versions = [version_of("a", number, summary=secret) for number in (1, 2)]
    assert await mirror(node, *versions) == ["stored", "stored"]
    id = versions[0].id
    assert (await client.get(f"/api/v1/records/{id}")).status_code == 200

    async def erase(version: int | None) -> bool:
        async with node.database.write() as session:
            return await erase_mirrored(session, PEER, id, version, "personal-data")

    assert await erase(1)
    assert not await erase(1)
    assert (await client.get(f"/api/v1/records/{id}")).status_code == 200
    assert (await client.get(f"/api/v1/records/{id}/versions/1")).status_code == 410
    left = (await client.get(f"/api/v1/records/{id}/versions")).json()["items"]
    assert [one["version"] for one in left] == ["2"]
    assert await erase(2)
    gone = await client.get(f"/api/v1/records/{id}")
    assert (gone.status_code, gone.json()["ground"]) == (410, "personal-data")
    last = (await client.get("/api/v1/changes?after=2")).json()["items"]
    assert [(one["action"], one["origin"]) for one in last] == [("erased", PEER)]
    async with node.database.read() as session:
        assert set(await session.scalars(select(Version.document))) == {b""}
        assert set(await session.scalars(select(Version.salt))) == {b""}
        assert not [row for table in (RecordTag, RecordLink) for row in await session.scalars(select(table))]
    # Given again it stays away; a version that its origin published later comes back.
    assert await mirror(node, *versions) == ["held", "held"]
    assert await mirror(node, version_of("a", 3)) == ["stored"]
    assert (await client.get(f"/api/v1/records/{id}")).json()["version"] == 3
    async with node.database.read() as session:
        record = (await session.scalars(select(Record))).one()
        assert (record.provider_pk, record.listed, record.erased) == (None, True, None)
    assert commitment(versions[0].salt, canonical(versions[0].value)) == versions[0].commit


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_what_was_erased_before_it_came_is_gone_here_too(client: httpx.AsyncClient, node: Node) -> None:
    id = their_id("never-seen")
    for _ in range(2):
        async with node.database.write() as session:
            assert not await erase_mirrored(session, PEER, id, 1, "personal-data")
            assert not await erase_mirrored(session, PEER, "no id of ours", 1, "personal-data")
    answer = await client.get(f"/api/v1/records/{id}?origin={PEER}")
    assert (answer.status_code, answer.json()["ground"]) == (410, "personal-data")
    assert (await client.get("/api/v1/records")).json()["items"] == []
    assert await mirror(node, version_of("never-seen", 2)) == ["stored"]
    assert (await client.get(f"/api/v1/records/{id}?origin={PEER}")).json()["version"] == 2
    assert [one["id"] for one in (await client.get("/api/v1/records")).json()["items"]] == [id]
