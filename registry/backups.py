"""Backup and restore: every table as of one moment, in one file that fits either database."""

import contextlib
import hashlib
import json
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, Table, insert, inspect, select, text, update
from sqlalchemy.exc import CompileError, DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from registry import __version__
from registry.clock import instant
from registry.db import Database, now
from registry.errors import Conflict, Malformed, Misconfigured
from registry.migrate import known_revisions, present_revision, restructuring, upgrade
from registry.node import ORIGIN, same_origin
from registry.settings import Settings

BATCH = 500
MANIFEST = "manifest.json"
_NOT_EMPTY = "This database is not empty. Restore into a new one, and point CANDOR_DATABASE_URL there."
# Alembic writes its own row when it builds the tables.
_NOT_OURS = frozenset({"alembic_version"})
_DAMAGED = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, KeyError, TypeError)


async def backup(settings: Settings, path: Path) -> dict[str, Any]:
    """Write every table, as of one moment, into a gzipped tar; readers and writers go on meanwhile.

    The tables are those that the database has, so that one that waits for a migration can be saved before it.
    The file holds drafts and hashed secrets: it is written for its owner alone. Raises `Misconfigured` where
    there is nothing to save or no place to write.
    """
    database = Database(settings.database)
    try:
        revision = await present_revision(database)
        if revision is None:
            raise Misconfigured("The database is empty. There is nothing to back up.")
        with _workplace(path) as folder:
            tables = await _write_tables(database, folder)
            manifest = {
                "software": "candor",
                "version": __version__,
                "revision": revision,
                "made": instant(now()),
                "tables": {name: count for name, (count, _) in tables.items()},
                "sha256": {name: digest for name, (_, digest) in tables.items()},
            }
            (folder / MANIFEST).write_text(json.dumps(manifest))
            _pack(folder, path)
    finally:
        await database.dispose()
    return manifest


@contextlib.contextmanager
def _workplace(path: Path) -> Iterator[Path]:
    """A folder beside the backup, closed to others, that is gone afterwards."""
    try:
        folder = tempfile.TemporaryDirectory(dir=path.parent, prefix=".candor-backup-")
    except OSError as error:
        raise Misconfigured(f"Nothing can be written in {path.parent}: {error.strerror}.") from error
    with folder as name:
        yield Path(name)


def _pack(folder: Path, path: Path) -> None:
    """All files of a folder as one archive, which is there as a whole or not at all."""
    entries = sorted(folder.iterdir())
    whole = folder / "whole"
    with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            for entry in entries:
                archive.add(entry, arcname=entry.name)
        file.flush()
        os.fsync(file.fileno())
    whole.replace(path)


async def _write_tables(database: Database, folder: Path) -> dict[str, tuple[int, str]]:
    """Each table as lines of JSON; answers the number of its rows and the SHA-256 of its file."""
    async with database.engine.connect() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        return {
            table.name: await _write_table(connection, table, folder)
            for table in await connection.run_sync(_tables)
        }


def _tables(connection: Connection) -> list[Table]:
    """The database's own tables, each after those that it refers to."""
    metadata = MetaData()
    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if table.name not in _NOT_OURS]


async def _write_table(connection: AsyncConnection, table: Table, folder: Path) -> tuple[int, str]:
    count, digest = 0, hashlib.sha256()
    with (folder / f"{table.name}.jsonl").open("wb") as file:
        rows = await connection.stream(select(table).order_by(*table.primary_key.columns))
        async for row in rows.mappings():
            plain = {name: _plain(value) for name, value in row.items()}
            line = json.dumps(plain, ensure_ascii=False).encode() + b"\n"
            file.write(line)
            digest.update(line)
            count += 1
    return count, digest.hexdigest()


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return {"hex": value.hex()}
        case datetime():
            aware = value if value.tzinfo else value.replace(tzinfo=UTC)  # SQLite keeps no zone
            return {"time": aware.astimezone(UTC).isoformat()}
        case dict() | list():
            return {"json": value}
        case _:
            return value


def _rich(value: Any) -> Any:
    match value:
        case {"hex": data}:
            return bytes.fromhex(data)
        case {"time": data}:
            return datetime.fromisoformat(data)
        case {"json": data}:
            return data
        case _:
            return value


