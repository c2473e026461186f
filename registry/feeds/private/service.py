"""Keys for private feeds: made, revoked, and turned into the reader that their owner is at this moment."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.auth.models import Membership, Person, Token
from registry.auth.roles import scopes_of
from registry.auth.tokens import Purpose, holder, revoke_token, token_id
from registry.canonical import digest, is_line
from registry.changelog.append import lock
from registry.db import Database, now
from registry.errors import Conflict, Finding, Forbidden, Invalid, NotFound
from registry.providers.models import Client

MOST_KEYS = 50
LONGEST_NAME = 100
LIFETIME = timedelta(days=3650)
# A feed reader asks every few minutes: when a key was last used is told to the hour.
USE_NOTED = timedelta(hours=1)
MAX_KEY = 128


@dataclass(frozen=True, slots=True)
class FeedKey:
    """A key as its owner sees it later: without the key itself."""

    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. `key` is shown here and nowhere again."""

    id: str
    name: str
    key: str = field(repr=False)


async def add_key(session: AsyncSession, actor: Actor, name: str) -> NewKey:
    """Make a key that reads what the actor may. Raises `Invalid`, `Forbidden`, `Conflict`.

    It is bound to who asked: with their client, or their place in the organisation, it ends.
    """
    actor.require(Scope.RECORDS_READ)
    if not is_line(name, LONGEST_NAME):
        problem = f"A name is one line of 1 to {LONGEST_NAME} characters."
        hint = "Such as the reader that will use it."
        raise Invalid("The key needs a name.", findings=[Finding("bad-name", "/name", problem, hint)])
    await lock(session)
    if len(await keys_of(session, actor)) >= MOST_KEYS:
        raise Conflict(f"You have {MOST_KEYS} keys, and that is the most. Revoke one first.")
    client, person = await _holder_of(session, actor)
    key, moment = secrets.token_urlsafe(32), now()
    session.add(
        Token(
            token_hash=digest(key.encode()),
            id=token_id(key),
            name=name.strip(),
            purpose=Purpose.FEED,
            provider_pk=actor.provider,
            client_pk=client,
            person_pk=person,
            scopes=[Scope.RECORDS_READ.value],
            issued_at=moment,
            expires_at=moment + LIFETIME,
        )
    )
    await session.flush()
    await note(session, actor, "token", "feed-key-added", token_id(key), provider=actor.provider)
    return NewKey(token_id(key), name.strip(), key)


async def keys_of(session: AsyncSession, actor: Actor) -> list[FeedKey]:
    """The keys of whoever asks that are good still, the newest first."""
    actor.require(Scope.RECORDS_READ)
    client, person = await _holder_of(session, actor)
    query = select(Token).where(
        Token.purpose == Purpose.FEED,
        Token.revoked_at.is_(None),
        Token.expires_at > now(),
        Token.client_pk == client if client is not None else Token.person_pk == person,
    )
    rows = await session.scalars(query.order_by(Token.issued_at.desc(), Token.id))
    return [FeedKey(row.id, row.name or "", row.issued_at, row.last_used_at) for row in rows]


async def revoke_key(session: AsyncSession, actor: Actor, id: str) -> None:
    """End a key of one's own. Raises `NotFound`."""
    if id not in {key.id for key in await keys_of(session, actor)}:
        raise NotFound(f"You have no feed key {id[:16]!r}.")
    await revoke_token(session, actor, id)


async def _holder_of(session: AsyncSession, actor: Actor) -> tuple[int | None, int | None]:
    """The client, or else the person, that the actor is."""
    if actor.person is not None:
        return None, await session.scalar(select(Person.pk).where(Person.email == actor.person))
    client = await session.scalar(select(Client.pk).where(Client.client_id == actor.name))
    if client is None:
        raise Forbidden("A key for a feed is made by a client or by a person who is signed in.")
    return client, None


async def reader_of(session: AsyncSession, key: str) -> tuple[str, Actor] | None:
    """The id of a key and who reads with it now; None for one that is not, or no longer, good.

    Nothing of what its owner was when it was made counts: groups, roles and approval are read anew.
    """
    if not 0 < len(key) <= MAX_KEY:
        return None
    found = await holder(session, key, purposes=(Purpose.FEED,))
    token = await session.scalar(select(Token).where(Token.token_hash == digest(key.encode())))
    if found is None or token is None:
        return None
    if token.client_pk is not None:
        client = await session.get_one(Client, token.client_pk)
        if Scope.RECORDS_READ not in client.scopes:
            return None
    if token.person_pk is not None and token.provider_pk is not None:
        roles = await session.scalar(
            select(Membership.roles).where(
                Membership.person_pk == token.person_pk, Membership.provider_pk == token.provider_pk
            )
        )
        if Scope.RECORDS_READ not in scopes_of(roles or ()):
            return None
    return token.id, replace(found, scopes=frozenset({Scope.RECORDS_READ}))


async def note_use(database: Database, key: str) -> None:
    """Write down that a key was used, once an hour at most."""
    moment = now()
    of_key = select(Token).where(Token.token_hash == digest(key.encode()))
    async with database.read() as session:
        token = await session.scalar(of_key)
        last = token.last_used_at if token is not None else moment
    if last is not None and last > moment - USE_NOTED:
        return
    async with database.write() as session:
        token = await session.scalar(of_key)
        if token is not None:
            token.last_used_at = moment
