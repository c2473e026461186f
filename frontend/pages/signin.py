"""Signing in and out, and the second factor: forms without scripts around `registry.auth`."""

from typing import Annotated, Any
from urllib.parse import parse_qsl

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation

from frontend.pages.parameters import Sites
from frontend.site import HTML, Page, Site
from registry.auth import cookies, csrf, links, sessions, signin, totp
from registry.auth.middleware import acting_from
from registry.auth.models import Person
from registry.auth.oidc import LIFETIME, OpenId
from registry.auth.session_api import OURS, held_by, session_cookie
from registry.auth.sessions import SignedIn
from registry.errors import Invalid, Malformed, NotFound
from registry.http import AnyRequest, read_body

OpenIds = NamedDependency[SkipValidation[OpenId]]
Next = Annotated[str | None, QueryParameter(name="next", max_length=2000)]
Token = Annotated[str, QueryParameter(name="token", max_length=200)]
_MAX_FORM = 16 * 1024
# Same-origin, not none: without a referrer a browser sends no Origin either, and that is looked at. And
# no-store, so that the link in the address is not kept with the page.
_HEADERS = {**OURS, "Referrer-Policy": "same-origin"}
_OVER = "This link was used, or is older than 15 minutes. Ask for another."
_WRONG = "This code is not right, or was used before. Take the next one that your app shows."


def _page(
    request: AnyRequest,
    site: Site,
    template: str,
    title: str,
    *,
    status: int = 200,
    set_cookies: tuple[Cookie, ...] = (),
    **context: Any,
) -> Response[bytes]:
    page = Page(title=title, path=request.url.path, indexed=False, crumbs=((title, ""),))
    held = held_by(request)
    context = {"csrf_token": held.csrf if held else "", "held": held, "problem": "", **context}
    body = site.html(template, page, **context)
    return Response(body, status_code=status, media_type=HTML, headers=_HEADERS, cookies=[*set_cookies])


def _go(address: str, *set_cookies: Cookie) -> Response[None]:
    return Response(None, status_code=303, headers={**_HEADERS, "Location": address}, cookies=[*set_cookies])


async def _form(request: AnyRequest) -> dict[str, str]:
    try:
        body = (await read_body(request, limit=_MAX_FORM)).decode("utf-8")
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=20))
    except ValueError:
        raise Malformed("The form cannot be read.") from None


def _visit(request: AnyRequest, site: Site) -> str:
    header = request.headers.get("cookie", "")
    return cookies.read(site.node.settings, header, cookies.VISIT)


def _visit_cookie(site: Site, value: str) -> Cookie:
    seconds = int(LIFETIME.total_seconds()) * 2
    return cookies.made(site.node.settings, cookies.VISIT, value, seconds=seconds)


def _welcome(site: Site, begun: signin.Begun, back: str) -> Response[None]:
    """The session's cookie, and on to where they wanted to go."""
    settings = site.node.settings
    address = site.urls.sign_in("/totp", back) if begun.half else site.urls.own(back, site.urls.sign_in())
    return _go(address, session_cookie(site.node, begun.cookie), cookies.ended(settings, cookies.VISIT))


def _require_held(request: AnyRequest) -> SignedIn | None:
    held = held_by(request)
    return held if held is not None and not held.half else None


# --- the first factor ---


@get("/sign-in", include_in_schema=False)
async def show_sign_in(request: AnyRequest, site: Sites, openid: OpenIds, back: Next = None) -> Response[Any]:
    held = held_by(request)
    if held is not None and held.half:
        return _go(site.urls.sign_in("/totp", back))
    if held is not None:
        return _page(request, site, "signin/account.html", "Your account")
    return _sign_in(request, site, openid, back)


def _sign_in(
    request: AnyRequest, site: Site, openid: OpenId, back: str | None, *, problem: str = "", status: int = 200
) -> Response[bytes]:
    settings = site.node.settings
    return _page(
        request,
        site,
        "signin/sign_in.html",
        "Sign in",
        problem=problem,
        status=status,
        mails=settings.smtp_url is not None,
        oidc=settings.oidc_name if openid.enabled else "",
        back=signin.return_to(back),
    )


