"""What has left the lists and may still be in the index.

A withdrawal counts at once, in the process that made it before it answers and in all others within a
second, however far the index is behind: such records are kept out of every answer until the index has let
go of them.
"""

import time

from registry.db import Database
from search import queries
from search.document import Key
from search.engine import Engine

LOOK_SECONDS = 0.5


class Withdrawn:
    """The records to hide, looked up after each write of this process and at most every `LOOK_SECONDS`
    otherwise.
    """

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine
        self._hidden: frozenset[Key] = frozenset()
        self._fresh_until = 0.0
        self._writes = 0
        database.on_commit.append(self._written)

    async def _written(self) -> None:
        self._writes += 1
        self._fresh_until = 0.0

    async def hidden(self) -> frozenset[Key]:
        """Raises `Unavailable` while there is no index."""
        if time.monotonic() >= self._fresh_until:
            writes, started = self._writes, time.monotonic()
            # Asked before the changelog: what the index lets go of meanwhile is hidden once too often,
            # which is right.
            place = await self._engine.place()
            async with self._database.read() as session:
                self._hidden = await queries.gone_since(session, place.position)
            if writes == self._writes:
                self._fresh_until = started + LOOK_SECONDS
        return self._hidden
