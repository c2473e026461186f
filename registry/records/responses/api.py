"""Responses over HTTP."""

from typing import Annotated

from litestar import Controller, Response, get
from litestar.params import QueryParameter

from registry.canonical import digest
from registry.http import JSON_TYPE, AnyRequest, cursor, prepared, read_cursor
from registry.problems import problem_responses
from registry.records import queries as records
from registry.records.api_shared import Actors, Origin, Reading, RecordId
from registry.records.responses import queries, views

MOST = 200


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
            last_modified=await records.changed_at(reading),
            scopes=scopes,
        )
