"""A question as something to cite: what was asked, of which registry, as of when, and how many records
answered.
"""

from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qsl

from registry.canonical import digest
from registry.citations.cited import Cited, line
from registry.errors import Finding, Malformed
from registry.extensions import Node
from registry.feeds.assemble import search_name
from registry.finder import Parameters
from registry.records.content.partial import PartialDate
from search.finder import SearchFinder
from search.queries import changed_at
from search.request import Request, parse

_OF_A_PAGE = ("limit", "offset", "facets")


async def cite(node: Node, finder: SearchFinder, parameters: Parameters) -> Cited:
    """A question as it is answered now, or as of the position that it names. Raises `Malformed` and
    `Unavailable` as a search does.
    """
    if odd := [name for name in _OF_A_PAGE if any(value.strip() for value in parameters.get(name, ()))]:
        message = "A citation is of a whole answer, and not of a page."
        raise Malformed(
            message, findings=[Finding("not-here", f"/{name}", message, "Leave it out.") for name in odd]
        )
    answer = await finder.search(replace(parse(parameters), limit=0))
    asked = answer.request.position
    position = answer.position if asked is None else asked
    async with node.database.read() as session:
        at = await changed_at(session, position)
    return cited_search(
        answer.request,
        registry=node.settings.name,
        base=node.settings.url,
        total=answer.total,
        position=position,
        at=at,
    )


def cited_search(
    request: Request, *, registry: str, base: str, total: int, position: int, at: datetime | None
) -> Cited:
    """A question by its address as of a public position, which answers the same for good. `at` is the moment
    of that position, so that one question as of one position has one citation.
    """
    pinned = request.pinned(position)
    asked = [pair for pair in parse_qsl(pinned.canonical) if pair[0] not in ("as_of", "sort")]
    records = "1 record" if total == 1 else f"{total:,} records"
    return Cited(
        key=f"search-{digest(pinned.canonical.encode())[:10]}",
        authors=(line(registry),),
        title=line(f"{registry}: {search_name(asked) if asked else 'all records'}"),
        what="Search",
        number=f"position {position}, {records}",
        publisher=line(registry),
        address=f"{base}/records?{pinned.canonical}",
        issued=PartialDate.parse(f"{at:%Y-%m-%d}") if at is not None else None,
    )
