"""What a reader may take along from a list: files, feeds, a citation, its address, the question itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from frontend.site import Site
from registry.actor import Scope
from registry.auth.sessions import SignedIn
from registry.citations import text
from registry.feeds.formats import FORMATS as FEEDS
from search.addresses import Addresses
from search.export.citation import cited_search
from search.queries import changed_at
from search.results import Answer


@dataclass(frozen=True, slots=True)
class Along:
    """`feeds` are (name, address, media type), `exports` and `citations` (name, address).

    `exact` is how many records match word for word, where the list has others than those: a feed holds no
    more. `question` is canonical; None where it can be saved by nobody.
    """

    address: str
    exports: Sequence[tuple[str, str]]
    feeds: Sequence[tuple[str, str, str]]
    citation: str
    citations: Sequence[tuple[str, str]]
    exact: int | None
    question: str | None


async def along(site: Site, session: AsyncSession, answer: Answer) -> Along:
    """Of an answer. Only where words were asked for, the index is asked once more: filters are exact."""
    asked, settings = answer.request, site.node.settings
    to, absolute = Addresses(site.urls.paths.base, asked.canonical), Addresses(settings.url, asked.canonical)
    position = answer.position if asked.position is None else asked.position
    told = cited_search(
        asked,
        registry=site.name,
        base=settings.url,
        total=answer.total,
        position=position,
        at=await changed_at(session, position),
    )
    feeds = absolute.feeds
    exact = answer.total
    if feeds and asked.question.wanted and site.node.finder is not None:
        exact = (await site.node.finder.find(asked.parameters(), limit=0)).total
    return Along(
        absolute.page,
        list(to.exports.items()),
        [(each.name, feeds[each.suffix], each.media_type) for each in FEEDS if each.suffix in feeds],
        text.write(told).strip(),
        list(to.citations.items())[1:],
        exact if exact != answer.total else None,
        asked.canonical or None,
    )


def owners(held: SignedIn | None) -> Sequence[tuple[str, str]]:
    """For whom somebody may save a search, as (value, words)."""
    if held is None or held.half:
        return ()
    own = next((one for one in held.organisations if one.provider.pk == held.actor.provider), None)
    found = [("person", "for me")]
    if own is not None and Scope.RECORDS_WRITE in held.actor.scopes:
        found.append(("organisation", f"for {own.provider.name}"))
    return found
