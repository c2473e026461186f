"""Our own log: what is entered, in which order, and what is served and proven of it."""

import base64
import json
from typing import Any

import httpx
import pytest

from registry.canonical import commitment
from registry.changelog.append import Entry, append
from registry.changelog.tail import Tail
from registry.db import now
from registry.extensions import Node
from registry.transparency.keys import Keys, prepare
from registry.transparency.leaves import EraseLeaf, RecordLeaf, read_leaf
from registry.transparency.merkle import leaf_hash, root_of, verify_inclusion
from registry.transparency.notes import Checkpoint, open_checkpoint
from registry.transparency.sequencer import Sequencer
from registry.transparency.storage import open_storage
from registry.transparency.tiles import decode_bundle, tiles_of
from tests.conftest import Join, Member, Publish
from tests.registry.records.acting import act, lesson, submit


@pytest.fixture
def keys(node: Node) -> Keys:
    return prepare(node.settings, node.origin)


@pytest.fixture
def log(node: Node, keys: Keys) -> Tail:
    storage = open_storage(node.settings, node.database)
    return Tail(node.database, Sequencer(node.database, node.origin, keys, storage))


async def checkpoint(client: httpx.AsyncClient, keys: Keys) -> Checkpoint:
    answer = await client.get("/log/checkpoint")
    assert answer.status_code == 200, answer.text
    origin = keys.log[0].name
    return open_checkpoint(answer.content, origin=origin, verifiers=keys.verifiers)[0]


async def entries(client: httpx.AsyncClient, size: int) -> list[bytes]:
    found: list[bytes] = []
    for tile in tiles_of(size):
        answer = await client.get(f"/log/{tile.path}")
        assert answer.status_code == 200, tile.path
        if tile.level is None:
            found += decode_bundle(answer.content, tile.width)
    return found


async def withdraw(client: httpx.AsyncClient, member: Member, document: dict[str, Any]) -> None:
    read = await client.get(f"/api/v1/records/{document['id']}")
    done = await act(
        client,
        member,
        document["id"],
        "withdraw",
        read.headers["etag"],
        {"code": "mistaken", "text": "It did not happen."},
    )
    assert done.status_code == 200, done.text


async def test_versions_are_entered_in_their_order(
    client: httpx.AsyncClient, keys: Keys, log: Tail, join: Join, publish: Publish, node: Node
) -> None:
    assert (await client.get("/log/checkpoint")).status_code == 404
    lab = await join("lab")
    first, second = await publish(lab), await publish(lab, title="Another")
    await withdraw(client, lab, first)
    proof = await client.get(f"/api/v1/records/{second['id']}/versions/1/proof")
    assert (proof.status_code, proof.headers["retry-after"]) == (503, "1")
    await log.catch_up()

    signed = await checkpoint(client, keys)
    held = await entries(client, signed.size)
    assert root_of([leaf_hash(entry) for entry in held]) == signed.root
    leaves = [read_leaf(entry) for entry in held]
    assert [(leaf.id, leaf.version, leaf.prev) for leaf in leaves if isinstance(leaf, RecordLeaf)] == [
        (first["id"], 1, None),
        (second["id"], 1, None),
        (first["id"], 2, leaf_hash(held[0]).hex()),
    ]
    for index, leaf in enumerate(leaves):
        assert isinstance(leaf, RecordLeaf)
        address = f"/api/v1/records/{leaf.id}/versions/{leaf.version}"
        document = (await client.get(address)).content
        proof = await client.get(f"{address}/proof")
        shown = proof.json()
        assert (shown["origin"], shown["index"]) == (node.origin, index)
        assert commitment(bytes.fromhex(shown["salt"]), document) == leaf.commit
        path = [base64.b64decode(each) for each in shown["path"]]
        verify_inclusion(leaf_hash(shown["leaf"].encode()), index, signed.size, path, signed.root)
        assert (
            open_checkpoint(shown["checkpoint"].encode(), origin=node.origin, verifiers=keys.verifiers)[0]
            == signed
        )


async def test_an_erasure_is_told_for_each_version(
    client: httpx.AsyncClient, keys: Keys, log: Tail, join: Join, publish: Publish
) -> None:
    lab, steward = await join("lab"), await join("house", scopes="registry:steward records:read")
    gone, stays = await publish(lab), await publish(lab)
    await withdraw(client, lab, gone)
    read = await client.get(f"/api/v1/records/{gone['id']}")
    order = {"code": "personal-data", "reason": "A person asked."}
    done = await act(client, steward, gone["id"], "erase", read.headers["etag"], order)
    assert done.status_code == 200, done.text
    await log.catch_up()
    signed = await checkpoint(client, keys)
    leaves = [read_leaf(entry) for entry in await entries(client, signed.size)]
    assert [leaf.id for leaf in leaves if isinstance(leaf, RecordLeaf)] == [
        gone["id"],
        stays["id"],
        gone["id"],
    ]
    assert [leaf for leaf in leaves if isinstance(leaf, EraseLeaf)] == [
        EraseLeaf(signed.origin, 0, "personal-data"),
        EraseLeaf(signed.origin, 2, "personal-data"),
    ]
    assert "A person" not in json.dumps([repr(leaf) for leaf in leaves])
    for address, index in (("", 4), ("/versions", 4), ("/versions/1", 3), ("/versions/2", 4)):
        told = await client.get(f"/api/v1/records/{gone['id']}{address}")
        assert (told.status_code, told.json()["erase_index"]) == (410, index)
        assert f"Entry {index} of the log" in told.json()["detail"]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_what_is_not_our_own_and_public_has_no_entry(
    client: httpx.AsyncClient, node: Node, keys: Keys, log: Tail, join: Join, publish: Publish
) -> None:
    lab, steward = await join("lab"), await join("house", scopes="registry:steward records:read")
    public = await publish(lab)
    await log.catch_up()
    before = (await client.get("/log/checkpoint")).content
    await publish(lab, handling={"tlp": "GREEN"})
    assert (await submit(client, lab, lesson(title="Only a draft"))).status_code == 201
    etag = (await client.get(f"/api/v1/records/{public['id']}")).headers["etag"]
    for action, order in (
        ("suppress", {"code": "Court of Example, 12 O 34/26", "reason": "An order."}),
        ("unsuppress", {"reason": "It was lifted."}),
    ):
        done = await act(client, steward, public["id"], action, etag, order)
        assert done.status_code == 200, done.text
    theirs = Entry(
        "record", "published", "CIR-1", "other.example/log", "other.example/log", now(), 1, "lesson", True
    )
    async with node.database.write() as session:
        await append(session, [theirs])
    await log.catch_up()
    assert (await client.get("/log/checkpoint")).content == before
    await publish(lab)
    await log.catch_up()
    assert (await checkpoint(client, keys)).size == 2
