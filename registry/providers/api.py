"""Organisations over HTTP, as far as they may be seen; `registry.joining` adds what is done to them."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.canonical import digest
from registry.errors import Malformed
from registry.extensions import Node
from registry.http import JSON_TYPE, AnyRequest, prepared
from registry.problems import problem_responses
from registry.providers import applications, queries, views
from registry.providers.onboarding import State

Actors = NamedDependency[SkipValidation[Actor]]
Nodes = NamedDependency[SkipValidation[Node]]
Reading = NamedDependency[SkipValidation[AsyncSession]]


class Reads(Controller):
    """Who discloses here."""

    @get("/", operation_id="listProviders", responses=problem_responses(400, 401, 403))
    async def list_providers(
        self,
        request: AnyRequest,
        reading: Reading,
        actor: Actors,
        state_: Annotated[
            str | None,
            QueryParameter(name="state", description="For stewards: those in that state, such as applied."),
        ] = None,
    ) -> Response[bytes]:
        """Every organisation that was approved at some time; with `state`, for stewards, those in it."""
        if state_ is None:
            rows = await queries.all_providers(reading, public=True)
        else:
            actor.require(Scope.REGISTRY_STEWARD)
            if state_ not in tuple(State):
                raise Malformed(f"There is no state {state_[:40]!r}; there are: {', '.join(State)}.")
            rows = await queries.all_providers(reading, public=False, state=State(state_))
        return _answer(request, {"items": [views.public(row) for row in rows], "next": None})

    @get("/{slug:str}", operation_id="readProvider", responses=problem_responses(400, 404))
    async def read_provider(
        self, request: AnyRequest, reading: Reading, actor: Actors, node: Nodes, slug: FromPath[str]
    ) -> Response[bytes]:
        """One organisation. Its own clients and stewards see more, and applications at all."""
        if actor.known:
            row = await queries.find(reading, slug)
            if row is not None and (actor.steward or actor.provider == row.pk):
                proof = applications.proof_of(node.secret, row)
                told = await queries.application(reading, row)
                body = views.own(row, told, proof, steward=actor.steward)
                return prepared(request, msgspec.json.encode(body), JSON_TYPE, etag=own_etag(body))
        return _answer(request, views.public(await queries.by_slug(reading, slug, public=True)))


def own_etag(body: dict[str, Any]) -> str:
    """The ETag of an organisation's own view, which a change names in `If-Match`."""
    return digest(msgspec.json.encode({key: value for key, value in body.items() if key != "open"}))[:32]


def _answer(request: AnyRequest, body: Any) -> Response[bytes]:
    data = msgspec.json.encode(body)
    return prepared(request, data, JSON_TYPE, etag=digest(data)[:32], scopes=("topic:provider",))
