"""Reads of evidence. A file that the reader may not see is a file that is not there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from registry.actor import Actor, Scope
from registry.errors import Forbidden, NotFound
from registry.records import draft_queries, queries
from registry.records.evidence.models import EvidenceAudience, EvidenceFile
from registry.records.models import Record
from registry.records.visibility import GROUP, PERSON, may_work_on, readable_file


@dataclass(frozen=True, slots=True)
class Evidence:
    """What its reader may know of a file. `people` are told to its owner alone; `size` is in bytes."""

    file: str
    name: str
    media_type: str
    size: int
    sha256: str
    tlp: str
    groups: tuple[str, ...]
    people: tuple[str, ...] | None
    etag: str
    at: datetime


def etag_of(row: EvidenceFile) -> str:
    return f"{row.sha256[:32]}.{row.revision}"


def no_file(id: str) -> NotFound:
    return NotFound(f"The record {id} has no such file that can be shown.")


async def files(session: AsyncSession, actor: Actor, id: str, origin: str | None = None) -> list[Evidence]:
    """The files beside a record that the actor may see, the oldest first. Raises like reading the record."""
    record = await _record(session, actor, id, origin)
    query = (
        select(EvidenceFile)
        .join(Record, Record.pk == EvidenceFile.record_pk)
        .where(EvidenceFile.record_pk == record.pk, readable_file(actor))
        .order_by(EvidenceFile.pk)
    )
    rows = (await session.scalars(query)).all()
    return await described(session, actor, record, rows)


async def file(
    session: AsyncSession, actor: Actor, id: str, name: str, origin: str | None = None
) -> tuple[Evidence, bytes]:
    """One file with its content."""
    record = await _record(session, actor, id, origin)
    query = (
        select(EvidenceFile)
        .join(Record, Record.pk == EvidenceFile.record_pk)
        .where(EvidenceFile.record_pk == record.pk, EvidenceFile.file == name[:16], readable_file(actor))
        .options(undefer(EvidenceFile.content))
    )
    row = await session.scalar(query)
    if row is None:
        raise no_file(record.id)
    (found,) = await described(session, actor, record, [row])
    return found, row.content


async def described(
    session: AsyncSession, actor: Actor, record: Record, rows: Sequence[EvidenceFile]
) -> list[Evidence]:
    """What the actor may know of files that they may see."""
    named: dict[int, dict[str, list[str]]] = {row.pk: {GROUP: [], PERSON: []} for row in rows}
    audiences = select(EvidenceAudience).where(EvidenceAudience.file_pk.in_(named))
    for each in await session.scalars(audiences.order_by(EvidenceAudience.name)):
        named[each.file_pk][each.audience].append(each.name)
    own = may_work_on(actor, record.provider_pk)
    return [
        Evidence(
            row.file,
            row.name,
            row.media_type,
            row.size,
            row.sha256,
            row.tlp,
            tuple(name for name in named[row.pk][GROUP] if own or name in actor.groups),
            tuple(named[row.pk][PERSON]) if own else None,
            etag_of(row),
            row.at,
        )
        for row in rows
    ]


async def held(session: AsyncSession, record_pk: int) -> tuple[int, int]:
    """How many files stand beside a record, and how many bytes they have together."""
    query = select(func.count(), func.coalesce(func.sum(EvidenceFile.size), 0))
    row = (await session.execute(query.where(EvidenceFile.record_pk == record_pk))).one()
    return int(row[0]), int(row[1])


async def _record(session: AsyncSession, actor: Actor, id: str, origin: str | None) -> Record:
    """The record: for those who work on it also before it is published, for others once they may read it."""
    actor.require(Scope.RECORDS_READ)
    try:
        record: Record | None = (await draft_queries.draft(session, actor, id))[0]
    except (NotFound, Forbidden):
        record = None
    if record is None or origin not in (None, record.origin):
        record = (await queries.readable_record(session, actor, id, origin))[0]
    return record
