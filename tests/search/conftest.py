from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from search.embedded import EmbeddedEngine
from tests.search.documents import engine_with

Fill = Callable[..., Awaitable[EmbeddedEngine]]


@pytest.fixture
def engine_of(tmp_path: Path) -> Fill:
    """Makes an embedded engine that holds the documents given."""

    async def make(*documents: dict[str, Any]) -> EmbeddedEngine:
        return await engine_with(tmp_path, documents)

    return make
