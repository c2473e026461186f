"""Access tokens: kept hashed, looked up on each use, turned into an `Actor`."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import ANONYMOUS, Actor, Scope
from registry.auth.models import Token
from registry.auth.oauth import LIFETIME
from registry.canonical import digest
from registry.db import now
from registry.errors import Unauthenticated
from registry.providers.models import Client, Provider
from registry.providers.onboarding import MAY_HOLD_TOKENS, State
from registry.sharing.queries import groups_of

MAX_TOKEN = 512
_CLIENT_ID = re.compile(r"[a-z0-9.-]{1,128}")


def basic_client_id(authorization: str) -> str:
    """The client id in an `Authorization: Basic` header; empty when there is none that could be ours."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        client_id = base64.b64decode(value.strip(), validate=True).decode("ascii").partition(":")[0]
    except (binascii.Error, ValueError):
        return ""
    return client_id if _CLIENT_ID.fullmatch(client_id) else ""


async def keep(session: AsyncSession, client: Client, granted: Mapping[str, Any]) -> None:
    """Store a granted token by its hash, and drop those long expired."""
    moment = now()
    await session.execute(delete(Token).where(Token.expires_at < moment - LIFETIME))
    session.add(
        Token(
            token_hash=digest(granted["access_token"].encode()),
            client_pk=client.pk,
            scopes=granted["scope"].split(),
            issued_at=moment,
            expires_at=moment + LIFETIME,
        )
    )


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
    row = (
        await session.execute(
            select(Token, Client, Provider)
            .join(Client, Client.pk == Token.client_pk)
            .join(Provider, Provider.pk == Client.provider_pk)
            .where(
                Token.token_hash == digest(token.encode()),
                Token.expires_at > now(),
                Token.revoked_at.is_(None),
                Client.revoked_at.is_(None),
            )
        )
    ).first()
    if row is None or State(row.Provider.state) not in MAY_HOLD_TOKENS:
        raise Unauthenticated("The token is unknown, expired or revoked. Ask /oauth/token for a new one.")
    return Actor(
        name=row.Client.client_id,
        provider=row.Provider.pk,
        provider_slug=row.Provider.slug,
        approved=row.Provider.state == State.APPROVED,
        scopes=frozenset(Scope(scope) for scope in row.Token.scopes),
        groups=await groups_of(session, row.Provider.pk),
    )
