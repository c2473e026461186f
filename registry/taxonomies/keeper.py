"""The vocabulary in use, kept in memory and never older than a second."""

import asyncio
import time

from registry.db import Database
from registry.taxonomies import queries
from registry.taxonomies.vocabulary import Taxonomy, Vocabulary

CHECK_SECONDS = 1.0


class VocabularyKeeper:
    """Hands out the current snapshot; everybody in a process shares one keeper.

    It looks for newer taxonomies at most once a second, and after each write of its own process at the next
    call, so that whoever imported a taxonomy may use it at once.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._vocabulary = Vocabulary()
        self._held: dict[str, tuple[int, Taxonomy]] = {}
        self._newest = -1
        self._fresh_until = 0.0
        self._writes = 0
        self._reading = asyncio.Lock()
        database.on_commit.append(self._written)

    async def _written(self) -> None:
        self._writes += 1
        self._fresh_until = 0.0

    async def current(self, *, fresh: bool = False) -> Vocabulary:
        """The snapshot in use. The same object is returned until something changes.

        `fresh` looks again whatever the time: for answers that are kept, and with them a stale second.
        """
        if not fresh and time.monotonic() < self._fresh_until:
            return self._vocabulary
        async with self._reading:
            if fresh or time.monotonic() >= self._fresh_until:
                await self._look()
        return self._vocabulary

    async def _look(self) -> None:
        writes, started = self._writes, time.monotonic()
        async with self._database.read() as session:
            newest = await queries.newest_id(session)
            if newest != self._newest:
                stored = await queries.newest_versions(session)
                held = {id for id, _ in self._held.values()}
                read = await queries.taxonomies(session, [row.id for row in stored if row.id not in held])
                fresh = {row.namespace: (row.id, read[row.id]) for row in stored if row.id in read}
                self._held = self._held | fresh
                # Built aside: thousands of terms take long enough for other requests to notice.
                snapshot = [taxonomy for _, taxonomy in self._held.values()]
                self._vocabulary = await asyncio.to_thread(Vocabulary, snapshot)
                self._newest = newest
        # A write that was committed while this was reading may not have been seen.
        self._fresh_until = started + CHECK_SECONDS if writes == self._writes else 0.0
