import base64
import binascii
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.clock import instant
from registry.errors import Malformed
from registry.queue import SOURCES
from registry.waiting import QueueItem

Place = tuple[str, str, str]
"""Where an item stands in the queue: since when, its sort, its subject."""


def place_of(item: QueueItem) -> Place:
    return instant(item.since), item.type, item.subject


async def waiting(session: AsyncSession, actor: Actor, *, types: frozenset[str] | None) -> list[QueueItem]:
    """Everything that waits for the actor, the oldest first."""
    found = [item for source in SOURCES for item in await source(session, actor)]
    return sorted((item for item in found if types is None or item.type in types), key=place_of)


def cursor_of(item: QueueItem) -> str:
    return base64.urlsafe_b64encode("\n".join(place_of(item)).encode()).decode().rstrip("=")


def read_place(text: str | None) -> Place | None:
    """Where a page ended. Raises `Malformed` for a cursor that was not given out here."""
    if not text:
        return None
    try:
        words = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode().split("\n")
        since, sort, subject = words
        datetime.fromisoformat(since)
    except (ValueError, binascii.Error):
        raise Malformed("The cursor is not one that was given out here. Start again without it.") from None
    return since, sort, subject
