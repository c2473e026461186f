"""What was public once and is not to be shown any more: what was erased, or is withheld by an order.

It never answers, not even as of a time when it was public. That counts at once, however far the index is
behind; and an answer tells how many such records there were.
"""

import asyncio
from collections.abc import Iterable, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from registry.changelog.tail import head
from registry.records import queries as records
from search import queries
from search.document import Key
from search.engine import Place
from search.intervals import Interval, listed


class TakenOut:
    """Kept in memory, for it is little. Reads on in the changelog whenever somebody asks."""

    def __init__(self) -> None:
        self._read = 0
        self._changed: dict[Key, int] = {}
        self._intervals: dict[Key, Sequence[Interval]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def read_on(self, session: AsyncSession) -> None:
        """Take in what happened since."""
        async with self._one_at_a_time:
            newest = await head(session)
            if newest == self._read:
                return
            changed = await queries.taken_out_between(session, self._read, newest)
            # Another registry may publish anew what it erased.
            shown = await records.readable_keys(session, list(self._intervals))
            await self._work_out(session, dict.fromkeys((*changed, *shown)))
            self._changed |= changed
            self._read = newest

    async def _work_out(self, session: AsyncSession, keys: Iterable[Key]) -> None:
        keys = list(keys)
        if not keys:
            return
        events = await queries.events_of(session, keys)
        shown = await records.readable_keys(session, keys)
        emptied = await queries.emptied(session, shown)
        for key in keys:
            were = listed(events[key])
            if key in shown:
                were = [interval for interval in were if interval.version in emptied.get(key, ())]
            if were:
                self._intervals[key] = were
            else:
                self._intervals.pop(key, None)

    def hidden(self, place: Place) -> frozenset[Key]:
        """The records that an index that has read so far may still hold something of."""
        return frozenset(key for key in self._intervals if self._changed.get(key, 0) > place.seq)

    def count(self, position: int) -> int:
        """How many records were public at a position, and are not to be shown as they were then."""
        return sum(
            any(interval.since <= position < interval.until for interval in were)
            for were in self._intervals.values()
        )
