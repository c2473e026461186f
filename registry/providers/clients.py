"""Machines that act for an organisation: their secrets, their keys, and the end of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.db import now
from registry.errors import Conflict, Forbidden, NotFound
from registry.providers.models import Client, ClientKey, ClientSecret, Provider
from registry.providers.service import make_secret

MOST_CLIENTS = 50
MOST_LIVE = 5
"""Live secrets, and live keys, of one client: a rotation needs two."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A client that may ask for tokens now, with the secrets and keys that are live."""

    client: Client
    provider: Provider
    secrets: tuple[ClientSecret, ...] = ()
    keys: tuple[ClientKey, ...] = ()


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret just made. `secret` is shown here and nowhere again."""

    id: str
    secret: str = field(repr=False)
    expires_at: datetime | None


def live(model: type[Client] | type[ClientSecret] | type[ClientKey]) -> Any:
    return (model.revoked_at.is_(None)) & or_(model.expires_at.is_(None), model.expires_at > now())


async def machine(session: AsyncSession, client_id: str) -> Machine | None:
    """A live client by its id, with its organisation and what it may show."""
    row = (
        await session.execute(
            select(Client, Provider)
            .join(Provider, Provider.pk == Client.provider_pk)
            .where(Client.client_id == client_id, live(Client))
        )
    ).first()
    if row is None:
        return None
    client, provider = row
    held = await session.scalars(
        select(ClientSecret).where(ClientSecret.client_pk == client.pk, live(ClientSecret))
    )
    keys = await session.scalars(select(ClientKey).where(ClientKey.client_pk == client.pk, live(ClientKey)))
    return Machine(client, provider, tuple(held), tuple(keys))


async def of_provider(session: AsyncSession, provider: Provider) -> Sequence[Client]:
    """An organisation's clients, the newest first, revoked ones too."""
    query = select(Client).where(Client.provider_pk == provider.pk).order_by(Client.pk.desc())
    return (await session.scalars(query)).all()


async def by_id(session: AsyncSession, client_id: str, provider: Provider | None = None) -> Client:
    """A client that is not revoked, of that organisation when given. Raises `NotFound`."""
    query = select(Client).where(Client.client_id == client_id, Client.revoked_at.is_(None))
    if provider is not None:
        query = query.where(Client.provider_pk == provider.pk)
    found = await session.scalar(query)
    if found is None:
        raise NotFound(f"There is no live client {client_id[:128]!r}.")
    return found


async def secrets_of(session: AsyncSession, client: Client) -> Sequence[ClientSecret]:
    query = select(ClientSecret).where(ClientSecret.client_pk == client.pk).order_by(ClientSecret.pk)
    return (await session.scalars(query)).all()


async def keys_of(session: AsyncSession, client: Client) -> Sequence[ClientKey]:
    query = select(ClientKey).where(ClientKey.client_pk == client.pk).order_by(ClientKey.pk)
    return (await session.scalars(query)).all()


def require_giveable(by: Actor, scopes: frozenset[Scope]) -> None:
    """Raises `Forbidden` for a scope that the maker of a client may not give.

    Whoever administers an organisation may give what its members may hold; the scope of stewards is theirs.
    """
    if Scope.REGISTRY_STEWARD in scopes and not by.steward:
        raise Forbidden("Only a steward gives the scope 'registry:steward'.", scope="registry:steward")


async def require_room(session: AsyncSession, provider: Provider) -> None:
    """Raises `Conflict` when an organisation has as many live clients as it may."""
    count = await session.scalar(
        select(func.count()).select_from(Client).where(Client.provider_pk == provider.pk, live(Client))
    )
    if (count or 0) >= MOST_CLIENTS:
        raise Conflict(f"{MOST_CLIENTS} live clients are the most. Revoke one that is not used.")


async def add_secret(
    session: AsyncSession, by: Actor, client: Client, expires_at: datetime | None = None
) -> NewSecret:
    """Another secret beside those there are. Raises `Conflict` when there are too many live ones."""
    held = [one for one in await secrets_of(session, client) if is_live(one)]
    if len(held) >= MOST_LIVE:
        raise Conflict(f"{MOST_LIVE} live secrets are the most. Revoke one that is not used.")
    row, text = make_secret(client, expires_at)
    session.add(row)
    await _note(session, by, client, "secret-added", secret=row.id)
    return NewSecret(row.id, text, expires_at)


async def revoke_secret(session: AsyncSession, by: Actor, client: Client, id: str) -> None:
    """End a secret. Raises `NotFound`. Tokens that it brought end with `revoke_tokens`."""
    found = next((one for one in await secrets_of(session, client) if one.id == id and is_live(one)), None)
    if found is None:
        raise NotFound(f"There is no live secret {id[:16]!r}.")
    found.revoked_at = now()
    await _note(session, by, client, "secret-revoked", secret=id)


async def add_key(
    session: AsyncSession,
    by: Actor,
    client: Client,
    key: tuple[str, str, dict[str, Any]],
    expires_at: datetime | None = None,
) -> ClientKey:
    """Register a public key, as `registry.auth.assertions.read_key` read it. Raises `Conflict`."""
    kid, alg, jwk = key
    held = await keys_of(session, client)
    if any(one.kid == kid for one in held):
        raise Conflict(f"The client has, or had, a key {kid!r}. Give the new one another kid.")
    if len([one for one in held if is_live(one)]) >= MOST_LIVE:
        raise Conflict(f"{MOST_LIVE} live keys are the most. Revoke one that is not used.")
    row = ClientKey(client_pk=client.pk, kid=kid, alg=alg, jwk=jwk, created_at=now(), expires_at=expires_at)
    session.add(row)
    await _note(session, by, client, "key-added", kid=kid, alg=alg)
    return row


async def revoke_key(session: AsyncSession, by: Actor, client: Client, kid: str) -> None:
    """End a key. Raises `NotFound`."""
    found = next((one for one in await keys_of(session, client) if one.kid == kid and is_live(one)), None)
    if found is None:
        raise NotFound(f"There is no live key {kid[:128]!r}.")
    found.revoked_at = now()
    await _note(session, by, client, "key-revoked", kid=kid)


async def revoke(session: AsyncSession, by: Actor, client: Client) -> None:
    """End a client, with all it holds: its tokens are refused with it."""
    moment = now()
    client.revoked_at = moment
    for model in (ClientSecret, ClientKey):
        await session.execute(
            update(model)
            .where(model.client_pk == client.pk, model.revoked_at.is_(None))
            .values(revoked_at=moment)
        )
    await _note(session, by, client, "revoked")


def is_live(row: Client | ClientSecret | ClientKey) -> bool:
    return row.revoked_at is None and (row.expires_at is None or row.expires_at > now())


async def _note(session: AsyncSession, by: Actor, client: Client, action: str, **detail: Any) -> None:
    await note(session, by, "client", action, client.client_id, provider=client.provider_pk, **detail)
