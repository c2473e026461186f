from typing import Any

from registry.clock import instant
from registry.records.evidence.queries import Evidence


def evidence(found: Evidence) -> dict[str, Any]:
    """A file as its reader is told of it."""
    return {
        "file": found.file,
        "name": found.name,
        "type": found.media_type,
        "size": found.size,
        "sha256": found.sha256,
        "tlp": found.tlp,
        "groups": list(found.groups),
        **({"people": list(found.people)} if found.people is not None else {}),
        "etag": found.etag,
        "at": instant(found.at),
    }
