"""Lists of records: everything, or what answers a question."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
from litestar import Response, get
from sqlalchemy.ext.asyncio import AsyncSession

from frontend.along import along, owners
from frontend.asked import BROWSABLE, SORTS, Asked, set_filters
from frontend.cards import Card, Piece, card, of_document
from frontend.finding import Searcher, searcher
from frontend.narrowing import FACETS, facets, widened
from frontend.pages.parameters import Actors, Reading, Sites
from frontend.site import ALL, TAXONOMIES, Page, Site
from frontend.terms import Terms
from frontend.words import KINDS
from registry.actor import Actor
from registry.auth.session_api import held_by
from registry.changelog.append import public_head
from registry.errors import Malformed, Unavailable
from registry.feeds.selection import Topic
from registry.http import AnyRequest, cursor, read_cursor
from registry.records import list_queries
from search.request import MAX_OFFSET, parse
from search.results import CURRENT, REVISED, WITHDRAWN, Hit

SHOWN = 20
RETRY_AFTER = 5
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Year:
    """How many of the records belong to a year; `share` of the fullest year in hundredths."""

    year: str
    count: int
    share: int


@dataclass(frozen=True, slots=True)
class _Down:
    """The search does not answer; when to try again, in seconds."""

    retry_after: int


@get("/records", include_in_schema=False)
async def list_records(request: AnyRequest, reading: Reading, actor: Actors, site: Sites) -> Response[bytes]:
    """What answers the question in the address.

    Without a search, lists by kind, provider, registry and term are still there. While it does not answer, a
    question that only a search can answer gets the list of what passes those of its filters, which says what
    was not looked for, as a 503.
    """
    query = list(request.query_params.multi_items())
    asked = Asked.read(query).spelled((await site.node.vocabulary.current()).spelled)
    found = searcher(site.node)
    if unknown := [kind for kind in asked.all("kind") if kind not in KINDS]:
        raise Malformed(f"There is no kind {unknown[0][:40]!r}; there are: {', '.join(KINDS)}.")
    if found is None and not asked.browsable:
        raise Unavailable(
            "This registry runs without search, so that it cannot look for words. "
            "Lists by kind, provider and term are there."
        )
    if found is not None:
        try:
            return await _search(request, reading, site, asked, found, _number(query, "offset"))
        except Unavailable as error:
            # Whoever only browses is not made to wait for the index.
            down = _Down(error.retry_after or RETRY_AFTER)
            return await _browse(request, reading, actor, site, asked, _one(query, "cursor"), down)
    return await _browse(request, reading, actor, site, asked, _one(query, "cursor"), None)


async def _search(
    request: AnyRequest, reading: AsyncSession, site: Site, asked: Asked, found: Searcher, offset: int
) -> Response[bytes]:
    parameters = {
        "sort": ["relevance" if asked.one("q") else "newest"],
        **asked.parameters(),
        "facets": [",".join((*FACETS, "tag"))],
        "limit": [str(SHOWN)],
        "offset": [str(offset)],
    }
    before = await public_head(reading)
    answer = await found.search(parse(parameters))
    terms, urls = await site.terms(), site.urls
    last = offset + SHOWN < min(answer.total, MAX_OFFSET + SHOWN)
    taken = await along(site, reading, answer)
    page = _page(site, asked, terms, searching=True, widened=bool(answer.request.equivalents))
    held = held_by(request)

    def at(start: int) -> str:
        return urls.records((*asked.pairs, *((("offset", str(start)),) if start else ())))

    return site.answer(
        request,
        "records.html",
        replace(page, canonical=taken.address) if asked.pairs else page,
        # An index that lags behind would be kept as it is for good.
        scopes=(ALL, TAXONOMIES) if answer.position >= before else (),
        asked=asked,
        searching=True,
        down=False,
        total=answer.total,
        exact=answer.total_is_exact,
        first=offset + 1,
        found=[_hit(site, hit) for hit in answer.hits],
        notes=[note.message for note in answer.notes],
        facets=facets(urls, asked, terms, answer),
        as_of=answer.request.as_of,
        erased=answer.erased,
        now=urls.records(asked.without("as_of")),
        widened=widened(terms, answer),
        unwidened=urls.records(asked.unwidened()),
        years=_years(answer.timeline),
        filters=set_filters(urls, asked, terms.label),
        sorts=SORTS,
        sort=asked.one("sort") or parameters["sort"][0],
        older=at(offset + SHOWN) if last else "",
        newer=at(max(offset - SHOWN, 0)) if offset else "",
        terms=terms,
        along=taken,
        owners=owners(held),
        csrf_token=held.csrf if held is not None else "",
    )


async def _browse(
    request: AnyRequest,
    reading: AsyncSession,
    actor: Actor,
    site: Site,
    asked: Asked,
    after: str,
    down: _Down | None,
) -> Response[bytes]:
    """The registry's own list; `down` where the search should have answered."""
    rows = await list_queries.page(
        reading,
        actor,
        kind=asked.all("kind"),
        provider=asked.all("provider"),
        origin=asked.all("origin"),
        tag=asked.all("tag"),
        before=read_cursor(after),
        limit=SHOWN + 1,
    )
    shown, urls, terms = rows[:SHOWN], site.urls, await site.terms()
    last = shown[-1].first_seq if len(rows) > SHOWN else None
    browsed = asked.browsed()
    return site.answer(
        request,
        "records.html",
        _page(site, asked, terms, searching=False),
        # While the search is down the page says so; it must not be kept past that.
        scopes=() if down else (ALL, TAXONOMIES),
        retry_after=down.retry_after if down and not asked.browsable else None,
        asked=asked,
        searching=False,
        down=down is not None,
        not_asked=asked.not_browsed(terms.label),
        again=urls.records(asked.pairs),
        found=[card(urls, row) for row in shown],
        kinds=[
            (kind, urls.records([("kind", kind.id), *(pair for pair in asked.filters if pair[0] != "kind")]))
            for kind in KINDS.values()
        ],
        filters=set_filters(urls, asked, terms.label),
        older=urls.records((*browsed.pairs, ("cursor", cursor(last)))) if last else "",
        newer=urls.records(browsed.pairs) if after else "",
        terms=terms,
    )


