"""What tests of the log's writer share: a log to begin with, all that is kept of one, and a machine that
dies at a chosen write.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from registry.changelog.tail import read_changes
from registry.db import Database
from registry.extensions import Node
from registry.transparency.entries import Fresh, append_entries, entries_between, log_to_write
from registry.transparency.keys import SIGNED, Keys
from registry.transparency.merkle import leaf_hash
from registry.transparency.models import Log, LogEntry, LogFile
from registry.transparency.notes import Checkpoint, sign_checkpoint
from registry.transparency.sequencer import Sequencer
from registry.transparency.storage import FolderStorage, Storage
from registry.transparency.trees import OWN, Hashed, LogFiles, unpack


class Died(BaseException):
    """The process ends here, with whatever it was doing."""


@dataclass
class Machine:
    """Counts the writes, and dies at one of them."""

    dies_at: int | None = None
    writes: list[str] = field(default_factory=list)

    def point(self, what: str) -> None:
        self.writes.append(what)
        if len(self.writes) == self.dies_at:
            raise Died(what)

    def build(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let every way to write pass through here."""
        write, remember = Database.write, Keys.remember

        @asynccontextmanager
        async def writing(database: Database) -> AsyncIterator[Any]:
            async with write(database) as session:
                yield session
                self.point("commit")
            self.point("committed")

        def remembering(keys: Keys, checkpoint: bytes) -> None:
            self.point("remember")
            remember(keys, checkpoint)
            self.point("remembered")

        monkeypatch.setattr(Database, "write", writing)
        monkeypatch.setattr(Keys, "remember", remembering)
        # What is written in a transaction is there with its commit, or not at all.
        self._watch(monkeypatch, FolderStorage)

    def _watch(self, monkeypatch: pytest.MonkeyPatch, kind: type[Any]) -> None:
        put, delete, sync = kind.put, kind.delete, kind.sync

        async def putting(storage: Any, files: dict[str, bytes]) -> None:
            for path, body in files.items():
                self.point(f"put {path}")
                await put(storage, {path: body})

        async def deleting(storage: Any, paths: Any) -> None:
            self.point("delete")
            await delete(storage, paths)

        async def syncing(storage: Any) -> None:
            self.point("sync")
            await sync(storage)

        monkeypatch.setattr(kind, "put", putting)
        monkeypatch.setattr(kind, "delete", deleting)
        monkeypatch.setattr(kind, "sync", syncing)


async def begin_log(node: Node, keys: Keys, storage: Storage, size: int, *, position: int = 0) -> None:
    """A log of so many entries, published. Whatever was there before is gone."""
    (keys.folder / SIGNED).unlink(missing_ok=True)
    entries = [f'{{"entry":{number}}}'.encode() for number in range(size)]
    async with node.database.write() as session:
        for table in (LogFile, LogEntry, Log):
            await session.execute(delete(table))
        row = await log_to_write(session, node.origin)
        await append_entries(session, row, [Fresh(n, e, leaf_hash(e)) for n, e in enumerate(entries)])
        root = unpack(row.size, row.frontier).root
        note = sign_checkpoint(Checkpoint(node.origin, size, root), keys.log)
        row.published, row.checkpoint, row.position = size, note, position

    async def held(start: int, end: int) -> list[Hashed]:
        async with node.database.read() as session:
            return await entries_between(session, row.pk, start, end)

    await LogFiles(storage, OWN).grow(0, size, held)
    keys.remember(note)


async def drive(node: Node, sequencer: Sequencer) -> None:
    """Let a sequencer read to the end, without a lease that a dead one might hold."""
    while True:
        position = await sequencer.position()
        async with node.database.read() as session:
            changes = await read_changes(session, after=position, limit=sequencer.batch)
        if not changes:
            return
        await sequencer.consume(changes, upto=changes[-1].seq)


async def all_of(node: Node, keys: Keys, folder: Path | None) -> dict[str, Any]:
    """Everything that is kept of a log, and what was signed last."""
    async with node.database.read() as session:
        row = (await session.scalars(select(Log))).one()
        entries = await session.execute(
            select(LogEntry.idx, LogEntry.entry, LogEntry.hash, LogEntry.erased).order_by(LogEntry.idx)
        )
        files = {file.path: file.body for file in await session.scalars(select(LogFile))}
    if folder is not None:
        files |= await asyncio.to_thread(_files_in, folder)
    return {
        "log": (row.size, row.frontier, row.published, row.checkpoint),
        "signed": keys.signed(),
        "entries": [tuple(each) for each in entries],
        "files": files,
    }


def _files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
