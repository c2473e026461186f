"""How search, the pages and whatever somebody else writes plug into the registry.

An extension is found through the entry-point group `candor.extensions` and hands over what it brings. The
registry never imports one.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from registry.changelog.tail import LogReader
from registry.counters import Counters
from registry.db import Database
from registry.errors import Misconfigured
from registry.finder import Finder
from registry.settings import Settings
from registry.taxonomies.keeper import VocabularyKeeper

# An extension's commands are wanted without its routes: what only pages and the API need is not imported for
# them.
if TYPE_CHECKING:
    import typer
    from litestar.types import ControllerRouterHandler

GROUP = "candor.extensions"


@dataclass(frozen=True, slots=True)
class Node:
    """One running registry: what everything that belongs to it is built from.

    `origin` is its name in its log, frozen by `init`. `secret` keys what must not be computable from outside.
    `counters` count for limits and lock-outs. `started` is when the process opened it, as a Unix time.
    """

    settings: Settings
    database: Database
    origin: str
    secret: bytes = field(repr=False)
    vocabulary: VocabularyKeeper
    finder: Finder | None = None
    counters: Counters = field(default_factory=Counters, repr=False)
    started: float = field(default_factory=time.time, repr=False)

    def with_finder(self, finder: Finder | None) -> "Node":
        return replace(self, finder=finder)

    def on(self, database: Database) -> "Node":
        """The same registry over other connections."""
        return replace(self, database=database, vocabulary=VocabularyKeeper(database))


@dataclass(frozen=True, slots=True)
class Extension:
    """What one extension brings. Everything but the name may be left out."""

    name: str
    routes: Callable[[Node], Sequence["ControllerRouterHandler"]] | None = None
    # What its handlers ask for by name, made once for each node: routes that hold nothing of a node serve
    # any.
    provides: Mapping[str, Callable[[Node], Any]] = field(default_factory=dict)
    readers: Callable[[Node], Sequence[LogReader]] | None = None
    finder: Callable[[Node], Finder] | None = None
    commands: Callable[["typer.Typer"], None] | None = None
    # What operators see of it. It may wait for a server and is called in a thread of its own
    # (`registry.health` says what it may tell).
    health: Callable[[Node], Callable[[], dict[str, Any]]] | None = None
    # Given the request, the status and the problem document, for people who wait for a page
    # (`registry.problems`).
    error_page: Callable[[Node], Callable[[Any, int, dict[str, Any]], Any]] | None = None


def load_extensions(names: Sequence[str] | None = None) -> tuple[Extension, ...]:
    """The extensions named, or all that are installed. Raises `Misconfigured` for one that is not."""
    installed = {point.name: point for point in entry_points(group=GROUP)}
    wanted = sorted(installed) if names is None else list(names)
    if unknown := [name for name in wanted if name not in installed]:
        raise Misconfigured(
            f"No extension {unknown[0]!r} is installed; there are: {', '.join(sorted(installed))}."
        )
    loaded: list[Extension] = []
    for name in wanted:
        extension = installed[name].load()
        if not isinstance(extension, Extension):
            raise Misconfigured(f"The entry point {name!r} in {GROUP} is not an Extension.")
        loaded.append(extension)
    return tuple(loaded)
