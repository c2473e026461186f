"""The embedded engine: what `search.engine.Engine` asks for, on tantivy.

tantivy runs in worker threads. It lets go of the interpreter while it searches, so a question stalls no other
request.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from registry.errors import Unavailable
from search.alike.likeness import Likeness
from search.document import Key, Projection
from search.embedded import asking, counts, similar, suggest, then
from search.embedded.states import Snapshot
from search.embedded.store import BUILDING, WRITING, Building, Store
from search.engine import NO_SYNONYMS, WALK, Batch, Keys, Place, Synonyms, Walk, require
from search.highlight import Marker
from search.request import Request
from search.results import Answer, Hit, Suggestions, version_of

T = TypeVar("T")

_LOCK_POLL_SECONDS = 0.02
_THREADS = 4


class EmbeddedEngine:
    """tantivy in a folder. Any number of processes may read; one writes at a time."""

    name = "embedded"

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="search")
        self._one_at_a_time = asyncio.Lock()

    async def _run(self, work: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)

    async def run_to_end(self, work: Callable[..., T], *given: Any) -> T:
        """As `_run`, for what writes: a thread cannot be stopped, so whoever is cancelled waits for it."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, work, *given)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    # --- asking

    async def search(
        self, request: Request, *, hidden: frozenset[Key] = frozenset(), exact: bool = False
    ) -> Answer:
        return await self._run(self.search_now, request, hidden, exact)

    def search_now(
        self, request: Request, hidden: frozenset[Key] = frozenset(), exact: bool = False
    ) -> Answer:
        """As `search`, in the thread that calls."""
        snapshot, past = self._asked(request)
        with self.store.asking(snapshot):
            asked, total, found = asking.ask(snapshot, past, request, hidden=hidden, exact=exact)
            words = asked[0][1].found
            marker = Marker(words.question, words.misspelt, words.also)
            hits = []
            for held, address in found:
                (origin, id), document = held.record(address)
                hits.append(Hit(origin, id, document, marker.highlights(document)))
            facets, timeline = counts.count(asked, request)
        return Answer(
            request=request,
            total=total,
            hits=hits,
            facets=facets,
            timeline=timeline,
            engine=self.name,
            position=snapshot.place.position,
            notes=(*request.notes, *asking.notes(asked[0][1])),
        )

    async def keys(
        self, request: Request, *, hidden: frozenset[Key] = frozenset(), exact: bool = False
    ) -> Keys:
        return await self._run(self._keys, request, hidden, exact)

    def _keys(self, request: Request, hidden: frozenset[Key], exact: bool) -> Keys:
        snapshot, past = self._asked(request)
        with self.store.asking(snapshot):
            _, total, found = asking.ask(snapshot, past, request, hidden=hidden, exact=exact)
            records = [held.record(address) for held, address in found]
            keys = [key for key, _ in records]
            if past is None:
                return Keys(keys, total, snapshot.place.position)
            versions = [version_of(document) for _, document in records]
            return Keys(keys, total, snapshot.place.position, versions)

    def _asked(self, request: Request) -> tuple[Snapshot, Snapshot | None]:
        """What is live, and what is past where that is asked for, too."""
        if request.position is None:
            return self.store.snapshot(), None
        live, past = self.store.snapshots()
        require(live.place, request)
        return live, past

    async def walk(self, request: Request, *, hidden: frozenset[Key] = frozenset()) -> Walk:
        snapshot, numbered, found = await self._run(self._all, request, hidden)

        async def batches() -> AsyncIterator[Batch]:
            for start in range(0, len(found), WALK):
                yield await self._run(self._batch, snapshot, found[start : start + WALK], numbered)

        return Walk(len(found), snapshot.place.position, batches())

    def _all(self, request: Request, hidden: frozenset[Key]) -> tuple[Snapshot, bool, Sequence[then.Found]]:
        """The state that answers, whether its versions are told, and where all that answers lies."""
        snapshot, past = self._asked(request)
        with self.store.asking(snapshot):
            first = replace(request, limit=0, offset=0)
            asked, total, _ = asking.ask(snapshot, past, first, hidden=hidden, exact=False)
            _, found = asking.page(asked, replace(first, limit=total))
            return snapshot, past is not None, found

    def _batch(self, snapshot: Snapshot, found: Sequence[then.Found], numbered: bool) -> Batch:
        with self.store.asking(snapshot):
            records = [held.record(address) for held, address in found]
        versions = [version_of(document) for _, document in records] if numbered else ()
        return Batch([key for key, _ in records], versions)

    async def similar(self, likeness: Likeness, *, limit: int, hidden: frozenset[Key] = frozenset()) -> Keys:
        return await self._run(self._similar, likeness, limit, hidden)

    def _similar(self, likeness: Likeness, limit: int, hidden: frozenset[Key]) -> Keys:
        snapshot = self.store.snapshot()
        with self.store.asking(snapshot):
            query = similar.query(snapshot, likeness, hidden)
            if query is None:
                return Keys([], 0, snapshot.place.position)
            total, addresses = snapshot.top(query, limit)
            keys = [snapshot.record(address)[0] for address in addresses]
            return Keys(keys, total, snapshot.place.position)

    async def suggest(self, typed: str, *, limit: int, hidden: frozenset[Key] = frozenset()) -> Suggestions:
        return await self._run(self._suggest, typed, limit, hidden)

    def _suggest(self, typed: str, limit: int, hidden: frozenset[Key]) -> Suggestions:
        snapshot = self.store.snapshot()
        with self.store.asking(snapshot):
            return Suggestions(suggest.suggest(snapshot, typed, limit, hidden), snapshot.place.position)

    # --- writing

    async def place(self) -> Place:
        return (await self._run(self.store.snapshot)).place

    async def check(self) -> bool:
        return await self._run(self._check)

    def _check(self) -> bool:
        try:
            snapshot = self.store.snapshot()
        except Unavailable:
            return False
        if self.store.whole(snapshot.name):
            return True
        self.store.mark_broken(ValueError("checksums do not fit"))
        return False

    async def damaged(self) -> bool:
        return self.store.damaged()

    def refused(self) -> dict[Key, str]:
        refused, self.store.refused = self.store.refused, {}
        return refused

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        async with self._one_at_a_time, self._holding(WRITING):
            yield

    @asynccontextmanager
    async def _holding(self, lock: str) -> AsyncIterator[None]:
        # Another process's lock gives no sign when it is let go.
        while (handle := self.store.try_lock(lock)) is None:  # noqa: ASYNC110
            await asyncio.sleep(_LOCK_POLL_SECONDS)
        try:
            yield
        finally:
            self.store.unlock(handle)

    async def update(
        self,
        records: Sequence[Projection],
        gone: Sequence[Key],
        place: Place,
        *,
        ended: Sequence[Key] = (),
    ) -> None:
        await self.run_to_end(self.store.update, records, gone, ended, place)

    @asynccontextmanager
    async def rebuild(self, synonyms: Synonyms = NO_SYNONYMS) -> AsyncIterator["EmbeddedRebuild"]:
        async with self._holding(BUILDING):
            rebuild = EmbeddedRebuild(self)
            try:
                yield rebuild
            finally:
                await asyncio.shield(rebuild.close())

    async def idle(self) -> bool:
        async with self.writing():
            await self.run_to_end(self.store.close_writer)
            # A folder in the making looks like one that was left behind.
            if (handle := self.store.try_lock(BUILDING)) is None:
                return False
            try:
                return await self.run_to_end(self.store.tidy)
            finally:
                self.store.unlock(handle)

    def health(self) -> dict[str, Any]:
        told: dict[str, Any] = {"engine": self.name, "version": _version()}
        try:
            position = self.store.snapshot().place.position
        except Unavailable as error:
            return told | {"answers": False, "reason": error.detail}
        return told | {"answers": True, "position": position}


