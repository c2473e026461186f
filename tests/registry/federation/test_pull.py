"""Following an honest registry."""

import pytest

from tests.registry.federation.peers import Follower, Server

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


async def test_a_first_pull_takes_everything_and_a_second_asks_once(
    follower: Follower, server: Server
) -> None:
    pk = await follower.add(server.url)
    visited = await follower.visit(pk)
    assert (visited.error, visited.taken.entries, visited.taken.documents) == (None, 10, 10)
    assert await follower.held() == 10
    row = await follower.log(pk)
    assert (row.size, row.published, row.checkpoint) == (10, 10, server.published.checkpoint())
    server.asked.clear()
    visited = await follower.visit(pk)
    assert (visited.requests, server.asked) == (1, ["/log/checkpoint"])
