"""What every engine does, in words of the registry. Nothing about a particular one leaks through here."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from registry.errors import Unavailable
from search.alike.likeness import Likeness
from search.document import Key, Projection
from search.request import Request
from search.results import Answer, Suggestions

WALK = 200
"""Records in a batch of a walk."""
Synonyms = Mapping[str, tuple[str, ...]]
NO_SYNONYMS: Synonyms = MappingProxyType({})
CATCHING_UP = 1
"""Seconds to wait for an index that is read further all the time."""


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
    index. To a question as of an earlier position, `versions` are the numbers of the versions that answer.
    """

    keys: Sequence[Key]
    total: int
    position: int
    versions: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Some of the records of a walk, in order, with the numbers of their versions as in `Keys`."""

    keys: Sequence[Key]
    versions: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Walk:
    """Every record that answers a question, a batch after the other, all from one state of the index. The
    batches can be had once.
    """

    total: int
    position: int
    batches: AsyncIterator[Batch]

    @classmethod
    def of(cls, found: Keys) -> "Walk":
        """The walk of an engine that has all keys at hand."""

        async def batches() -> AsyncIterator[Batch]:
            for start in range(0, len(found.keys), WALK):
                end = start + WALK
                yield Batch(found.keys[start:end], found.versions[start:end])

        return cls(found.total, found.position, batches())


def require(place: Place, request: Request) -> None:
    """Raises `Unavailable` where an index has not read as far as the question asks."""
    if request.position is not None and request.position > place.position:
        raise Unavailable(
            f"The search index has read up to position {place.position:,}, and will be at "
            f"{request.position:,} in a moment.",
            retry_after=CATCHING_UP,
        )


class Rebuild(Protocol):
    """An index that is being built beside the one that serves."""

    async def add(self, records: Sequence[Projection]) -> None:
        """Add intervals of records, each once."""

    def finishing(self) -> AbstractAsyncContextManager[None]:
        """Hold back every other writer, so that what changed meanwhile can be caught up with and nothing gets
        lost.
        """

    async def update(
        self, records: Sequence[Projection], gone: Sequence[Key], *, ended: Sequence[Key] = ()
    ) -> None:
        """As `Engine.update`."""

    async def publish(self, place: Place) -> None:
        """Let the new index serve in place of the old one, in one step. Inside `finishing` only."""


class Engine(Protocol):
    """A search engine. Everything raises `registry.errors.Unavailable` while there is no complete index to
    answer from: an engine never answers from half of one.

    It holds what each record says now, and what it said before: a `Projection` is one interval. Where
    `request.position` is None, `search` and `keys` answer from the live ones (`until` is `STILL`), and
    nothing of the others may be felt, in a count or in an order. Where it is a number, they answer from those
    with `since <= position < until`, and raise as `require` does while the index has not read as far. Then
    nothing that is published later may change which records answer: not even whether a word counts as
    misspelt. `similar` and `suggest` know live ones only.
    """

    name: str

    async def search(
        self, request: Request, *, hidden: frozenset[Key] = frozenset(), exact: bool = False
    ) -> Answer:
        """One page of the answer. `hidden` records are left out of hits and counts, with all their intervals.

        `exact` answers only what `search.match` agrees with: no typing errors forgiven, no word completed.
        """

    async def keys(
        self, request: Request, *, hidden: frozenset[Key] = frozenset(), exact: bool = False
    ) -> Keys:
        """As `search`, without documents and counts, with any limit."""

    async def walk(self, request: Request, *, hidden: frozenset[Key] = frozenset()) -> Walk:
        """As `search`, every record that answers, whatever the limit and the offset; no more of each than its
        key is held for it.
        """

    async def similar(self, likeness: Likeness, *, limit: int, hidden: frozenset[Key] = frozenset()) -> Keys:
        """Records that have traits, rare tags and systems, or rare words in common with what is given, most
        alike first, without itself, `hidden` ones and copies. What shares a trait comes before what shares
        none.
        """

    async def suggest(self, typed: str, *, limit: int, hidden: frozenset[Key] = frozenset()) -> Suggestions:
        """What `typed` may become: records by title or id, and values of filters by what they are called."""

    async def place(self) -> Place:
        """How far the serving index has read."""

    async def check(self) -> bool:
        """Whether there is an index and its files are whole. Reads all of it."""

    async def update(
        self,
        records: Sequence[Projection],
        gone: Sequence[Key],
        place: Place,
        *,
        ended: Sequence[Key] = (),
    ) -> None:
        """Change the index and move the place, in one step that readers see whole.

        First every interval of the records `gone` is taken out, and the live one of those `ended`. Then
        intervals are put in: a live one in the place of the record's live one, a past one in the place of the
        one with the same (origin, id, since).
        """

    async def damaged(self) -> bool:
        """Whether somebody found the serving index damaged, so that it has to be built anew. Cheap: asked
        before each batch. What is still whole may be answered from meanwhile.
        """

    def refused(self) -> dict[Key, str]:
        """The records that could not be put in since this was asked last, with reasons that quote nothing of
        them. Everything else of their batches is in.
        """

    def writing(self) -> AbstractAsyncContextManager[None]:
        """Be the only writer of all processes. `update` is called inside."""

    def rebuild(self, synonyms: Synonyms = NO_SYNONYMS) -> AbstractAsyncContextManager[Rebuild]:
        """Build a new index beside the serving one; waits while any process builds one. Leaving without
        `publish` throws it away. `synonyms` are the names that mean the same, as `search.relevance` makes
        them, for an engine that has to know them before it is asked.
        """

    async def idle(self) -> bool:
        """Give back what only writing needs. False when there is something left to do later."""

    def health(self) -> dict[str, Any]:
        """What operators see: the engine's name, whether it answers, and its position."""
