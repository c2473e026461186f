"""Every case runs against every engine: the embedded one always, Meilisearch where there is one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from search.engine import Engine
from tests.search import meilisearch
from tests.search.documents import engine_with

EngineOf = Callable[..., Awaitable[Engine]]


@pytest.fixture(scope="session")
def meili(tmp_path_factory: pytest.TempPathFactory) -> Iterator[meilisearch.Shared | None]:
    folder = tmp_path_factory.mktemp("meilisearch")
    with meilisearch.running(folder) as server:
        yield meilisearch.Shared(server, folder) if server is not None else None


@pytest.fixture(params=["embedded", "meilisearch"])
async def engine_of(
    request: pytest.FixtureRequest, tmp_path: Path, meili: meilisearch.Shared | None
) -> AsyncIterator[EngineOf]:
    """Makes an engine that holds the documents given."""
    if request.param == "meilisearch" and meili is None:
        pytest.skip(meilisearch.MISSING)

    async def make(*documents: dict[str, Any]) -> Engine:
        if request.param == "embedded":
            return await engine_with(tmp_path, documents)
        assert meili is not None
        return await meili.holding(list(documents))

    yield make
    if meili is not None:
        meili.engine.wire.close()
        await asyncio.sleep(0)
