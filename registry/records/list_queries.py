"""Lists of records and of what changed: what is walked page by page. Reads pass through
`registry.records.visibility` like all others.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import ANONYMOUS, Actor
from registry.changelog.models import Change
from registry.providers.models import Provider
from registry.records.copies import is_copy
from registry.records.models import (
    Record,
    RecordProvider,
    RecordTag,
)
from registry.records.queries import Stored, current, stored_rows
from registry.records.visibility import readable


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


async def all_public(session: AsyncSession, *, after: int, limit: int) -> list[tuple[int, Stored]]:
    """The newest public versions of all records that may be read, withdrawn ones too, with the key to go on
    after: what a rebuilt index reads.
    """
    query = current().add_columns(Record.pk).where(Record.current > 0, readable(ANONYMOUS), Record.pk > after)
    rows = await session.execute(query.order_by(Record.pk).limit(limit))
    return [(pk, Stored(*stored)) for *stored, pk in rows]


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


async def counts(session: AsyncSession) -> dict[str, int]:
    """Listed records by kind. What is listed is public; asking again would mean to look at every row."""
    rows = await session.execute(select(Record.kind, func.count()).where(Record.listed).group_by(Record.kind))
    return dict(rows.all())
