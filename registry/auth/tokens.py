"""Tokens: kept hashed, looked up on each use, turned into an `Actor`."""

import base64
import binascii
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import ANONYMOUS, Actor, Scope
from registry.audit.service import note
from registry.auth.actors import acting, usable
from registry.auth.models import Person, Token
from registry.canonical import digest
from registry.db import now
from registry.errors import NotFound, Unauthenticated
from registry.providers.models import Client, Provider
from registry.providers.onboarding import ONLY_LOOKING, State

LIFETIME = timedelta(hours=1)
MAX_TOKEN = 512
_CLIENT_ID = re.compile(r"[a-z0-9.-]{1,128}")
_KEPT_ENDED = timedelta(hours=1)


class Purpose(StrEnum):
    """What a token opens. Only the first two are good in an `Authorization` header."""

    ACCESS = "access"
    ONBOARDING = "onboarding"
    FEED = "feed"


BEARER = (Purpose.ACCESS, Purpose.ONBOARDING)


def basic_client_id(authorization: str) -> str:
    """The client id in an `Authorization: Basic` header; empty when there is none that could be ours."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        client_id = base64.b64decode(value.strip(), validate=True).decode("ascii").partition(":")[0]
    except (binascii.Error, ValueError):
        return ""
    return as_client_id(client_id)


def as_client_id(text: Any) -> str:
    """The text when it could be a client id of ours; empty otherwise."""
    return text if isinstance(text, str) and _CLIENT_ID.fullmatch(text) else ""


async def keep(session: AsyncSession, client: Client, granted: Mapping[str, Any]) -> None:
    """Store a granted access token by its hash, and drop those long expired."""
    moment = now()
    await session.execute(delete(Token).where(Token.expires_at < moment - _KEPT_ENDED))
    _add(
        session,
        granted["access_token"],
        moment,
        purpose=Purpose.ACCESS,
        provider_pk=client.provider_pk,
        client_pk=client.pk,
        person_pk=None,
        scopes=granted["scope"].split(),
        lifetime=LIFETIME,
    )


async def make_token(
    session: AsyncSession,
    provider_pk: int | None,
    purpose: Purpose,
    scopes: Iterable[Scope],
    lifetime: timedelta,
    person: int | None = None,
) -> str:
    """A new token for an organisation, or for the person of that key, shown here and nowhere again.

    The caller notes the act, by `token_id`.
    """
    token = secrets.token_urlsafe(36)
    _add(
        session,
        token,
        now(),
        purpose=purpose,
        provider_pk=provider_pk,
        client_pk=None,
        person_pk=person,
        scopes=sorted(scopes),
        lifetime=lifetime,
    )
    await session.flush()
    return token


def token_id(token: str) -> str:
    """What a token is called in lists and in the audit trail: it opens nothing and does not lead back."""
    return digest(b"id\n" + token.encode())[:12]


def _add(session: AsyncSession, token: str, at: datetime, *, lifetime: timedelta, **fields: Any) -> None:
    session.add(
        Token(
            token_hash=digest(token.encode()),
            id=token_id(token),
            issued_at=at,
            expires_at=at + lifetime,
            **fields,
        )
    )


async def revoke_token(
    session: AsyncSession, by: Actor, id: str, *, provider: int | None = None, person: int | None = None
) -> Token:
    """Revoke a token by its id, within an organisation's or a person's own when given. Raises `NotFound`."""
    query = select(Token).where(Token.id == id, Token.revoked_at.is_(None), Token.expires_at > now())
    if provider is not None:
        query = query.where(Token.provider_pk == provider)
    if person is not None:
        query = query.where(Token.person_pk == person)
    token = await session.scalar(query)
    if token is None:
        raise NotFound(f"There is no live token {id[:16]!r}.")
    token.revoked_at = now()
    await note(session, by, "token", "revoked", token.id, provider=token.provider_pk, purpose=token.purpose)
    return token


async def revoke_tokens(
    session: AsyncSession,
    *,
    client: int | None = None,
    provider: int | None = None,
    purpose: Purpose | None = None,
) -> None:
    """Revoke every live token of a client, or of an organisation for a purpose. The caller notes the act."""
    query = update(Token).where(Token.revoked_at.is_(None))
    if client is not None:
        query = query.where(Token.client_pk == client)
    if provider is not None:
        query = query.where(Token.provider_pk == provider)
    if purpose is not None:
        query = query.where(Token.purpose == purpose)
    if client is None and provider is None:
        raise ValueError("whose tokens?")
    await session.execute(query.values(revoked_at=now()))


async def actor_of(session: AsyncSession, authorization: str | None) -> Actor:
    """Who sent this `Authorization` header. Raises `Unauthenticated` for one that is not, or no longer, good.

    The look-up is by hash, so that the time it takes says nothing about the token.
    """
    if not authorization:
        return ANONYMOUS
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN:
        raise Unauthenticated("Send the token as `Authorization: Bearer TOKEN`.")
    found = await holder(session, token)
    if found is None:
        raise Unauthenticated("The token is unknown, expired or revoked. Ask /oauth/token for a new one.")
    return found


async def holder(session: AsyncSession, token: str, *, purposes: Iterable[Purpose] = BEARER) -> Actor | None:
    """Who holds a token that is good for one of the purposes; None for any other.

    An organisation that has only applied, or was declined, holds an onboarding key without any scope: who
    checks it looks at `Actor.provider`.
    """
    moment = now()
    row = (
        await session.execute(
            select(Token, Client, Provider, Person)
            .outerjoin(Client, Client.pk == Token.client_pk)
            .outerjoin(Provider, Provider.pk == Token.provider_pk)
            .outerjoin(Person, Person.pk == Token.person_pk)
            .where(
                Token.token_hash == digest(token.encode()),
                Token.purpose.in_(list(purposes)),
                Token.expires_at > moment,
                Token.revoked_at.is_(None),
                Client.revoked_at.is_(None),
                or_(Client.expires_at.is_(None), Client.expires_at > moment),
            )
        )
    ).first()
    if row is None:
        return None
    held, client, provider, person = row
    looking = provider is not None and State(provider.state) in ONLY_LOOKING
    if provider is not None and not usable(provider) and not (looking and held.purpose == Purpose.ONBOARDING):
        return None
    scopes = () if looking else (Scope(scope) for scope in held.scopes)
    name = client.client_id if client else person.email if person else f"{held.purpose} key {held.id}"
    return await acting(session, name, provider, scopes, person=person.email if person else None)
