"""Reads. Every one of them takes the actor and passes through `registry.records.visibility`."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import ANONYMOUS, Actor
from registry.changelog.models import Change
from registry.errors import Forbidden, Gone, NotFound, Suppressed
from registry.ids import parse_id
from registry.providers.models import Provider
from registry.records.copies import is_copy
from registry.records.gone import gone, gone_version, tell_if_erased
from registry.records.models import (
    Audience,
    Draft,
    Invitation,
    Record,
    RecordLink,
    RecordProvider,
    RecordTag,
    Version,
)
from registry.records.restricted.store import newest_parts
from registry.records.visibility import (
    GROUP,
    PERSON,
    Facts,
    Tlp,
    invited,
    is_for,
    may_read,
    may_read_shared,
    readable,
    workable,
)

_NO_RECORD = "There is no record {id} here."
_THEIRS = (
    "{id} is a record of {origin}, which alone changes it. Respond to it, or ask the registry that "
    "published it."
)


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


@dataclass(frozen=True, slots=True)
class Changed:
    """One public change, as `/changes` tells it."""

    seq: int
    origin: str
    id: str
    version: int
    kind: str
    action: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Invited:
    """An organisation that publishes a record jointly, or is asked to."""

    invitation: Invitation
    provider: Provider


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
    groups, people = await _audience(session, record)
    return Facts(
        record.current > 0,
        record.shared > 0,
        Tlp(record.tlp),
        record.provider_pk,
        frozenset(groups),
        frozenset(people),
        record.suppressed is not None,
    )


async def _audience(session: AsyncSession, record: Record) -> tuple[list[str], list[str]]:
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
        raise NotFound(_NO_RECORD.format(id=tidy))
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
        raise NotFound(_NO_RECORD.format(id=parse_id(id)))
    return rows


def _narrow(
    query: Select[Any],
    *,
    kind: Sequence[str] = (),
    origin: Sequence[str] = (),
    imported: bool = True,
) -> Select[Any]:
    if kind:
        query = query.where(Record.kind.in_(kind))
    if origin:
        query = query.where(Record.origin.in_(origin))
    if not imported:
        query = query.where(Record.imported.is_(False))
    return query


def _of_provider(query: Select[Any], slug: str, ours: Collection[str]) -> Select[Any]:
    joined = query.join(RecordProvider, RecordProvider.record_pk == Record.pk)
    return joined.where(_is_by(slug, ours))


def _is_by(slug: str, ours: Collection[str]) -> ColumnElement[bool]:
    """Whether a row names that organisation. No other registry has one under the slug of one of ours."""
    bare, at, origin = slug.partition("@")
    if at:
        return and_(RecordProvider.slug == bare, Record.origin == origin)
    named = RecordProvider.slug == slug
    return and_(named, Record.provider_pk.is_not(None)) if slug in ours else named


def _published_by(slugs: Sequence[str], ours: Collection[str]) -> ColumnElement[bool]:
    """Whether one of these organisations published it, alone or with others."""
    return (
        select(RecordProvider.slug)
        .where(RecordProvider.record_pk == Record.pk, or_(*(_is_by(slug, ours) for slug in slugs)))
        .correlate(Record)
        .exists()
    )


async def slugs_here(session: AsyncSession, slugs: Sequence[str], origin: Sequence[str] = ()) -> set[str]:
    """Those of the slugs that mean an organisation of this registry, where no origin is named."""
    if not slugs or origin:
        return set()
    return set(await session.scalars(select(Provider.slug).where(Provider.slug.in_(slugs))))


async def page(
    session: AsyncSession,
    actor: Actor,
    *,
    kind: Sequence[str] = (),
    provider: Sequence[str] = (),
    origin: Sequence[str] = (),
    tag: Sequence[str] = (),
    since: datetime | None = None,
    before: int | None = None,
    limit: int,
) -> list[Stored]:
    """Listed records, the latest first publication first; `before` is the `first_seq` that a page ended with.

    First publication never changes, so a page neither skips nor repeats under writes. All `tag`s must be
    borne, by themselves or by a narrower tag. A provider is one of ours where we have one of that slug,
    unless an origin is named.
    """
    ours = await slugs_here(session, provider, origin)
    query = _narrow(current(), kind=kind, origin=origin).where(Record.listed, readable(actor))
    if not origin:
        query = query.where(~is_copy())
    order = Record.first_seq
    # Of a tag or a provider, walk its own index in order, instead of sorting what it yields.
    if provider and not tag and len(set(provider)) == 1:
        query, order = _of_provider(query, provider[0], ours), RecordProvider.first_seq
    elif provider:
        query = query.where(_published_by(provider, ours))
    for position, wanted in enumerate(dict.fromkeys(tag)):
        if position == 0:
            query = query.join(RecordTag, RecordTag.record_pk == Record.pk).where(RecordTag.tag == wanted)
            order = RecordTag.first_seq
        else:
            query = query.where(
                select(RecordTag.tag)
                .where(RecordTag.record_pk == Record.pk, RecordTag.tag == wanted)
                .correlate(Record)
                .exists()
            )
    if before is not None:
        query = query.where(order < before)
    if since is not None:
        first = await session.scalar(select(func.min(Change.public_seq)).where(Change.at >= since))
        if first is None:
            return []
        query = query.where(order >= first)
    return await stored_rows(session, query.order_by(order.desc()).limit(limit))


async def recent(
    session: AsyncSession,
    *,
    kind: Sequence[str] = (),
    provider: Sequence[str] = (),
    origin: Sequence[str] = (),
    tag: str | None = None,
    imported: bool = True,
    limit: int,
) -> list[Stored]:
    """The newest public version of the records that changed last, withdrawn ones among them: what feeds are
    made of.
    """
    query = _narrow(current(), kind=kind, origin=origin, imported=imported).where(readable(ANONYMOUS))
    if not origin and imported:
        query = query.where(~is_copy())
    ours = await slugs_here(session, provider, origin)
    order = Record.last_seq
    if len(set(provider)) == 1:
        query, order = _of_provider(query, provider[0], ours), RecordProvider.last_seq
    elif provider:
        query = query.where(_published_by(provider, ours))
    if tag is not None:
        query = query.join(RecordTag, RecordTag.record_pk == Record.pk).where(RecordTag.tag == tag)
        order = RecordTag.last_seq
    return await stored_rows(session, query.where(order.is_not(None)).order_by(order.desc()).limit(limit))


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


async def all_listed(session: AsyncSession, *, after: int, limit: int) -> list[Stored]:
    """Listed records in the order of their first publication: what a rebuilt index reads."""
    query = current().where(Record.listed, readable(ANONYMOUS), Record.first_seq > after)
    return await stored_rows(session, query.order_by(Record.first_seq).limit(limit))


async def changes(session: AsyncSession, *, after: int, limit: int) -> list[Changed]:
    """Public changes with a sequence number greater than `after`, in order."""
    columns: tuple[Any, ...] = (
        Change.public_seq,
        Change.origin,
        Change.subject,
        Change.version,
        Change.kind,
        Change.action,
        Change.at,
    )
    query = select(*columns).where(Change.public_seq > after).order_by(Change.public_seq).limit(limit)
    return [Changed(*row) for row in await session.execute(query)]


async def changed_at(session: AsyncSession) -> datetime | None:
    """When something public changed last: what every list is as old as."""
    query = select(Change.at).where(Change.public_seq.is_not(None))
    return await session.scalar(query.order_by(Change.public_seq.desc()).limit(1))


async def draft(session: AsyncSession, actor: Actor, id: str) -> tuple[Record, Draft | None]:
    """A record and its draft, for those who may work on it; for everybody else there is no such record."""
    return await _drafted(session, id, workable(actor))


async def shown_draft(
    session: AsyncSession, actor: Actor, id: str
) -> tuple[Record, Draft | None, Invitation | None]:
    """The same, also for an organisation that is invited to publish it, with its invitation."""
    record, draft = await _drafted(session, id, or_(workable(actor), invited(actor)))
    if actor.provider is None or actor.provider == record.provider_pk:
        return record, draft, None
    invitation = await session.get(Invitation, (record.pk, actor.provider))
    # Who is left out of the next version may still leave the newest, and has no business in the draft.
    return record, draft if invitation is None or invitation.invited else None, invitation


async def _drafted(session: AsyncSession, id: str, seen: ColumnElement[bool]) -> tuple[Record, Draft | None]:
    """What is hidden and what does not exist are asked for, and not found, in the same way."""
    tidy = parse_id(id)
    query = select(Record, Draft).outerjoin(Draft, Draft.record_pk == Record.pk)
    row = (await session.execute(query.where(Record.id == tidy, seen).order_by(*OURS_FIRST))).first()
    if row is None or row.Record.provider_pk is None:
        await _tell_if_theirs(session, tidy)
        raise NotFound(_NO_RECORD.format(id=tidy))
    if row.Record.erased is not None:
        raise await gone(session, row.Record)
    return row.Record, row.Draft


async def _tell_if_theirs(session: AsyncSession, id: str) -> None:
    """Raises `Forbidden` for a record that only another registry may change: everybody may know of it."""
    query = select(Record.origin).where(Record.id == id, Record.provider_pk.is_(None), Record.current > 0)
    origin = await session.scalar(query.order_by(Record.pk).limit(1))
    if origin is not None:
        raise Forbidden(_THEIRS.format(id=id, origin=origin), origin=origin)


async def invitations(session: AsyncSession, record_pks: Iterable[int]) -> dict[int, list[Invited]]:
    """Who publishes these records jointly, or is asked to, in the order in which they are named."""
    query = (
        select(Invitation, Provider)
        .join(Provider, Provider.pk == Invitation.provider_pk)
        .where(Invitation.record_pk.in_(record_pks))
        .order_by(Invitation.record_pk, Invitation.position)
    )
    found: dict[int, list[Invited]] = {}
    for invitation, provider in await session.execute(query):
        found.setdefault(invitation.record_pk, []).append(Invited(invitation, provider))
    return found


async def handling(session: AsyncSession, record: Record) -> dict[str, Any]:
    """How a revision of the record is handled unless its author says otherwise: as the record is."""
    if record.current or not record.shared:
        return {"tlp": Tlp.CLEAR.value}
    groups, people = await _audience(session, record)
    named = {"groups": groups, "people": people}
    return {"tlp": record.tlp, **{key: names for key, names in named.items() if names}}


async def parts(session: AsyncSession, record: Record) -> list[dict[str, Any]]:
    """The restricted parts of the record as they stand, in the shape of a submission's `restricted`."""
    newest = await newest_parts(session, record.pk)
    return [
        {"id": part.part, **part.handling, "content": msgspec.json.decode(part.content)}
        for part in newest.values()
        if not part.removed
    ]


async def last_version(session: AsyncSession, record: Record) -> Version | None:
    """The version that a revision starts from: the newest public one, or the newest shared one before there
    is any.
    """
    public = record.current > 0
    return await session.scalar(
        select(Version).where(
            Version.record_pk == record.pk,
            Version.shared.is_(not public),
            Version.number == (record.current if public else record.shared),
        )
    )


async def counts(session: AsyncSession) -> dict[str, int]:
    """Listed records by kind. What is listed is public; asking again would mean to look at every row."""
    rows = await session.execute(select(Record.kind, func.count()).where(Record.listed).group_by(Record.kind))
    return dict(rows.all())
