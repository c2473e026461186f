"""What readers of the log set aside: records that they could not deal with, with the reason.

A reader goes on without such a record, so that one does not stop all others. It is tried again when it
changes, and whenever its reader begins anew.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.changelog.models import SetAside
from registry.db import Database, now

LONGEST_REASON = 300
MOST_SHOWN = 100

Key = tuple[str, str]
"""(origin, id) of a record."""

log = structlog.get_logger("candor.aside")


@dataclass(frozen=True, slots=True)
class Aside:
    """One record that a reader went on without."""

    reader: str
    origin: str
    id: str
    reason: str
    since: datetime


async def counts(session: AsyncSession) -> dict[str, int]:
    """How many records each reader has set aside."""
    rows = await session.execute(select(SetAside.reader, func.count()).group_by(SetAside.reader))
    return dict(rows.all())


async def listed(session: AsyncSession, limit: int = MOST_SHOWN) -> list[Aside]:
    """What is set aside, the newest first."""
    query = select(SetAside).order_by(SetAside.since.desc(), SetAside.origin, SetAside.subject).limit(limit)
    return [
        Aside(row.reader, row.origin, row.subject, row.reason, row.since)
        for row in await session.scalars(query)
    ]


async def tell(
    database: Database, reader: str, dealt_with: Collection[Key], refused: Mapping[Key, str]
) -> None:
    """Enter what a reader refuses, with the reasons, and take out what it has dealt with. Writes only where
    that changes something.
    """
    async with database.read() as session:
        before = await _held(session, reader)
    gone = [key for key in before if key in set(dealt_with) and key not in refused]
    new = {key: shortened(reason) for key, reason in refused.items()}
    new = {key: reason for key, reason in new.items() if before.get(key) != reason}
    if gone or new:
        async with database.write() as session:
            await _take_out(session, reader, [*gone, *new])
            _enter(session, reader, new)


async def tell_anew(database: Database, reader: str, refused: Mapping[Key, str]) -> None:
    """As `tell`, for a reader that has dealt with everything from the beginning."""
    async with database.read() as session:
        before = await _held(session, reader)
    await tell(database, reader, before, refused)


def fault(error: BaseException) -> str:
    """A reason that quotes nothing of the record: what kind of error, and where. The log says the rest."""
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = f" in {Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}" if where else ""
    return f"{type(error).__name__}{place}"


def shortened(reason: str) -> str:
    """A reason as it is kept: one line, none of it longer than an operator reads."""
    return " ".join(reason.split())[:LONGEST_REASON] or "no reason is known"


async def _held(session: AsyncSession, reader: str) -> dict[Key, str]:
    query = select(SetAside.origin, SetAside.subject, SetAside.reason).where(SetAside.reader == reader)
    return {(origin, subject): reason for origin, subject, reason in await session.execute(query)}


async def _take_out(session: AsyncSession, reader: str, keys: Collection[Key]) -> None:
    for origin, subject in keys:
        await session.execute(
            delete(SetAside).where(
                SetAside.reader == reader, SetAside.origin == origin, SetAside.subject == subject
            )
        )


def _enter(session: AsyncSession, reader: str, refused: Mapping[Key, str]) -> None:
    moment = now()
    for (origin, subject), reason in refused.items():
        log.error("record set aside", reader=reader, origin=origin, id=subject, reason=reason)
        session.add(SetAside(reader=reader, origin=origin, subject=subject, reason=reason, since=moment))
