"""How well questions are answered that people judged the answers of: floors under both engines."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from benchmarks import judged
from search.embedded import EmbeddedEngine
from search.meili import MeiliEngine
from tests.search import meilisearch

LEAST_NDCG, LEAST_KNOWN = 0.8, 0.95
# New finds that nobody has judged count as wrong: many of them say that the judgements are out of date.
MOST_UNJUDGED = 60


@pytest.fixture(scope="module", params=["embedded", "meilisearch"])
def reached(
    request: pytest.FixtureRequest, corpora: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[judged.Scores]:
    """What one engine reaches over all questions; the corpora are indexed once for each."""
    folder = tmp_path_factory.mktemp("judged")
    if request.param == "embedded":
        yield asyncio.run(judged.ask(EmbeddedEngine(folder / "index"), corpora))
        return
    with meilisearch.running(folder) as server:
        if server is None:
            pytest.skip(meilisearch.MISSING)
        engine = MeiliEngine(server.settings(folder, f"judged{uuid4().hex[:12]}"), "judged")

        async def asked() -> judged.Scores:
            try:
                return await judged.ask(engine, corpora)
            finally:
                await engine.aclose()

        yield asyncio.run(asked())


def test_judged_questions_are_answered(reached: judged.Scores) -> None:
    assert reached.ndcg >= LEAST_NDCG, reached.by_kind
    assert len(reached.unjudged) <= MOST_UNJUDGED, reached.unjudged


def test_an_id_or_alias_brings_its_record_first(reached: judged.Scores) -> None:
    assert reached.known >= LEAST_KNOWN
