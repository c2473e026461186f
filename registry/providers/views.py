from typing import Any

from registry.clock import instant
from registry.providers.applications import Proof
from registry.providers.models import Application, Provider
from registry.providers.onboarding import State, open_decisions


def public(provider: Provider) -> dict[str, Any]:
    """What everybody may know of an organisation."""
    shown = {
        "slug": provider.slug,
        "name": provider.name,
        "domain": provider.domain,
        "verified": provider.domain_verified,
        "sector": provider.sector,
        "state": provider.state,
        "since": instant(provider.created_at),
    }
    return {key: value for key, value in shown.items() if value is not None}


def own(
    provider: Provider, application: Application | None, proof: Proof | None, *, steward: bool = False
) -> dict[str, Any]:
    """What an organisation and the stewards may know of it; stewards see which decisions are open."""
    more: dict[str, Any] = {
        "kind": provider.kind,
        "contact": provider.contact,
        "usage_policy": provider.usage_policy,
        "four_eyes": provider.four_eyes,
    }
    if provider.decided_at is not None:
        more["decision"] = {"at": instant(provider.decided_at), "reason": provider.reason}
    if provider.held_at is not None:
        more["hold"] = {"since": instant(provider.held_at), "reason": provider.hold_reason}
    if proof is not None and not provider.domain_verified:
        more["domain_proof"] = {"url": proof.url, "line": proof.line}
    if application is not None:
        more["application"] = {
            "at": instant(application.at),
            "wished_slug": application.wished,
            "note": application.note,
        }
    if steward:
        more["open"] = open_decisions(State(provider.state))
    return public(provider) | {key: value for key, value in more.items() if value is not None}


def applied(
    provider: Provider, application: Application, proof: Proof | None, key: str, expires_at: str
) -> dict[str, Any]:
    """The answer to an application. The key is shown here and nowhere again."""
    return own(provider, application, proof) | {
        "onboarding_key": key,
        "onboarding_key_expires": expires_at,
        "status": f"/api/v1/providers/{provider.slug}",
    }
