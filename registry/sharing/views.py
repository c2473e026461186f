from typing import Any

from registry.clock import instant
from registry.sharing.queries import Group


def group(found: Group) -> dict[str, Any]:
    """A group as one organisation is shown it: its own place, and for members who else is in it."""
    return {
        "slug": found.slug,
        "name": found.name,
        "owner": found.owner,
        "state": found.place.value,
        "created": instant(found.created_at),
        "members": [
            {"provider": one.provider, "name": one.name, "state": one.place.value, "at": instant(one.at)}
            for one in found.members
        ],
    }
