"""Search: the index on top of the registry. It knows the registry; the registry never knows it."""

from collections.abc import Callable, Sequence
from typing import Any

from litestar.types import ControllerRouterHandler

from registry.changelog.tail import LogReader
from registry.extensions import Extension, Node
from search.api import SearchController
from search.cli import register
from search.export.api import ExportController
from search.finder import SearchFinder
from search.indexer import IndexReader
from search.open import RESTRICTED, open_engine
from search.restricted.api import RestrictedSearchController
from search.restricted.reader import RestrictedReader
from search.restricted.search import RestrictedSearch
from search.saved.api import SavedSearchesController


def _finder(node: Node) -> SearchFinder:
    return SearchFinder(node, open_engine(node.settings))


def _provided(node: Node) -> SearchFinder:
    return node.finder if isinstance(node.finder, SearchFinder) else _finder(node)


def _restricted(node: Node) -> RestrictedSearch:
    return RestrictedSearch(node, open_engine(node.settings, index=RESTRICTED))


def _routes(_: Node) -> Sequence[ControllerRouterHandler]:
    return [SearchController, RestrictedSearchController, ExportController, SavedSearchesController]


def _readers(node: Node) -> Sequence[LogReader]:
    apart = open_engine(node.settings, index=RESTRICTED)
    return [IndexReader(node, open_engine(node.settings)), RestrictedReader(node, apart)]


def _health(node: Node) -> Callable[[], dict[str, Any]]:
    return open_engine(node.settings).health


extension = Extension(
    name="search",
    routes=_routes,
    provides={"search_finder": _provided, "restricted_search": _restricted},
    readers=_readers,
    finder=_finder,
    commands=register,
    health=_health,
)
