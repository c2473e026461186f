from typing import Any

from registry.clock import instant
from registry.providers.models import Provider


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
