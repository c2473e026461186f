"""Every case runs against every engine: the embedded one always, Meilisearch where there is one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from search.engine import Engine
from tests.search import meilisearch
from tests.search.documents import engine_with

EngineOf = Callable[..., Awaitable[Engine]]


@pytest.fixture(scope="session")
def shared(
    a_meilisearch: meilisearch.Running | None, tmp_path_factory: pytest.TempPathFactory
) -> meilisearch.Shared | None:
    """One index in it for all cases."""
    return a_meilisearch and meilisearch.Shared(a_meilisearch, tmp_path_factory.mktemp("shared"))


@pytest.fixture(params=["embedded", "meilisearch"])
async def engine_of(
    request: pytest.FixtureRequest, tmp_path: Path, shared: meilisearch.Shared | None
) -> AsyncIterator[EngineOf]:
    """Makes an engine that holds the documents given."""
    if request.param == "meilisearch" and shared is None:
        pytest.skip(meilisearch.MISSING)

    async def make(*documents: dict[str, Any]) -> Engine:
        if request.param == "embedded":
            return await engine_with(tmp_path, documents)
        assert shared is not None
        return await shared.holding(list(documents))

    yield make
    if shared is not None:
        shared.engine.wire.close()
        await asyncio.sleep(0)
