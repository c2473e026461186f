"""The page of records that look like one campaign."""

from typing import Annotated, Any

from litestar import Response, get
from litestar.params import QueryParameter

from frontend.alike import shown_campaign
from frontend.pages.parameters import Reading, Sites
from frontend.site import Page
from registry.http import AnyRequest, cursor, read_cursor
from registry.records.campaigns.queries import page

PER_PAGE = 10
ORGANISATIONS = 2


@get("/campaigns", include_in_schema=False)
async def show_campaigns(
    request: AnyRequest,
    reading: Reading,
    site: Sites,
    cursor_: Annotated[str | None, QueryParameter(name="cursor", max_length=64)] = None,
) -> Response[Any]:
    """Campaigns across organisations, the latest change first."""
    before = read_cursor(cursor_)
    found, following = await page(reading, organisations=ORGANISATIONS, before=before, limit=PER_PAGE)
    urls = site.urls
    here = (("cursor", cursor(before)),) if before else ()
    return site.answer(
        request,
        "campaigns.html",
        Page(
            title="Looks like one campaign",
            path=urls.campaigns(here),
            description="Public records of several organisations that share what few others have.",
            feeds=[site.everything],
            json=urls.campaigns_json(here),
            section="records",
            crumbs=(("Records", urls.records()), ("Looks like one campaign", "")),
        ),
        # Clusters follow the changelog: what is kept by its changes would be kept too early.
        scopes=(),
        terms=await site.terms(),
        campaigns=[shown_campaign(urls, looks) for looks in found],
        newer=urls.campaigns() if before else "",
        older=urls.campaigns((("cursor", cursor(following)),)) if following else "",
    )
