"""Responses over HTTP."""

from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.params import QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Scope
from registry.canonical import digest
from registry.http import JSON_TYPE, AnyRequest, cursor, prepared, private, read_cursor, read_json_body
from registry.idempotency import once
from registry.problems import problem_responses
from registry.records import list_queries
from registry.records.api_shared import Actors, Nodes, Origin, Reading, RecordId
from registry.records.responses import queries, service, views

MOST = 200
MAX_BODY = 4 * 1024


class ResponsesController(Controller):
    """What others said about a record."""

    path = "/api/v1/records/{id:str}/responses"
    tags = ("records",)

    @get("/", operation_id="listResponses", responses=problem_responses(400, 404, 451))
    async def list_responses(
        self,
        request: AnyRequest,
        reading: Reading,
        actor: Actors,
        id: RecordId,
        origin: Origin = None,
        cursor_: Annotated[str | None, QueryParameter(name="cursor", max_length=64)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=MOST, description="Items in one answer.")] = MOST,
    ) -> Response[bytes]:
        """What others answered to the record, the newest first, and what it amounts to.

        `summary` counts organisations by stance and outcome, for the whole and for each part; of one
        organisation the newest response counts, and those that are not named count as one. `replies` names
        what the record's owner answered to each. Members are shown responses below TLP:CLEAR in
        `restricted`.
        """
        found = await queries.responses(reading, actor, id, origin, before=read_cursor(cursor_), limit=limit)
        body = views.responses(found, cursor(found.following) if found.following else None)
        # A reply is a response to a response: its own scope would not be this record's.
        scopes = () if found.of.shared else (f"record:{found.of.id}", "kind:response")
        return prepared(
            request,
            body,
            JSON_TYPE,
            etag=digest(body)[:32],
            last_modified=await list_queries.changed_at(reading),
            scopes=scopes,
        )

    @post(
        "/seen",
        operation_id="markResponsesSeen",
        status_code=200,
        security=[{"oauth2": [Scope.RECORDS_WRITE.value]}],
        responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422),
    )
    async def mark_seen(self, request: AnyRequest, actor: Actors, node: Nodes, id: RecordId) -> Response[Any]:
        """Take the responses to a record of yours off your queue. Later ones come anew. Takes no body."""
        actor.require(Scope.RECORDS_WRITE)
        await read_json_body(request, limit=MAX_BODY, optional=True)

        async def work(session: AsyncSession) -> Response[Any]:
            return private({"id": id, "seen_up_to": await service.mark_seen(session, actor, id)})

        return await once(request, node, actor, work)
