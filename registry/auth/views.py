"""What is told of people, sessions and clients: field by field, and never a secret or a hash."""

from datetime import datetime
from typing import Any

from registry.actor import Actor
from registry.auth.people import Member
from registry.auth.sessions import SignedIn
from registry.clock import instant
from registry.providers.clients import is_live
from registry.providers.models import Client, ClientKey, ClientSecret


def member(one: Member) -> dict[str, Any]:
    return {
        "id": str(one.pk),
        "email": one.email,
        "name": one.name,
        "roles": list(one.roles),
        "since": instant(one.since),
        "second_factor": one.second_factor,
    }


def client(one: Client) -> dict[str, Any]:
    return {
        "client_id": one.client_id,
        "name": one.name,
        "scopes": one.scopes,
        **_life(one),
    }


def secret(one: ClientSecret) -> dict[str, Any]:
    return {"id": one.id, **_life(one)}


def key(one: ClientKey) -> dict[str, Any]:
    return {"kid": one.kid, "alg": one.alg, "key": one.jwk, **_life(one)}


def _life(one: Client | ClientSecret | ClientKey) -> dict[str, Any]:
    return {
        "live": is_live(one),
        "created_at": instant(one.created_at),
        "expires_at": _when(one.expires_at),
        "last_used_at": _when(one.last_used_at),
        "revoked_at": _when(one.revoked_at),
    }


def _when(at: datetime | None) -> str | None:
    return instant(at) if at is not None else None


def session(actor: Actor, held: SignedIn | None) -> dict[str, Any]:
    """Who asks, and what they may do. `csrf_token` goes with every unsafe request of a session."""
    told: dict[str, Any] = {
        "name": actor.name if held is None else held.email,
        "provider": actor.provider_slug,
        "approved": actor.approved,
        "scopes": sorted(scope.value for scope in actor.scopes),
    }
    if held is None:
        return told
    return told | {
        "person": {"email": held.email, "name": held.name},
        "steward": actor.steward,
        "second_factor": "owed" if held.half else "given" if held.second_factor else "none",
        "asked_for_second_factor": held.nudge,
        "organisations": [
            {"slug": one.provider.slug, "name": one.provider.name, "roles": list(one.roles)}
            for one in held.organisations
        ],
        "ends_at": instant(held.ends_at),
        "csrf_token": held.csrf,
    }
