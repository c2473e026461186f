"""Sessions of people, kept on this side: a cookie holds a random id and nothing else.

Whatever raises or changes what a session may do gives it a new id, so that one that was seen or planted
before is worth nothing after. Roles are read with the session each time, so that what is taken away is gone.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import ANONYMOUS, Actor
from registry.auth.actors import acting, usable
from registry.auth.models import Membership, Person, PersonSession
from registry.auth.roles import STEWARD, scopes_of
from registry.canonical import digest
from registry.db import now
from registry.providers.models import Provider

IDLE = timedelta(hours=8)
"""How long a session lasts without being used."""
ABSOLUTE = timedelta(days=7)
"""How long it lasts, however much it is used."""
HALF = timedelta(minutes=10)
"""How long there is for the second factor."""
MAX_COOKIE = 128


@dataclass(frozen=True, slots=True)
class Belonging:
    """An organisation that a person is a member of, with their roles there."""

    provider: Provider
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who holds a session. `actor` is nobody as long as a second factor is asked for (`half`).

    `nudge` asks a steward to enrol a second factor. `csrf` is what forms and scripts of this session send.
    """

    pk: int
    person_pk: int
    email: str
    name: str | None
    method: str
    steward: bool
    enrolled: bool
    second_factor: bool
    organisations: tuple[Belonging, ...]
    ends_at: datetime
    seen_at: datetime
    actor: Actor
    csrf: str = field(repr=False)

    @property
    def half(self) -> bool:
        return self.enrolled and not self.second_factor

    @property
    def nudge(self) -> bool:
        return self.steward and not self.enrolled


def csrf_token(secret: bytes, id_hash: str) -> str:
    """The token that proves that a form was made for this session. It changes with the session's id."""
    return hmac.new(secret, f"csrf\n{id_hash}".encode(), hashlib.sha256).hexdigest()


async def start(session: AsyncSession, person: Person, *, method: str, second_factor: bool = False) -> str:
    """Begin a session and answer what its cookie holds. Long ended ones are dropped."""
    moment = now()
    await session.execute(delete(PersonSession).where(PersonSession.ends_at < moment))
    value = secrets.token_urlsafe(32)
    belongings = await _organisations(session, person.pk)
    half = person.totp_confirmed_at is not None and not second_factor
    session.add(
        PersonSession(
            id_hash=digest(value.encode()),
            person_pk=person.pk,
            provider_pk=belongings[0].provider.pk if belongings else None,
            method=method,
            second_factor=second_factor,
            created_at=moment,
            seen_at=moment,
            ends_at=moment + (HALF if half else ABSOLUTE),
        )
    )
    return value


async def rotate(session: AsyncSession, pk: int, **changes: object) -> str:
    """Give a session a new id, along with the change that asks for it; answers the new cookie."""
    value = secrets.token_urlsafe(32)
    await session.execute(
        update(PersonSession)
        .where(PersonSession.pk == pk)
        .values(id_hash=digest(value.encode()), seen_at=now(), **changes)
    )
    return value


async def complete(session: AsyncSession, pk: int) -> str:
    """Raise a session to one with a second factor, for its whole time and under a new id."""
    return await rotate(session, pk, second_factor=True, ends_at=now() + ABSOLUTE)


async def end(session: AsyncSession, pk: int) -> None:
    await session.execute(delete(PersonSession).where(PersonSession.pk == pk))


async def end_all(
    session: AsyncSession, person_pk: int, *, acting_for: int | None = None, but: int | None = None
) -> int:
    """End a person's sessions, or those that act for one organisation; answers how many."""
    query = delete(PersonSession).where(PersonSession.person_pk == person_pk)
    if acting_for is not None:
        query = query.where(PersonSession.provider_pk == acting_for)
    if but is not None:
        query = query.where(PersonSession.pk != but)
    done = await session.execute(query.returning(PersonSession.pk))
    return len(done.all())


async def signed_in(
    session: AsyncSession, cookie: str, *, secret: bytes, stewards_need_second_factor: bool = False
) -> SignedIn | None:
    """Who holds this cookie; None when nobody does, or nobody any more."""
    if not cookie or len(cookie) > MAX_COOKIE:
        return None
    moment = now()
    row = (
        await session.execute(
            select(PersonSession, Person)
            .join(Person, Person.pk == PersonSession.person_pk)
            .where(
                PersonSession.id_hash == digest(cookie.encode()),
                PersonSession.ends_at > moment,
                PersonSession.seen_at > moment - IDLE,
            )
        )
    ).first()
    if row is None:
        return None
    held, person = row
    belongings = await _organisations(session, person.pk)
    enrolled = person.totp_confirmed_at is not None
    half = enrolled and not held.second_factor
    steward = person.steward and (held.second_factor or not stewards_need_second_factor)
    belonging = next((one for one in belongings if one.provider.pk == held.provider_pk), None)
    scopes = scopes_of(belonging.roles) if belonging else frozenset()
    return SignedIn(
        pk=held.pk,
        person_pk=person.pk,
        email=person.email,
        name=person.name,
        method=held.method,
        steward=person.steward,
        enrolled=enrolled,
        second_factor=held.second_factor,
        organisations=tuple(belongings),
        ends_at=held.ends_at,
        seen_at=held.seen_at,
        actor=ANONYMOUS
        if half
        else await acting(
            session,
            person.email,
            belonging.provider if belonging else None,
            scopes | STEWARD if steward else scopes,
            person=person.email,
        ),
        csrf=csrf_token(secret, held.id_hash),
    )


async def _organisations(session: AsyncSession, person_pk: int) -> list[Belonging]:
    """Those that a person may act for now: a suspended one's members have nothing to do there."""
    rows = await session.execute(
        select(Provider, Membership.roles)
        .join(Membership, Membership.provider_pk == Provider.pk)
        .where(Membership.person_pk == person_pk)
        .order_by(Provider.slug)
    )
    return [Belonging(provider, tuple(roles)) for provider, roles in rows if usable(provider)]
