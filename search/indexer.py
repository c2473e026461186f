"""The reader of the log that keeps the index: what it indexes, when it builds anew, and how it catches
up.

The place that it has read to stands in the index, in the same commit as what it covers, so neither can
run ahead of the other. What is indexed follows from the changelog and the versions that it tells of
(`search.history`): reading a change twice, or late, changes nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog

from registry.changelog import aside
from registry.changelog.append import public_head
from registry.changelog.tail import ChangeRow, head, read_changes
from registry.errors import Unavailable
from registry.extensions import Node
from registry.records import list_queries
from registry.records.erasure import ERASING
from registry.taxonomies.vocabulary import Vocabulary
from search.document import Key, Projection, Projector, stale_digest
from search.engine import Engine, Place, Rebuild
from search.history import Shown, of_changes, of_page, steps, telling
from search.queries import RECORD
from search.relevance import synonyms

NAME = "search"
BATCH = 500
IDLE_SECONDS = 3.0
RETRY_SECONDS = 60.0
CHECK_SECONDS = 900.0
"""How often the files of the index are read as a whole, to see whether they are what was written."""

log = structlog.get_logger("candor.search")

Progress = Callable[[int, int], None]
"""Called with the number of records that are in, and of all there are to come."""


class IndexReader:
    """A `registry.changelog.tail.LogReader`. It keeps its own place, in the index."""

    name = NAME
    batch = BATCH

    def __init__(self, node: Node, engine: Engine) -> None:
        self.engine = engine
        self._database = node.database
        self._vocabulary = node.vocabulary
        self._origin = node.origin
        self._projector = Projector(Vocabulary(), node.origin)
        self._checked = False
        self._check_at = 0.0
        self._passed = 0
        # Set while there may be something to tidy up; so at first, for what another process left behind.
        self._written: float | None = time.monotonic()
        self._retry_at = 0.0
        self._rebuilding: asyncio.Task[None] | None = None

    async def position(self) -> int:
        """The last `seq` dealt with. Builds the index first where there is none that can be read."""
        projector = await self._current()
        await self._rest()
        place = await self._sound_place()
        if place is None:
            await self.rebuild(only_if=self._unsound)
            place = await self.engine.place()
        self._checked = True
        if (
            place.digest != projector.digest
            and self._rebuilding is None
            and time.monotonic() >= self._retry_at
        ):
            self._rebuilding = asyncio.create_task(self._rebuild_beside())
        return max(place.seq, self._passed)

    async def consume(self, changes: Sequence[ChangeRow], *, upto: int) -> None:
        """Index what changed in public. Changes of any other kind move the place in memory only."""
        told = telling(changes)
        if not told and not _any_erased(changes):
            self._passed = max(self._passed, upto)
            return
        projector = await self._current()
        async with self.engine.writing():
            place = await self.engine.place()
            if place.seq >= upto:
                return  # another process had the lease and read further
            position = max(place.position, *(change.public_seq or 0 for change in changes))
            digest = stale_digest() if _any_erased(changes) else place.digest
            async with self._database.read() as session:
                work = await of_changes(session, self._origin, told)
            refused: dict[Key, str] = {}
            dealt_with = {(change.origin, change.subject) for change in told}
            async for step in steps(self._database, work):
                records_in, ended, unread = await asyncio.to_thread(_project, projector, step.shown)
                refused |= unread
                dealt_with |= {(stored.origin, stored.id) for stored, interval in step.shown if interval.live}
                if refused and step.last:
                    # Before the index stands further on: what is not in is told first.
                    await aside.tell(self._database, NAME, (), refused)
                reached = Place(position, upto, digest) if step.last else place
                await self.engine.update(records_in, step.gone, reached, ended=[*step.ended, *ended])
            refused |= self.engine.refused()
            await aside.tell(self._database, NAME, dealt_with, refused)
            self._written = time.monotonic()

    async def release(self) -> None:
        """Stop building, and give the writer's memory and its lock back."""
        if self._rebuilding is not None:
            self._rebuilding.cancel()
            await asyncio.gather(self._rebuilding, return_exceptions=True)
            self._rebuilding = None
        if self._written is not None:
            self._written = None
            await self.engine.idle()

    async def rebuild(
        self, *, only_if: Callable[[], Awaitable[bool]] | None = None, progress: Progress | None = None
    ) -> None:
        """Build a new index from the database beside the one that serves, and swap.

        `only_if` is asked once no other process is building any more.
        """
        projector = await self._current()
        started = time.monotonic()
        async with self.engine.rebuild(synonyms(projector.vocabulary)) as building:
            if only_if is not None and not await only_if():
                return
            async with self._database.read() as session:
                seq = await head(session)
                position = await public_head(session)
                total = sum((await list_queries.counts(session)).values())
            refused: dict[Key, str] = {}
            count = await self._fill(building, projector, progress, total, refused)
            async with building.finishing():
                seq, position, erased = await self._catch_up(building, projector, seq, position, refused)
                # It may have been put in before it was erased.
                digest = stale_digest() if erased else projector.digest
                await building.publish(Place(position, seq, digest))
            await aside.tell_anew(self._database, NAME, refused | self.engine.refused())
            self._check_at = time.monotonic() + CHECK_SECONDS
        self._written = time.monotonic()
        log.info("search index built", records=count, seconds=round(time.monotonic() - started, 1))

    # --- parts

    async def _current(self) -> Projector:
        vocabulary = await self._vocabulary.current()
        if vocabulary is not self._projector.vocabulary:
            self._projector = Projector(vocabulary, self._origin)
        return self._projector

    async def _sound_place(self) -> Place | None:
        """Where the index stands; None when it has to be built anew."""
        if await self.engine.damaged():
            return None
        if time.monotonic() >= self._check_at:
            if not await self.engine.check():
                return None
            self._check_at = time.monotonic() + CHECK_SECONDS
        try:
            place = await self.engine.place()
        except Unavailable:
            return None
        if not self._checked:
            async with self._database.read() as session:
                if place.seq > await head(session):
                    log.warning("search index is of another database and is built anew")
                    return None
        return place

    async def _unsound(self) -> bool:
        return await self._sound_place() is None

    async def _outdated(self) -> bool:
        return (await self.engine.place()).digest != (await self._current()).digest

    async def _rebuild_beside(self) -> None:
        """Build anew while the old index serves and is kept up to date."""
        try:
            await self.rebuild(only_if=self._outdated)
        except Exception:
            log.exception("search index could not be built anew")
            self._retry_at = time.monotonic() + RETRY_SECONDS
        finally:
            self._rebuilding = None

    async def _rest(self) -> None:
        """Give back what only writing needs, once nothing was written for a while."""
        if self._written is not None and time.monotonic() > self._written + IDLE_SECONDS:
            done = await self.engine.idle()
            self._written = None if done else time.monotonic()

    async def _fill(
        self,
        building: Rebuild,
        projector: Projector,
        progress: Progress | None,
        total: int,
        refused: dict[Key, str],
    ) -> int:
        count, after = 0, 0
        while True:
            async with self._database.read() as session:
                rows = await list_queries.all_public(session, after=after, limit=BATCH)
                work = await of_page(session, self._origin, [row for _, row in rows])
            if not rows:
                return count
            async for step in steps(self._database, work):
                records_in, _, unread = await asyncio.to_thread(_project, projector, step.shown)
                refused |= unread
                await building.add(records_in)
                count += sum(record.live for record in records_in)
            after = rows[-1][0]
            if progress is not None:
                progress(count, max(total, count))

    async def _catch_up(
        self,
        building: Rebuild,
        projector: Projector,
        seq: int,
        position: int,
        refused: dict[Key, str],
    ) -> tuple[int, int, bool]:
        """Put in what changed since `seq`; returns how far that went, and whether anything was erased."""
        erased = False
        while True:
            async with self._database.read() as session:
                changes = await read_changes(session, after=seq, limit=BATCH)
                work = await of_changes(session, self._origin, telling(changes))
            if not changes:
                return seq, position, erased
            async for step in steps(self._database, work):
                records_in, ended, unread = await asyncio.to_thread(_project, projector, step.shown)
                refused |= unread
                await building.update(records_in, step.gone, ended=[*step.ended, *ended])
            seq, erased = changes[-1].seq, erased or _any_erased(changes)
            position = max(position, *(change.public_seq or 0 for change in changes))


def _any_erased(changes: Sequence[ChangeRow]) -> bool:
    """Whether content had to be destroyed, which lives on in the files of an index until they are written
    anew.
    """
    return any(change.topic == RECORD and change.action in ERASING for change in changes)


def _project(
    projector: Projector, found: Sequence[Shown]
) -> tuple[list[Projection], list[Key], dict[Key, str]]:
    """What to put in, the records of which the live one is left out, and why anything was. One document that
    cannot be projected does not stop the others.
    """
    put: list[Projection] = []
    left_out: list[Key] = []
    refused: dict[Key, str] = {}
    for stored, interval in found:
        try:
            projection = projector.project_bytes(stored.document)
        except Exception as error:
            log.exception("record left out of the search index", origin=stored.origin, id=stored.id)
            refused[stored.origin, stored.id] = f"version {stored.number}: {aside.fault(error)}"
            if interval.live:
                left_out.append((stored.origin, stored.id))
            continue
        put.append(
            replace(
                projection,
                copy=interval.copy,
                version=interval.version,
                since=interval.since,
                until=interval.until,
            )
        )
    return put, left_out, refused
