"""The documents behind a log's entries, as those who follow it fetch them: our own log's, and those of the
logs that are mirrored here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.records.models import Record, Version
from registry.signing.queries import signatures_of
from registry.transparency.models import Log, LogEntry

MOST = 1000
"""Entries that one answer speaks of."""
MOST_BYTES = 4 * 1024 * 1024
"""After so many bytes an answer ends, though never before its first line."""
_AROUND_A_DOCUMENT = 160


@dataclass(frozen=True, slots=True)
class Lines:
    """A stretch of documents as NDJSON.

    `end` is the index that it stops before. It is `settled` where the log's growing would change nothing in
    it: every document in it stands there, or is known to be gone. `ids` are the records that it speaks of.
    """

    body: bytes
    end: int
    settled: bool
    ids: frozenset[str]


async def documents_between(session: AsyncSession, log: Log, start: int, most: int) -> Lines:
    """The documents behind the entries from `start` on, at most `most` of them, as far as a checkpoint covers
    them. One line is one index:

        {"document": …, "index": 7, "salt": "<hex>", "signatures": […]}
        {"erased": 9, "index": 7}            9 is the index of the entry that tells of it
        {"index": 7, "suppressed": "…"}      withheld here, by the order of that name

    Entries that are no versions have no line, and so have documents that are not held here.
    """
    asked = start + min(most, MOST)
    end = min(asked, log.published)
    if start >= end:
        return Lines(b"", start, False, frozenset())
    sizes = await session.execute(
        _entries(log, start, end).add_columns(func.length(Version.document)).order_by(LogEntry.idx)
    )
    stop, held, total = end, True, 0
    ids: set[str] = set()
    for index, id, _, _, size in sizes:
        total += (size or 0) + _AROUND_A_DOCUMENT
        if total > MOST_BYTES and ids:
            stop = index
            break
        ids.add(id)
    rows = await session.execute(
        _entries(log, start, stop)
        .add_columns(Version.document, Version.salt, Version.pk)
        .order_by(LogEntry.idx)
    )
    lines: list[bytes] = []
    entries = rows.all()
    signed = await signatures_of(session, [pk for *_, pk in entries if pk is not None])
    for index, _, erased, suppressed, document, salt, pk in entries:
        signatures = [one.jws for one in signed.get(pk or 0, ())]
        line = _line(index, erased, suppressed, document, salt, signatures)
        held = held and line is not None
        if line is not None:
            lines.append(line)
    return Lines(b"".join(lines), stop, held and (stop < end or end == asked), frozenset(ids))


def _entries(log: Log, start: int, end: int) -> Select[int, str | None, int | None, str | None]:
    """The versions that stand in a stretch of a log."""
    return (
        select(LogEntry.idx, LogEntry.record_id, LogEntry.erased, Record.suppressed)
        .outerjoin(Record, and_(Record.id == LogEntry.record_id, Record.origin == log.origin))
        .outerjoin(
            Version,
            and_(
                Version.record_pk == Record.pk, Version.shared.is_(False), Version.number == LogEntry.version
            ),
        )
        .where(
            LogEntry.log_pk == log.pk,
            LogEntry.idx >= start,
            LogEntry.idx < end,
            LogEntry.record_id.is_not(None),
        )
    )


def _line(
    index: int,
    erased: int | None,
    suppressed: str | None,
    document: bytes | None,
    salt: bytes | None,
    signatures: Sequence[str],
) -> bytes | None:
    """What is said of one index; None where nothing is to be said yet."""
    if erased is not None:
        return b'{"erased":%d,"index":%d}\n' % (erased, index)
    if not document or not salt:
        return None
    if suppressed is not None:
        return b'{"index":%d,"suppressed":%s}\n' % (index, msgspec.json.encode(suppressed))
    # The bytes as they are: whoever reads them hashes them.
    borne = b',"signatures":%b' % msgspec.json.encode(signatures) if signatures else b""
    return b'{"document":%b,"index":%d,"salt":"%b"%b}\n' % (document, index, salt.hex().encode(), borne)


async def mirrored_logs(session: AsyncSession, own: str) -> Sequence[Log]:
    """The logs of other origins of which a checkpoint is held, by origin."""
    query = select(Log).where(Log.origin != own, Log.checkpoint.is_not(None))
    return (await session.scalars(query.order_by(Log.origin))).all()
