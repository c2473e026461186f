"""The interactive documentation at `/schema`, from an installed package: no CDN, no inline script."""

import re
from importlib.resources import files
from typing import Any

from litestar import Response, Router, get
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import Components, OAuthFlow, OAuthFlows, SecurityScheme
from litestar.params import FromPath

from registry import __version__
from registry.actor import Scope
from registry.errors import NotFound
from registry.http import IMMUTABLE, AnyRequest

_SENTENCE = re.compile(r"(?<=\.) (?=[A-Z`])")
_ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
}
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Candor API</title>
<link rel="stylesheet" href="/schema/assets/swagger-ui.css">
<link rel="service-desc" type="application/vnd.oai.openapi+json" href="/schema/openapi.json">
<noscript><p>The API is described in <a href="/schema/openapi.json">openapi.json</a>.</p></noscript>
<main id="docs"></main>
<script src="/schema/assets/swagger-ui-bundle.js" defer></script>
<script src="/schema/assets/start.js" defer></script>
"""
_START = 'SwaggerUIBundle({url: "/schema/openapi.json", dom_id: "#docs", deepLinking: true});\n'
# Swagger UI sets styles on its elements from its own script; everything else stays as strict as on other
# pages.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def openapi_config(name: str) -> OpenAPIConfig:
    """OpenAPI 3.1 at `/schema/openapi.json`, with the one security scheme that there is."""
    scopes = {scope.value: scope.name.replace("_", " ").lower() for scope in Scope}
    return OpenAPIConfig(
        title=f"{name} API",
        version=__version__,
        description="The registry of AI misuse incidents, mitigations and lessons learned.",
        openapi_router=Router(
            path="/schema", route_handlers=[docs_asset], after_request=_with_policy, include_in_schema=False
        ),
        render_plugins=[
            DocsPage(path="/"),
            JsonDocument(path="/openapi.json"),
            YamlDocument(path="/openapi.yaml"),
        ],
        use_handler_docstrings=True,
        components=Components(
            security_schemes={
                "oauth2": SecurityScheme(
                    type="oauth2",
                    flows=OAuthFlows(client_credentials=OAuthFlow(token_url="/oauth/token", scopes=scopes)),  # noqa: S106  (an address)
                )
            }
        ),
    )


def _summarised(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the first sentence of each description as its summary, not its function's name."""
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict) and operation.get("description"):
                text = " ".join(operation["description"].split())
                operation["summary"] = _SENTENCE.split(text, maxsplit=1)[0].rstrip(".")
    return document


class JsonDocument(JsonRenderPlugin):
    """The document, as JSON."""

    def render(self, request: AnyRequest, openapi_schema: dict[str, Any]) -> bytes:
        return super().render(request, _summarised(openapi_schema))


class YamlDocument(YamlRenderPlugin):
    """The document, as YAML. It is written once: that takes a second, in which nobody else is answered."""

    _written: bytes | None = None

    def render(self, request: AnyRequest, openapi_schema: dict[str, Any]) -> bytes:
        if self._written is None:
            self._written = super().render(request, _summarised(openapi_schema))
        return self._written


class DocsPage(OpenAPIRenderPlugin):
    """The page itself. It fetches the document by itself, so that nothing is written into a script."""

    def render(self, request: AnyRequest, openapi_schema: dict[str, Any]) -> bytes:
        return _PAGE.encode()


def _with_policy(response: Response[Any]) -> Response[Any]:
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@get("/assets/{name:str}", include_in_schema=False, sync_to_thread=False)
def docs_asset(name: FromPath[str]) -> Response[bytes]:
    """Its scripts and its style."""
    if name == "start.js":
        return Response(_START.encode(), media_type="text/javascript", headers={"Cache-Control": IMMUTABLE})
    if name not in _ASSETS:
        raise NotFound("There is nothing at this address.")
    body = (files("swagger_ui") / "static" / name).read_bytes()
    return Response(body, media_type=_ASSETS[name], headers={"Cache-Control": IMMUTABLE})
