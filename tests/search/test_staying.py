"""The search is down, behind, full or damaged: what still answers, what operators see, how it comes back."""

from datetime import UTC, datetime

import httpx
import pytest

from registry.changelog import aside
from registry.changelog.models import ReaderState
from registry.extensions import Extension, Node, load_extensions
from registry.status import TOLERATED_FAILURE
from search.embedded import EmbeddedEngine
from search.indexer import IndexReader
from search.open import open_engine
from tests.conftest import Join, Publish
from tests.search.test_indexer import catch_up

pytestmark = pytest.mark.one_database


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return load_extensions(["frontend", "search"])


@pytest.fixture
def engine(node: Node) -> EmbeddedEngine:
    found = open_engine(node.settings)
    assert isinstance(found, EmbeddedEngine)
    return found


async def test_operators_are_told_how_far_the_search_is_behind(
    node: Node, client: httpx.AsyncClient, join: Join, publish: Publish, engine: EmbeddedEngine
) -> None:
    down = (await client.get("/readyz")).json()["search"]
    assert (down["answers"], down["engine"]) == (False, "embedded")
    assert "tantivy" in down["version"]
    assert "being built" in down["reason"]
    member = await join()
    await publish(member)
    reader = IndexReader(node, engine)
    await catch_up(node, reader)
    told = (await client.get("/readyz")).json()["search"]
    assert (told["answers"], told["position"], told["behind"], told["behind_seconds"]) == (True, 1, 0, 0)
    await publish(member, title="Another")
    told = (await client.get("/readyz")).json()["search"]
    assert (told["position"], told["behind"]) == (1, 1)
    assert told["behind_seconds"] >= 0
    await aside.tell(node.database, "search", [], {("registry.example/log", "CIR-1"): "a reason"})
    metrics = (await client.get("/metrics")).text
    assert "candor_search_behind 1.0" in metrics
    assert 'candor_search_engine{engine="embedded",version="tantivy ' in metrics
    assert 'candor_set_aside{reader="search"} 1.0' in metrics


async def test_a_search_that_is_down_for_long_makes_no_process_unready(
    node: Node, client: httpx.AsyncClient
) -> None:
    async with node.database.write() as session:
        since = datetime.now(UTC) - 2 * TOLERATED_FAILURE
        session.add(ReaderState(name="search", position=0, error="Unavailable: down", failed_at=since))
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["search"]["answers"] is False
