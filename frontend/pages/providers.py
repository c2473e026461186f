"""Who discloses here, and what."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from frontend.cards import card
from frontend.pages.parameters import Actors, Cursor, Reading, Sites
from frontend.site import ALL, PROVIDERS, TAXONOMIES, Page
from registry.feeds.selection import Selection, Topic
from registry.http import AnyRequest, cursor, read_cursor
from registry.providers import queries as providers
from registry.providers import views
from registry.records import queries

SHOWN = 20


@get("/providers", include_in_schema=False)
async def list_providers(request: AnyRequest, reading: Reading, site: Sites) -> Response[bytes]:
    rows = await providers.all_providers(reading, public=True)
    page = Page(
        title="Providers",
        path=site.urls.providers(),
        description=f"The organisations that publish at {site.name}.",
        feeds=[site.everything],
        json=site.urls.providers_json(),
        section="providers",
        crumbs=(("Providers", ""),),
    )
    return site.answer(
        request, "providers.html", page, scopes=(PROVIDERS,), providers=[views.public(row) for row in rows]
    )


@get("/providers/{slug:str}", include_in_schema=False)
async def show_provider(
    request: AnyRequest,
    reading: Reading,
    actor: Actors,
    site: Sites,
    slug: FromPath[str],
    cursor_: Cursor = None,
) -> Response[Any]:
    row = await providers.by_slug(reading, slug, public=True)
    found = await queries.page(
        reading, actor, provider=(row.slug,), before=read_cursor(cursor_), limit=SHOWN + 1
    )
    shown, urls = found[:SHOWN], site.urls
    last = shown[-1].first_seq if len(found) > SHOWN else None
    page = Page(
        title=row.name,
        path=urls.provider(row.slug),
        description=f"What {row.name} publishes at {site.name}.",
        feeds=[(row.name, Selection(Topic.PROVIDER, row.slug)), site.everything],
        json=urls.providers_json(row.slug),
        section="providers",
        crumbs=(("Providers", urls.providers()), (row.name, "")),
        indexed=cursor_ is None,
    )
    return site.answer(
        request,
        "provider.html",
        page,
        scopes=(PROVIDERS, f"provider:{row.slug}", TAXONOMIES, ALL),
        provider=views.public(row),
        found=[card(urls, one) for one in shown],
        older=urls.provider(row.slug, (("cursor", cursor(last)),)) if last else "",
        newer=urls.provider(row.slug) if cursor_ else "",
        terms=await site.terms(),
    )
