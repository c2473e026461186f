"""Writes of sharing groups. Each takes effect with its commit."""

import re
from dataclasses import replace

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.canonical import forbidden_characters
from registry.changelog.append import Entry, append, lock
from registry.db import now
from registry.errors import Conflict, Finding, Forbidden, Invalid, NotFound
from registry.providers.models import Provider
from registry.providers.onboarding import State
from registry.providers.queries import by_slug
from registry.sharing import queries
from registry.sharing.membership import OWNERS, Move, Place, move
from registry.sharing.models import GroupMember, SharingGroup
from registry.sharing.queries import Group

MOST_GROUPS, MOST_MEMBERS = 50, 500
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_DONE = {
    Move.INVITE: "invited",
    Move.ACCEPT: "accepted",
    Move.DECLINE: "declined",
    Move.LEAVE: "left",
    Move.REMOVE: "removed",
}


def may_administer(actor: Actor, slug: str) -> None:
    """Raises `Unauthenticated` or `Forbidden` for whoever does not administer that organisation, whether or
    not there is one.
    """
    if actor.steward:
        return
    actor.require(Scope.PROVIDER_ADMIN)
    if actor.provider_slug != slug.lower():
        raise Forbidden("Only an administrator of the organisation itself can do this.")


async def begin(
    session: AsyncSession, actor: Actor, owner: str, slug: str, name: str, *, origin: str
) -> Group:
    """Begin a group; its owner is its first member. Raises `Invalid` with every finding, `Conflict`."""
    findings = []
    if not _SLUG.fullmatch(slug):
        problem = f"{slug[:64]!r} is not a slug."
        findings.append(Finding("bad-slug", "/slug", problem, "Use a-z, 0-9 and hyphens, up to 63."))
    if not (1 <= len(name.strip()) <= 200 and name.splitlines() == [name]) or forbidden_characters(name):
        problem = "A name is one line of 1 to 200 characters."
        findings.append(Finding("bad-name", "/name", problem, "Shorten it."))
    if findings:
        raise Invalid("The group cannot be begun as given.", findings=findings)
    await lock(session)
    provider = await by_slug(session, owner)
    if provider.state != State.APPROVED:
        raise Forbidden(f"{provider.name} is not approved yet; approved organisations begin groups.")
    owned = await session.scalars(
        select(SharingGroup.pk).where(SharingGroup.owner_pk == provider.pk, SharingGroup.closed_at.is_(None))
    )
    if len(owned.all()) >= MOST_GROUPS:
        raise Conflict(f"An organisation owns at most {MOST_GROUPS} groups. Close one first.")
    if await session.scalar(select(SharingGroup.pk).where(SharingGroup.slug == slug)):
        raise Conflict(f"The name {slug!r} is not free. Take another, such as {f'{owner}-{slug}'[:63]!r}.")
    moment = now()
    made = SharingGroup(slug=slug, name=name.strip(), owner_pk=provider.pk, created_at=moment)
    session.add(made)
    await session.flush()
    session.add(GroupMember(group_pk=made.pk, provider_pk=provider.pk, state=Place.MEMBER.value, at=moment))
    await session.flush()
    await _tell(session, actor, "begun", slug, [provider.pk], origin)
    return await queries.group(session, provider, slug)


async def change(
    session: AsyncSession, actor: Actor, by: str, group: str, member: str, wanted: Move, *, origin: str
) -> Group:
    """Invite, accept, decline, leave or remove. `by` is the organisation that does it, `member` the one it is
    done to. Raises `NotFound`, `Forbidden`, `Conflict`.
    """
    await lock(session)
    acting = await by_slug(session, by)
    found = await queries.group(session, acting, group)
    if wanted in OWNERS:
        if found.owner_pk != acting.pk:
            raise Forbidden("Only the organisation that owns the group invites and removes.")
    elif member.lower() != acting.slug:
        raise Forbidden(f"Only the organisation itself can {wanted.value}.")
    if wanted is Move.INVITE:
        other = await queries.invitable(session, member)
    elif wanted in OWNERS:
        other = await session.scalar(select(Provider).where(Provider.slug == member.lower()))
    else:
        other = acting
    row = None if other is None else await session.get(GroupMember, (found.pk, other.pk))
    if other is None or (row is None and wanted is Move.REMOVE):
        raise NotFound(f"There is no organisation {member[:64]!r} to {wanted.value}.")
    if other.pk == found.owner_pk:
        raise Conflict("The owner is a member as long as the group is there. Close the group instead.")
    place = move(Place(row.state) if row else Place.NONE, wanted)
    if row is None:
        if len(found.members) >= MOST_MEMBERS:
            raise Conflict(f"A group has at most {MOST_MEMBERS} members and invitations.")
        session.add(GroupMember(group_pk=found.pk, provider_pk=other.pk, state=place.value, at=now()))
    elif place is Place.NONE:
        await session.delete(row)
    else:
        row.state, row.at = place.value, now()
    await session.flush()
    await _tell(session, actor, _DONE[wanted], found.slug, [acting.pk, other.pk], origin, member=other.slug)
    if wanted in OWNERS or place is not Place.NONE:
        return await queries.group(session, acting, group)
    return replace(found, place=Place.NONE, members=())


async def close(session: AsyncSession, actor: Actor, by: str, group: str, *, origin: str) -> None:
    """Close a group: nobody reads through it any more, and its name is not given out again."""
    await lock(session)
    acting = await by_slug(session, by)
    found = await queries.group(session, acting, group)
    if found.owner_pk != acting.pk:
        raise Forbidden("Only the organisation that owns the group closes it.")
    row = await session.get_one(SharingGroup, found.pk)
    row.closed_at = now()
    members = await session.scalars(select(GroupMember.provider_pk).where(GroupMember.group_pk == found.pk))
    told = list(members)
    await session.execute(delete(GroupMember).where(GroupMember.group_pk == found.pk))
    await _tell(session, actor, "closed", found.slug, told, origin)


async def _tell(
    session: AsyncSession,
    actor: Actor,
    action: str,
    group: str,
    providers: list[int],
    origin: str,
    **detail: str,
) -> None:
    """Into the audit trail of each organisation that it concerns; and to every process, which may hold an
    `Actor` for a moment.
    """
    for provider in dict.fromkeys(providers):
        await note(session, actor, "group", action, group, provider=provider, **detail)
    entry = Entry(topic="group", action=action, subject=group, origin=origin, actor=actor.name, at=now())
    await append(session, [entry])
