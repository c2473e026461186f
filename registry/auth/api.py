"""The OAuth endpoints."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from registry.actor import Scope
from registry.auth import oauth, tokens
from registry.errors import Malformed, UnsupportedType
from registry.extensions import Node
from registry.http import AnyRequest, read_body
from registry.problems import problem_responses
from registry.providers import queries as providers

MAX_FORM = 8 * 1024


class OAuthController(Controller):
    """Tokens for machines."""

    tags = ("auth",)

    @post(
        "/oauth/token",
        operation_id="issueToken",
        status_code=200,
        responses=problem_responses(400, 401, 413, 415),
    )
    async def token(self, request: AnyRequest, node: NamedDependency[SkipValidation[Node]]) -> Response[Any]:
        """An access token for a client that shows its secret (`client_credentials`, `client_secret_basic`).

        Errors have the form of RFC 6749, section 5.2, since OAuth clients read that.
        """
        form = await _form(request)
        authorization = request.headers.get("authorization", "")
        client_id = tokens.basic_client_id(authorization)
        async with node.database.read() as session:
            found = await providers.client(session, client_id) if client_id else None
        # The scheme is what the proxy in front speaks; the neutral core only checks that it is a safe one.
        asked = oauth.TokenRequest(
            "https://candor.invalid/oauth/token", {"Authorization": authorization}, form
        )
        answer = await asyncio.to_thread(oauth.answer, asked, client_id, found)
        if answer.granted is not None and found is not None:
            async with node.database.write() as session:
                await tokens.keep(session, found[0], answer.granted)
        headers = {**answer.headers, "Cache-Control": "no-store", "Pragma": "no-cache"}
        headers.pop("Content-Type", None)
        return Response(
            answer.body, status_code=answer.status, media_type="application/json", headers=headers
        )

    @get("/.well-known/oauth-authorization-server", operation_id="readOAuthMetadata")
    async def metadata(self, node: NamedDependency[SkipValidation[Node]]) -> dict[str, Any]:
        """Authorization server metadata (RFC 8414)."""
        base = node.settings.url
        return {
            "issuer": base,
            "token_endpoint": f"{base}/oauth/token",
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "scopes_supported": [scope.value for scope in Scope],
            "response_types_supported": [],
            "service_documentation": f"{base}/about",
        }


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