@post("/sign-in", include_in_schema=False, status_code=200)
async def send_link(request: AnyRequest, site: Sites, openid: OpenIds) -> Response[Any]:
    """The same page, in the same time, whether the address is known or not."""
    csrf.require_same_site(site.node.settings, request.headers)
    form = await _form(request)
    try:
        await signin.ask_for_link(site.node, acting_from(request.scope), form.get("email", ""))
    except Invalid:
        problem = "This is no mail address. It looks like name@example.org."
        return _sign_in(request, site, openid, form.get("next"), problem=problem, status=422)
    return _page(request, site, "signin/sent.html", "Look into your mail")


@get("/sign-in/link", include_in_schema=False)
async def show_link(request: AnyRequest, site: Sites, token: Token = "") -> Response[Any]:
    """Shows whose link it is, and does nothing: mail scanners open links, too."""
    async with site.node.database.read() as session:
        person = await links.whose(session, token)
    if person is None:
        return _page(request, site, "signin/link.html", "Sign in", problem=_OVER, status=410, email="")
    visit = _visit(request, site) or signin.visit()
    held = held_by(request)
    proof = held.csrf if held else signin.bound(site.node.secret, "link", visit)
    return _page(
        request,
        site,
        "signin/link.html",
        "Sign in",
        set_cookies=(_visit_cookie(site, visit),),
        email=person.email,
        token=token,
        csrf_token=proof,
    )


@post("/sign-in/link", include_in_schema=False, status_code=200)
async def use_link(request: AnyRequest, site: Sites) -> Response[Any]:
    csrf.require_same_site(site.node.settings, request.headers)
    form = await _form(request)
    held = held_by(request)
    if held is None:
        # Login CSRF: another site cannot have somebody sign in as somebody else without this page's cookie.
        visit = _visit(request, site)
        proof = signin.bound(site.node.secret, "link", visit) if visit else ""
        csrf.require_token(proof, form.get(csrf.FIELD))
    by = acting_from(request.scope)
    async with site.node.database.write() as session:
        begun = await signin.by_link(session, by, form.get("token", ""))
        if begun is not None and held is not None:
            await sessions.end(session, held.pk)
    if begun is None:
        return _page(request, site, "signin/link.html", "Sign in", problem=_OVER, status=410, email="")
    return _welcome(site, begun, "/")


@get("/sign-in/oidc", include_in_schema=False)
async def start_oidc(site: Sites, openid: OpenIds, back: Next = None) -> Response[Any]:
    if not openid.enabled:
        raise NotFound("No account of another service opens this registry.")
    visit = signin.visit()
    return _go(await openid.start(visit, back or "/"), _visit_cookie(site, visit))


@get("/sign-in/oidc/callback", include_in_schema=False)
async def finish_oidc(request: AnyRequest, site: Sites, openid: OpenIds) -> Response[Any]:
    if not openid.enabled:
        raise NotFound("No account of another service opens this registry.")
    answer = {name: str(value) for name, value in request.query_params.items()}
    begun, back = await openid.finish(acting_from(request.scope), _visit(request, site), answer)
    held = held_by(request)
    if held is not None:
        async with site.node.database.write() as session:
            await sessions.end(session, held.pk)
    return _welcome(site, begun, back)


# --- the second factor ---


@get("/sign-in/totp", include_in_schema=False)
async def show_totp(request: AnyRequest, site: Sites, back: Next = None) -> Response[Any]:
    held = held_by(request)
    if held is None or not held.half:
        return _go(site.urls.sign_in())
    return _page(request, site, "signin/totp.html", "Your second factor", back=signin.return_to(back))


@post("/sign-in/totp", include_in_schema=False, status_code=200)
async def check_totp(request: AnyRequest, site: Sites) -> Response[Any]:
    held = held_by(request)
    if held is None or not held.half:
        return _go(site.urls.sign_in())
    form = await _form(request)
    back = signin.return_to(form.get("next"))
    by = acting_from(request.scope)
    async with site.node.database.write() as session:
        begun = await signin.second_factor(session, by, held, site.node, form.get("code", ""))
    if begun is None:
        title = "Your second factor"
        return _page(request, site, "signin/totp.html", title, problem=_WRONG, status=422, back=back)
    return _welcome(site, begun, back)