async def restore(settings: Settings, path: Path) -> dict[str, Any]:
    """Fill an empty database from a backup, and bring it to the present schema; answers the manifest.

    All of it is one transaction: nothing is left half restored. Raises `Conflict` when the database is not
    empty, `Malformed` for a file that is damaged or no backup, `Misconfigured` when it is another registry's.
    """
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.database)
    try:
        with _opened(path) as archive:
            manifest = _manifest(archive)
            async with restructuring(database) as connection:
                if await connection.run_sync(lambda sync: inspect(sync).get_table_names()):
                    raise Conflict(_NOT_EMPTY)
                await upgrade(connection, manifest["revision"])
                await _read_tables(connection, archive, manifest)
                await _settle(connection, settings)
                await upgrade(connection, "head")
    finally:
        await database.dispose()
    return manifest


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    with contextlib.ExitStack() as stack:
        try:
            archive = stack.enter_context(tarfile.open(path, "r:gz"))
        except _DAMAGED as error:
            raise _damaged(error) from error
        yield archive


def _damaged(error: Exception) -> Malformed:
    return Malformed(f"The file is not a whole backup: {type(error).__name__}: {error}.")


def _manifest(archive: tarfile.TarFile) -> dict[str, Any]:
    manifest: Any = None
    try:
        member = archive.extractfile(MANIFEST)
        manifest = json.loads(member.read()) if member else None
    except KeyError:
        pass  # there is no such file in it
    except _DAMAGED as error:
        raise _damaged(error) from error
    match manifest:
        case {"software": "candor", "revision": str(revision), "tables": dict(), "sha256": dict()}:
            if revision not in known_revisions():
                raise Malformed(
                    f"The backup is of revision {revision}: it was made by a newer version of Candor."
                )
            return dict(manifest)
        case _:
            raise Malformed("The archive is not a backup that `candor backup` made.")


async def _read_tables(
    connection: AsyncConnection, archive: tarfile.TarFile, manifest: dict[str, Any]
) -> None:
    tables = await connection.run_sync(_tables)
    if {table.name for table in tables} != set(manifest["tables"]):
        raise Malformed("The backup does not hold the tables that its revision has.")
    for table in tables:
        expected = manifest["tables"][table.name], manifest["sha256"].get(table.name)
        for batch in _batches(archive, table.name, *expected):
            try:
                await connection.execute(insert(table), batch)
            except (IntegrityError, DataError, CompileError) as error:
                raise Malformed(f"The backup holds rows of {table.name} that do not fit.") from error


def _batches(
    archive: tarfile.TarFile, name: str, expected: int, digest: str | None
) -> Iterator[list[dict[str, Any]]]:
    """The rows of one table. Raises `Malformed` when they are not those that were written."""
    seen, count = hashlib.sha256(), 0
    batch: list[dict[str, Any]] = []
    try:
        for line in archive.extractfile(f"{name}.jsonl") or ():
            seen.update(line)
            count += 1
            batch.append({key: _rich(value) for key, value in json.loads(line).items()})
            if len(batch) == BATCH:
                yield batch
                batch = []
    except _DAMAGED as error:
        raise _damaged(error) from error
    if (count, seen.hexdigest()) != (expected, digest):
        raise Malformed(f"The backup's rows of {name} are not those that were written.")
    if batch:
        yield batch


async def _settle(connection: AsyncConnection, settings: Settings) -> None:
    """What the old place had and this one has not: leases of its processes, and counters that stand
    elsewhere.
    """
    tables = {table.name: table for table in await connection.run_sync(_tables)}
    node, reader = tables["node"], tables["reader"]
    origin = await connection.scalar(select(node.c.value).where(node.c.name == ORIGIN))
    if origin is None:
        raise Malformed("The backup is of a registry that was never initialised.")
    same_origin(settings, origin)
    await connection.execute(update(reader).values(holder=None, lease_until=None))
    if connection.dialect.name != "postgresql":
        return
    for table in tables.values():
        for column in table.primary_key.columns:
            # PostgreSQL's own numbering goes on after the highest number that was restored.
            highest = f"(SELECT COALESCE(MAX({column.name}), 0) + 1 FROM {table.name})"  # noqa: S608  (our names)
            sequence = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
            if await connection.scalar(text(f"SELECT {sequence}")) is not None:
                await connection.execute(text(f"SELECT setval({sequence}, {highest}, false)"))
