"""Telling the stewards that something is wrong, and what became of it: a form and a page, without scripts."""

from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from frontend.pages.parameters import Actors, Reading, Sites
from frontend.site import HTML, NEVER, Page, Site
from registry.actor import ANONYMOUS
from registry.auth.csrf import FIELD
from registry.auth.session_api import held_by
from registry.canonical import digest
from registry.errors import Finding, Invalid, Malformed
from registry.http import AnyRequest, prepared, read_body
from registry.idempotency import once
from registry.notices import queries, service, views
from registry.notices.rules import FIELDS

_MAX_FORM = 64 * 1024
# The address of a receipt is the key to it: it is kept by no cache and goes to nobody with a link.
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
KINDS = {
    "correction": ("Correction", "Something in a record is wrong, or something that matters is missing."),
    "privacy": ("Privacy", "A record holds personal data that should not be public."),
    "defamation": ("Defamation", "A record says something untrue that harms somebody."),
    "leak": ("Leak", "A record gives away a secret, or what others could do harm with."),
    "copyright": ("Copyright", "A record holds text or images that are somebody else's."),
}
STATES = {
    "received": "received, and waits for a steward",
    "answered": "answered",
    "closed": "closed",
}
ACTIONS = {
    "answer": "Answer",
    "relay": "Your reply was passed on",
    "suppress": "Withheld",
    "unsuppress": "Shown again",
    "erase": "Erased",
    "close": "Closed",
}


@get("/notice", include_in_schema=False)
async def show_form(
    request: AnyRequest,
    site: Sites,
    about: Annotated[str | None, QueryParameter(max_length=500)] = None,
) -> Response[bytes]:
    return _form_page(request, site, {"about": about or ""})


@post("/notice", include_in_schema=False, status_code=303)
async def send_form(request: AnyRequest, site: Sites, actor: Actors) -> Response[Any]:
    told = await _form(request)
    host = urlsplit(site.node.settings.url).netloc

    async def work(session: Any) -> Response[Any]:
        _, receipt = await service.receive(session, actor, told, host=host)
        return Response(None, status_code=303, headers={**_HEADERS, "Location": site.urls.notice(receipt)})

    try:
        return await once(request, site.node, actor if actor.known else ANONYMOUS, work)
    except Invalid as error:
        return _form_page(request, site, told, error.findings, status=422)


@get("/notices/{receipt:str}", include_in_schema=False)
async def show_notice(
    request: AnyRequest, site: Sites, reading: Reading, receipt: FromPath[str]
) -> Response[bytes]:
    # As its sender: what a steward sees more of is not on this page.
    notice = await queries.by_receipt(reading, ANONYMOUS, receipt)
    told = views.status(notice, await queries.answers(reading, notice))
    page = Page(
        title=f"Notice {notice.number}",
        path=request.url.path,
        indexed=False,
        crumbs=(("Report a problem", site.urls.notice()), (notice.number, "")),
    )
    body = site.html(
        "notice_status.html",
        page,
        notice=told,
        kind=KINDS[notice.kind][0],
        state=STATES[notice.state],
        actions=ACTIONS,
        address=site.urls.whole(site.urls.notice(receipt)),
        record=notice.record_id,
    )
    return Response(body, media_type=HTML, headers=_HEADERS)


def _form_page(
    request: AnyRequest,
    site: Site,
    told: dict[str, str],
    findings: tuple[Finding, ...] = (),
    *,
    status: int = 200,
) -> Response[bytes]:
    page = Page(
        title="Report a problem",
        path=site.urls.notice(),
        description=f"Tell the stewards of {site.name} that a record is wrong, private or harmful.",
        feeds=[site.everything],
        json=site.urls.node_json(),
        crumbs=(("Report a problem", ""),),
    )
    held = held_by(request)
    wrong = {finding.pointer.removeprefix("/"): finding for finding in findings}
    body = site.html(
        "notice.html",
        page,
        told=told,
        wrong=wrong,
        kinds=list(KINDS.items()),
        csrf_field=FIELD,
        csrf_token=held.csrf if held else "",
    )
    if held is None and status == 200:
        return prepared(request, body, HTML, etag=digest(body)[:32], scopes=(NEVER,))
    return Response(body, status_code=status, media_type=HTML, headers=_HEADERS)


async def _form(request: AnyRequest) -> dict[str, str]:
    try:
        body = (await read_body(request, limit=_MAX_FORM)).decode("utf-8")
        told = dict(parse_qsl(body, keep_blank_values=True, max_num_fields=20))
    except ValueError:
        raise Malformed("The form cannot be read.") from None
    return {name: told[name] for name in FIELDS if name in told}