def _page(site: Site, asked: Asked, terms: Terms, *, searching: bool, widened: bool = False) -> Page:
    urls, title = site.urls, asked.title(terms.label)
    by_kind = len(asked.filters) == 1 and asked.filters[0][0] == "kind" and not asked.one("q")
    browsed = [pair for pair in asked.pairs if pair[0] in BROWSABLE]
    feed = asked.selection(widened=widened)
    # A feed of a search is there only where a search is.
    own = [(title, feed)] if asked.pairs and (searching or feed.topic is not Topic.SEARCH) else []
    return Page(
        title=title,
        path=urls.records(asked.pairs),
        description=KINDS[asked.one("kind")].about if by_kind else "",
        feeds=[*own, site.everything],
        json=urls.search_json(asked.pairs) if searching else urls.records_json(browsed),
        section="records",
        crumbs=(("Records", urls.records() if asked.pairs else ""),)
        + (((title, ""),) if asked.pairs else ()),
        indexed=not asked.pairs or by_kind,
    )


_SINCE = {CURRENT: "", REVISED: "Revised", WITHDRAWN: "Withdrawn"}


def _hit(site: Site, hit: Hit) -> Card:
    marked = {
        name: tuple(Piece(segment.text, segment.mark) for segment in segments)
        for name, segments in hit.highlights.items()
    }
    # The summary stands in any case; another passage only where it does not hold what was looked for.
    other = marked.get("narrative") or marked.get("content") or ()
    telling = " " in "".join(piece.text for piece in other).strip()
    return of_document(
        site.urls,
        _decode(hit.document),
        title=marked.get("title", ()),
        summary=marked.get("summary", ()),
        passage=other if telling and not marked.get("summary") else (),
        copies=hit.copies,
        version=hit.version,
        since=_SINCE[hit.since_then.state] if hit.since_then is not None else "",
    )


def _years(timeline: Sequence[tuple[str, int]]) -> Sequence[Year]:
    counts: dict[str, int] = {}
    for month, count in timeline:
        counts[month[:4]] = counts.get(month[:4], 0) + count
    most = max(counts.values(), default=0)
    return [Year(year, count, max(2, round(100 * count / most))) for year, count in sorted(counts.items())]


def _one(query: Sequence[tuple[str, str]], name: str) -> str:
    return next((value for key, value in query if key == name), "")


def _number(query: Sequence[tuple[str, str]], name: str) -> int:
    text = _one(query, name)
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and int(text[:12]) <= MAX_OFFSET):
        raise Malformed(f"{name}={text[:40]!r} is not a number from 0 to {MAX_OFFSET:,}.")
    return int(text)
