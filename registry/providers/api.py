"""Organisations over HTTP, as far as everybody may see them."""

from typing import Any

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.canonical import digest
from registry.http import JSON_TYPE, AnyRequest, prepared
from registry.problems import problem_responses
from registry.providers import queries, views


class ProvidersController(Controller):
    """Who discloses here."""

    path = "/api/v1/providers"
    tags = ("providers",)

    @get("/", operation_id="listProviders")
    async def list_providers(
        self, request: AnyRequest, reading: NamedDependency[SkipValidation[AsyncSession]]
    ) -> Response[bytes]:
        """Every organisation that was approved at some time."""
        rows = await queries.all_providers(reading, public=True)
        return _answer(
            request, {"items": [views.public(row) for row in rows], "next": None}, "topic:provider"
        )

    @get("/{slug:str}", operation_id="readProvider", responses=problem_responses(400, 404))
    async def read_provider(
        self, request: AnyRequest, reading: NamedDependency[SkipValidation[AsyncSession]], slug: FromPath[str]
    ) -> Response[bytes]:
        """One organisation."""
        row = await queries.by_slug(reading, slug, public=True)
        return _answer(request, views.public(row), "topic:provider")


def _answer(request: AnyRequest, body: Any, scope: str) -> Response[bytes]:
    data = msgspec.json.encode(body)
    return prepared(request, data, JSON_TYPE, etag=digest(data)[:32], scopes=(scope,))
