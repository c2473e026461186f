"""Every feed with its addresses, and a form that makes one of any search."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from litestar import Response, get

from frontend.asked import NAMES, Asked
from frontend.finding import searcher
from frontend.pages.parameters import Reading, Sites
from frontend.site import PROVIDERS, TAXONOMIES, Page
from frontend.urls import Urls
from frontend.words import BASIS, KINDS
from registry.errors import Malformed, NotFound
from registry.feeds.formats import FORMATS
from registry.feeds.selection import Selection, Topic, read_address
from registry.http import AnyRequest
from registry.providers import queries as providers
from registry.taxonomies.vocabulary import Vocabulary, split_tag
from search.meanings import CROSSWALKS, FOLLOWED, Meanings
from search.request import parse

# The vocabulary whose broadest terms are offered as feeds; every other term has one too.
OFFERED = "misuse"


@dataclass(frozen=True, slots=True)
class FeedLine:
    """One feed: what it holds, the page that shows the same, and an address for each format."""

    title: str
    about: str
    page: str
    addresses: Sequence[tuple[str, str, str]]


@get("/feeds", include_in_schema=False)
async def show_feeds(request: AnyRequest, reading: Reading, site: Sites) -> Response[bytes]:
    """The feeds of this registry. With the parameters of a search, also the addresses of its feed."""
    urls, terms = site.urls, await site.terms()
    asked = Asked.read(request.query_params.multi_items())
    vocabulary = terms.vocabulary
    broadest = [tag for tag in vocabulary.tags(OFFERED) if not vocabulary.parents(tag)]
    shown = await providers.all_providers(reading, public=True)
    page = Page(
        title="Feeds",
        path=urls.feeds_page(),
        description="Follow everything, one kind, one provider, one term, one record or any search, "
        "in RSS, Atom or JSON Feed.",
        feeds=[site.everything, *((kind.many, Selection(Topic.KIND, kind.id)) for kind in KINDS.values())],
        json=urls.opml(),
        json_type="text/x-opml",
        section="feeds",
        crumbs=(("Feeds", ""),),
    )
    searching = searcher(site.node) is not None
    selection = asked.selection(widened=searching and _widened(asked, vocabulary))
    line = partial(_line, urls)
    wrong = _wrong(asked, selection)
    possible = asked.pairs and not wrong and (searching or selection.topic is not Topic.SEARCH)
    made = line(asked.title(terms.label), "", urls.records(asked.pairs), selection) if possible else None
    return site.answer(
        request,
        "feeds.html",
        page,
        scopes=(PROVIDERS, TAXONOMIES),
        asked=asked,
        made=made,
        wrong=wrong,
        searching=searching,
        everything=[
            line("Everything", "Every disclosure, without imports.", urls.records(), Selection(Topic.ALL)),
            line(
                "Everything, imports too",
                "Also what was taken over from other databases.",
                urls.records(),
                Selection(Topic.ALL, imported=True),
            ),
        ],
        by_kind=[
            line(kind.many, kind.about, urls.records((("kind", kind.id),)), Selection(Topic.KIND, kind.id))
            for kind in KINDS.values()
        ],
        by_provider=[
            line(row.name, "", urls.provider(row.slug), Selection(Topic.PROVIDER, row.slug)) for row in shown
        ],
        by_term=[
            line(terms.label(tag), terms.definition(tag), urls.term(tag), Selection(Topic.TAG, tag))
            for tag in broadest
        ],
        opml=urls.opml(),
        kinds=list(KINDS.values()),
        bases=[(value, name) for value, (name, _) in BASIS.items()],
        severities=[(tag, vocabulary.label(tag)) for tag in vocabulary.tags("severity")],
        providers=[(row.slug, row.name) for row in shown],
        names=NAMES,
        terms=terms,
    )


def _widened(asked: Asked, vocabulary: Vocabulary) -> bool:
    """Whether a search finds more by the terms than what bears them."""
    crosswalks = asked.one("crosswalks") or FOLLOWED
    meanings = Meanings(vocabulary)
    return crosswalks in CROSSWALKS and any(meanings.equivalents(tag, crosswalks) for tag in asked.all("tag"))


def _wrong(asked: Asked, selection: Selection) -> Sequence[str]:
    """Why there is no feed of what was asked, a sentence each. An address that fails helps nobody."""
    if odd := [tag for tag in asked.all("tag") if split_tag(tag) is None]:
        return [f"{tag[:80]!r} is no tag. A tag is namespace:term, such as misuse:fraud." for tag in odd]
    try:
        parse(asked.parameters())
        read_address(f"{selection.path}.{FORMATS[0].suffix}", selection.query)
    except (Malformed, NotFound) as error:
        return [f"{finding.message} {finding.suggestion or ''}".strip() for finding in error.findings] or [
            error.detail
        ]
    return []


def _line(urls: Urls, title: str, about: str, page: str, selection: Selection) -> FeedLine:
    return FeedLine(
        title,
        about,
        page,
        [(format.name, urls.feed(selection, format.suffix), format.media_type) for format in FORMATS],
    )
