"""The public versions of our own records as the log holds them, read bundle by bundle."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from registry.canonical import canonical
from registry.errors import Unavailable
from registry.records.models import Record, Version
from registry.transparency.models import Log, LogEntry


@dataclass(frozen=True, slots=True)
class Entered:
    """An entry of the log with what stands behind it. `line` says it as `/federation/v1/documents` does; None
    for an entry that is of no version. `newest` is the document where it is the newest version of its record.
    """

    entry: bytes
    hash: bytes
    line: bytes | None = None
    newest: bytes | None = None
    erased: bool = False
    withheld: bool = False


async def entered(session: AsyncSession, log: Log, start: int, end: int) -> list[Entered]:
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
        select(
            LogEntry.idx,
            LogEntry.entry,
            LogEntry.hash,
            LogEntry.record_id,
            LogEntry.version,
            LogEntry.erased,
            Record.suppressed,
            Version.document,
            Version.salt,
            newest.label("newest"),
        )
        .outerjoin(Record, and_(Record.id == LogEntry.record_id, Record.origin == log.origin))
        .outerjoin(
            Version,
            and_(
                Version.record_pk == Record.pk,
                Version.shared.is_(False),
                Version.number == LogEntry.version,
            ),
        )
        .where(LogEntry.log_pk == log.pk, LogEntry.idx >= start, LogEntry.idx < end)
        .order_by(LogEntry.idx)
    )
    return [_entered(log, *row) for row in await session.execute(query)]


def _entered(
    log: Log,
    index: int,
    entry: bytes,
    hash: bytes,
    record_id: str | None,
    version: int | None,
    erased: int | None,
    suppressed: str | None,
    document: bytes | None,
    salt: bytes | None,
    newest: int | None,
) -> Entered:
    if record_id is None:
        return Entered(entry, hash)
    if erased is not None and erased < log.published:
        return Entered(entry, hash, canonical({"erased": erased, "index": index}), erased=True)
    if not document or not salt:
        raise Unavailable(
            f"{record_id} is erased, and the log does not say so yet. Dump again in a moment.", retry_after=2
        )
    if suppressed is not None:
        line = canonical({"index": index, "suppressed": suppressed})
        return Entered(entry, hash, line, withheld=True)
    return Entered(entry, hash, _line(document, index, salt), document if version == newest else None)


def _line(document: bytes, index: int, salt: bytes) -> bytes:
    """The document's own bytes, and not what a reader and a writer of JSON would make of them."""
    return b'{"document":%b,"index":%d,"salt":"%b"}' % (document, index, salt.hex().encode())


def lines_of(rows: Sequence[Entered]) -> bytes:
    """The lines of a bundle."""
    return b"".join(row.line + b"\n" for row in rows if row.line is not None)
