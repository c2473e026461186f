"""The first page: what this is, what is in it, what is new."""

from dataclasses import dataclass

from litestar import Response, get

from frontend.cards import card
from frontend.pages.parameters import Actors, Reading, Sites
from frontend.site import ALL, TAXONOMIES, Page
from frontend.words import KINDS, Kind
from registry.http import AnyRequest
from registry.records import list_queries

LATEST = 8
# Withdrawals stand among the newest changes and are left out here.
_ASKED = 4 * LATEST


@dataclass(frozen=True, slots=True)
class Count:
    """How many records of a kind are listed."""

    kind: Kind
    count: int


@get("/", include_in_schema=False)
async def show_home(request: AnyRequest, reading: Reading, actor: Actors, site: Sites) -> Response[bytes]:
    counted = await list_queries.counts(reading)
    newest = await list_queries.recent(reading, imported=False, limit=_ASKED)
    latest = [row for row in newest if row.listed][:LATEST]
    if not latest:
        latest = await list_queries.page(reading, actor, limit=LATEST)
    page = Page(
        title=site.name,
        path=site.urls.home(),
        description="An open registry of AI misuse incidents, weaknesses, mitigations and lessons learned, "
        "for everybody who builds, runs or studies AI systems.",
        feeds=[site.everything],
        json=site.urls.stats_json(),
        section="home",
    )
    return site.answer(
        request,
        "home.html",
        page,
        scopes=(ALL, TAXONOMIES),
        terms=await site.terms(),
        counts=[Count(kind, counted.get(kind.id, 0)) for kind in KINDS.values()],
        total=sum(counted.values()),
        latest=[card(site.urls, row) for row in latest],
    )
