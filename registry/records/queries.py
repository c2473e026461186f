"""Reads. Every one of them takes the actor and passes through `registry.records.visibility`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import ANONYMOUS, Actor
from registry.errors import Gone, NotFound, Suppressed
from registry.ids import parse_id
from registry.records.gone import gone_version, tell_if_erased
from registry.records.models import (
    Audience,
    Record,
    RecordLink,
    Version,
)
from registry.records.visibility import (
    GROUP,
    PERSON,
    Facts,
    Tlp,
    is_for,
    may_read,
    may_read_shared,
    readable,
)

NO_RECORD = "There is no record {id} here."


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of a record, as bytes ready to be served.

    `label` is what addresses it under `/versions/`: `2`, or `p2` for one shared below TLP:CLEAR. `listed` is
    false for a record that was withdrawn. `public_seq` is the public sequence number of this version.
    """

    origin: str
    id: str
    kind: str
    number: int
    shared: bool
    action: str
    document: bytes
    commit: str
    at: datetime
    public_seq: int | None
    first_seq: int | None
    listed: bool
    shown_provider: str | None

    @property
    def label(self) -> str:
        return f"p{self.number}" if self.shared else str(self.number)

    @property
    def withdrawn(self) -> bool:
        return self.action == "withdrawn"


STORED: tuple[Any, ...] = (
    Record.origin,
    Record.id,
    Record.kind,
    Version.number,
    Version.shared,
    Version.action,
    Version.document,
    Version.commit,
    Version.at,
    Version.public_seq,
    Record.first_seq,
    Record.listed,
    Record.shown_provider,
)

# For queries that name the few records they are about: there, SQLite would rather walk an index of all that
# are listed, since it takes any column that equals something for a rare one.
IS_LISTED = func.coalesce(Record.listed, false())


_MOST_ORIGINS = 20
OURS_FIRST = (Record.provider_pk.is_(None), Record.pk)
"""Where several registries hold one id, ours is meant, unless an origin is named."""


def current() -> Select[Any]:
    """Newest public versions, as `stored_rows` reads them."""
    return select(*STORED).join(
        Version,
        and_(Version.record_pk == Record.pk, Version.shared.is_(False), Version.number == Record.current),
    )


async def stored_rows(session: AsyncSession, query: Select[Any]) -> list[Stored]:
    return [Stored(*row) for row in await session.execute(query)]


async def _facts(session: AsyncSession, record: Record) -> Facts:
    groups, people = await audience_of(session, record)
    return Facts(
        record.current > 0,
        record.shared > 0,
        Tlp(record.tlp),
        record.provider_pk,
        frozenset(groups),
        frozenset(people),
        record.suppressed is not None,
    )


async def audience_of(session: AsyncSession, record: Record) -> tuple[list[str], list[str]]:
    """The groups and the people that the record's shared versions are for."""
    named: dict[str, list[str]] = {GROUP: [], PERSON: []}
    if record.tlp not in (Tlp.CLEAR, Tlp.GREEN):
        query = select(Audience.audience, Audience.name).where(Audience.record_pk == record.pk)
        for audience, name in await session.execute(query.order_by(Audience.name)):
            named[audience].append(name)
    return named[GROUP], named[PERSON]


async def readable_record(
    session: AsyncSession, actor: Actor, id: str, origin: str | None, *, version: int | None = None
) -> tuple[Record, Facts]:
    """The record, if the actor may read it. Local wins where two origins hold the same id. Whoever asks for a
    public version of it names that: of each, the log tells apart that it was erased.

    What is hidden and what does not exist take the same path to the same error: the database is asked the
    same question, and answers it the same way. Raises `Suppressed` for what an order withholds. An error
    names, as `origins`, the registries whose record of that id can be read here.
    """
    try:
        return await _readable(session, actor, id, origin, version)
    except (Gone, NotFound, Suppressed) as error:
        if others := await origins_of(session, id):
            error.extra["origins"] = others
        raise


async def _readable(
    session: AsyncSession, actor: Actor, id: str, origin: str | None, version: int | None
) -> tuple[Record, Facts]:
    tidy = parse_id(id)
    query = select(Record).where(Record.id == tidy, is_for(actor)).order_by(*OURS_FIRST).limit(1)
    if origin is not None:
        query = query.where(Record.origin == origin)
    record = await session.scalar(query)
    if record is None or (origin is None and record.provider_pk is None):
        # Nobody takes the place of what was ours.
        await tell_if_erased(session, actor, tidy, origin, version, ours=record is not None)
    if record is None:
        raise NotFound(NO_RECORD.format(id=tidy))
    facts = await _facts(session, record)
    if not may_read(actor, facts):
        raise Suppressed(
            f"The record {tidy} is withheld on this registry by an order: {record.suppressed}.",
            order=record.suppressed,
        )
    return record, facts


async def newest(session: AsyncSession, actor: Actor, id: str, origin: str | None = None) -> Stored:
    """The newest version that the actor may read. Raises `Malformed` for a mistyped id, `NotFound`."""
    return (await versions(session, actor, id, origin, limit=1))[0]


async def version(
    session: AsyncSession, actor: Actor, id: str, label: str, origin: str | None = None
) -> Stored:
    """The version with that label: `3`, or `p3` for one shared below TLP:CLEAR."""
    shared = label.startswith("p")
    number = label[1:] if shared else label
    if number.isascii() and number.isdigit() and len(number) <= 9:
        for stored in await versions(session, actor, id, origin, only=(shared, int(number))):
            if not stored.document:
                raise await gone_version(session, stored.origin, stored.id, stored.number)
            return stored
    raise NotFound(f"The record {parse_id(id)} has no version {label[:12]!r} that can be shown.")


