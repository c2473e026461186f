"""Reads of sharing groups. A group exists for its owner, its members and those whom it invited."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.errors import Finding, NotFound
from registry.providers.models import Provider
from registry.providers.onboarding import State
from registry.sharing.membership import Place
from registry.sharing.models import GroupMember, SharingGroup


@dataclass(frozen=True, slots=True)
class Membership:
    """One organisation in a group. `at` is when it came to that place."""

    provider: str
    name: str
    place: Place
    at: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """A group as one organisation sees it. Who is only invited is told the owner, and of no other member."""

    pk: int
    slug: str
    name: str
    owner: str
    owner_pk: int
    place: Place
    created_at: datetime
    members: Sequence[Membership] = ()


async def groups_of(session: AsyncSession, provider: int) -> frozenset[str]:
    """The slugs of the groups that an organisation reads with: what an `Actor` holds as `groups`."""
    query = (
        select(SharingGroup.slug)
        .join(GroupMember, GroupMember.group_pk == SharingGroup.pk)
        .where(
            GroupMember.provider_pk == provider,
            GroupMember.state == Place.MEMBER.value,
            SharingGroup.closed_at.is_(None),
        )
    )
    return frozenset(await session.scalars(query))


async def unknown_groups(
    session: AsyncSession, provider: int, named: Iterable[tuple[str, str]]
) -> list[Finding]:
    """A finding for each group, given as (JSON pointer, slug), that the organisation does not belong to.

    The same one where there is no such group: who could tell the two apart would learn of groups that are
    none of their business.
    """
    asked = list(named)
    if not asked:
        return []
    own = await groups_of(session, provider)
    hint = f"Your organisation belongs to: {', '.join(sorted(own))}." if own else "Begin one, or be invited."
    return [
        Finding("unknown-group", pointer, f"There is no sharing group {slug[:64]!r} of yours.", hint)
        for pointer, slug in asked
        if slug not in own
    ]


async def all_groups(session: AsyncSession, provider: Provider | None) -> list[Group]:
    """The groups that an organisation has a place in, by slug; all there are without one."""
    return await _groups(session, provider, SharingGroup.closed_at.is_(None))


async def group(session: AsyncSession, provider: Provider | None, slug: str) -> Group:
    """One group. Raises `NotFound`, in the same words for one that the organisation has no place in."""
    found = await _groups(
        session, provider, and_(SharingGroup.slug == slug.lower(), SharingGroup.closed_at.is_(None))
    )
    if not found:
        raise NotFound(f"There is no sharing group {slug[:64]!r} here.")
    return found[0]


async def _groups(
    session: AsyncSession, provider: Provider | None, which: ColumnElement[bool]
) -> list[Group]:
    query = (
        select(SharingGroup, Provider.slug)
        .join(Provider, Provider.pk == SharingGroup.owner_pk)
        .where(which)
        .order_by(SharingGroup.slug)
    )
    if provider is not None:
        placed = select(GroupMember.group_pk).where(GroupMember.provider_pk == provider.pk)
        query = query.where(SharingGroup.pk.in_(placed))
    rows = [(row[0], row[1]) for row in await session.execute(query)]
    members: dict[int, list[Membership]] = {found.pk: [] for found, _ in rows}
    places: dict[int, Place] = {}
    all_members = (
        select(GroupMember, Provider)
        .join(Provider, Provider.pk == GroupMember.provider_pk)
        .where(GroupMember.group_pk.in_(members))
        .order_by(GroupMember.at, Provider.slug)
    )
    for member, of in await session.execute(all_members):
        place = Place(member.state)
        members[member.group_pk].append(Membership(of.slug, of.name, place, member.at))
        if provider is not None and of.pk == provider.pk:
            places[member.group_pk] = place
    return [
        Group(
            found.pk,
            found.slug,
            found.name,
            owner,
            found.owner_pk,
            place := places.get(found.pk, Place.NONE),
            found.created_at,
            members[found.pk] if provider is None or place is Place.MEMBER else (),
        )
        for found, owner in rows
    ]


async def invitations(session: AsyncSession, provider: int) -> list[tuple[str, str, str, datetime]]:
    """(slug, name, owner's name, since) of the groups that an organisation was invited to and has not
    answered.
    """
    query = (
        select(SharingGroup.slug, SharingGroup.name, Provider.name, GroupMember.at)
        .join(GroupMember, GroupMember.group_pk == SharingGroup.pk)
        .join(Provider, Provider.pk == SharingGroup.owner_pk)
        .where(
            GroupMember.provider_pk == provider,
            GroupMember.state == Place.INVITED.value,
            SharingGroup.closed_at.is_(None),
        )
        .order_by(GroupMember.at)
    )
    return [(row[0], row[1], row[2], row[3]) for row in await session.execute(query)]


async def invitable(session: AsyncSession, slug: str) -> Provider | None:
    """The approved organisation of that slug: only who may read at TLP:AMBER at all can be asked in."""
    return await session.scalar(
        select(Provider).where(
            or_(Provider.slug == slug, Provider.slug == slug.lower()), Provider.state == State.APPROVED.value
        )
    )
