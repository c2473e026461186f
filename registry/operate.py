"""What operators do to a registry as a whole: serve, follow the log, back up, restore."""

import asyncio
import contextlib
import json
import signal
import tarfile
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import structlog
from sqlalchemy import Table, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from registry import __version__
from registry.changelog.tail import Tail
from registry.clock import instant
from registry.db import Base, Database, now
from registry.errors import Conflict, Malformed
from registry.extensions import Extension, Node, load_extensions
from registry.logs import configure
from registry.migrate import migrate, newest_revision, present_revision
from registry.node import load_node, open_node, ready_embedded
from registry.settings import Settings, load

BATCH = 500
MANIFEST = "manifest.json"

log = structlog.get_logger("candor.operate")


# --- serving --------------------------------------------------------------------------------------------------------


def serve(settings: Settings) -> None:
    """Serve until told to stop. Raises `Misconfigured` before the port is opened when the database is not ready."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    asyncio.run(_ready(settings))
    server = Granian(
        "registry.operate:application",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        factory=True,
        loop=cast(Any, "asyncio"),
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=20,
    )
    server.serve()


def application() -> Any:
    """What each web process runs."""
    from registry.app import create_app

    settings = load()
    configure(settings)
    extensions = load_extensions(settings.extensions)
    database = Database(settings.database)
    node = asyncio.run(_loaded(settings))
    # The engine's connections belong to an event loop: the one that read the node has ended.
    app = create_app(node.on(database), extensions)
    if settings.trusted_proxies:
        from granian.utils.proxies import wrap_asgi_with_proxy_headers

        return wrap_asgi_with_proxy_headers(app, trusted_hosts=list(settings.trusted_proxies))
    return app


async def _loaded(settings: Settings) -> Node:
    async with open_node(settings) as node:
        return node


async def _ready(settings: Settings) -> None:
    await ready_embedded(settings)
    async with open_node(settings):
        pass


async def work(settings: Settings, extensions: Sequence[Extension]) -> None:
    """Follow the log until told to stop: what `candor worker` does where `serve` leaves it."""
    async with open_node(settings, extensions) as node:
        tails = tails_of(node, extensions)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        tasks = [asyncio.create_task(tail.run()) for tail in tails]
        log.info("following the log", readers=[tail.reader.name for tail in tails])
        await stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def tails_of(node: Node, extensions: Sequence[Extension]) -> list[Tail]:
    """The log readers that the extensions bring."""
    readers = [reader for extension in extensions if extension.readers for reader in extension.readers(node)]
    return [Tail(node.database, reader) for reader in readers]


# --- backup and restore ---------------------------------------------------------------------------------------------


async def backup(settings: Settings, path: Path) -> dict[str, Any]:
    """Write every table, as of one moment, into a gzipped tar; readers and writers go on meanwhile.

    The same file restores into either database. It holds drafts and hashed secrets: it is written for its owner alone.
    """
    database = Database(settings.database)
    counts: dict[str, int] = {}
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            async with database.engine.connect() as connection:
                if not database.is_sqlite:
                    await connection.execute(
                        text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    )
                for table in Base.metadata.sorted_tables:
                    counts[table.name] = await _write_table(connection, table, Path(folder))
            manifest = {
                "software": "candor",
                "version": __version__,
                "revision": await present_revision(database),
                "made": instant(now()),
                "tables": counts,
            }
            (Path(folder) / MANIFEST).write_text(json.dumps(manifest))
            unfinished = path.with_name(path.name + ".part")
            with (
                unfinished.open("xb", opener=_for_owner) as file,
                tarfile.open(fileobj=file, mode="w:gz") as archive,
            ):
                for entry in sorted(Path(folder).iterdir()):
                    archive.add(entry, arcname=entry.name)
            unfinished.replace(path)
    finally:
        await database.dispose()
    return manifest


def _for_owner(path: str, flags: int) -> int:
    import os

    return os.open(path, flags, 0o600)


async def _write_table(connection: AsyncConnection, table: Table, folder: Path) -> int:
    count = 0
    with (folder / f"{table.name}.jsonl").open("w", encoding="utf-8") as file:
        rows = await connection.stream(select(table).order_by(*table.primary_key.columns))
        async for row in rows.mappings():
            file.write(
                json.dumps({name: _plain(value) for name, value in row.items()}, ensure_ascii=False) + "\n"
            )
            count += 1
    return count


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return {"hex": value.hex()}
        case datetime():
            return {"time": value.isoformat()}
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
    """Fill an empty database from a backup. Raises `Conflict` when it is not empty; nothing is left half restored."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.database)
    try:
        with _opened(path) as archive:
            manifest = _manifest(archive)
            if await present_revision(database) is not None:
                raise Conflict(
                    "This database is not empty. Restore into a new one, and point CANDOR_DATABASE_URL there."
                )
            await migrate(
                database, str(manifest["revision"]) if manifest["revision"] != newest_revision() else "head"
            )
            async with database.engine.begin() as connection:
                for table in Base.metadata.sorted_tables:
                    await _read_table(connection, table, archive, manifest["tables"].get(table.name, 0))
                if not database.is_sqlite:
                    await _move_sequences(connection)
        await migrate(database)
        await load_node(settings, database)
    finally:
        await database.dispose()
    return manifest


@contextlib.contextmanager
def _opened(path: Path) -> Any:
    try:
        with tarfile.open(path, "r:gz") as archive:
            yield archive
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Malformed(f"{path.name} is not a whole backup: {error}.") from error


def _manifest(archive: tarfile.TarFile) -> dict[str, Any]:
    try:
        member = archive.extractfile(MANIFEST)
        manifest = json.loads(member.read()) if member else None
    except (KeyError, ValueError):
        manifest = None
    if not isinstance(manifest, dict) or manifest.get("software") != "candor":
        raise Malformed("The archive is not a backup that `candor backup` made.")
    return manifest


async def _read_table(
    connection: AsyncConnection, table: Table, archive: tarfile.TarFile, expected: int
) -> None:
    file = archive.extractfile(f"{table.name}.jsonl") if expected else None
    count = 0
    batch: list[dict[str, Any]] = []
    for line in file or ():
        batch.append({name: _rich(value) for name, value in json.loads(line).items()})
        if len(batch) >= BATCH:
            await connection.execute(insert(table), batch)
            count += len(batch)
            batch = []
    if batch:
        await connection.execute(insert(table), batch)
        count += len(batch)
    if count != expected:
        raise Malformed(f"The backup holds {count} rows of {table.name} and should hold {expected}.")


async def _move_sequences(connection: AsyncConnection) -> None:
    """PostgreSQL's own numbering goes on after the highest number that was restored."""
    for table in Base.metadata.sorted_tables:
        for column in table.primary_key.columns:
            if column.autoincrement is True:
                highest = f"(SELECT COALESCE(MAX({column.name}), 0) + 1 FROM {table.name})"  # noqa: S608  (our own names)
                await connection.execute(
                    text(
                        f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), {highest}, false)"
                    )
                )
