"""What every engine does, in words of the registry. Nothing about a particular one leaks through here."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from search.document import Key, Projection
from search.request import Request
from search.results import Answer, Suggestions


@dataclass(frozen=True, slots=True)
class Place:
    """How far an index has read: kept in it, and written together with what it covers.

    `position` is the public sequence number, which readers are told; `seq` is the changelog's own number,
    which never leaves. `digest` is that of the projector that the documents were projected with.
    """

    position: int
    seq: int
    digest: str


@dataclass(frozen=True, slots=True)
class Keys:
    """Records without their documents, best first, how many there are in all, and the position of the
    index.
    """

    keys: Sequence[Key]
    total: int
    position: int


class Rebuild(Protocol):
    """An index that is being built beside the one that serves."""

    async def add(self, records: Sequence[Projection]) -> None:
        """Add records, each once."""

    def finishing(self) -> AbstractAsyncContextManager[None]:
        """Hold back every other writer, so that what changed meanwhile can be caught up with and nothing gets
        lost.
        """

    async def update(self, records: Sequence[Projection], gone: Sequence[Key]) -> None:
        """Put in, replace and take out records."""

    async def publish(self, place: Place) -> None:
        """Let the new index serve in place of the old one, in one step. Inside `finishing` only."""


class Engine(Protocol):
    """A search engine. Everything raises `registry.errors.Unavailable` while there is no complete index to
    answer from: an engine never answers from half of one.
    """

    name: str

    async def search(
        self, request: Request, *, hidden: frozenset[Key] = frozenset(), exact: bool = False
    ) -> Answer:
        """One page of the answer. `hidden` records are left out of hits and counts.

        `exact` answers only what `search.match` agrees with: no typing errors forgiven, no word completed.
        """

    async def keys(
        self, request: Request, *, hidden: frozenset[Key] = frozenset(), exact: bool = False
    ) -> Keys:
        """As `search`, without documents and counts, with any limit."""

    async def similar(self, key: Key, *, limit: int, hidden: frozenset[Key] = frozenset()) -> Keys:
        """Records like one that the index holds; nothing for one that it does not hold."""

    async def suggest(self, typed: str, *, limit: int, hidden: frozenset[Key] = frozenset()) -> Suggestions:
        """What `typed` may become: records by title or id, and values of filters by what they are called."""

    async def place(self) -> Place:
        """How far the serving index has read."""

    async def check(self) -> bool:
        """Whether there is an index and its files are whole. Reads all of it."""

    async def update(self, records: Sequence[Projection], gone: Sequence[Key], place: Place) -> None:
        """Put in, replace and take out records, and move the place, in one step that readers see whole."""

    def writing(self) -> AbstractAsyncContextManager[None]:
        """Be the only writer of all processes. `update` is called inside."""

    def rebuild(self) -> AbstractAsyncContextManager[Rebuild]:
        """Build a new index beside the serving one; waits while any process builds one. Leaving without
        `publish` throws it away.
        """

    async def idle(self) -> bool:
        """Give back what only writing needs. False when there is something left to do later."""

    def health(self) -> dict[str, Any]:
        """What operators see: the engine's name, whether it answers, and its position."""