@get("/sign-in/second-factor", include_in_schema=False)
async def show_second_factor(request: AnyRequest, site: Sites) -> Response[Any]:
    held = _require_held(request)
    if held is None:
        return _go(site.urls.sign_in())
    return _page(request, site, "signin/second_factor.html", "Second factor", enrolment=None, codes=())


@post("/sign-in/second-factor", include_in_schema=False, status_code=200)
async def begin_second_factor(request: AnyRequest, site: Sites) -> Response[Any]:
    held = _require_held(request)
    if held is None:
        return _go(site.urls.sign_in())
    async with site.node.database.write() as session:
        enrolment = await signin.enrol(session, held, site.node)
    return _page(request, site, "signin/second_factor.html", "Second factor", enrolment=enrolment, codes=())


@post("/sign-in/second-factor/confirm", include_in_schema=False, status_code=200)
async def confirm_second_factor(request: AnyRequest, site: Sites) -> Response[Any]:
    held = _require_held(request)
    if held is None:
        return _go(site.urls.sign_in())
    form = await _form(request)
    node, by = site.node, acting_from(request.scope, held)
    async with node.database.write() as session:
        done = await signin.confirm_enrolment(session, by, held, node, form.get("code", ""))
        person = await session.get(Person, held.person_pk)
        waiting = totp.pending(person, node.secret, node.settings.name) if person and not done else None
    template, title = "signin/second_factor.html", "Second factor"
    if done is None:
        return _page(request, site, template, title, problem=_WRONG, status=422, enrolment=waiting, codes=())
    begun, codes = done
    set_cookies = (session_cookie(node, begun.cookie),)
    return _page(request, site, template, title, set_cookies=set_cookies, enrolment=None, codes=codes)


@post("/sign-in/second-factor/remove", include_in_schema=False, status_code=200)
async def remove_second_factor(request: AnyRequest, site: Sites) -> Response[Any]:
    held = _require_held(request)
    if held is None:
        return _go(site.urls.sign_in())
    form = await _form(request)
    by = acting_from(request.scope, held)
    async with site.node.database.write() as session:
        begun = await signin.remove_second_factor(session, by, held, site.node, form.get("code", ""))
    if begun is None:
        title = "Second factor"
        return _page(
            request,
            site,
            "signin/second_factor.html",
            title,
            problem=_WRONG,
            status=422,
            enrolment=None,
            codes=(),
        )
    return _go(site.urls.sign_in(), session_cookie(site.node, begun.cookie))


# --- while signed in ---


@post("/sign-in/organisation", include_in_schema=False, status_code=200)
async def switch(request: AnyRequest, site: Sites) -> Response[Any]:
    held = _require_held(request)
    if held is None:
        return _go(site.urls.sign_in())
    form = await _form(request)
    by = acting_from(request.scope, held)
    async with site.node.database.write() as session:
        cookie = await signin.switch(session, by, held, form.get("provider") or None)
    return _go(site.urls.sign_in(), session_cookie(site.node, cookie))


@post("/sign-out", include_in_schema=False, status_code=200)
async def sign_out(request: AnyRequest, site: Sites) -> Response[Any]:
    return await _leave(request, site, everywhere=False)


@post("/sign-out/everywhere", include_in_schema=False, status_code=200)
async def sign_out_everywhere(request: AnyRequest, site: Sites) -> Response[Any]:
    return await _leave(request, site, everywhere=True)


async def _leave(request: AnyRequest, site: Site, *, everywhere: bool) -> Response[Any]:
    held = held_by(request)
    if held is not None:
        async with site.node.database.write() as session:
            by = acting_from(request.scope, held)
            await signin.sign_out(session, by, held, everywhere=everywhere)
    return _go(site.urls.sign_in(), cookies.ended(site.node.settings, cookies.SESSION))


HANDLERS = (
    show_sign_in,
    send_link,
    show_link,
    use_link,
    start_oidc,
    finish_oidc,
    show_totp,
    check_totp,
    show_second_factor,
    begin_second_factor,
    confirm_second_factor,
    remove_second_factor,
    switch,
    sign_out,
    sign_out_everywhere,
)
