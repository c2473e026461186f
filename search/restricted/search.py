"""Questions about what is shared with one reader.

The index proposes, by words and by whom a record is meant for. The database decides of each proposed record,
at that moment, whether the reader may see it, and `search.match` whether what it says now answers. So an
index that is behind neither shows nor counts what somebody may no longer see, and everything in an answer is
told from what the reader may see and nothing else: hits, counts, facets, and the order.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.errors import Finding, Malformed, Unavailable
from registry.extensions import Node
from registry.records.queries import Stored
from registry.records.shared import levels, newest_shared, shared_with
from registry.taxonomies.vocabulary import Vocabulary
from search.document import Key, Projection, Projector
from search.engine import Engine
from search.highlight import Marker
from search.match import matches, passes
from search.request import Request
from search.restricted.audience import audiences_of
from search.restricted.ranking import score
from search.results import FacetValue, Highlights

MOST_CANDIDATES = 500
"""Records that may be seen and are looked at for one answer; the newest of them, where there are more."""
# An index that is behind proposes some that may not be seen any more: then others are asked for.
_MOST_ROUNDS = 8
MOST_VALUES = 200


@dataclass(frozen=True, slots=True)
class SharedHit:
    """A record that answers the question, with its TLP level and what to point out in it."""

    stored: Stored
    tlp: str
    highlights: Highlights


@dataclass(frozen=True, slots=True)
class SharedResults:
    """A page of the answers. `bounded` tells that there were more candidates than are looked at, so that
    `total` and the counts of facets may be too small.
    """

    hits: Sequence[SharedHit]
    total: int
    bounded: bool
    facets: Mapping[str, Sequence[FacetValue]]


class RestrictedSearch:
    """Questions to the index apart of one registry."""

    def __init__(self, node: Node, engine: Engine) -> None:
        self.engine = engine
        self._vocabulary = node.vocabulary
        self._origin = node.origin
        self._projector = Projector(Vocabulary(), node.origin)

    async def search(self, session: AsyncSession, actor: Actor, request: Request) -> SharedResults:
        """What the actor may see and nobody else can find. `request` says already what it means here
        (`SearchFinder.understood`). Raises `Unauthenticated`, `Forbidden`, or `Malformed` for an earlier
        time.
        """
        actor.require(Scope.RECORDS_READ)
        if request.as_of is not None:
            message = "What is shared is answered as it is now."
            wrong = Finding("not-here", "/as_of", message, "Leave as_of out.")
            raise Malformed("This search does not answer for an earlier time.", findings=[wrong])
        vocabulary = await self._vocabulary.current()
        if vocabulary is not self._projector.vocabulary:
            self._projector = Projector(vocabulary, self._origin)
        rows, bounded = await candidates(session, self.engine, actor, request)
        return await _answer(session, request, rows, self._projector, bounded=bounded)


async def candidates(
    session: AsyncSession, engine: Engine, actor: Actor, request: Request
) -> tuple[list[Stored], bool]:
    """Records that the actor may see and that may answer, at most `MOST_CANDIDATES`, and whether there were
    more. Without an index these are the newest that the actor may see.
    """
    try:
        rows = await _proposed(session, engine, actor, request)
    except Unavailable:
        seen = await newest_shared(session, actor, limit=MOST_CANDIDATES + 1)
        rows = [row for row in seen if not row.withdrawn]
        return rows[:MOST_CANDIDATES], len(seen) > MOST_CANDIDATES
    return rows[:MOST_CANDIDATES], len(rows) > MOST_CANDIDATES


async def _proposed(session: AsyncSession, engine: Engine, actor: Actor, request: Request) -> list[Stored]:
    # Facets are counted without their own filters, so that those cannot narrow what is proposed.
    filters = {} if request.facets else request.filters
    sort = "newest" if request.sort == "relevance" else request.sort
    asked = replace(
        request,
        filters=filters,
        sort=sort,
        limit=MOST_CANDIDATES + 1,
        offset=0,
        facets=(),
        audience=audiences_of(actor),
    )
    found: dict[Key, Stored] = {}
    for _ in range(_MOST_ROUNDS):
        keys = await engine.keys(asked, exact=True)
        seen = await shared_with(session, actor, keys.keys)
        found.update((key, seen[key]) for key in keys.keys if key in seen)
        asked = replace(asked, offset=asked.offset + asked.limit)
        if len(found) > MOST_CANDIDATES or asked.offset >= keys.total:
            break
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Seen:
    stored: Stored
    record: Projection


async def _answer(
    session: AsyncSession, request: Request, rows: Sequence[Stored], projector: Projector, *, bounded: bool
) -> SharedResults:
    # What the index read of a record may not be what it says now.
    said = await asyncio.to_thread(_saying, request, rows, projector)
    found = _in_order(request, [seen for seen in said if passes(request, seen.record)])
    page = found[request.offset : request.offset + request.limit]
    held = await levels(session, [seen.stored for seen in page])
    marker = Marker(request.question)
    hits = [
        SharedHit(
            seen.stored,
            held[seen.stored.origin, seen.stored.id],
            marker.highlights(seen.stored.document),
        )
        for seen in page
    ]
    return SharedResults(hits, len(found), bounded, _facets(request, said))


def _saying(request: Request, rows: Sequence[Stored], projector: Projector) -> list[_Seen]:
    """Those that hold the words and lie in the ranges."""
    asked = replace(request, filters={}, meant={})
    seen = (_Seen(row, projector.project_bytes(row.document)) for row in rows)
    return [one for one in seen if matches(asked, one.record)]


def _in_order(request: Request, found: list[_Seen]) -> list[_Seen]:
    def newest(seen: _Seen) -> tuple[int, float, str]:
        return seen.record.published, seen.stored.at.timestamp(), seen.stored.id

    found = sorted(found, key=newest, reverse=request.sort != "oldest")
    match request.sort:
        case "relevance" if request.question.wanted:
            found.sort(key=lambda seen: score(request.question, seen.record), reverse=True)
        case "updated":
            found.sort(key=lambda seen: seen.record.updated, reverse=True)
        case "severity":
            found.sort(key=lambda seen: seen.record.severity, reverse=True)
        case _:
            pass
    return found


def _facets(request: Request, said: Sequence[_Seen]) -> dict[str, list[FacetValue]]:
    """Exact counts over the candidates, each facet as if its own filter were not set."""
    counted: dict[str, list[FacetValue]] = {}
    for name in request.facets:
        others = {other: values for other, values in request.filters.items() if other != name}
        asked = replace(request, filters=others)
        counts: Counter[str] = Counter()
        shown: dict[str, FacetValue] = {}
        for seen in said:
            if passes(asked, seen.record):
                for value in seen.record.values.get(name, ()):
                    counts[value.key] += 1
                    shown.setdefault(value.key, FacetValue(value.value, 0, value.label))
        ranked = sorted(counts, key=lambda key: (-counts[key], key))[:MOST_VALUES]
        counted[name] = [replace(shown[key], count=counts[key]) for key in ranked]
    return counted
