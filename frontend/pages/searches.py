"""The searches that somebody and their organisation keep."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from litestar import Response, get, post
from litestar.params import FromPath

from frontend.along import owners
from frontend.asked import Asked
from frontend.pages.parameters import Sites
from frontend.site import HTML, Page, Site
from registry.auth.middleware import acting_from
from registry.auth.session_api import OURS, held_by
from registry.auth.sessions import SignedIn
from registry.errors import CandorError, Conflict, Invalid
from registry.http import AnyRequest, read_body
from search.addresses import Addresses
from search.saved import service
from search.saved.service import Saved

_MAX_FORM = 32 * 1024
_HEADERS = {**OURS, "Referrer-Policy": "same-origin"}


@dataclass(frozen=True, slots=True)
class Line:
    """One search: what it asks in words, and what hangs from it."""

    saved: Saved
    asks: str
    created: datetime
    page: str
    feeds: Sequence[tuple[str, str]]
    files: Sequence[tuple[str, str]]


@get("/searches", include_in_schema=False)
async def show_searches(request: AnyRequest, site: Sites) -> Response[Any]:
    """By name."""
    held = _held(request)
    return await _page(request, site, held) if held else _sign_in(site)


@post("/searches", include_in_schema=False, status_code=200)
async def save_search(request: AnyRequest, site: Sites) -> Response[Any]:
    held = _held(request)
    if held is None:
        return _sign_in(site)
    form = dict(parse_qsl((await read_body(request, limit=_MAX_FORM)).decode("utf-8", "replace")))
    owner: service.Owner = "organisation" if form.get("owner") == "organisation" else "person"
    actor = acting_from(request.scope, held)
    try:
        async with site.node.database.write() as session:
            await service.save(session, actor, form.get("name", ""), form.get("search", ""), owner)
    except (Invalid, Conflict) as error:
        return await _page(request, site, held, problem=_said(error))
    return _go(site.urls.searches())


@post("/searches/{id:str}/forget", include_in_schema=False, status_code=200)
async def forget_search(request: AnyRequest, site: Sites, id: FromPath[str]) -> Response[Any]:
    held = _held(request)
    if held is None:
        return _sign_in(site)
    async with site.node.database.write() as session:
        await service.forget(session, acting_from(request.scope, held), id)
    return _go(site.urls.searches())


def _held(request: AnyRequest) -> SignedIn | None:
    held = held_by(request)
    return held if held is not None and not held.half else None


def _sign_in(site: Site) -> Response[None]:
    return _go(site.urls.sign_in(back="/searches"))


def _go(address: str) -> Response[None]:
    return Response(None, status_code=303, headers={**_HEADERS, "Location": address})


def _said(error: CandorError) -> str:
    return " ".join((error.detail, *(finding.message for finding in error.findings)))


async def _page(request: AnyRequest, site: Site, held: SignedIn, *, problem: str = "") -> Response[bytes]:
    async with site.node.database.read() as session:
        found = await service.saved_by(session, held.actor)
    terms = await site.terms()
    page = Page(
        title="Saved searches",
        path=site.urls.searches(),
        indexed=False,
        crumbs=(("Your account", site.urls.sign_in()), ("Saved searches", "")),
    )
    body = site.html(
        "searches.html",
        page,
        lines=[_line(site, one, terms.label) for one in found],
        owners=owners(held),
        csrf_token=held.csrf,
        problem=problem,
    )
    return Response(body, status_code=422 if problem else 200, media_type=HTML, headers=_HEADERS)


def _line(site: Site, saved: Saved, label: Any) -> Line:
    asked = Asked.read(parse_qsl(saved.question))
    feeds = Addresses(site.urls.base, saved.question).feeds
    to = Addresses(site.urls.paths.base, saved.question)
    words = asked.title(label)
    return Line(saved, words, saved.created_at, to.page, [*feeds.items()], [*to.exports.items()])


HANDLERS = (show_searches, save_search, forget_search)
