"""Reads what changed once, for everybody who listens in this process."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import contextmanager

import structlog

from registry.changelog.append import public_head
from registry.changelog.tail import head, read_changes
from registry.db import Database
from registry.errors import TooMany, Unavailable
from registry.events.event import Event, Key
from registry.events.queries import events_after

LOOK_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
KEPT = 1024
"""The newest events, of which nobody has to ask the database again."""
BATCH = 100
MOST_STREAMS = 2000
MOST_STREAMS_EACH = 20
"""Streams at once, of this process and of one network. Each holds no more than a batch of events."""
_SECONDS_OF_PATIENCE = 30

log = structlog.get_logger("candor.events")


class Broadcast:
    """The newest events of a registry. `run` looks for more while somebody listens."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._seen = 0
        self._last = 0
        self._refreshing = asyncio.Lock()
        self._listening: Counter[str] = Counter()
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self._closed = False

    def close(self) -> None:
        """End every stream: the process is to stop."""
        self._closed = True
        self._tell()

    @contextmanager
    def place(self, network: str) -> Iterator[None]:
        """Be one of those who listen. Raises `TooMany` and `Unavailable` where there is no place left."""
        if self._listening[network] >= MOST_STREAMS_EACH:
            raise TooMany(
                f"{MOST_STREAMS_EACH} streams are open from your network: end one, or ask one for more.",
                retry_after=_SECONDS_OF_PATIENCE,
            )
        if self._listening.total() >= MOST_STREAMS:
            raise Unavailable("Too many streams are open here.", retry_after=_SECONDS_OF_PATIENCE)
        self._listening[network] += 1
        self._wake.set()
        try:
            yield
        finally:
            self._listening[network] -= 1
            self._listening += Counter()  # forgets those who are not here any more

    async def follow(self, after: int) -> AsyncIterator[Sequence[Event]]:
        """Events after a public sequence number, without end: those that there are, then those that come. An
        empty batch where nothing came for `HEARTBEAT_SECONDS`.
        """
        while not self._closed:
            news = self._news
            batch = await self._after(after)
            if batch:
                after = batch[-1].seq
                yield batch
                continue
            # Not `wait_for`: where both happen at once, it forgets that it was cancelled (Python 3.11).
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await news.wait()
            except TimeoutError:
                yield ()

    async def _after(self, after: int) -> Sequence[Event]:
        if self._kept and self._kept[0].seq <= after + 1:
            # The public sequence has no gaps: what is kept is a run of it.
            begin = after + 1 - self._kept[0].seq
            return [self._kept[place] for place in range(begin, min(begin + BATCH, len(self._kept)))]
        # A listener may leave at any moment: a query that is cut off takes its connection with it.
        return await asyncio.shield(asyncio.ensure_future(self._read(after)))

    async def _read(self, after: int) -> Sequence[Event]:
        async with self._database.read() as session:
            return await events_after(session, after, limit=BATCH)

    async def run(self) -> None:
        """Look for news until cancelled; not while nobody listens."""
        failing = False
        while True:
            if not self._listening:
                self._kept.clear()
            waiting = asyncio.ensure_future(self._wake.wait())
            await asyncio.wait([waiting], timeout=LOOK_SECONDS if self._listening else None)
            waiting.cancel()
            self._wake.clear()
            try:
                await self.refresh()
                failing = False
            except Exception:
                if not failing:
                    log.exception("no news can be read")
                failing = True

    async def refresh(self) -> None:
        """Take in what was committed, and let go of what it makes wrong. Called after each commit, so that
        nothing is told any more once whoever took it back has an answer.
        """
        if not self._listening:
            return
        try:
            async with self._refreshing:
                await self._look()
        except BaseException:
            self._kept.clear()  # better nothing kept than something wrong
            raise

    async def _look(self) -> None:
        async with self._database.read() as session:
            newest = await head(session)
            if not self._kept:
                # One back, so that what comes next joins on to something.
                self._seen, self._last = newest, max(0, await public_head(session) - 1)
            elif newest == self._seen:
                return
            changes = await read_changes(session, after=self._seen, limit=KEPT)
            events = await events_after(session, self._last, limit=KEPT)
        self._forget({(change.origin, change.subject) for change in changes})
        if len(changes) == KEPT:
            self._kept.clear()
        else:
            self._seen = max(newest, *(change.seq for change in changes)) if changes else newest
            self._kept.extend(events)
        if events:
            self._last = events[-1].seq
            self._tell()

    def _forget(self, records: Collection[Key]) -> None:
        """What was kept of these says too much, or not what it says now. Whoever is that far behind reads it
        from the database.
        """
        wrong = [place for place, event in enumerate(self._kept) if event.record in records]
        for _ in range(wrong[-1] + 1 if wrong else 0):
            self._kept.popleft()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
