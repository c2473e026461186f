"""Meilisearch, for the tests that ask it."""

from collections.abc import Iterator

import pytest

from tests.search import meilisearch


@pytest.fixture(scope="session")
def a_meilisearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[meilisearch.Running | None]:
    """One server for the whole session; None where there is none."""
    with meilisearch.running(tmp_path_factory.mktemp("meilisearch")) as server:
        yield server


@pytest.fixture
def meili(a_meilisearch: meilisearch.Running | None) -> meilisearch.Running:
    """The server. Skips loudly where there is none."""
    if a_meilisearch is None:
        pytest.skip(meilisearch.MISSING)
    return a_meilisearch
