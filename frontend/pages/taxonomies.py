"""The vocabularies that records are classified by, and what bears a term."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Response, get
from litestar.params import FromPath, PathParameter, QueryParameter

from frontend.cards import card
from frontend.pages.parameters import Actors, Cursor, Reading, Sites
from frontend.site import ALL, TAXONOMIES, Page
from registry.errors import NotFound
from registry.feeds.selection import Selection, Topic
from registry.http import AnyRequest, cursor, read_cursor
from registry.records import list_queries
from registry.records.outcomes.claims import CIRCUMSTANCES
from registry.taxonomies.vocabulary import Crosswalk, Term, Vocabulary

SHOWN = 10
# Of the broadest terms of one vocabulary; outside ones have thousands.
A_PAGE = 200


@dataclass(frozen=True, slots=True)
class Branch:
    """A term with the terms below it."""

    tag: str
    term: Term
    below: Sequence["Branch"]


@get("/taxonomies", include_in_schema=False)
async def list_taxonomies(request: AnyRequest, site: Sites) -> Response[bytes]:
    terms = await site.terms()
    found = [terms.vocabulary.taxonomy(namespace) for namespace in terms.vocabulary.namespaces]
    page = Page(
        title="Taxonomies",
        path=site.urls.taxonomies(),
        description="The vocabularies that records are classified by.",
        feeds=[site.everything],
        json=site.urls.taxonomies_json(),
        section="taxonomies",
        crumbs=(("Taxonomies", ""),),
    )
    return site.answer(request, "taxonomies.html", page, scopes=(TAXONOMIES,), taxonomies=found, terms=terms)


@get("/taxonomies/{namespace:str}", include_in_schema=False)
async def show_taxonomy(
    request: AnyRequest,
    site: Sites,
    namespace: FromPath[str],
    number: Annotated[int, QueryParameter(name="page", ge=1, le=10_000)] = 1,
) -> Response[Any]:
    terms = await site.terms()
    taxonomy = terms.vocabulary.taxonomy(namespace)
    if taxonomy is None:
        raise NotFound(f"There is no taxonomy {namespace[:60]!r} here.")
    broadest = [tag for tag in terms.vocabulary.tags(namespace) if not terms.vocabulary.parents(tag)]
    start, urls = (number - 1) * A_PAGE, site.urls
    if number > 1 and start >= len(broadest):
        raise NotFound(f"The taxonomy {namespace!r} has no page {number}.")

    def at(other: int) -> str:
        return urls.taxonomy(namespace, (("page", str(other)),) if other > 1 else ())

    page = Page(
        title=f"{taxonomy.name} ({namespace})",
        path=at(number),
        description=taxonomy.definition,
        feeds=[site.everything],
        json=urls.taxonomies_json(namespace),
        section="taxonomies",
        crumbs=(("Taxonomies", urls.taxonomies()), (taxonomy.name, "")),
    )
    return site.answer(
        request,
        "taxonomy.html",
        page,
        scopes=(TAXONOMIES,),
        taxonomy=taxonomy,
        tree=[branch(terms.vocabulary, tag) for tag in broadest[start : start + A_PAGE]],
        older=at(number + 1) if start + A_PAGE < len(broadest) else "",
        newer=at(number - 1) if number > 1 else "",
        terms=terms,
    )


def branch(vocabulary: Vocabulary, tag: str, above: frozenset[str] = frozenset()) -> Branch:
    """A term and what lies below it. A loop in the data ends where it closes."""
    around = above | {tag}
    below = [branch(vocabulary, child, around) for child in vocabulary.children(tag) if child not in around]
    return Branch(tag, vocabulary.term(tag) or Term(tag, vocabulary.label(tag)), below)


@get("/taxonomies/{namespace:str}/{term:path}", include_in_schema=False)
async def show_term(
    request: AnyRequest,
    reading: Reading,
    actor: Actors,
    site: Sites,
    namespace: FromPath[str],
    term: Annotated[str, PathParameter()],
    cursor_: Cursor = None,
) -> Response[Any]:
    terms = await site.terms()
    vocabulary, urls = terms.vocabulary, site.urls
    tag = f"{namespace}:{term.strip('/')}"
    found = await list_queries.page(reading, actor, tag=(tag,), before=read_cursor(cursor_), limit=SHOWN + 1)
    known = vocabulary.term(tag)
    # What no vocabulary here holds has a page as long as a record bears it.
    if known is None and not found and not vocabulary.known(tag):
        near = vocabulary.nearest(tag[:200])
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise NotFound(f"There is no term {tag[:200]!r} here.{hint}")
    shown = found[:SHOWN]
    last = shown[-1].first_seq if len(found) > SHOWN else None
    label = vocabulary.label(tag)
    taxonomy = vocabulary.taxonomy(namespace)
    page = Page(
        title=f"{label} ({tag})",
        path=urls.term(tag),
        description=known.definition if known else "",
        feeds=[(label, Selection(Topic.TAG, tag)), site.everything],
        json=urls.term_json(tag) if known else urls.records_json((("tag", tag),)),
        section="taxonomies",
        crumbs=(
            ("Taxonomies", urls.taxonomies()),
            (taxonomy.name if taxonomy else namespace, urls.taxonomy(namespace) if taxonomy else ""),
            *((vocabulary.label(one), urls.term(one)) for one in reversed(way_up(vocabulary, tag))),
            (label, ""),
        ),
        indexed=cursor_ is None,
    )
    return site.answer(
        request,
        "term.html",
        page,
        scopes=(TAXONOMIES, ALL),
        tag=tag,
        label=label,
        term=known,
        taxonomy=taxonomy,
        broader=vocabulary.parents(tag),
        narrower=vocabulary.children(tag),
        crosswalks=_crosswalks(vocabulary, tag),
        evidence="" if namespace in CIRCUMSTANCES else urls.evidence((("against", tag),)),
        reported=urls.matrix((("columns", tag),)) if namespace == "safeguard" and known else "",
        found=[card(urls, one) for one in shown],
        older=urls.term(tag, (("cursor", cursor(last)),)) if last else "",
        newer=urls.term(tag) if cursor_ else "",
        terms=terms,
    )


def way_up(vocabulary: Vocabulary, tag: str) -> list[str]:
    """One way up to a broadest term, nearest first; a term with several parents is shown under the first."""
    way: list[str] = []
    while (above := vocabulary.parents(way[-1] if way else tag)) and above[0] not in way and above[0] != tag:
        way.append(above[0])
    return way


def _crosswalks(vocabulary: Vocabulary, tag: str) -> list[Crosswalk]:
    order = ("exact", "close", "broad", "narrow", "related")
    return sorted(vocabulary.crosswalks(tag), key=lambda one: (order.index(one.match), one.target))
