"""What other registries read here: documents behind our own log, and behind those that are copied."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from registry.actor import Actor, Scope
from registry.canonical import commitment
from registry.extensions import Node
from registry.federation import documents
from registry.records import erasure, suppression
from registry.records.mirrored import MirroredVersion, erase_mirrored
from registry.transparency.entries import Fresh, append_entries, mark_erased
from registry.transparency.leaves import RecordLeaf
from registry.transparency.merkle import leaf_hash, root_of, verify_inclusion
from registry.transparency.models import Log
from registry.transparency.storage import open_storage
from registry.transparency.trees import LogFiles, mirror_prefix
from tests.conftest import Join, Publish
from tests.registry.mirroring import PEER, mirror, version_of
from tests.registry.transparency.test_sequencer import keys, log

__all__ = ["keys", "log"]
STEWARD = Actor(name="steward", scopes=frozenset({Scope.REGISTRY_STEWARD}))
SIGNED = f"{PEER}\n3\nAAAA\n\n- signed\n".encode()


async def read(client: httpx.AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_the_documents_behind_our_log(
    client: httpx.AsyncClient,
    node: Node,
    log: Any,
    join: Join,
    publish: Publish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = "/federation/v1/documents"
    assert await read(client, path) == []
    lab = await join("lab")
    ids = [(await publish(lab, title=f"Lesson {number}"))["id"] for number in range(3)]
    assert await read(client, path) == []  # no checkpoint covers them
    await log.catch_up()

    lines = await read(client, path)
    bundle = (await client.get("/log/tile/entries/000.p/3")).content
    for index, (line, id) in enumerate(zip(lines, ids, strict=True)):
        document = (await client.get(f"/api/v1/records/{id}")).content
        assert line["index"] == index
        assert line["document"] == json.loads(document)
        assert commitment(bytes.fromhex(line["salt"]), document).encode() in bundle
    assert [line["index"] for line in await read(client, path, **{"from": 1, "limit": 1})] == [1]
    assert await read(client, path, **{"from": 3}) == []
    # A page that would be too large ends early, and says where to go on.
    monkeypatch.setattr(documents, "MOST_BYTES", 10)
    page = await client.get(path, params={"from": 1, "limit": 9})
    assert len(page.text.splitlines()) == 1
    assert page.headers["link"] == f'<{path}?from=2&limit=9>; rel="next"'
    monkeypatch.undo()

    async with node.database.write() as session:
        await suppression.suppress(session, STEWARD, ids[0], "Court of Example, 1 O 1/26", "An order.")
        await erasure.erase(session, STEWARD, ids[1], "personal-data", "It named somebody.")
    lines = await read(client, path)
    assert [line.get("suppressed") for line in lines if line["index"] == 0] == ["Court of Example, 1 O 1/26"]
    assert [line["index"] for line in lines] == [0, 2]  # its leaf is not there yet
    await log.catch_up()
    lines = await read(client, path)
    assert lines[1] == {"erased": 3, "index": 1}
    assert len(lines) == 3  # the leaf of an erasure is no version


async def copy_log(node: Node, items: Sequence[MirroredVersion]) -> None:
    """Keep a log as whoever follows one does, with a leaf for each of these versions."""
    async with node.database.write() as session:
        row = Log(origin=PEER, size=0, frontier=b"", published=0, checkpoint=SIGNED, position=0)
        session.add(row)
        await session.flush()
        fresh = []
        for index, item in enumerate(items):
            entry = RecordLeaf(PEER, item.id, item.version, None, item.commit).encode()
            fresh.append(Fresh(index, entry, leaf_hash(entry), item.id, item.version))
        await append_entries(session, row, fresh)
        row.published = row.size

    async def held(start: int, end: int) -> list[tuple[bytes, bytes]]:
        return [(each.entry, each.hash) for each in fresh[start:end]]

    files = LogFiles(open_storage(node.settings, node.database), mirror_prefix(PEER))
    await files.grow(0, len(fresh), held)


async def test_a_copy_of_another_log_is_served_as_it_was_signed(
    client: httpx.AsyncClient, node: Node
) -> None:
    items = [version_of("a"), version_of("b"), version_of("c")]
    await mirror(node, items[0], items[2])  # the second was set aside
    await copy_log(node, items)
    (listed,) = (await client.get("/mirror/")).json()["items"]
    path = listed["path"]
    assert (listed["origin"], listed["size"], path) == (PEER, 3, f"/{mirror_prefix(PEER)}")
    assert (await client.get(f"{path}checkpoint")).content == SIGNED
    tile = await client.get(f"{path}tile/0/000.p/3")
    assert len(tile.content) == 96
    assert "immutable" in tile.headers["cache-control"]
    assert (await client.get(f"{path}tile/0/000.p/4")).status_code == 404
    assert (await client.get(f"/mirror/{'0' * 64}/checkpoint")).status_code == 404

    proof = await client.get(f"/api/v1/records/{items[2].id}/versions/1/proof", params={"origin": PEER})
    told = proof.json()
    assert (told["origin"], told["index"], told["checkpoint"]) == (PEER, 2, SIGNED.decode())
    way = [base64.b64decode(each) for each in told["path"]]
    hashes = [tile.content[start : start + 32] for start in range(0, 96, 32)]
    verify_inclusion(leaf_hash(told["leaf"].encode()), 2, 3, way, root_of(hashes))

    body = (await client.get(f"{path}documents")).content
    assert b'{"document":' + items[0].document + b',"index":0,"salt":"' in body
    assert [json.loads(line)["index"] for line in body.splitlines()] == [0, 2]

    async with node.database.write() as session:
        await erase_mirrored(session, PEER, items[0].id, 1, "personal-data")
        row = (await session.scalars(select(Log).where(Log.origin == PEER))).one()
        await mark_erased(session, row.pk, {0: 2})
        await suppression.suppress(session, STEWARD, items[2].id, "An order", "It says so.", origin=PEER)
    assert await read(client, f"{path}documents") == [
        {"erased": 2, "index": 0},
        {"index": 2, "suppressed": "An order"},
    ]
    gone = await client.get(f"/api/v1/records/{items[0].id}")
    assert (gone.status_code, gone.json()["erase_index"]) == (410, 2)
    assert (await client.get(f"/api/v1/records/{items[2].id}")).status_code == 451
