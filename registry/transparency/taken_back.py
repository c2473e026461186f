"""What was taken back, beside the keys: a list of every erasure, suppression and its lifting.

A backup that is restored brings back what was erased or withheld after it was made. The list outlives the
database, and says nothing of what was taken back but its id: `candor restore` applies it before anything
serves. Lines are only ever added, each with the `seq` of the change that it tells of: the last one is the
reader's place.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from registry.changelog.models import Change
from registry.changelog.tail import ChangeRow, head
from registry.clock import instant
from registry.db import Database, now
from registry.durable import append_lines, read_lines
from registry.errors import Conflict, Misconfigured
from registry.records.models import Record
from registry.records.suppression import ERASED, SUPPRESSED, UNSUPPRESSED
from registry.settings import Settings

NAME = "taken-back"
LIST = "taken-back.jsonl"
BATCH = 1024
ACTIONS = (ERASED, SUPPRESSED, UNSUPPRESSED)
UNKNOWN = "other"
_OLDER = (
    "{path} tells of change {place:,}, and the database ends with {newest:,}: it was restored from something "
    "older, and may show what was erased or withheld since. Run `candor recover`."
)


@dataclass(frozen=True, slots=True)
class TakenBack:
    """One line: what became of a record, when, and under which code."""

    origin: str
    id: str
    action: str
    code: str | None
    at: str
    seq: int


class TakenBackList:
    """The file. Whoever was killed while writing left half a line, which counts as none."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LIST

    def there(self) -> bool:
        return self.path.exists()

    def read(self) -> list[TakenBack]:
        """Every line that tells of a record, in order; the same one may be there twice."""
        return [_told(line) for line in self._lines() if "id" in line]

    def place(self) -> int:
        """The change that the last line tells of; 0 without any."""
        lines = self._lines()
        return int(lines[-1]["seq"]) if lines else 0

    def add(self, lines: Sequence[TakenBack]) -> None:
        """Append, and return when it survives a loss of power."""
        append_lines(self.path, [asdict(line) for line in lines])

    def begin_at(self, seq: int) -> None:
        """Say where a database stands that was restored: its changes are numbered anew from there."""
        append_lines(self.path, [{"restored": instant(now()), "seq": seq}])

    def _lines(self) -> list[dict[str, Any]]:
        return [line for line in read_lines(self.path) if type(line.get("seq")) is int]


def _told(line: Mapping[str, Any]) -> TakenBack:
    code = line.get("code")
    return TakenBack(
        str(line.get("origin", "")),
        str(line["id"]),
        str(line.get("action", "")),
        code if isinstance(code, str) else None,
        str(line.get("at", "")),
        line["seq"],
    )


class TakenBackReader:
    """A `registry.changelog.tail.LogReader` that keeps its place in the file that it writes."""

    name = NAME
    batch = BATCH

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._list = TakenBackList(folder)
        self._passed: int | None = None

    async def position(self) -> int:
        """The last change that is dealt with. Raises `Conflict` where the database ends before it."""
        if self._passed is None:
            self._passed = await self._begin()
        return self._passed

    async def _begin(self) -> int:
        """Right before the first change that has no line yet: most changes never get one."""
        place = await asyncio.to_thread(self._list.place)
        async with self._database.read() as session:
            newest = await head(session)
            if place > newest:
                raise Conflict(_OLDER.format(path=self._list.path, place=place, newest=newest))
            wanted = select(Change.seq).where(
                Change.seq > place, Change.topic == "record", Change.action.in_(ACTIONS)
            )
            first = await session.scalar(wanted.order_by(Change.seq).limit(1))
        return newest if first is None else first - 1

    async def consume(self, changes: Sequence[ChangeRow], *, upto: int) -> None:
        """Write a line for each record that was taken back, or shown again."""
        wanted = [change for change in changes if change.topic == "record" and change.action in ACTIONS]
        if wanted:
            codes = await self._codes(wanted)
            lines = [
                TakenBack(c.origin, c.subject, c.action, codes.get(c.seq), instant(c.at), c.seq)
                for c in wanted
            ]
            await asyncio.to_thread(self._list.add, lines)
        self._passed = upto

    async def _codes(self, changes: Sequence[ChangeRow]) -> dict[int, str | None]:
        """The code of each change; from the record where the change was made before it was kept with it."""
        async with self._database.read() as session:
            details = await session.execute(
                select(Change.seq, Change.detail).where(Change.seq.in_([change.seq for change in changes]))
            )
            codes: dict[int, str | None] = {seq: (detail or {}).get("code") for seq, detail in details}
            for change in changes:
                if codes.get(change.seq) is None and change.action != UNSUPPRESSED:
                    column = Record.erased if change.action == ERASED else Record.suppressed
                    codes[change.seq] = await session.scalar(
                        select(column).where(Record.origin == change.origin, Record.id == change.subject)
                    )
        return codes

    async def release(self) -> None:
        """Whoever reads next reads the place from the file, which may be another one."""
        self._passed = None


async def refuse_older(settings: Settings, database: Database) -> None:
    """Raises `Misconfigured` where the list tells of changes that the database does not have: it may show
    what was taken back since.
    """
    held = TakenBackList(settings.keys_folder)
    place = await asyncio.to_thread(held.place)
    if not place:
        return
    async with database.read() as session:
        newest = await head(session)
    if place > newest:
        raise Misconfigured(_OLDER.format(path=held.path, place=place, newest=newest))
