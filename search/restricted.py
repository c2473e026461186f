"""Search over what is shared with one reader below TLP:CLEAR. Nothing of it is in an index: the newest are
looked through by the same exact rule that feeds of a search go by.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.records.queries import Stored
from registry.records.shared import levels, newest_shared
from registry.taxonomies.vocabulary import Vocabulary
from search.document import Projector
from search.match import matches
from search.meanings import Meanings
from search.request import Request

MOST_CANDIDATES = 500


@dataclass(frozen=True, slots=True)
class SharedHit:
    """A record that answers the question, with its TLP level."""

    stored: Stored
    tlp: str


@dataclass(frozen=True, slots=True)
class SharedResults:
    """A page of the answers, the newest first. `bounded` tells that there were more candidates than were
    looked through, so that `total` may be too small.
    """

    hits: Sequence[SharedHit]
    total: int
    bounded: bool


async def search_shared(
    session: AsyncSession, actor: Actor, request: Request, vocabulary: Vocabulary
) -> SharedResults:
    """What the actor may see and nobody else can find. Raises `Unauthenticated` or `Forbidden`."""
    actor.require(Scope.RECORDS_READ)
    rows = await newest_shared(session, actor, limit=MOST_CANDIDATES + 1)
    candidates = [row for row in rows[:MOST_CANDIDATES] if not row.withdrawn]
    found = await asyncio.to_thread(_matching, request, candidates, vocabulary)
    page = found[request.offset : request.offset + request.limit]
    held = await levels(session, page)
    return SharedResults(
        [SharedHit(row, held[row.origin, row.id]) for row in page], len(found), len(rows) > MOST_CANDIDATES
    )


def _matching(request: Request, rows: Sequence[Stored], vocabulary: Vocabulary) -> list[Stored]:
    projector = Projector(vocabulary)
    request = request.with_meanings(Meanings(vocabulary))
    return [row for row in rows if matches(request, projector.project_bytes(row.document))]
