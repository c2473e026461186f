"""What has to change in the index: worked out from the changelog, never from what the index holds.

An interval is written when it ends, and the live one whenever it begins, so that the work is that of what
changed: a record with a thousand versions has two of them projected when it is revised. Only what comes back
after an order or an erasure is put in as a whole.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from registry.changelog.tail import ChangeRow
from registry.db import Database
from registry.records import identity
from registry.records import queries as records
from registry.records.erasure import ERASED_VERSION
from registry.records.queries import Stored
from registry.records.versions import PUBLISHED
from search import queries
from search.document import STILL, Key
from search.intervals import WRITING, Event, Interval, beside, listed, taken_out
from search.queries import RECORD

# Documents that are in memory at once, and records whose changes are.
_DOCUMENTS = 200
_RECORDS = 25

Shown = tuple[Stored, Interval]
"""A version, and when it was what its record said."""


@dataclass(slots=True)
class Work:
    """What to do to the index. `ready` are live ones that were read already, `past` and `live` those to read;
    `gone` and `ended` are as `Engine.update` takes them.
    """

    ready: list[Shown] = field(default_factory=list)
    past: list[tuple[Key, Interval]] = field(default_factory=list)
    live: list[tuple[Key, Interval]] = field(default_factory=list)
    gone: list[Key] = field(default_factory=list)
    ended: list[Key] = field(default_factory=list)

    def put(self, key: Key, intervals: Iterable[Interval]) -> None:
        for interval in intervals:
            (self.live if interval.live else self.past).append((key, interval))


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the work, with what was read for it. Only after the `last` the index stands further on."""

    shown: Sequence[Shown]
    gone: Sequence[Key]
    ended: Sequence[Key]
    last: bool


def telling(changes: Iterable[ChangeRow]) -> list[ChangeRow]:
    """The changes after which something else of a record may be shown."""
    return [
        change
        for change in changes
        if change.topic == RECORD and (change.public_seq is not None or change.action == ERASED_VERSION)
    ]


async def of_changes(session: AsyncSession, home: str, changes: Sequence[ChangeRow]) -> Work:
    """The work that follows from `telling` changes that stand in a row. `home` is this registry's origin.

    Records are taken as they were after the last of these changes, so that the index is of one position; but
    nothing is put in that has to be taken out since.
    """
    work = Work()
    touched = list(dict.fromkeys((change.origin, change.subject) for change in changes))
    if not touched:
        return work
    keys = list(dict.fromkeys((*touched, *await identity.same_source(session, touched))))
    of_others = [key for key in keys if key[0] != home]
    firsts = await identity.shown_before(session, of_others) if of_others else {}
    rest = await _fresh(session, changes, keys, firsts, work)
    if not rest:
        return work
    numbers = [change.public_seq for change in changes if change.public_seq is not None]
    first, last = min(numbers, default=STILL), max(numbers, default=STILL)
    whole = {(change.origin, change.subject) for change in changes if change.action not in WRITING}
    for start in range(0, len(rest), _RECORDS):
        some = rest[start : start + _RECORDS]
        events = await _events(session, some, firsts, upto=last)
        readable = await records.readable_keys(session, some)
        for key in some:
            if key not in readable:
                work.gone.append(key)
                continue
            intervals = _intervals(key, events, firsts)
            if key in whole or taken_out(event for event in events[key] if event.seq < first):
                work.gone.append(key)
                work.put(key, intervals)
            else:
                work.put(key, (interval for interval in intervals if interval.until >= first))
            if not intervals or not intervals[-1].live:
                work.ended.append(key)
    return work


async def _fresh(
    session: AsyncSession,
    changes: Sequence[ChangeRow],
    keys: Sequence[Key],
    firsts: Mapping[Key, Sequence[Key]],
    work: Work,
) -> list[Key]:
    """Take those into the work that were published and have no past; answers the others."""
    said = Counter((change.origin, change.subject) for change in changes)
    published = {
        (change.origin, change.subject): change.public_seq
        for change in changes
        if change.action == PUBLISHED and change.public_seq is not None
    }
    likely = [key for key in keys if said[key] == 1 and key in published and key not in firsts]
    found = await records.documents(session, likely)
    rest = [key for key in keys if key not in found]
    for key, stored in found.items():
        seq = published[key]
        if stored is None or seq is None or not stored.public_seq == stored.first_seq == seq:
            rest.append(key)
        else:
            work.ready.append((stored, Interval(stored.number, seq)))
    return rest


async def of_page(session: AsyncSession, home: str, rows: Sequence[Stored]) -> Work:
    """All that an index holds of some records: what a rebuilt one is filled with."""
    work = Work()
    keys = [(row.origin, row.id) for row in rows]
    of_others = [key for key in keys if key[0] != home]
    firsts = await identity.shown_before(session, of_others) if of_others else {}
    past = await queries.with_a_past(session, keys)
    rest: list[Key] = []
    for key, row in zip(keys, rows, strict=True):
        if key in past or key in firsts or not row.listed or row.public_seq is None:
            rest.append(key)
        else:
            work.ready.append((row, Interval(row.number, row.public_seq)))
    for start in range(0, len(rest), _RECORDS):
        some = rest[start : start + _RECORDS]
        events = await _events(session, some, firsts, upto=STILL)
        for key in some:
            work.put(key, _intervals(key, events, firsts))
    return work


async def _events(
    session: AsyncSession, keys: Sequence[Key], firsts: Mapping[Key, Sequence[Key]], *, upto: int
) -> dict[Key, list[Event]]:
    """The public changes of records, and of those that are shown in their place."""
    wanted = dict.fromkeys(keys) | {other: None for key in keys for other in firsts.get(key, ())}
    found = await queries.events_of(session, list(wanted))
    return {key: [event for event in events if event.seq <= upto] for key, events in found.items()}


def _intervals(
    key: Key, events: Mapping[Key, Sequence[Event]], firsts: Mapping[Key, Sequence[Key]]
) -> list[Interval]:
    own = listed(events[key])
    others = [listed(events[other]) for other in firsts.get(key, ())]
    return beside(own, others) if others else own


async def steps(database: Database, work: Work) -> AsyncIterator[Step]:
    """The work in parts that fit into memory. What is past comes before what is live: an index that stopped
    in between would know too much of what was, and lack nothing.
    """
    some = [work.past[start : start + _DOCUMENTS] for start in range(0, len(work.past), _DOCUMENTS)]
    gone: Sequence[Key] = work.gone
    for wanted in some[:-1]:
        yield Step(await _read(database, wanted), gone, (), last=False)
        gone = ()
    wanted = [*(some[-1] if some else ()), *work.live]
    shown = await _read(database, wanted)
    held = {(stored.origin, stored.id) for stored, interval in shown if interval.live}
    # Erased or withheld since the work was worked out.
    lost = [key for key, _ in work.live if key not in held]
    yield Step([*work.ready, *shown], gone, [*work.ended, *lost], last=True)


async def _read(database: Database, wanted: Sequence[tuple[Key, Interval]]) -> list[Shown]:
    if not wanted:
        return []
    async with database.read() as session:
        found = await records.numbered(
            session, [(origin, id, interval.version) for (origin, id), interval in wanted]
        )
    return [
        (stored, interval)
        for (origin, id), interval in wanted
        if (stored := found.get((origin, id, interval.version))) is not None
    ]
