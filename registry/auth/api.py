"""The OAuth endpoints."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from registry.actor import Actor, Scope
from registry.auth import oauth, service, tokens
from registry.auth.assertions import ALGORITHMS, named_client
from registry.errors import Malformed, UnsupportedType
from registry.extensions import Node
from registry.http import AnyRequest, read_body
from registry.moderation import lockout
from registry.problems import problem_responses

MAX_FORM = 8 * 1024
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
Nodes = NamedDependency[SkipValidation[Node]]


class OAuthController(Controller):
    """Tokens for machines."""

    tags = ("auth",)

    @post(
        "/oauth/token",
        operation_id="issueToken",
        status_code=200,
        responses=problem_responses(400, 401, 413, 415, 429),
    )
    async def token(self, request: AnyRequest, node: Nodes) -> Response[Any]:
        """An access token for a client (`client_credentials`), which shows its secret
        (`client_secret_basic`) or signs (`private_key_jwt`).

        Errors have the form of RFC 6749, section 5.2, since OAuth clients read that.
        """
        return await _answer(request, node, oauth.TOKEN)

    @post(
        "/oauth/revoke",
        operation_id="revokeToken",
        status_code=200,
        responses=problem_responses(400, 401, 413, 415, 429),
    )
    async def revoke(self, request: AnyRequest, node: Nodes) -> Response[Any]:
        """End a token at once (RFC 7009). A client may end those of its organisation; a token that is not
        known is answered as one that was ended.
        """
        return await _answer(request, node, oauth.REVOCATION)

    @post(
        "/oauth/introspect",
        operation_id="introspectToken",
        status_code=200,
        responses=problem_responses(400, 401, 403, 413, 415, 429),
    )
    async def introspect(self, request: AnyRequest, node: Nodes) -> Response[Any]:
        """Whether a token is live, and what it may do (RFC 7662). For clients of the organisation that it
        acts for; a steward may ask with a token of their own. Any other token is said not to be active.
        """
        authorization = request.headers.get("authorization", "")
        if not authorization.lower().startswith("bearer "):
            return await _answer(request, node, oauth.INTROSPECTION)
        form = await _form(request)
        async with node.database.read() as session:
            (await tokens.actor_of(session, authorization)).require(Scope.REGISTRY_STEWARD)
            body = await service.introspected(session, form.get("token", ""))
        return Response(body, media_type="application/json", headers=_NO_STORE)

    @get("/.well-known/oauth-authorization-server", operation_id="readOAuthMetadata")
    async def metadata(self, node: Nodes) -> dict[str, Any]:
        """Authorization server metadata (RFC 8414)."""
        base = node.settings.url
        methods, algorithms = list(oauth.METHODS), list(ALGORITHMS)
        told: dict[str, Any] = {
            "issuer": base,
            "token_endpoint": f"{base}/oauth/token",
            "revocation_endpoint": f"{base}/oauth/revoke",
            "introspection_endpoint": f"{base}/oauth/introspect",
            "grant_types_supported": ["client_credentials"],
            "scopes_supported": [scope.value for scope in Scope],
            "response_types_supported": [],
            "service_documentation": f"{base}/about",
        }
        for endpoint in ("token", "revocation", "introspection"):
            told[f"{endpoint}_endpoint_auth_methods_supported"] = methods
            told[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] = algorithms
        return told


async def _answer(request: AnyRequest, node: Node, endpoint: str) -> Response[Any]:
    form = await _form(request)
    authorization = request.headers.get("authorization", "")
    client_id = tokens.basic_client_id(authorization) if authorization else named_client(form)
    base = node.settings.url
    asked = oauth.Asked((f"{base}/oauth/token", f"{base}/oauth/{_PATHS[endpoint]}", base), form=form)
    if authorization:
        asked = service.with_header(asked, authorization)
    address = request.client.host if request.client else None
    if client_id:
        await lockout.guard(node, client_id, address)
    async with node.database.read() as session:
        machine, asked = await service.prepare(session, asked, client_id)
    answer = await asyncio.to_thread(oauth.answer, endpoint, asked, client_id, machine)
    if client_id:
        came_of_it = lockout.failed if answer.status == 401 else lockout.succeeded
        await came_of_it(node, client_id, address)
    if machine is not None and answer.shown is not None:
        by: Actor = request.scope["state"]["actor"]
        async with node.database.write() as session:
            answer = await service.settle(session, by, machine, answer)
    headers = {**answer.headers, **_NO_STORE}
    headers.pop("Content-Type", None)
    return Response(answer.body, status_code=answer.status, media_type="application/json", headers=headers)


_PATHS = {oauth.TOKEN: "token", oauth.REVOCATION: "revoke", oauth.INTROSPECTION: "introspect"}


async def _form(request: AnyRequest) -> dict[str, str]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise UnsupportedType("Send application/x-www-form-urlencoded, as OAuth 2 has it.")
    body = await read_body(request, limit=MAX_FORM)
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=20
        )
    except (UnicodeDecodeError, ValueError) as error:
        raise Malformed("The form cannot be read.") from error
    if len(dict(pairs)) != len(pairs):
        raise Malformed("A parameter stands twice in the form.")
    return dict(pairs)
