"""What waits for whoever asks, over HTTP."""

from typing import Annotated

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.canonical import digest
from registry.errors import Unauthenticated
from registry.http import JSON_TYPE, AnyRequest, prepared
from registry.problems import problem_responses
from registry.queue import queries, views


class QueueController(Controller):
    """What waits for somebody."""

    path = "/api/v1/queue"
    tags = ("queue",)

    @get(
        "/",
        operation_id="listQueue",
        security=[{"oauth2": []}],
        responses=problem_responses(400, 401),
    )
    async def list_queue(
        self,
        request: AnyRequest,
        reading: NamedDependency[SkipValidation[AsyncSession]],
        actor: NamedDependency[SkipValidation[Actor]],
        type_: Annotated[
            list[str] | None, QueryParameter(name="type", max_items=20, description="Only these sorts.")
        ] = None,
        cursor_: Annotated[str | None, QueryParameter(name="cursor", max_length=1000)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200, description="Items in one answer.")] = 50,
    ) -> Response[bytes]:
        """What waits for you, by the scopes that you hold, the oldest first."""
        if not actor.known:
            raise Unauthenticated("This needs a token or a session.")
        after = queries.read_place(cursor_)
        found = await queries.waiting(reading, actor, types=frozenset(type_) if type_ else None)
        left = [item for item in found if after is None or queries.place_of(item) > after]
        shown = left[:limit]
        following = queries.cursor_of(shown[-1]) if len(left) > limit else None
        data = msgspec.json.encode({"items": [views.item(item) for item in shown], "next": following})
        return prepared(request, data, JSON_TYPE, etag=digest(data)[:32])
