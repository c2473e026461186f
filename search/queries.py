"""Reads of the registry's tables that only search needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import ANONYMOUS
from registry.changelog.append import PUBLIC
from registry.changelog.models import Change, Counter
from registry.records import queries as records
from registry.records.erasure import ERASING
from registry.records.models import Record, Version
from registry.records.suppression import SUPPRESSED, UNSUPPRESSED
from registry.records.versions import PUBLISHED
from registry.records.visibility import readable
from search.document import Key
from search.intervals import Event

RECORD = "record"
_AT_ONCE = 400
_TAKING_OUT = (*ERASING, SUPPRESSED, UNSUPPRESSED)
_CLOCKS_DIFFER = 1000
_STILL_LISTED = ("published", "revised", "reinstated")
_MOST = 5000


async def gone_since(session: AsyncSession, position: int) -> frozenset[Key]:
    """Records that left the lists after a public position: withdrawn, erased, suppressed or whatever ends
    so.
    """
    # By topic, SQLite would walk the whole log.
    about_records = func.coalesce(Change.topic, "") == RECORD
    rows = await session.execute(
        select(Change.origin, Change.subject)
        .where(Change.public_seq > position, about_records, Change.action.not_in(_STILL_LISTED))
        .order_by(Change.public_seq.desc())
        .limit(_MOST)
    )
    keys = list(dict.fromkeys((origin, id) for origin, id in rows))
    found = await records.documents(session, keys) if keys else {}
    return frozenset(key for key, stored in found.items() if stored is None)


async def events_of(session: AsyncSession, keys: Sequence[Key]) -> dict[Key, list[Event]]:
    """All public changes of records, in their order; an empty list for one that has none."""
    found: dict[Key, list[Event]] = {key: [] for key in keys}
    ids = list(dict.fromkeys(id for _, id in keys))
    for start in range(0, len(ids), _AT_ONCE):
        query = select(Change.origin, Change.subject, Change.public_seq, Change.action, Change.version)
        rows = await session.execute(
            query.where(
                Change.topic == RECORD,
                Change.subject.in_(ids[start : start + _AT_ONCE]),
                Change.public_seq.is_not(None),
            )
        )
        for origin, id, seq, action, version in rows:
            if (origin, id) in found and seq is not None:
                found[origin, id].append(Event(seq, action, version or 0))
    for events in found.values():
        events.sort(key=lambda event: event.seq)
    return found


async def with_a_past(session: AsyncSession, keys: Sequence[Key]) -> set[Key]:
    """Those of the records to which more happened in public than that they were published."""
    found: set[Key] = set()
    for start in range(0, len(keys), _AT_ONCE):
        query = select(Change.origin, Change.subject).where(
            Change.topic == RECORD,
            Change.subject.in_([id for _, id in keys[start : start + _AT_ONCE]]),
            Change.public_seq.is_not(None),
            Change.action != PUBLISHED,
        )
        found.update((origin, id) for origin, id in await session.execute(query.distinct()))
    return found


async def position_at(session: AsyncSession, moment: datetime) -> int:
    """The last public sequence number at a moment; 0 before anything was published."""
    # Clocks are set back at times, and the least number of what came later is what stays. Of what came later
    # only the first is looked through, in the order of time.
    later = (
        select(Change.public_seq.label("seq"))
        .where(Change.at > moment, Change.public_seq.is_not(None))
        .order_by(Change.at)
        .limit(_CLOCKS_DIFFER)
        .subquery()
    )
    first = select(func.min(later.c.seq)).scalar_subquery()
    head = select(Counter.value).where(Counter.name == PUBLIC).scalar_subquery()
    return await session.scalar(select(func.coalesce(first - 1, head, 0))) or 0


async def changed_at(session: AsyncSession, position: int) -> datetime | None:
    """When the public change of that number was made; None where there is none yet."""
    return await session.scalar(select(Change.at).where(Change.public_seq == position))


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest public version of a record: its number, what made it, and its time."""

    number: int
    action: str
    at: datetime


async def newest_of(session: AsyncSession, keys: Sequence[Key]) -> dict[Key, Newest]:
    """The newest public versions of those of the records that everybody may read, withdrawn ones too."""
    found: dict[Key, Newest] = {}
    for start in range(0, len(keys), _AT_ONCE):
        query = records.current().where(records.among(keys[start : start + _AT_ONCE]), readable(ANONYMOUS))
        rows = await session.execute(
            query.with_only_columns(Record.origin, Record.id, Version.number, Version.action, Version.at)
        )
        found.update({(origin, id): Newest(number, action, at) for origin, id, number, action, at in rows})
    return found


async def taken_out_between(session: AsyncSession, after: int, upto: int) -> dict[Key, int]:
    """The records that were erased or withheld or shown again, in whole or in part, after a change and up to
    another; with the number of the last such change.
    """
    about_records = func.coalesce(Change.topic, "") == RECORD
    rows = await session.execute(
        select(Change.origin, Change.subject, Change.seq)
        .where(Change.seq > after, Change.seq <= upto, about_records, Change.action.in_(_TAKING_OUT))
        .order_by(Change.seq)
    )
    return {(origin, id): seq for origin, id, seq in rows}


async def emptied(session: AsyncSession, records: Mapping[Key, int]) -> dict[Key, set[int]]:
    """The numbers of public versions that were erased, of records that are not. Each is given with its own
    key.
    """
    found: dict[Key, set[int]] = {}
    pks = {pk: key for key, pk in records.items()}
    held = list(pks)
    for start in range(0, len(held), _AT_ONCE):
        query = select(Version.record_pk, Version.number).where(
            Version.record_pk.in_(held[start : start + _AT_ONCE]),
            Version.shared.is_(False),
            Version.document == b"",
        )
        for pk, number in await session.execute(query):
            found.setdefault(pks[pk], set()).add(number)
    return found
