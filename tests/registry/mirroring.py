"""Records of other registries, as whoever follows those hands them over."""

import hashlib
from collections.abc import Sequence
from typing import Any

from registry.canonical import canonical, commitment
from registry.extensions import Node
from registry.ids import derived_id
from registry.records.mirrored import MirroredVersion, Outcome, store_mirrored
from registry.records.versions import Desk

PEER = "peer.example/log"


def their_id(name: str) -> str:
    return derived_id(b"peer", name)


def version_of(name: str, number: int = 1, *, origin: str = PEER, **fields: Any) -> MirroredVersion:
    """Version `number` of the record that `name` stands for, as `origin` published it."""
    at = f"2026-01-{number:02}T12:00:00.000Z"
    value = {
        "schema": "candor-record/1",
        "id": their_id(name),
        "origin": origin,
        "kind": "lesson",
        "version": number,
        "provider": {"slug": "their-lab", "name": "Their Lab", "verified": True},
        "attribution": "named",
        "basis": "first-party",
        "license": "CC-BY-4.0",
        "language": "en",
        "title": f"Their lesson {name}",
        "summary": "What was learnt elsewhere.",
        "tags": ["misuse:fraud"],
        "published": "2026-01-01T12:00:00.000Z",
        "modified": at,
        "updated": at,
        "content": {"what_happened": "Something happened elsewhere."},
        **({"revision": {"type": "correction", "note": "A date."}} if number > 1 else {}),
        **fields,
    }
    value = {name: field for name, field in value.items() if field is not None}
    document = canonical(value)
    salt = hashlib.sha256(f"{name}:{number}".encode()).digest()
    return MirroredVersion(origin, value["id"], number, document, value, salt, commitment(salt, document))


async def mirror(node: Node, *items: MirroredVersion) -> list[str]:
    """Write them; answers what became of each."""
    return [one.state for one in await mirror_all(node, items)]


async def mirror_all(node: Node, items: Sequence[MirroredVersion]) -> list[Outcome]:
    async with node.database.write() as session:
        return await store_mirrored(session, Desk(node.origin, await node.vocabulary.current()), items)
