"""What stewards see of unusual activity, and how they answer it."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example, OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import PathParameter, QueryParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.errors import Malformed
from registry.extensions import Node
from registry.http import JSON_TYPE, STEWARDS, AnyRequest, private, read_cursor, read_json_body
from registry.http import cursor as cursor_to
from registry.idempotency import once
from registry.moderation.anomalies import queries, service, views
from registry.problems import problem_responses

MAX_BODY = 16 * 1024
Actors = NamedDependency[SkipValidation[Actor]]
Nodes = NamedDependency[SkipValidation[Node]]
Reading = NamedDependency[SkipValidation[AsyncSession]]


@dataclass
class TakesAnswer(Operation):
    def __post_init__(self) -> None:
        text = Schema(type=OpenAPIType.STRING)
        answers = Schema(type=OpenAPIType.STRING, enum=[service.DISMISS, service.HOLD])
        schema = Schema(
            type=OpenAPIType.OBJECT,
            required=["answer", "reason"],
            properties={"answer": answers, "reason": text},
        )
        example = Example(value={"answer": "dismiss", "reason": "They moved to another office."})
        media = OpenAPIMediaType(schema=schema, examples={"example": example})
        self.request_body = RequestBody(content={JSON_TYPE: media}, required=True)


class AnomaliesController(Controller):
    """Unusual activity of organisations, for stewards."""

    path = "/api/v1/anomalies"
    tags = ("moderation",)

    @get("/", operation_id="listAnomalies", security=STEWARDS, responses=problem_responses(400, 401, 403))
    async def list_anomalies(
        self,
        reading: Reading,
        actor: Actors,
        # The framework keeps the name `state` for itself.
        which: Annotated[Literal["open", "answered"] | None, QueryParameter(name="state")] = None,
        cursor: Annotated[str | None, QueryParameter(max_length=200)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    ) -> Response[Any]:
        """What was unusual, the latest first."""
        before = read_cursor(cursor)
        rows = await queries.page(reading, actor, state=which, before=before, limit=limit + 1)
        shown = rows[:limit]
        following = cursor_to(shown[-1][0].pk) if len(rows) > limit else None
        return private({"items": [views.anomaly(*row) for row in shown], "next": following})

    @post(
        "/{number:int}/answer",
        operation_id="answerAnomaly",
        operation_class=TakesAnswer,
        status_code=200,
        security=STEWARDS,
        responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422),
    )
    async def answer(
        self,
        request: AnyRequest,
        actor: Actors,
        node: Nodes,
        number: Annotated[int, PathParameter(description="The anomaly's number.")],
    ) -> Response[Any]:
        """Dismiss it, or hold the organisation: it may write then, and nothing of it is published."""
        actor.require(Scope.REGISTRY_STEWARD)
        raw = await read_json_body(request, limit=MAX_BODY)
        if not isinstance(raw, dict):
            raise Malformed('The body is a JSON object, such as {"answer": "dismiss", "reason": "..."}.')

        async def work(session: AsyncSession) -> Response[Any]:
            said, reason = raw.get("answer"), raw.get("reason")
            row = await service.answer(session, actor, number, said, reason, origin=node.origin)
            return private(views.anomaly(*row))

        return await once(request, node, actor, work)
