"""Who discloses here, and what."""

from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncSession

from frontend.cards import card
from frontend.pages.parameters import Actors, Cursor, Origin, Reading, Sites
from frontend.queries import registry_of
from frontend.site import ALL, PROVIDERS, TAXONOMIES, Page, Site
from registry.actor import Actor
from registry.errors import NotFound
from registry.feeds.selection import Selection, Topic
from registry.http import AnyRequest, cursor, read_cursor
from registry.providers import queries as providers
from registry.providers import views
from registry.records import list_queries

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
    origin: Origin = None,
) -> Response[Any]:
    if origin not in (None, site.urls.origin):
        return await _elsewhere(request, reading, actor, site, slug, str(origin), cursor_)
    row = await providers.by_slug(reading, slug, public=True)
    found = await list_queries.page(
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


async def _elsewhere(
    request: AnyRequest,
    reading: AsyncSession,
    actor: Actor,
    site: Site,
    slug: str,
    origin: str,
    after: str | None,
) -> Response[Any]:
    """An organisation of another registry: what is known of it are its records."""
    found = await list_queries.page(
        reading,
        actor,
        provider=(slug,),
        origin=(origin,),
        before=read_cursor(after),
        limit=SHOWN + 1,
    )
    if not found:
        raise NotFound(f"Nothing is held here that {slug[:64]!r} published at {origin[:255]}.")
    shown, urls, of = found[:SHOWN], site.urls, (("origin", origin),)
    document = msgspec.json.decode(shown[0].document)
    named = [document.get("provider"), *(document.get("co_providers") or ())]
    names = [one.get("name") for one in named if isinstance(one, dict) and one.get("slug") == slug]
    name = str(next(iter(names), None) or slug)
    last = shown[-1].first_seq if len(found) > SHOWN else None
    page = Page(
        title=name,
        path=urls.provider(slug, of),
        description=f"What {name} publishes at {origin}.",
        feeds=[(name, Selection(Topic.PROVIDER, slug, parameters=of)), site.everything],
        json=urls.records_json((("provider", slug), *of)),
        section="providers",
        crumbs=(("Providers", urls.providers()), (name, "")),
        indexed=False,
    )
    return site.answer(
        request,
        "provider_elsewhere.html",
        page,
        scopes=(f"provider:{slug}", TAXONOMIES, ALL),
        name=name,
        origin=origin,
        at=await registry_of(reading, origin),
        slug=slug,
        found=[card(urls, one) for one in shown],
        older=urls.provider(slug, (*of, ("cursor", cursor(last)))) if last else "",
        newer=urls.provider(slug, of) if after else "",
        terms=await site.terms(),
    )
