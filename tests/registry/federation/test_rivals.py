"""Nine failures of a rival, none of which happens here."""

import httpx
import pytest

from registry.federation import pull
from registry.records.models import Record
from registry.transparency.leaves import RecordLeaf
from registry.transparency.notes import Signer
from tests.conftest import Join, Publish
from tests.registry.federation.peers import SIGNER, Answer, Follower, Published, Server, lessons, line_of
from tests.registry.mirroring import PEER, version_of

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


async def test_1_a_peer_does_not_overwrite_a_record_of_ours_by_claiming_its_origin(
    follower: Follower,
    server: Server,
    published: Published,
    client: httpx.AsyncClient,
    join: Join,
    publish: Publish,
) -> None:
    ours = await publish(await join())
    own = follower.node.origin
    forged = version_of("forged", origin=own, id=ours["id"], title="Not what we said")
    # In its leaf and its document; in the document alone; and under its own name, with our id.
    index = published.append(RecordLeaf(own, ours["id"], 1, None, forged.commit).encode())
    published.lines[index] = line_of(index, forged)
    published.publish(version_of("theirs", origin=own))
    published.publish(version_of("shadow", id=ours["id"], title="Theirs"))
    pk = await follower.add(server.url)
    await follower.visit(pk)
    items = await follower.items(pk)
    assert {index: item.code for index, item in items.items()} == {10: "foreign-origin", 11: "other-name"}
    read = await client.get(f"/api/v1/records/{ours['id']}")
    assert (read.json()["title"], read.json()["origin"]) == (ours["title"], own)


async def test_2_one_invalid_item_rolls_back_none_of_the_nine_before_it(
    follower: Follower, server: Server, published: Published
) -> None:
    published.lines[9] = line_of(9, version_of("r9", title="Another"))
    pk = await follower.add(server.url)
    visited = await follower.visit(pk)
    assert (visited.taken.documents, visited.taken.troubles, await follower.held()) == (
        9,
        {"quarantined": 1},
        9,
    )
    assert ((await follower.log(pk)).size, list(await follower.items(pk))) == (10, [9])


async def test_3_with_the_peer_down_the_cursor_stays(
    follower: Follower, server: Server, published: Published
) -> None:
    pk = await follower.add(server.url)
    await follower.visit(pk)
    published.publish(*lessons(5, start=10))
    # It goes down in the middle of it, too: the checkpoint is there, the documents are not.
    for down in ("/log/checkpoint", "/log/tile", "/federation"):
        server.say = lambda path, _, down=down: Answer(503) if path.startswith(down) else None  # type: ignore[misc]
        assert (await follower.visit(pk)).code == "status"
        assert ((await follower.log(pk)).size, (await follower.peer(pk)).head_size) == (10, 10)
    server.say = lambda path, headers: None
    assert (await follower.visit(pk)).taken.documents == 5


async def test_4_a_later_edit_of_an_old_item_comes(
    follower: Follower, server: Server, published: Published
) -> None:
    pk = await follower.add(server.url)
    await follower.visit(pk)
    published.publish(*lessons(300, start=10))
    await follower.visit(pk)
    published.publish(version_of("r0", 2, title="Edited"))
    assert (await follower.visit(pk)).taken.documents == 1
    async with follower.node.database.read() as session:
        found = await session.get_one(Record, 1)
    assert (found.id, found.current) == (version_of("r0").id, 2)


async def test_5_withdrawals_and_erasures_come(
    follower: Follower, server: Server, published: Published, client: httpx.AsyncClient
) -> None:
    pk = await follower.add(server.url)
    await follower.visit(pk)
    withdrawal = {"code": "error", "text": "It was wrong."}
    published.publish(version_of("r1", 2, withdrawal=withdrawal))
    published.erase(2)
    visited = await follower.visit(pk)
    assert (visited.taken.documents, visited.taken.erased) == (1, 1)
    listed = (await client.get("/api/v1/records?limit=50")).json()["items"]
    assert {version_of("r1").id, version_of("r2").id}.isdisjoint(item["id"] for item in listed)
    assert (len(listed), (await client.get(f"/api/v1/records/{version_of('r2').id}")).status_code) == (8, 410)
    # What was set aside is erased as well, and what was erased before it was ever read is not missed.
    published.publish(version_of("r20"), line=b'{"index":12,"document":{"secret":"Ada"},"salt":"00"}')
    await follower.visit(pk)
    assert b"Ada" in ((await follower.items(pk))[12].content or b"")
    published.erase(12)
    published.publish(version_of("r21"), version_of("r22"))
    published.erase(14)
    await follower.visit(pk)
    assert (await follower.items(pk), await follower.alarms()) == ({}, ["quarantined"])


@pytest.mark.parametrize("most_bytes", [1, pull.MOST_BYTES])
async def test_6_nothing_is_skipped_while_others_write(
    follower: Follower,
    server: Server,
    published: Published,
    monkeypatch: pytest.MonkeyPatch,
    most_bytes: int,
) -> None:
    # However much one transaction takes in.
    monkeypatch.setattr(pull, "MOST_BYTES", most_bytes)
    fresh = iter(range(10, 100))

    def say(path: str, _: dict[str, str]) -> Answer | None:
        if not path.startswith("/federation"):
            return None
        published.publish(*lessons(1, start=next(fresh)))
        start = int(path.partition("from=")[2].partition("&")[0])
        return Answer(body=published.page(start, 3))

    server.say = say
    pk = await follower.add(server.url)
    assert (await follower.visit(pk)).taken.documents == 10
    server.say = lambda path, headers: None
    await follower.visit(pk)
    assert (await follower.held(), await follower.items(pk)) == (published.size, {})


async def test_7_the_oldest_page_comes_as_well_as_the_newest(
    follower: Follower, server: Server, published: Published
) -> None:
    published.publish(*lessons(700, start=10))
    pk = await follower.add(server.url)
    # In stretches of 256, each in a transaction of its own, as beside everything else that a registry does.
    visited = await follower.visit(pk, at_once=256)
    assert (visited.code, visited.taken.documents, await follower.held()) == (None, 710, 710)
    row = await follower.log(pk)
    assert (row.published, row.checkpoint) == (710, published.checkpoint())


async def test_8_no_key_is_taken_from_where_the_data_comes_from(
    follower: Follower, server: Server, published: Published
) -> None:
    published.signers = [Signer(PEER, bytes(32))]
    pk = await follower.add(server.url)
    assert ((await follower.visit(pk)).code, server.asked) == ("unsigned", ["/log/checkpoint"])
    assert (await follower.held(), (await follower.peer(pk)).verifiers) == (0, [str(SIGNER.verifier)])


async def test_9_an_old_signed_file_that_is_replayed_takes_nothing_back(
    follower: Follower, server: Server, published: Published
) -> None:
    pk = await follower.add(server.url)
    await follower.visit(pk)
    old, document = published.checkpoint(), published.lines[0]
    published.publish(version_of("r0", 2, title="Corrected"))
    published.erase(1)
    await follower.visit(pk)
    server.say = lambda path, _: Answer(body=old) if "checkpoint" in path else None
    assert (await follower.visit(pk)).code == "rollback"
    # Nor does an old document under a newer leaf, nor one that was erased.
    server.say = lambda path, headers: None
    published.lines[10] = document.replace(b'"index": 0', b'"index": 10')
    published.lines[1] = line_of(1, version_of("r1"))
    await follower.visit(pk)
    row = await follower.log(pk)
    assert (row.size, await follower.held()) == (12, 10)
