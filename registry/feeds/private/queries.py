"""What stands in a private feed: public records, and those that are shared with its reader and not public."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.feeds.queries import WITHDRAWN_SHOWN
from registry.records import list_queries
from registry.records.documents import tags_of
from registry.records.queries import Stored
from registry.records.shared import levels, newest_shared
from registry.taxonomies.vocabulary import Vocabulary

MOST_SHARED = 1000
"""So many records that are shared with a reader, the newest, are looked through."""


class Line(NamedTuple):
    """A version in a private feed, with its TLP level; None where it is public."""

    stored: Stored
    tlp: str | None


async def lines(
    session: AsyncSession,
    reader: Actor,
    *,
    kind: Sequence[str] = (),
    tag: Sequence[str] = (),
    imported: bool,
    limit: int,
    now: datetime,
    vocabulary: Vocabulary,
) -> list[Line]:
    """What the reader may see now, the newest change first. All `tag`s must be borne, as in lists."""
    public = await list_queries.recent(
        session, kind=kind, tag=tag[0] if tag else None, imported=imported, limit=4 * limit if tag else limit
    )
    shared = await newest_shared(session, reader, kind=kind, limit=MOST_SHARED)
    held = await levels(session, shared)
    found = [
        Line(row, held[row.origin, row.id] if row.shared else None)
        for row in (*public, *shared)
        if not (row.withdrawn and row.at + WITHDRAWN_SHOWN <= now) and bears(row, tag, vocabulary)
    ]
    return sorted(found, key=lambda line: line.stored.at, reverse=True)[:limit]


def bears(row: Stored, wanted: Sequence[str], vocabulary: Vocabulary) -> bool:
    """Whether a record bears all these tags, by themselves or by narrower ones."""
    if not wanted:
        return True
    borne = {
        tag for own in tags_of(msgspec.json.decode(row.document)) for tag in _with_broader(own, vocabulary)
    }
    return borne.issuperset(wanted)


def _with_broader(tag: str, vocabulary: Vocabulary) -> list[str]:
    return [tag, *vocabulary.ancestors(tag)]
