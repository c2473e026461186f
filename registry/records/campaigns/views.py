"""What leaves the house of campaigns, built field by field."""

from typing import Any

import msgspec

from registry.records.campaigns.queries import Looks
from registry.records.queries import Stored


class _Told(msgspec.Struct):
    title: str = ""
    published: str = ""
    provider: dict[str, Any] | None = None


_told = msgspec.json.Decoder(_Told).decode


def campaign(looks: Looks) -> dict[str, Any]:
    """One campaign as JSON."""
    return {
        "records": [_record(row) for row in looks.records],
        "size": looks.size,
        "organisations": looks.organisations,
        "shared": [
            {"kind": trait.kind, "value": trait.value, "records": trait.records} for trait in looks.shared
        ],
    }


def _record(row: Stored) -> dict[str, Any]:
    told = _told(row.document)
    shown = {"origin": row.origin, "id": row.id, "kind": row.kind, "title": told.title}
    slug = (told.provider or {}).get("slug")
    return shown | ({"provider": slug} if slug else {}) | {"published": told.published}
