"""The session of whoever asks, over HTTP. Signing in is done on the pages."""

from typing import Any

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from registry.actor import Actor
from registry.auth import cookies, signin, views
from registry.auth.bodies import TakesOrganisation, read_object
from registry.auth.middleware import SIGNED_IN
from registry.auth.sessions import ABSOLUTE, SignedIn, signed_in
from registry.errors import Finding, Invalid, Unauthenticated
from registry.extensions import Node
from registry.http import AnyRequest
from registry.problems import problem_responses

Actors = NamedDependency[SkipValidation[Actor]]
Nodes = NamedDependency[SkipValidation[Node]]
OURS = {"Cache-Control": "private, no-store", "Vary": "Authorization, Cookie"}


def held_by(request: AnyRequest) -> SignedIn | None:
    """The session of a request, also while its second factor is owed."""
    found: SignedIn | None = request.scope["state"].get(SIGNED_IN)
    return found


def require_held(request: AnyRequest) -> SignedIn:
    held = held_by(request)
    if held is None:
        raise Unauthenticated("This needs a session. Sign in first.")
    return held


class SessionController(Controller):
    """Who asks."""

    path = "/api/v1"
    tags = ("auth",)

    @get("/session", operation_id="readSession", responses=problem_responses(401))
    async def read_session(self, request: AnyRequest, actor: Actors) -> Response[dict[str, Any]]:
        """Who asks, for whom, with which scopes. For a session, its organisations and roles, and the token
        that its unsafe requests send as `X-CSRF-Token`.
        """
        held = held_by(request)
        if held is None and not actor.known:
            raise Unauthenticated("Nobody is signed in here.")
        return Response(views.session(actor, held), headers=OURS)

    @post(
        "/session/organisation",
        operation_id="switchOrganisation",
        status_code=200,
        operation_class=TakesOrganisation,
        responses=problem_responses(400, 401, 403, 413, 415, 422),
    )
    async def switch(self, request: AnyRequest, node: Nodes, actor: Actors) -> Response[dict[str, Any]]:
        """Act for another organisation of one's own. The session gets a new id and a new CSRF token."""
        held = require_held(request)
        body = await read_object(request, ["provider"])
        slug = body.get("provider")
        if "provider" not in body or not (slug is None or isinstance(slug, str)):
            finding = Finding("bad-provider", "/provider", "This is no slug.", "A text, or null for none.")
            raise Invalid("Say for whom.", findings=[finding])
        async with node.database.write() as session:
            cookie = await signin.switch(session, actor, held, slug)
        async with node.database.read() as session:
            renewed = await signed_in(
                session,
                cookie,
                secret=node.secret,
                stewards_need_second_factor=node.settings.steward_second_factor,
            )
        if renewed is None:
            raise Unauthenticated("The session ended a moment ago.")
        return Response(
            views.session(renewed.actor, renewed), headers=OURS, cookies=[session_cookie(node, cookie)]
        )

    @delete("/session", operation_id="signOut", status_code=204, responses=problem_responses(401, 403))
    async def sign_out(self, request: AnyRequest, node: Nodes, actor: Actors) -> Response[None]:
        """End this session."""
        held = require_held(request)
        async with node.database.write() as session:
            await signin.sign_out(session, actor, held)
        return Response(None, headers=OURS, cookies=[cookies.ended(node.settings, cookies.SESSION)])

    @delete(
        "/sessions",
        operation_id="signOutEverywhere",
        status_code=204,
        responses=problem_responses(401, 403),
    )
    async def sign_out_everywhere(self, request: AnyRequest, node: Nodes, actor: Actors) -> Response[None]:
        """End every session of the person, on every device."""
        held = require_held(request)
        async with node.database.write() as session:
            await signin.sign_out(session, actor, held, everywhere=True)
        return Response(None, headers=OURS, cookies=[cookies.ended(node.settings, cookies.SESSION)])


def session_cookie(node: Node, value: str) -> Any:
    return cookies.made(node.settings, cookies.SESSION, value, seconds=int(ABSOLUTE.total_seconds()))
