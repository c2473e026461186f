"""Withdrawing dumps that hold what was erased since: here where they still lie, elsewhere by the operator."""

import asyncio
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog
from sqlalchemy import func, select

from registry.changelog.models import Change
from registry.changelog.tail import ChangeRow
from registry.clock import instant
from registry.db import Database
from registry.dumps.notes import DumpNote, dumps_made, note_withdrawn
from registry.dumps.write import manifest_of, workplace_of
from registry.durable import append_lines, read_lines, sync_folder
from registry.records.suppression import ERASED
from registry.settings import Settings

NAME = "dumps"
BATCH = 1024
RECALL = "recall.ndjson"

log = structlog.get_logger("candor.dumps")


@dataclass(frozen=True, slots=True)
class Recall:
    """A dump that holds an erased record and does not lie where it was written: `path` is where that was,
    `made` when.
    """

    path: str
    made: str
    id: str


class DumpWithdrawer:
    """A `registry.changelog.tail.LogReader`: removes each dump that an erasure makes wrong, and keeps a list,
    beside the keys, of those that it cannot find. What it has done already it may do again.
    """

    name = NAME
    batch = BATCH

    def __init__(self, database: Database, settings: Settings, origin: str) -> None:
        self._database = database
        self._settings = settings
        self._origin = origin

    async def position(self) -> None:
        return None

    async def consume(self, changes: Sequence[ChangeRow], *, upto: int) -> None:
        """Withdraw the dumps that were made while one of these records was public."""
        erased = [
            (change.subject, change.public_seq)
            for change in changes
            if change.topic == "record"
            and change.action == ERASED
            and change.origin == self._origin
            and change.public_seq is not None
        ]
        made = await asyncio.to_thread(dumps_made, self._settings) if erased else []
        if not made:
            return
        held: dict[DumpNote, str] = {}
        for id, gone in erased:
            began = await self._began(id)
            held |= {note: id for note in made if began <= note.position < gone and note not in held}
        await asyncio.to_thread(self._withdraw, held)

    async def _began(self, id: str) -> int:
        async with self._database.read() as session:
            first = select(func.min(Change.public_seq)).where(
                Change.topic == "record", Change.origin == self._origin, Change.subject == id
            )
            return await session.scalar(first) or 0

    def _withdraw(self, held: Mapping[DumpNote, str]) -> None:
        """Remove these dumps, each since it holds the record named."""
        lost = []
        for note, id in held.items():
            path = Path(note.path)
            shutil.rmtree(workplace_of(path), ignore_errors=True)  # of a run that was killed
            manifest = manifest_of(path)
            if manifest is None or manifest.get("position") != note.position:
                lost.append(Recall(note.path, instant(note.made), id))
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            sync_folder(path.parent)
            note_withdrawn(self._settings, note.path)
            log.warning("a dump was withdrawn, since it held what was erased", path=note.path, record=id)
        if lost:
            _note(self._settings, lost)

    async def release(self) -> None:
        """Nothing is held between two batches."""


def to_recall(settings: Settings) -> list[Recall]:
    """The dumps that the operator has to recall, each with one of the records that it holds."""
    found: dict[tuple[str, str], Recall] = {}
    for value in read_lines(settings.keys_folder / RECALL):
        try:
            recall = Recall(str(value["path"]), str(value["made"]), str(value["id"]))
        except KeyError:
            continue  # not a line of ours
        found.setdefault((recall.path, recall.made), recall)
    return list(found.values())


def _note(settings: Settings, lost: Iterable[Recall]) -> None:
    known = {(recall.path, recall.made) for recall in to_recall(settings)}
    told = [asdict(recall) for recall in lost if (recall.path, recall.made) not in known]
    append_lines(settings.keys_folder / RECALL, told)
    for recall in told:
        log.error("a dump holds what was erased and is not found: recall it", **recall)
