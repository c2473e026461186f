"""People who may sign in, and their roles in organisations. Nobody is made from nothing: the operator adds
stewards, an administrator or a steward adds members.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.auth.models import Membership, Person
from registry.auth.roles import Role
from registry.auth.sessions import end_all
from registry.canonical import forbidden_characters
from registry.db import now
from registry.errors import Conflict, Finding, Forbidden, Invalid, NotFound, Unauthenticated
from registry.providers.models import Provider
from registry.providers.queries import by_slug

LONGEST = 254
MOST_MEMBERS = 500
_LOCAL = re.compile(r"""[^\s@<>()\[\]\\,;:"]{1,64}""")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an organisation."""

    pk: int
    email: str
    name: str | None
    roles: tuple[str, ...]
    since: datetime
    second_factor: bool


def address(text: object) -> str:
    """A mail address in the one form that is compared: NFC, lower case, its domain in ASCII.

    Raises `Invalid`. Names in every script are addresses; control and direction characters are not.
    """
    found = unicodedata.normalize("NFC", text.strip()).lower() if isinstance(text, str) else ""
    local, at, domain = found.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        domain = ""
    made = f"{local}@{domain}"
    fits = at and len(made) <= LONGEST and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)
    if not fits or forbidden_characters(local) or not local.isprintable():
        finding = Finding("bad-email", "/email", "This is no mail address.", "Such as name@example.org.")
        raise Invalid("The mail address cannot be read.", findings=[finding])
    return made


async def find(session: AsyncSession, email: str) -> Person | None:
    """The person of a normalised address."""
    return await session.scalar(select(Person).where(Person.email == email))


async def ensure(session: AsyncSession, email: object, name: str | None = None) -> Person:
    """The person of an address, made when not there yet. Raises `Invalid`."""
    wanted = address(email)
    if name is not None and (not 1 <= len(name.strip()) <= 200 or forbidden_characters(name)):
        finding = Finding("bad-name", "/name", "A name is one line of 1 to 200 characters.", "Shorten it.")
        raise Invalid("The name cannot be taken.", findings=[finding])
    person = await find(session, wanted)
    if person is None:
        person = Person(
            email=wanted, name=name.strip() if name else None, steward=False, created_at=now(), recovery=[]
        )
        session.add(person)
        await session.flush()
    return person


# --- stewards ---


async def stewards(session: AsyncSession) -> Sequence[Person]:
    return (await session.scalars(select(Person).where(Person.steward).order_by(Person.email))).all()


async def add_steward(session: AsyncSession, by: Actor, email: str, name: str | None = None) -> Person:
    """Make somebody a steward. Safe to repeat."""
    person = await ensure(session, email, name)
    if not person.steward:
        person.steward = True
        await end_all(session, person.pk)
        await note(session, by, "person", "made-steward", person.email)
    return person


async def remove_steward(session: AsyncSession, by: Actor, email: str) -> None:
    """Take the stewardship away; their sessions end. Raises `NotFound`."""
    person = await find(session, address(email))
    if person is None or not person.steward:
        raise NotFound("There is no such steward.")
    person.steward = False
    await end_all(session, person.pk)
    await note(session, by, "person", "no-steward", person.email)


# --- members ---


def require_admin(actor: Actor) -> None:
    """Before a body is read. Whose organisation it is, is looked at where it is written."""
    if not actor.known:
        raise Unauthenticated("This needs a token or a session.")
    if not actor.steward and Scope.PROVIDER_ADMIN not in actor.scopes:
        raise Forbidden("This needs the scope 'provider:admin'.", scope=Scope.PROVIDER_ADMIN.value)


async def managed(session: AsyncSession, by: Actor, slug: str) -> Provider:
    """The organisation whose members and clients somebody may manage.

    Raises `Unauthenticated` for nobody, `NotFound` for one that is not public and not theirs, `Forbidden` for
    any other that is not theirs.
    """
    if by.steward:
        return await by_slug(session, slug)
    by.require(Scope.PROVIDER_ADMIN)
    if slug.lower() == by.provider_slug:
        return await by_slug(session, slug)
    await by_slug(session, slug, public=True)
    raise Forbidden("Only administrators of this organisation, and stewards, may do this.")


async def members(session: AsyncSession, provider: Provider) -> list[Member]:
    """Who belongs to an organisation, by address."""
    rows = await session.execute(
        select(Membership, Person)
        .join(Person, Person.pk == Membership.person_pk)
        .where(Membership.provider_pk == provider.pk)
        .order_by(Person.email)
    )
    return [_member(membership, person) for membership, person in rows]


def _member(membership: Membership, person: Person) -> Member:
    return Member(
        membership.pk,
        person.email,
        person.name,
        tuple(membership.roles),
        membership.created_at,
        person.totp_confirmed_at is not None,
    )


async def add_member(
    session: AsyncSession,
    by: Actor,
    provider: Provider,
    email: object,
    roles: Sequence[Role],
    name: str | None = None,
) -> Member:
    """Let somebody act for an organisation. Raises `Conflict` when they are a member already."""
    person = await ensure(session, email, name)
    mine = Membership.provider_pk == provider.pk
    if await session.scalar(select(Membership.pk).where(mine, Membership.person_pk == person.pk)):
        raise Conflict(f"{person.email} is a member of this organisation already.")
    if (await session.scalar(select(func.count()).where(mine)) or 0) >= MOST_MEMBERS:
        raise Conflict(f"{MOST_MEMBERS} members are the most.")
    membership = Membership(
        person_pk=person.pk,
        provider_pk=provider.pk,
        roles=[role.value for role in roles],
        created_at=now(),
    )
    session.add(membership)
    await session.flush()
    await _note(session, by, provider, "added", person, roles)
    return _member(membership, person)


async def change_member(
    session: AsyncSession, by: Actor, provider: Provider, pk: int, roles: Sequence[Role]
) -> Member:
    """Give a member other roles; their sessions for this organisation end, so that they begin anew with them.

    Raises `NotFound`, and `Conflict` for the last administrator.
    """
    membership, person = await _one(session, provider, pk)
    if Role.ADMINISTRATOR not in roles:
        await _keep_an_administrator(session, provider, membership)
    if tuple(membership.roles) != tuple(roles):
        membership.roles = [role.value for role in roles]
        await end_all(session, person.pk, acting_for=provider.pk)
        await _note(session, by, provider, "roles-changed", person, roles)
    return _member(membership, person)


async def remove_member(session: AsyncSession, by: Actor, provider: Provider, pk: int) -> None:
    """End a membership, and the sessions that act by it. Raises as `change_member` does."""
    membership, person = await _one(session, provider, pk)
    await _keep_an_administrator(session, provider, membership)
    await session.execute(delete(Membership).where(Membership.pk == pk))
    await end_all(session, person.pk, acting_for=provider.pk)
    await _note(session, by, provider, "removed", person, ())


async def member_by_email(session: AsyncSession, provider: Provider, email: str) -> Member:
    """Raises `NotFound`."""
    wanted = address(email)
    for one in await members(session, provider):
        if one.email == wanted:
            return one
    raise NotFound(f"{wanted} is no member of {provider.slug}.")


async def _one(session: AsyncSession, provider: Provider, pk: int) -> tuple[Membership, Person]:
    # Two administrators who remove each other at the same moment: the second waits here and is refused.
    await session.execute(select(Provider.pk).where(Provider.pk == provider.pk).with_for_update())
    row = (
        await session.execute(
            select(Membership, Person)
            .join(Person, Person.pk == Membership.person_pk)
            .where(Membership.pk == pk, Membership.provider_pk == provider.pk)
        )
    ).first()
    if row is None:
        raise NotFound("There is no such member.")
    return row[0], row[1]


async def _keep_an_administrator(session: AsyncSession, provider: Provider, leaving: Membership) -> None:
    if Role.ADMINISTRATOR not in leaving.roles:
        return
    others = await session.scalars(
        select(Membership.roles).where(Membership.provider_pk == provider.pk, Membership.pk != leaving.pk)
    )
    if not any(Role.ADMINISTRATOR in roles for roles in others):
        raise Conflict("The last administrator stays. Make somebody else one first.")


async def _note(
    session: AsyncSession, by: Actor, provider: Provider, action: str, person: Person, roles: Sequence[Role]
) -> None:
    await note(
        session,
        by,
        "member",
        action,
        person.email,
        provider=provider.pk,
        roles=[role.value for role in roles],
    )
