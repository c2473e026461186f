"""One-time links: how people sign in without any other service.

A link holds a random token, kept as its hash, good once and for a quarter of an hour. Opening it does
nothing, since mail scanners open links too: whoever holds it confirms.
"""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry.auth.models import Link, Person
from registry.canonical import digest
from registry.db import now
from registry.settings import Settings

LIFETIME = timedelta(minutes=15)
MOST = 5
"""Links that one person is sent in an hour."""
SIGN_IN = "sign-in"
_KEPT = timedelta(days=1)
_MAX_TOKEN = 128


@dataclass(frozen=True, slots=True)
class Used:
    """What became of a link: whose it is, and whether it opened. `person` is None for one that never was."""

    person: Person | None
    opened: bool


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link just made. Its token is shown here and nowhere again."""

    email: str
    token: str = field(repr=False)

    def address(self, settings: Settings) -> str:
        return f"{settings.url}/sign-in/link?token={self.token}"


async def make(session: AsyncSession, person: Person) -> NewLink:
    """A new link for a person. Long ended ones are dropped."""
    moment = now()
    await session.execute(delete(Link).where(Link.expires_at < moment - _KEPT))
    token = secrets.token_urlsafe(32)
    session.add(
        Link(
            token_hash=digest(token.encode()),
            person_pk=person.pk,
            purpose=SIGN_IN,
            made_at=moment,
            expires_at=moment + LIFETIME,
        )
    )
    return NewLink(person.email, token)


async def had_enough(session: AsyncSession, person: Person) -> bool:
    """Whether a person was sent as many links as they are within an hour."""
    # Those that are asked for at the same moment are counted one after the other.
    await session.execute(select(Person.pk).where(Person.pk == person.pk).with_for_update())
    made = await session.scalar(
        select(func.count())
        .select_from(Link)
        .where(Link.person_pk == person.pk, Link.made_at > now() - timedelta(hours=1))
    )
    return (made or 0) >= MOST


async def whose(session: AsyncSession, token: str) -> Person | None:
    """Who would sign in with a link; None when nobody would, or nobody any more."""
    if not token or len(token) > _MAX_TOKEN:
        return None
    return await session.scalar(
        select(Person)
        .join(Link, Link.person_pk == Person.pk)
        .where(Link.token_hash == _hash(token), Link.used_at.is_(None), Link.expires_at > now())
    )


async def use(session: AsyncSession, token: str) -> Used:
    """Use a link, once, however many ask at the same moment."""
    if not token or len(token) > _MAX_TOKEN:
        return Used(None, False)
    done = await session.execute(
        update(Link)
        .where(Link.token_hash == _hash(token), Link.used_at.is_(None), Link.expires_at > now())
        .values(used_at=now())
        .returning(Link.pk)
    )
    opened = done.first() is not None
    person = await session.scalar(
        select(Person).join(Link, Link.person_pk == Person.pk).where(Link.token_hash == _hash(token))
    )
    if opened and person is not None:
        # The others that were sent meanwhile are not needed, and lie in a mailbox.
        await session.execute(
            update(Link).where(Link.person_pk == person.pk, Link.used_at.is_(None)).values(used_at=now())
        )
    return Used(person, opened)


def _hash(token: str) -> str:
    return digest(token.encode("utf-8", "surrogatepass"))
