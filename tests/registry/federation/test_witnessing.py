"""Being a witness: what is cosigned, and what is refused, each in the protocol's own words."""

import base64
from collections.abc import Sequence

import httpx
import pytest
from sqlalchemy import delete

from registry.extensions import Node
from registry.federation.models import FOLLOWING, FROZEN, WitnessedHead
from registry.federation.service import add
from registry.transparency.keys import prepare
from registry.transparency.merkle import consistency_ranges, proof, root_of
from registry.transparency.notes import Note, Signer, read_note
from registry.transparency.witnesses import submission
from tests.registry.federation.peers import SIGNER, Follower, Published, Server, lessons, serving

ADDRESS = "/witness/add-checkpoint"


def path(published: Published, old: int, new: int) -> Sequence[bytes]:
    def node(at: tuple[int, int]) -> bytes:
        level, index = at
        return root_of(published.hashes[index << level : index + 1 << level])

    return proof(consistency_ranges(old, new), node) if 0 < old < new else []


async def hand_in(
    client: httpx.AsyncClient, published: Published, old: int, new: int | None = None
) -> httpx.Response:
    new = published.size if new is None else new
    body = submission(old, path(published, old, new), published.checkpoint(new))
    return await client.post(ADDRESS, content=body)


async def test_a_log_that_is_followed_is_cosigned_as_it_grows(
    node: Node, client: httpx.AsyncClient, published: Published
) -> None:
    witness = prepare(node.settings, node.origin).witness
    assert witness is not None
    assert (await hand_in(client, published, 0)).status_code == 404
    async with node.database.write() as session:
        await add(session, "https://peer.example", SIGNER.verifier, "", own=node.origin)
    size = published.size
    for old, new in ((0, 3), (3, size), (size, size)):
        answer = await hand_in(client, published, old, new)
        assert answer.status_code == 200, answer.text
        note: Note = read_note(published.checkpoint(new)).with_lines([answer.text])
        assert note.signed_by([witness.verifier]) == [witness.verifier]
    published.publish(*lessons(5, start=20))
    # In the protocol's order: what cannot be read, who signed it, what was seen, what is proven.
    stranger = Published([Signer(published.origin, bytes(32))])
    stranger.entries, stranger.hashes = published.entries, published.hashes
    assert (await hand_in(client, stranger, size)).status_code == 403
    smaller = submission(size, [], published.checkpoint(4))
    assert (await client.post(ADDRESS, content=smaller)).status_code == 400
    behind = await hand_in(client, published, 3)
    assert (behind.status_code, behind.text) == (409, f"{size}\n")
    assert behind.headers["content-type"].startswith("text/x.tlog.size")
    wrong = [bytes(32) for _ in path(published, size, published.size)]
    for false in (wrong, wrong[1:], []):
        answer = await client.post(ADDRESS, content=submission(size, false, published.checkpoint()))
        assert answer.status_code == 422
    good = submission(size, path(published, size, published.size), published.checkpoint())
    hash = base64.b64encode(bytes(32)).decode()
    for bad in (
        b"",
        b"old 1\n",
        good.replace(b"old ", b"old 0"),
        good.replace(b"old ", b"new "),
        good[: len(good) // 2],
        b"old 1\n" + f"{hash}\n".encode() * 64 + b"\n" + published.checkpoint(),
        b"old 1\nAAAA\n\n" + published.checkpoint(),
        b"old 1\n\xff\n\n" + published.checkpoint(),
        b"old 0\n\n" + published.checkpoint().replace(b"\n15\n", b"\n015\n"),
    ):
        assert (await client.post(ADDRESS, content=bad)).status_code == 400, bad[:40]
    assert (await client.post(ADDRESS, content=b"old 0\n\n" + b"x" * 100_000)).status_code == 413
    assert (await client.post(ADDRESS, content=good)).status_code == 200
    # A database that was restored from an older backup knows nothing of it; what lies beside the key does.
    async with node.database.write() as session:
        await session.execute(delete(WitnessedHead))
    forgotten = await hand_in(client, published, size)
    assert (forgotten.status_code, forgotten.text) == (409, f"{published.size}\n")


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_two_logs_of_one_name_are_found_out_by_either_way(
    client: httpx.AsyncClient, follower: Follower, published: Published, server: Server
) -> None:
    prepare(follower.node.settings, follower.node.origin)
    log_pk = await follower.add(server.url)
    forked = Published()
    forked.publish(*lessons(8, start=50))
    size = published.size

    # What was pulled is what was seen: the other log is not cosigned, and convicts its signer.
    assert (await follower.visit(log_pk)).code is None
    assert (await hand_in(client, forked, 0)).status_code == 409
    forked.publish(*lessons(size - forked.size, start=70))
    answer = await hand_in(client, forked, size)
    assert (answer.status_code, answer.text) == (409, f"{size}\n")
    assert (await follower.peer(log_pk)).state == FROZEN
    assert await follower.alarms() == ["forked"]
    assert list((follower.node.settings.data / "evidence").iterdir())
    assert (await hand_in(client, published, size)).status_code == 403


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_what_is_pulled_has_to_continue_what_was_cosigned(
    client: httpx.AsyncClient, follower: Follower, published: Published
) -> None:
    prepare(follower.node.settings, follower.node.origin)
    forked = Published()
    forked.publish(*lessons(4, start=50))
    async with serving(published) as server:
        log_pk = await follower.add(server.url)
        assert (await hand_in(client, forked, 0)).status_code == 200
        assert (await follower.peer(log_pk)).state == FOLLOWING
        assert (await follower.visit(log_pk)).code == "forked"
    assert (await follower.peer(log_pk)).state == FROZEN
    assert await follower.held() == 0
