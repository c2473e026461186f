"""The entries of logs in the database: reading them, and adding to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry.changelog.models import Change
from registry.db import table_of
from registry.records.models import Record, Version
from registry.transparency.merkle import Frontier, leaf_hash
from registry.transparency.models import Log, LogEntry
from registry.transparency.trees import Hashed, pack, unpack

_AT_ONCE = 400
_HASHED_AT_ONCE = 8192

VersionKey = tuple[str, int]
"""A record's id, and the number of a version."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """An entry that is about to be written, at the end of its log."""

    index: int
    entry: bytes
    hash: bytes
    record_id: str | None = None
    version: int | None = None
    seq: int | None = None
    erased: int | None = None


async def log_of(session: AsyncSession, origin: str) -> Log | None:
    """The log of an origin, as far as it is held here."""
    return await session.scalar(select(Log).where(Log.origin == origin))


async def log_to_write(session: AsyncSession, origin: str) -> Log:
    """The log of an origin, begun where there is none. Whoever else would write it waits for the commit."""
    query = select(Log).where(Log.origin == origin).with_for_update()
    row = await session.scalar(query.execution_options(populate_existing=True))
    if row is None:
        row = Log(origin=origin, size=0, frontier=b"", published=0, position=0)
        session.add(row)
        await session.flush()
    return row


async def append_entries(session: AsyncSession, row: Log, fresh: Sequence[Fresh]) -> None:
    """Add to a log, and to the frontier over it."""
    if not fresh:
        return
    frontier = unpack(row.size, row.frontier)
    frontier.extend(each.hash for each in fresh)
    await session.execute(
        insert(table_of(LogEntry)),
        [
            {
                "log_pk": row.pk,
                "idx": each.index,
                "hash": each.hash,
                "entry": each.entry,
                "record_id": each.record_id,
                "version": each.version,
                "erased": each.erased,
                "seq": each.seq,
            }
            for each in fresh
        ],
    )
    row.size, row.frontier = frontier.size, pack(frontier)
    await session.flush()


async def entries_between(session: AsyncSession, log_pk: int, start: int, end: int) -> list[Hashed]:
    """The entries from `start` up to, and without, `end`, with their hashes."""
    query = select(LogEntry.entry, LogEntry.hash).where(
        LogEntry.log_pk == log_pk, LogEntry.idx >= start, LogEntry.idx < end
    )
    return [(entry, hash) for entry, hash in await session.execute(query.order_by(LogEntry.idx))]


async def roots_of_entries(session: AsyncSession, log_pk: int, sizes: Sequence[int]) -> dict[int, bytes]:
    """The roots over so many first entries, worked out from every one of them: for when something is wrong.
    A size that there are not enough entries for has none.
    """
    frontier = Frontier()
    found: dict[int, bytes] = {}
    for size in sorted(set(sizes)):
        for start in range(frontier.size, size, _HASHED_AT_ONCE):
            held = await entries_between(session, log_pk, start, min(size, start + _HASHED_AT_ONCE))
            frontier.extend(leaf_hash(entry) for entry, _ in held)
        if frontier.size != size:
            break
        found[size] = frontier.root
    return found


async def last_entered(session: AsyncSession, log_pk: int) -> int:
    """The change that the last entry of our own log tells of; 0 before the first."""
    query = select(LogEntry.seq).where(LogEntry.log_pk == log_pk)
    return await session.scalar(query.order_by(LogEntry.idx.desc()).limit(1)) or 0


async def commits_of(session: AsyncSession, origin: str, keys: Sequence[VersionKey]) -> dict[VersionKey, str]:
    """The commitments of public versions."""
    found: dict[VersionKey, str] = {}
    for start in range(0, len(keys), _AT_ONCE):
        ids = {id for id, _ in keys[start : start + _AT_ONCE]}
        query = (
            select(Record.id, Version.number, Version.commit)
            .join(Version, Version.record_pk == Record.pk)
            .where(Record.origin == origin, Record.id.in_(ids), Version.shared.is_(False))
        )
        found.update(((id, number), commit) for id, number, commit in await session.execute(query))
    return found


async def hashes_of_versions(
    session: AsyncSession, log_pk: int, keys: Sequence[VersionKey]
) -> dict[VersionKey, bytes]:
    """The hashes of the leaves of these versions."""
    found: dict[VersionKey, bytes] = {}
    for start in range(0, len(keys), _AT_ONCE):
        wanted = tuple_(LogEntry.record_id, LogEntry.version).in_(keys[start : start + _AT_ONCE])
        query = select(LogEntry.record_id, LogEntry.version, LogEntry.hash)
        rows = await session.execute(query.where(LogEntry.log_pk == log_pk, wanted))
        found.update(((str(id), int(number or 0)), hash) for id, number, hash in rows)
    return found


async def versions_held(session: AsyncSession, log_pk: int, record_id: str) -> list[int]:
    """Where the leaves of a record stand of which no erasure is told yet."""
    query = select(LogEntry.idx).where(
        LogEntry.record_id == record_id, LogEntry.log_pk == log_pk, LogEntry.erased.is_(None)
    )
    return list(await session.scalars(query.order_by(LogEntry.idx)))


async def mark_erased(session: AsyncSession, log_pk: int, erasing: Mapping[int, int]) -> None:
    """Let leaves say which leaf tells of their erasure: by index, that of the other."""
    if not erasing:
        return
    table = table_of(LogEntry)
    statement = update(table).where(table.c.log_pk == log_pk, table.c.idx == bindparam("of"))
    await session.execute(
        statement.values(erased=bindparam("by")), [{"of": of, "by": by} for of, by in erasing.items()]
    )


async def ground_of(session: AsyncSession, origin: str, record_id: str) -> str:
    """On what ground a record was erased."""
    query = select(Record.erased).where(Record.origin == origin, Record.id == record_id)
    return await session.scalar(query) or ""


async def keys_entry(session: AsyncSession, seq: int) -> bytes:
    """The entry of a change of keys, which both keys signed when it was made."""
    detail = await session.scalar(select(Change.detail).where(Change.seq == seq))
    return str((detail or {})["entry"]).encode()


async def entry_of(
    session: AsyncSession, origin: str, record_id: str, version: int
) -> tuple[Log, LogEntry] | None:
    """The leaf of a version of a record, and the log that it stands in."""
    query = (
        select(Log, LogEntry)
        .join(LogEntry, LogEntry.log_pk == Log.pk)
        .where(Log.origin == origin, LogEntry.record_id == record_id, LogEntry.version == version)
    )
    row = (await session.execute(query.order_by(LogEntry.idx).limit(1))).first()
    return (row[0], row[1]) if row is not None else None
