"""Our own log with the public versions behind it, read bundle by bundle."""

from dataclasses import dataclass

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from registry.errors import Unavailable
from registry.federation.documents import documents_between
from registry.transparency.models import Log, LogEntry
from registry.verification.documents import read_lines


@dataclass(frozen=True, slots=True)
class Stretch:
    """Entries of the log with their hashes; the lines that tell of the versions among them, as
    `/federation/v1/documents` does; and the documents that are the newest of their records.
    """

    entries: tuple[bytes, ...]
    hashes: tuple[bytes, ...]
    lines: bytes
    newest: tuple[bytes, ...]
    versions: int
    erased: int
    withheld: int


async def stretch(session: AsyncSession, log: Log, start: int, end: int) -> Stretch:
    """The entries from `start` up to, and without, `end`, all under the published checkpoint.

    Raises `Unavailable` where content is gone and the log does not say so yet.
    """
    later = aliased(LogEntry)
    newest = (
        select(func.max(later.version))
        .where(
            later.record_id == LogEntry.record_id, later.log_pk == LogEntry.log_pk, later.idx < log.published
        )
        .correlate(LogEntry)
        .scalar_subquery()
    )
    query = (
        select(LogEntry.idx, LogEntry.entry, LogEntry.hash, LogEntry.version, newest)
        .where(LogEntry.log_pk == log.pk, LogEntry.idx >= start, LogEntry.idx < end)
        .order_by(LogEntry.idx)
    )
    rows = (await session.execute(query)).all()
    body = b""
    at = start
    while at < end:
        some = await documents_between(session, log, at, end - at)
        body, at = body + some.body, some.end
    lines = list(read_lines(body, "the database", most=end - start))
    if len(lines) != sum(version is not None for *_, version, _ in rows):
        raise Unavailable("Content is gone, and the log does not say so yet. Dump again.", retry_after=2)
    last = {index for index, _, _, version, newest in rows if version is not None and version == newest}
    documents = (line.document for line in lines if line.index in last)
    return Stretch(
        tuple(entry for _, entry, _, _, _ in rows),
        tuple(hash for _, _, hash, _, _ in rows),
        body,
        tuple(bytes(document) for document in documents if isinstance(document, msgspec.Raw)),
        len(lines),
        sum(isinstance(line.erased, int) for line in lines),
        sum(isinstance(line.suppressed, str) for line in lines),
    )
