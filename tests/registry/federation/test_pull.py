"""Following an honest registry, on either database."""

from registry.transparency.leaves import KeysLeaf
from registry.transparency.notes import Signer
from tests.registry.federation.peers import SIGNER, Follower, Published, Server, lessons
from tests.registry.mirroring import PEER, version_of

NEW = Signer(PEER, bytes(range(3, 35)))


async def test_everything_comes_once_and_in_order(
    follower: Follower, server: Server, published: Published
) -> None:
    pk = await follower.add(server.url)
    visited = await follower.visit(pk)
    assert (visited.error, visited.taken.entries, visited.taken.documents) == (None, 10, 10)
    row = await follower.log(pk)
    assert (row.size, row.published, row.checkpoint) == (10, 10, published.checkpoint())
    server.asked.clear()
    visited = await follower.visit(pk)
    assert (visited.requests, server.asked) == (1, ["/log/checkpoint"])
    # Few new entries are proven by the tree that is held: three requests, however long the log is.
    published.publish(version_of("r0", 2), version_of("r10"), version_of("r0", 3))
    visited = await follower.visit(pk)
    assert (visited.requests, visited.taken.documents) == (3, 3)
    published.lines[13] = b"{}"
    published.publish(*lessons(1, start=11), line=b'{"index":13,"suppressed":"an order\\u0000"}')
    published.publish(*lessons(2, start=12))
    published.erase(1)
    published.append(KeysLeaf.make(PEER, SIGNER, NEW).encode())
    published.lines[15] = b'{"document":"\\u0000","index":15,"salt":"00"}'
    visited = await follower.visit(pk)
    assert (visited.error, visited.taken.documents, visited.taken.erased) == (None, 1, 1)
    assert visited.taken.troubles == {"suppressed": 1, "quarantined": 1}
    await follower.later(pk)
    assert (await follower.visit(pk)).error is None
    assert {index: (item.code, item.tries) for index, item in (await follower.items(pk)).items()} == {
        13: ("suppressed", 1),
        15: ("other-content", 1),
    }
    assert await follower.alarms() == ["keys", "quarantined"]
    assert (await follower.held(), len((await follower.peer(pk)).verifiers)) == (13, 2)
