"""The index in Meilisearch follows the log as the embedded one does: the same cases, on a real server."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from pydantic import SecretStr

from registry.extensions import Node
from registry.settings import Settings
from search.engine import Engine
from search.meili.wire import Wire
from search.open import open_engine
from tests.search import test_asof
from tests.search.meilisearch import Running
from tests.search.test_indexer import (  # noqa: F401
    extensions,
    finder,
    reader,
    test_a_new_vocabulary_is_taken_in_beside_the_serving_index,
    test_an_index_of_another_database_is_built_anew,
    test_one_document_that_cannot_be_projected_stops_no_other,
    test_published_records_are_found_and_withdrawn_ones_are_gone_at_once,
    test_the_finder_answers_exactly,
    test_what_changes_while_an_index_is_built_is_in_it,
)

pytestmark = pytest.mark.one_database


@pytest.fixture
def settings(settings: Settings, meili: Running) -> Settings:
    """Those of a registry that searches with Meilisearch."""
    key = SecretStr(meili.key) if meili.key else None
    more = {"search_url": meili.url, "search_key": key, "search_prefix": f"test{uuid4().hex[:12]}"}
    return settings.model_copy(update=more)


@pytest.fixture
def engine(node: Node) -> Engine:
    return open_engine(node.settings)


@pytest.fixture(autouse=True)
async def closed_in_the_end(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A process ends with its connections; a test would leave them to the next."""
    made: list[Wire] = []
    original = Wire.__init__

    def make(wire: Wire, url: str) -> None:
        original(wire, url)
        made.append(wire)

    monkeypatch.setattr(Wire, "__init__", make)
    yield
    for wire in made:
        wire.close()
    await asyncio.sleep(0)


async def test_the_answer_as_of_a_position_stays_the_same(node: Node) -> None:
    await test_asof.test_the_answer_as_of_a_position_stays_the_same(node, 1)
