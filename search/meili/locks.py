"""One writer at a time, whichever process it is in.

Meilisearch has no locks. With SQLite all processes are on one machine, and a file will do; with PostgreSQL
its advisory locks do it, which end with the connection of a process that dies.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from registry.db import async_url
from registry.settings import Settings
from search.meili.wire import unreachable

_POLL_SECONDS = 0.02


class Lock(Protocol):
    """A lock that all processes share."""

    async def take(self, *, wait: bool) -> bool:
        """Whether it was taken; waits for it if told to."""

    async def held(self) -> None:
        """Raises `Unavailable` if it was lost since."""

    async def give(self) -> None:
        """Let it go."""


class FileLock:
    """A lock on a file, of a process on this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    async def take(self, *, wait: bool) -> bool:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
            else:
                self._handle = handle
                return True
            if not wait:
                return False
            # Another process's lock gives no sign when it is let go.
            await asyncio.sleep(_POLL_SECONDS)

    async def held(self) -> None:
        """The system keeps it as long as the process lives."""

    async def give(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class DatabaseLock:
    """A lock of PostgreSQL, on a connection of its own."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._key = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
        self._engine: AsyncEngine | None = None
        self._connection: AsyncConnection | None = None

    async def take(self, *, wait: bool) -> bool:
        if self._engine is None:
            self._engine = create_async_engine(
                async_url(self._url), poolclass=NullPool, isolation_level="AUTOCOMMIT"
            )
        connection = await self._engine.connect()
        taken = False
        try:
            while not (taken := await self._try(connection)) and wait:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            if taken:
                self._connection = connection
            else:
                await connection.close()
        return taken

    async def _try(self, connection: AsyncConnection) -> bool:
        found = await connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._key})
        return bool(found.scalar_one())

    async def held(self) -> None:
        try:
            if self._connection is None:
                raise RuntimeError("nothing is held")
            await self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            raise unreachable(error) from error

    async def give(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with suppress(SQLAlchemyError, OSError):
                await connection.close()


def make_lock(settings: Settings, name: str) -> Lock:
    """A lock for what is called so, shared by all processes of one registry."""
    if settings.embedded:
        return FileLock(settings.data / "locks" / f"{name}.lock")
    return DatabaseLock(settings.database, f"candor:{name}")


@asynccontextmanager
async def holding(lock: Lock) -> AsyncIterator[None]:
    await lock.take(wait=True)
    try:
        yield
    finally:
        await asyncio.shield(lock.give())
