"""Where the files of logs are kept: in the database, in a folder, or in an object store.

Whoever writes has only to know that what `put` was given may be half there until `sync` returns.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.db import Database, table_of
from registry.durable import sync_folder, write_whole
from registry.settings import Settings
from registry.transparency.models import LogFile

_AT_ONCE = 1000


class Storage(Protocol):
    """Files by path, such as `log/tile/0/000`."""

    async def get(self, path: str) -> bytes | None:
        """The bytes at a path; None where nothing is."""

    async def put(self, files: Mapping[str, bytes]) -> None:
        """Write files, in order. What was there is replaced, as a whole or not at all."""

    async def delete(self, paths: Iterable[str]) -> None:
        """Remove files; one that is not there is no trouble."""

    async def sync(self) -> None:
        """Return when everything that was put survives a loss of power."""


class SessionStorage:
    """Files in a table, written in the transaction of a session: they are there once it commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, path: str) -> bytes | None:
        return await self._session.scalar(select(LogFile.body).where(LogFile.path == path))

    async def put(self, files: Mapping[str, bytes]) -> None:
        if not files:
            return
        table = table_of(LogFile)
        await self._session.execute(delete(table).where(table.c.path.in_(list(files))))
        rows = [{"path": path, "body": body} for path, body in files.items()]
        await self._session.execute(table.insert(), rows)

    async def delete(self, paths: Iterable[str]) -> None:
        unwanted = list(paths)
        table = table_of(LogFile)
        for start in range(0, len(unwanted), _AT_ONCE):
            await self._session.execute(
                delete(table).where(table.c.path.in_(unwanted[start : start + _AT_ONCE]))
            )

    async def sync(self) -> None:
        """The commit is what lasts."""


class DatabaseStorage:
    """Files in a table: several machines see the same, and a backup of the database holds them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, path: str) -> bytes | None:
        async with self._database.read() as session:
            return await SessionStorage(session).get(path)

    async def put(self, files: Mapping[str, bytes]) -> None:
        async with self._database.write() as session:
            await SessionStorage(session).put(files)

    async def delete(self, paths: Iterable[str]) -> None:
        async with self._database.write() as session:
            await SessionStorage(session).delete(paths)

    async def sync(self) -> None:
        """Commits are durable already."""


class FolderStorage:
    """Files in a folder, as any web server can serve them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._touched: set[Path] = set()

    async def get(self, path: str) -> bytes | None:
        return await asyncio.to_thread(self._read, path)

    def _read(self, path: str) -> bytes | None:
        try:
            return (self._folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    async def put(self, files: Mapping[str, bytes]) -> None:
        await asyncio.to_thread(self._write, dict(files))

    def _write(self, files: Mapping[str, bytes]) -> None:
        for path, body in files.items():
            target = self._folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, body, mode=0o644)
            # A folder that was made is a line in the one above it.
            self._touched.update(each for each in target.parents if each.is_relative_to(self._folder))

    async def delete(self, paths: Iterable[str]) -> None:
        await asyncio.to_thread(self._remove, list(paths))

    def _remove(self, paths: Iterable[str]) -> None:
        for path in paths:
            target = self._folder / path
            with contextlib.suppress(FileNotFoundError):
                target.unlink()
            with contextlib.suppress(OSError):
                target.parent.rmdir()  # of partial tiles, once the last is gone

    async def sync(self) -> None:
        touched, self._touched = self._touched, set()
        await asyncio.to_thread(_sync_folders, touched)


def open_storage(settings: Settings, database: Database) -> Storage:
    """The storage that the settings name: made once in a process, since one in an object store keeps its
    connections. Raises `Misconfigured` for one that cannot be.
    """
    where = settings.log_store
    if where is None:
        return DatabaseStorage(database)
    if "://" in where:
        # Not above: the library takes its time to load, and few registries keep their log there.
        from registry.transparency.objects import open_s3

        return open_s3(where)
    return FolderStorage(Path(where))


def within_database(storage: Storage) -> bool:
    """Whether the files are in the database, and nobody but the registry serves them."""
    return isinstance(storage, DatabaseStorage | SessionStorage)


def within(storage: Storage, session: AsyncSession) -> Storage | None:
    """The same files, written in the session's own transaction; None where they are not in its database."""
    return SessionStorage(session) if isinstance(storage, DatabaseStorage) else None


def _sync_folders(folders: Iterable[Path]) -> None:
    for each in folders:
        sync_folder(each)
