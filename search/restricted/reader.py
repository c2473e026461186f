"""The reader of the log that keeps the index of what is shared with some.

It goes by the changelog as the public one does, and keeps its place in its index. Where nothing was ever
shared below TLP:CLEAR there is no index, and an import passes by without a question to the database. What is
withdrawn, made public or erased leaves the files as well: the index is built anew beside, which is little
work, since little is restricted.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

import structlog

from registry.changelog import aside
from registry.changelog.append import public_head
from registry.changelog.tail import ChangeRow, head
from registry.errors import Unavailable
from registry.extensions import Node
from registry.records.erasure import ERASING
from registry.records.shared import Shared, all_shared, any_shared, shared_under, were_shared
from registry.taxonomies.vocabulary import Vocabulary
from search import indexer
from search.document import Key, Projection, Projector, stale_digest
from search.engine import Engine, Place
from search.queries import RECORD
from search.restricted.audience import audience_of

NAME = "search-restricted"
_SHARED, _PUBLISHED = "shared", "published"

log = structlog.get_logger("candor.search")


class RestrictedReader:
    """A `registry.changelog.tail.LogReader`."""

    name = NAME
    batch = indexer.BATCH

    def __init__(self, node: Node, engine: Engine) -> None:
        self.engine = engine
        self._database = node.database
        self._vocabulary = node.vocabulary
        self._projector = Projector(Vocabulary(), node.origin)
        self._origin = node.origin
        self._checked = False
        self._check_at = 0.0
        self._there = False
        self._passed = 0
        self._written: float | None = None
        self._retry_at = 0.0

    async def position(self) -> int:
        """The last `seq` dealt with. Builds the index where there is none and something is shared."""
        projector = await self._current()
        await self._rest()
        place = await self._sound_place()
        if place is None:
            async with self._database.read() as session:
                seq = await head(session)
                shared = await any_shared(session)
            if not shared:
                self._there, self._passed = False, max(self._passed, seq)
                return self._passed
            place = await self.rebuild()
        elif self._stale(place, projector) and time.monotonic() >= self._retry_at:
            try:
                place = await self.rebuild()
            except Unavailable:
                self._retry_at = time.monotonic() + indexer.RETRY_SECONDS
        if not self._there:
            # Another process may have left something to tidy up.
            self._there, self._written = True, time.monotonic()
        return max(place.seq, self._passed)

    async def consume(self, changes: Sequence[ChangeRow], *, upto: int) -> None:
        """Index what was shared, and let go of what is not shared any more."""
        keys = await self._touched(changes)
        if not keys:
            self._passed = max(self._passed, upto)
            return
        if not self._there:
            await self.rebuild()
            return
        projector = await self._current()
        async with self.engine.writing():
            place = await self.engine.place()
            if place.seq >= upto:
                return  # another process had the lease and read further
            async with self._database.read() as session:
                found = await shared_under(session, keys)
            put, refused = await asyncio.to_thread(_project, projector, list(found.values()))
            gone = [key for key in keys if key not in found]
            digest = stale_digest() if gone else place.digest
            position = max([place.position, *(change.public_seq or 0 for change in changes)])
            if refused:
                await aside.tell(self._database, NAME, (), refused)
            await self.engine.update(put, [*gone, *refused], Place(position, upto, digest))
            await aside.tell(self._database, NAME, keys, refused | self.engine.refused())
            self._written = time.monotonic()

    async def release(self) -> None:
        """Give the writer's memory and its lock back."""
        if self._written is not None:
            self._written = None
            await self.engine.idle()

    async def rebuild(self) -> Place:
        """Build the index anew from the database, beside the one that serves, and swap. Other writers wait
        meanwhile, so that nothing is missed.
        """
        projector = await self._current()
        count = 0
        refused: dict[Key, str] = {}
        async with self.engine.rebuild() as building, building.finishing():
            async with self._database.read() as session:
                seq, position = await head(session), await public_head(session)
                after = 0
                while rows := await all_shared(session, after=after, limit=indexer.BATCH):
                    put, left_out = await asyncio.to_thread(_project, projector, rows)
                    refused |= left_out
                    await building.update(put, ())
                    count, after = count + len(rows), rows[-1].pk
            place = Place(position, seq, projector.digest)
            await building.publish(place)
        await aside.tell_anew(self._database, NAME, refused | self.engine.refused())
        self._check_at = time.monotonic() + indexer.CHECK_SECONDS
        self._there, self._checked, self._written = True, True, time.monotonic()
        log.info("restricted search index built", records=count)
        return place

    async def renew(self) -> None:
        """Build the index anew where there is one, or something to put in."""
        async with self._database.read() as session:
            shared = await any_shared(session)
        if shared or await self.engine.check():
            await self.rebuild()

    # --- parts

    async def _touched(self, changes: Sequence[ChangeRow]) -> list[Key]:
        """The records whose place among what is shared may have changed, once each."""
        sure: dict[Key, None] = {}
        perhaps: dict[Key, None] = {}
        for change in changes:
            key = change.origin, change.subject
            if change.topic != RECORD:
                continue
            if change.action == _SHARED or (self._there and change.action in ERASING):
                sure[key] = None
            elif self._there and change.action == _PUBLISHED:
                perhaps[key] = None
        if perhaps:
            async with self._database.read() as session:
                sure.update(dict.fromkeys(await were_shared(session, list(perhaps))))
        return list(sure)

    async def _current(self) -> Projector:
        vocabulary = await self._vocabulary.current()
        if vocabulary is not self._projector.vocabulary:
            self._projector = Projector(vocabulary, self._origin)
        return self._projector

    async def _sound_place(self) -> Place | None:
        """Where the index stands; None where there is none that could serve."""
        if await self.engine.damaged():
            return None
        if time.monotonic() >= self._check_at:
            if not await self.engine.check():
                return None
            self._check_at = time.monotonic() + indexer.CHECK_SECONDS
        try:
            place = await self.engine.place()
        except Unavailable:
            return None
        if not self._checked:
            async with self._database.read() as session:
                if place.seq > await head(session):
                    log.warning("restricted search index is of another database and is built anew")
                    return None
            self._checked = True
        return place

    def _stale(self, place: Place, projector: Projector) -> bool:
        """Whether the index has to be built anew: also one that was out of reach while changes were passed by
        as if there were none.
        """
        return place.digest != projector.digest or (not self._there and self._passed > place.seq)

    async def _rest(self) -> None:
        """Give back what only writing needs, once nothing was written for a while."""
        if self._written is not None and time.monotonic() > self._written + indexer.IDLE_SECONDS:
            done = await self.engine.idle()
            self._written = None if done else time.monotonic()


def _project(projector: Projector, rows: Sequence[Shared]) -> tuple[list[Projection], dict[Key, str]]:
    """What to put in, and why anything was left out. One document that cannot be projected does not stop the
    others.
    """
    put: list[Projection] = []
    refused: dict[Key, str] = {}
    for row in rows:
        try:
            projection = projector.project_bytes(row.stored.document)
        except Exception as error:
            log.exception("record left out of the restricted search index", id=row.stored.id)
            refused[row.stored.origin, row.stored.id] = aside.fault(error)
            continue
        put.append(replace(projection, audience=audience_of(row)))
    return put, refused
