"""What operators, and everybody, are shown of peers."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from registry.canonical import without_forbidden_characters
from registry.clock import instant
from registry.federation.heads import kept_head
from registry.federation.models import FOLLOWING, Peer, PeerItem
from registry.transparency.models import Log

STALE, UNREACHABLE = "stale", "unreachable"
_SHOWN_CONTENT = 4000


def standing(peer: Peer, moment: datetime, stale_after: timedelta) -> str:
    """How a peer is: following, stale, unreachable, frozen or removed.

    Stale is one whose log was not heard of for long, whatever the reason; unreachable one that did not answer
    when it was asked last.
    """
    if peer.state != FOLLOWING:
        return peer.state
    if moment - (peer.heard_at or peer.added_at) > stale_after:
        return STALE
    return UNREACHABLE if peer.failed else FOLLOWING


def peer(
    row: Log, of: Peer, counts: Mapping[str, int], moment: datetime, stale_after: timedelta
) -> dict[str, Any]:
    """A peer as its follower's operator sees it. Lag is in entries, and in seconds since it last answered."""
    return {
        "origin": row.origin,
        "name": of.name,
        "url": of.url,
        "state": standing(of, moment, stale_after),
        "verifier_keys": list(of.verifiers),
        "head": _head(of),
        "read": row.size,
        "lag": {
            "entries": max(0, of.head_size - row.size),
            "seconds": round((moment - (of.heard_at or of.added_at)).total_seconds(), 3),
        },
        "heard": instant(of.heard_at) if of.heard_at else None,
        "due": instant(of.due_at),
        "cut_off": of.cut_off,
        "error": {
            "code": of.error_code,
            "text": of.error,
            "at": instant(of.error_at) if of.error_at else None,
            "failures": of.failed,
        }
        if of.error_code
        else None,
        "items": dict(counts),
        "added": instant(of.added_at),
    }


def item(each: PeerItem) -> dict[str, Any]:
    """Something that is not here, and why. `content` is what came, as text, cut off where it is long."""
    return {
        "index": each.idx,
        "state": each.state,
        "code": each.code,
        "text": each.text,
        "content": _shown(each.content) if each.content else None,
        "tries": each.tries,
        "due": instant(each.due_at) if each.due_at else None,
        "released": each.released,
        "since": instant(each.since),
    }


def heads(rows: Sequence[tuple[Log, Peer]]) -> list[dict[str, Any]]:
    """The newest head that was seen of every peer, for whoever compares what was shown to whom."""
    return [
        {
            "origin": row.origin,
            "size": of.head_size,
            "seen": instant(of.head_at),
            "checkpoint": of.head.decode(),
        }
        for row, of in rows
        if of.head is not None and of.head_at is not None
    ]


def _head(of: Peer) -> dict[str, Any] | None:
    head = kept_head(of.head)
    if head is None or of.head_at is None:
        return None
    root = base64.b64encode(head.root).decode()
    return {"size": head.size, "root": root, "at": instant(of.head_at)}


def _shown(content: bytes) -> str:
    """What came as text: whatever a terminal or a page would take for more than text is left out."""
    return without_forbidden_characters(content[:_SHOWN_CONTENT].decode(errors="replace"))
