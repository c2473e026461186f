"""Search: the index on top of the registry. It knows the registry; the registry never knows it."""

from collections.abc import Callable, Sequence
from typing import Any

from litestar.types import ControllerRouterHandler

from registry.changelog.tail import LogReader
from registry.extensions import Extension, Node
from search.api import RestrictedSearchController, SearchController
from search.cli import register
from search.export.api import ExportController
from search.finder import SearchFinder
from search.indexer import IndexReader
from search.open import open_engine


def _finder(node: Node) -> SearchFinder:
    return SearchFinder(node, open_engine(node.settings))


def _provided(node: Node) -> SearchFinder:
    return node.finder if isinstance(node.finder, SearchFinder) else _finder(node)


def _routes(_: Node) -> Sequence[ControllerRouterHandler]:
    return [SearchController, RestrictedSearchController, ExportController]


def _readers(node: Node) -> Sequence[LogReader]:
    return [IndexReader(node, open_engine(node.settings))]


def _health(node: Node) -> Callable[[], dict[str, Any]]:
    return open_engine(node.settings).health


extension = Extension(
    name="search",
    routes=_routes,
    provides={"search_finder": _provided},
    readers=_readers,
    finder=_finder,
    commands=register,
    health=_health,
)
