"""Counters that end by themselves: what limits and lock-outs are made of.

In the memory of one process, or in a Redis or Valkey server that many processes share. Whoever counts decides
what it means that the server is down; nothing here waits for it longer than a moment.
"""

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import structlog
from limits.aio.storage import MemoryStorage, RedisStorage

from registry.errors import Unavailable

MOST_KEPT = 200_000
"""Counters that one process keeps. Past that all begin anew: better than filling its memory."""
PATIENCE_SECONDS = 0.5
# While the server is down, not every request waits to find it down.
PAUSE_SECONDS = 1.0
_SWEEP_SECONDS = 30.0
_KEYS = "candor"

T = TypeVar("T")
log = structlog.get_logger("candor.counters")


class CountersDown(Unavailable):
    """The server that holds the counters does not answer."""


class _InMemory(MemoryStorage):
    """The library's memory, made for many keys: it starts a task at each count that walks over all of them.

    Between two awaits nothing else runs on the loop, so a count needs no lock.
    """

    def __init__(self) -> None:
        self._swept = time.time()
        super().__init__()

    async def _MemoryStorage__schedule_expiry(self) -> None:
        """Ending is done by `incr`."""

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        moment = time.time()
        if moment - self._swept > _SWEEP_SECONDS or len(self.expirations) > MOST_KEPT:
            self._sweep(moment)
        if self.expirations.get(key, 0.0) <= moment:
            self.storage[key] = 0
            self.expirations[key] = moment + expiry
        self.storage[key] += amount
        return self.storage[key]

    def _sweep(self, moment: float) -> None:
        self._swept = moment
        for key in [key for key, end in self.expirations.items() if end <= moment]:
            self.storage.pop(key, None)
            self.expirations.pop(key, None)
        if len(self.expirations) > MOST_KEPT:
            log.warning("too many counters for one process: all begin anew", kept=len(self.expirations))
            self.storage.clear()
            self.expirations.clear()


class Counters:
    """Counting, for one process or with others. All raise `CountersDown`.

    `refused` counts what was turned away, by policy, and `failures` how often the server did not answer: both
    of this process, for /metrics.
    """

    def __init__(self, url: str | None = None) -> None:
        self._url = url
        self._storage: MemoryStorage | RedisStorage | None = None
        self._down_until = 0.0
        self.refused: Counter[str] = Counter()
        self.failures = 0

    @property
    def shared(self) -> bool:
        return self._url is not None

    async def count(self, key: str, seconds: int) -> int:
        """Count one more under a key, which ends `seconds` after its first; answers how many there are."""
        return await self._ask(lambda storage: storage.incr(key, seconds))

    async def read(self, key: str) -> int:
        return await self._ask(lambda storage: storage.get(key))

    async def seconds_left(self, key: str) -> float:
        """Until a key ends; nothing for one that is not there."""
        return max(0.0, await self._ask(lambda storage: storage.get_expiry(key)) - time.time())

    async def clear(self, key: str) -> None:
        await self._ask(lambda storage: storage.clear(key))

    async def close(self) -> None:
        storage, self._storage = self._storage, None
        if isinstance(storage, RedisStorage):
            # The library closes nothing; its bridge for this client holds the client.
            await cast(Any, storage.bridge).get_connection().aclose()

    def _open(self) -> MemoryStorage | RedisStorage:
        # At the first use: a connection belongs to the event loop that it is made in.
        if self._storage is None:
            if self._url is None:
                self._storage = _InMemory()
            else:
                scheme, _, rest = self._url.partition("://")
                self._storage = RedisStorage(
                    f"async+{scheme.replace('valkey', 'redis')}://{rest}",
                    implementation="redispy",
                    key_prefix=_KEYS,
                    socket_timeout=PATIENCE_SECONDS,
                    socket_connect_timeout=PATIENCE_SECONDS,
                )
        return self._storage

    async def _ask(self, question: Callable[[MemoryStorage | RedisStorage], Awaitable[T]]) -> T:
        if self._url is None:
            return await question(self._open())
        if time.monotonic() < self._down_until:
            raise CountersDown("Limits cannot be counted at the moment.", retry_after=2)
        try:
            return await question(self._open())
        except Exception as error:
            # Whatever the client raises: the answer to the request must not depend on which.
            self.failures += 1
            self._down_until = time.monotonic() + PAUSE_SECONDS
            log.error("the counters' server does not answer", error=type(error).__name__)
            raise CountersDown("Limits cannot be counted at the moment.", retry_after=2) from error
