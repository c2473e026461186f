from collections.abc import AsyncIterator

import pytest

from registry.extensions import Node
from tests.registry.federation.peers import Follower, Published, Server, lessons, serving


@pytest.fixture
def published() -> Published:
    """An honest log: ten lessons, the first of them revised."""
    published = Published()
    published.publish(*lessons(10))
    return published


@pytest.fixture
async def server(published: Published) -> AsyncIterator[Server]:
    async with serving(published) as server:
        yield server


@pytest.fixture
def follower(node: Node) -> Follower:
    return Follower(node)