async def origins_of(session: AsyncSession, id: str) -> list[str]:
    """The registries that hold a public record of that id here, ours first."""
    query = select(Record.origin).where(Record.id == parse_id(id), readable(ANONYMOUS))
    return list(await session.scalars(query.order_by(*OURS_FIRST).limit(_MOST_ORIGINS)))


async def versions(
    session: AsyncSession,
    actor: Actor,
    id: str,
    origin: str | None = None,
    *,
    only: tuple[bool, int] | None = None,
    limit: int = 500,
) -> list[Stored]:
    """The versions that the actor may read, newest first. Raises `NotFound` when that is none at all."""
    number = only[1] if only is not None and not only[0] else None
    record, facts = await readable_record(session, actor, id, origin, version=number)
    # As they were written: a clock may have been set back. Those of another registry may come out of order.
    order = Version.pk if record.provider_pk is not None else Version.number
    query = (
        select(*STORED)
        .join(Version, Version.record_pk == Record.pk)
        .where(Record.pk == record.pk)
        .order_by(order.desc())
        .limit(limit)
    )
    if not may_read_shared(actor, facts):
        query = query.where(Version.shared.is_(False))
    if only is not None:
        query = query.where(Version.shared.is_(only[0]), Version.number == only[1])
    rows = await stored_rows(session, query)
    if only is not None:
        return rows
    rows = [row for row in rows if row.document]
    if not rows:
        raise NotFound(NO_RECORD.format(id=parse_id(id)))
    return rows


async def responses(
    session: AsyncSession, actor: Actor, id: str, origin: str | None = None, *, limit: int = 200
) -> list[Stored]:
    """Listed responses that speak of the record, newest first. Raises `NotFound` like `newest`."""
    record, _ = await readable_record(session, actor, id, origin)
    return await linking(session, actor, record.origin, record.id, role="about", limit=limit)


async def backlinks(
    session: AsyncSession, actor: Actor, origin: str, id: str, *, limit: int = 200
) -> list[Stored]:
    """Listed records that refer to this one in any way, newest first."""
    return await linking(session, actor, origin, id, role=None, limit=limit)


async def linking(
    session: AsyncSession, actor: Actor, origin: str, id: str, *, role: str | None, limit: int
) -> list[Stored]:
    """Listed records that refer to this one in that role, or in any, the latest first publication first."""
    links = select(RecordLink.record_pk).where(RecordLink.target_id == id, RecordLink.target_origin == origin)
    if role is not None:
        links = links.where(RecordLink.role == role)
    query = current().where(IS_LISTED, readable(actor), Record.pk.in_(links))
    return await stored_rows(session, query.order_by(Record.first_seq.desc()).limit(limit))


def among(keys: Iterable[tuple[str, str]]) -> ColumnElement[bool]:
    """Whether a record is one of these (origin, id)s. Origin by origin, since no database uses its index for
    a list of pairs.
    """
    ids: dict[str, list[str]] = {}
    for origin, id in keys:
        ids.setdefault(origin, []).append(id)
    return or_(
        *(and_(Record.origin == origin, Record.id.in_(of_origin)) for origin, of_origin in ids.items())
    )


async def readable_keys(session: AsyncSession, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Those of the (origin, id)s of which everybody may read something, with the records' own keys."""
    found: dict[tuple[str, str], int] = {}
    for start in range(0, len(keys), 400):
        query = select(Record.origin, Record.id, Record.pk)
        rows = await session.execute(query.where(among(keys[start : start + 400]), readable(ANONYMOUS)))
        found.update({(origin, id): pk for origin, id, pk in rows})
    return found


async def numbered(
    session: AsyncSession, wanted: Sequence[tuple[str, str, int]]
) -> dict[tuple[str, str, int], Stored]:
    """The public versions under each (origin, id, number) that everybody may read. What was erased is left
    out, and what an order withholds.
    """
    pks = await readable_keys(session, list(dict.fromkeys((origin, id) for origin, id, _ in wanted)))
    found: dict[tuple[str, str, int], Stored] = {}
    there = [(pks[origin, id], number) for origin, id, number in wanted if (origin, id) in pks]
    for start in range(0, len(there), 100):
        numbers: dict[int, list[int]] = {}
        for pk, number in there[start : start + 100]:
            numbers.setdefault(pk, []).append(number)
        of_one = (and_(Version.record_pk == pk, Version.number.in_(held)) for pk, held in numbers.items())
        query = (
            select(*STORED)
            .join(Version, Version.record_pk == Record.pk)
            .where(or_(*of_one), Version.shared.is_(False))
        )
        for stored in await stored_rows(session, query):
            if stored.document:
                found[stored.origin, stored.id, stored.number] = stored
    return found


async def documents(
    session: AsyncSession, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Stored | None]:
    """The newest public version under each (origin, id) that is listed; None for what is not, or not any
    more.
    """
    found: dict[tuple[str, str], Stored | None] = dict.fromkeys(keys)
    unique = list(found)
    for start in range(0, len(unique), 400):
        chunk = unique[start : start + 400]
        query = current().where(among(chunk), IS_LISTED, readable(ANONYMOUS))
        for stored in await stored_rows(session, query):
            found[stored.origin, stored.id] = stored
    return found
