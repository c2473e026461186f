"""Asking again: for items that are not here, and whether what was handed out once still is."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.db import now
from registry.errors import Unreached
from registry.federation import alarms
from registry.federation.items import drop_items, put_off, without_a_leaf
from registry.federation.leases import require
from registry.federation.lines import Trouble
from registry.federation.models import Peer, PeerItem
from registry.federation.pull import Place, documents, fails_over_one, not_handed_out
from registry.federation.remote import Remote
from registry.federation.taking import Weighed, obey, read_entry, store
from registry.records.mirrored import MirroredVersion
from registry.transparency.leaves import RecordLeaf
from registry.transparency.models import Log, LogEntry
from registry.transparency.trees import Hashed

_AT_ONCE = 512
_MOST_WINDOWS = 64
_NEAR = 16
"""Items that stand this near are asked for in one page."""
SAMPLES, SAMPLE = 4, 64
"""Places of a log that one look goes to, and how many entries each has."""
TENTH = 10
SETTLING_SECONDS = 3.0


async def ask_again(place: Place, remote: Remote, log_pk: int) -> int:
    """Ask for items whose time has come; answers how many are here now. Raises `Unreached`."""
    async with place.database.read() as session:
        query = select(PeerItem).where(PeerItem.log_pk == log_pk, PeerItem.due_at <= now())
        due = list(await session.scalars(query.order_by(PeerItem.due_at, PeerItem.idx).limit(_AT_ONCE)))
        if not due:
            return 0
        row = await session.get_one(Log, log_pk)
        entries = await _entries(session, row, [item.idx for item in due])
    leaves = _read(row.origin, {index: entry for index, (entry, _) in entries.items()})
    weighed = await _asked(remote, leaves)
    async with place.database.write() as session:
        peer, row = await session.get_one(Peer, log_pk), await session.get_one(Log, log_pk)
        await require(session, peer, place.holder)
        erased = await _obey(session, peer, row, {i: each for i, each in entries.items() if i not in leaves})
        here = await _settle(session, place, peer, row, weighed)
    if erased:
        await place.database.forget_deleted()
    return here


async def _obey(session: AsyncSession, peer: Peer, row: Log, entries: Mapping[int, Hashed]) -> int:
    """Do what leaves say that were cut off and released, and are no leaves of records."""
    erased = 0
    for index, hashed in entries.items():
        leaf = read_entry(hashed[0], row.origin)
        if not isinstance(leaf, Trouble):
            erased += await obey(session, peer, row, index, hashed, leaf)
    await drop_items(session, row.pk, list(entries))
    return erased


async def _settle(
    session: AsyncSession, place: Place, peer: Peer, row: Log, weighed: Mapping[int, Weighed]
) -> int:
    query = select(PeerItem, LogEntry.erased).join(
        LogEntry, (LogEntry.log_pk == PeerItem.log_pk) & (LogEntry.idx == PeerItem.idx)
    )
    rows = await session.execute(query.where(PeerItem.log_pk == peer.log_pk, PeerItem.idx.in_(list(weighed))))
    items: dict[int, PeerItem] = {}
    erased: list[int] = []
    for item, by in rows:
        if by is None:
            items[item.idx] = item
        else:
            erased.append(item.idx)
    good = {
        index: found
        for index, found in weighed.items()
        if index in items and isinstance(found, MirroredVersion)
    }
    refused = await store(session, place.desk, good)
    troubles = {
        index: found for index, found in weighed.items() if index in items and isinstance(found, Trouble)
    }
    troubles.update(refused)
    here = [index for index in good if index not in refused]
    await drop_items(session, peer.log_pk, [*here, *erased])
    await put_off(session, [items[index] for index in troubles], troubles)
    if gone := without_a_leaf(troubles, row.size):
        await _missing(session, row.origin, gone)
    return len(here)


async def _missing(session: AsyncSession, origin: str, gone: Sequence[int]) -> None:
    text = f"{len(gone):,} documents are missing, and no leaf tells of their erasure."
    await alarms.raise_alarm(session, origin, alarms.MISSING, text, indices=gone[:50])


async def look(place: Place, remote: Remote, log_pk: int, every: timedelta) -> None:
    """See whether documents that a peer once handed out are still there, at places picked at random.

    What is gone without a leaf that says so raises an alarm; where that is a tenth of what was looked at,
    documents vanish. Our copies stay. Raises `Unreached`.
    """
    async with place.database.read() as session:
        row = await session.get_one(Log, log_pk)
        leaves: dict[int, RecordLeaf] = {}
        for start in _places(row.size):
            leaves.update(await _live(session, row, start))
    gone = await _gone(remote, leaves, row.size)
    if gone:
        # What is being erased is gone a moment before its leaf says so; and caches have their say.
        await asyncio.sleep(SETTLING_SECONDS)
        gone = await _gone(remote, {index: leaves[index] for index in gone}, row.size)
    async with place.database.write() as session:
        peer = await session.get_one(Peer, log_pk)
        await require(session, peer, place.holder)
        peer.audit_at = now() + every
        if gone and len(gone) * TENTH >= len(leaves):
            text = (
                f"{len(gone):,} of {len(leaves):,} documents that were looked for are gone, and no leaf "
                "tells of their erasure. What was copied here stays."
            )
            await alarms.raise_alarm(session, row.origin, alarms.VANISHED, text, indices=gone[:50])
        elif gone:
            await _missing(session, row.origin, gone)


async def _gone(remote: Remote, leaves: Mapping[int, RecordLeaf], size: int) -> list[int]:
    """Which of the documents are not there any more, without a leaf that says so."""
    found = await _asked(remote, leaves)
    return without_a_leaf({i: each for i, each in found.items() if isinstance(each, Trouble)}, size)


async def _asked(remote: Remote, leaves: Mapping[int, RecordLeaf]) -> dict[int, Weighed]:
    """What is behind these leaves now. Where the peer fails over some, those come later."""
    weighed: dict[int, Weighed] = {}
    for window in _windows(sorted(leaves)):
        try:
            weighed.update(await documents(remote, {index: leaves[index] for index in window}))
        except Unreached as error:
            if not fails_over_one(error):
                raise
            weighed.update(dict.fromkeys(window, not_handed_out(error)))
    return weighed


def _places(size: int) -> list[int]:
    """Where to look: everywhere in a small log, at a few places of a large one."""
    if size <= SAMPLES * SAMPLE:
        return list(range(0, size, SAMPLE))
    return sorted(random.sample(range(0, size, SAMPLE), SAMPLES))


async def _live(session: AsyncSession, row: Log, start: int) -> dict[int, RecordLeaf]:
    """The leaves of a sample whose documents were here, and are to be had."""
    aside = select(PeerItem.idx).where(PeerItem.log_pk == row.pk)
    query = select(LogEntry.idx, LogEntry.entry).where(
        LogEntry.log_pk == row.pk,
        LogEntry.idx >= start,
        LogEntry.idx < start + SAMPLE,
        LogEntry.record_id.is_not(None),
        LogEntry.erased.is_(None),
        LogEntry.idx.not_in(aside),
    )
    return _read(row.origin, dict((await session.execute(query)).all()))


async def _entries(session: AsyncSession, row: Log, indices: Sequence[int]) -> dict[int, Hashed]:
    query = select(LogEntry.idx, LogEntry.entry, LogEntry.hash)
    rows = await session.execute(query.where(LogEntry.log_pk == row.pk, LogEntry.idx.in_(indices)))
    return {index: (entry, hash) for index, entry, hash in rows}


def _read(origin: str, entries: Mapping[int, bytes]) -> dict[int, RecordLeaf]:
    leaves = {index: read_entry(entry, origin) for index, entry in entries.items()}
    return {index: leaf for index, leaf in leaves.items() if isinstance(leaf, RecordLeaf)}


def _windows(indices: Sequence[int]) -> list[list[int]]:
    """Indices that stand near each other, together: as many windows as are asked for at one time."""
    windows: list[list[int]] = []
    for index in indices:
        if windows and index - windows[-1][-1] <= _NEAR and index - windows[-1][0] < _AT_ONCE:
            windows[-1].append(index)
        else:
            windows.append([index])
    return windows[:_MOST_WINDOWS]