class EmbeddedRebuild:
    """An index in a folder of its own, until `publish` swaps the pointer."""

    def __init__(self, engine: EmbeddedEngine) -> None:
        self._engine = engine
        self._building: Building | None = None

    async def _run(self, work: Callable[..., T], *given: Any) -> T:
        return await self._engine.run_to_end(work, *given)

    async def _open(self) -> Building:
        if self._building is None:
            self._building = await self._run(self._engine.store.new_generation)
        return self._building

    async def add(self, records: Sequence[Projection]) -> None:
        await self._run((await self._open()).add, records)

    @asynccontextmanager
    async def finishing(self) -> AsyncIterator[None]:
        await self._run((await self._open()).settle)
        async with self._engine.writing():
            yield

    async def update(
        self, records: Sequence[Projection], gone: Sequence[Key], *, ended: Sequence[Key] = ()
    ) -> None:
        await self._run((await self._open()).update, records, gone, ended)

    async def publish(self, place: Place) -> None:
        building = await self._open()
        await self._run(building.finish, place)
        await self._run(self._engine.store.publish, building)

    async def close(self) -> None:
        # Whoever is cancelled while the pointer is swapped has swapped it.
        if self._building is not None and not self._building.published:
            await self._run(self._building.abandon)


@cache
def _version() -> str:
    return f"tantivy {version('tantivy')}"
