from typing import Any

import msgspec

from registry.records.responses.queries import Responses
from registry.records.responses.summary import Summary, Tally


def summary(found: Summary, *, complete: bool = True) -> dict[str, Any]:
    """What responses amount to: organisations by stance, outcomes, and the same for each part."""
    return {
        "text": found.text,
        "organisations": found.organisations,
        **_tally(found.whole),
        "parts": {part: {"text": tally.text, **_tally(tally)} for part, tally in found.parts.items()},
        "complete": complete,
    }


def _tally(found: Tally) -> dict[str, Any]:
    return {"stances": dict(found.stances), "outcomes": dict(found.outcomes)}


def responses(found: Responses, following: str | None) -> bytes:
    """`{items, next, summary, replies}` around documents that are JSON bytes already; with `restricted` for
    who may see any.
    """
    items = b",".join(row.document for row in found.rows)
    rest: dict[str, Any] = {
        "next": following,
        "summary": summary(found.summary, complete=found.complete),
        "replies": found.replies,
    }
    tail = msgspec.json.encode(rest)[1:]
    if found.restricted:
        shared = b",".join(row.document for row in found.restricted)
        tail = b'"restricted":[' + shared + b"]," + tail
    return b'{"items":[' + items + b"]," + tail
