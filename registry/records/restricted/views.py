from typing import Any

from registry.clock import instant
from registry.records.models import RestrictedPart
from registry.records.restricted.queries import Beside, Part


def part(found: Part) -> dict[str, Any]:
    """One version of a part; `content` is null where it was removed."""
    return {
        "part": found.part,
        "number": found.number,
        "tlp": found.tlp,
        "groups": list(found.groups),
        **({"people": list(found.people)} if found.people is not None else {}),
        "commit": found.commit,
        "salt": found.salt.hex(),
        "content": found.content,
        "at": instant(found.at),
    }


def beside(found: Beside) -> dict[str, Any]:
    return {"items": [part(one) for one in found.parts], "document": found.document}


def kept(version: RestrictedPart) -> dict[str, Any]:
    """The answer to replacing or removing a part."""
    return {
        "part": version.part,
        "number": version.number,
        "commit": version.commit,
        "state": "removed" if version.removed else "standing",
        "at": instant(version.at),
    }
