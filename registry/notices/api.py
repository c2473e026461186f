"""Notices over HTTP: anybody sends one, its sender follows it, stewards answer."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example, OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import PathParameter, QueryParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.errors import Malformed, NotFound
from registry.extensions import Node
from registry.http import (
    JSON_TYPE,
    STEWARDS,
    AnyRequest,
    cursor,
    private,
    read_cursor,
    read_json_body,
    read_json_object,
)
from registry.idempotency import once
from registry.notices import queries, service, views
from registry.notices.rules import FIELDS, Action, Kind, State
from registry.problems import problem_responses
from registry.records.api_shared import desk_of

MAX_BODY = 64 * 1024
Actors = NamedDependency[SkipValidation[Actor]]
Nodes = NamedDependency[SkipValidation[Node]]
Reading = NamedDependency[SkipValidation[AsyncSession]]
Receipt = Annotated[str, PathParameter(description="The receipt; for stewards, the notice's number too.")]


def _body(fields: dict[str, str], required: list[str], examples: dict[str, Any]) -> RequestBody:
    properties: Any = {
        name: Schema(type=OpenAPIType.STRING, description=about) for name, about in fields.items()
    }
    schema = Schema(type=OpenAPIType.OBJECT, required=required, properties=properties)
    shown: Any = {name: Example(value=value) for name, value in examples.items()}
    return RequestBody(content={JSON_TYPE: OpenAPIMediaType(schema=schema, examples=shown)}, required=True)


@dataclass
class TakesNotice(Operation):
    def __post_init__(self) -> None:
        about = ("One of: " + ", ".join(Kind), "A record's id, or an address.", "Up to 10,000 characters.")
        more = ("An e-mail address, if you like; for stewards only.", "The language of the text.")
        example = {
            "kind": "correction",
            "about": "CIR-7GQ2M4KX9X",
            "text": "The date is wrong: it was in May.",
        }
        fields = dict(zip(FIELDS, (*about, *more), strict=True))
        self.request_body = _body(fields, ["kind", "about", "text"], {"correction": example})


@dataclass
class TakesAnswer(Operation):
    def __post_init__(self) -> None:
        self.request_body = _body(
            {
                "text": "What the sender reads; for relay, the reply itself.",
                "name": "relay: who replies. `role` and `organisation` may follow.",
                "code": "suppress: the order; erase: the ground; as every reader is told.",
                "reason": "suppress, unsuppress, erase: why, for the audit trail.",
            },
            [],
            {
                "answer": {"text": "Thank you. The provider corrects it."},
                "relay": {"text": "We were not asked before this was published.", "name": "Example Bank"},
                "suppress": {"code": "Court of Example, 12 O 34/26", "reason": "An injunction was served."},
            },
        )


class NoticesController(Controller):
    """What outsiders write about records, and what is done about it."""

    path = "/api/v1/notices"
    tags = ("notices",)

    @post(
        "/",
        operation_id="sendNotice",
        operation_class=TakesNotice,
        status_code=201,
        security=[{}],
        responses=problem_responses(400, 409, 413, 415, 422, 429),
    )
    async def send(self, request: AnyRequest, actor: Actors, node: Nodes) -> Response[Any]:
        """Tell the stewards that something is wrong, private, defamatory, leaked or under copyright.

        No account is needed. The answer holds a receipt, shown once, under which the answers can be read. It
        is the same whether or not there is a record under the id.
        """
        raw = await read_json_body(request, limit=MAX_BODY)
        host = urlsplit(node.settings.url).netloc

        async def work(session: AsyncSession) -> Response[Any]:
            notice, receipt = await service.receive(session, actor, raw, host=host)
            body = views.received(notice, receipt)
            return _private(body, status=201, headers={"Location": body["status"]})

        return await once(request, node, actor, work)

    @get("/", operation_id="listNotices", security=STEWARDS, responses=problem_responses(400, 401, 403))
    async def list_notices(
        self,
        reading: Reading,
        actor: Actors,
        state_: Annotated[str | None, QueryParameter(name="state")] = None,
        cursor_: Annotated[str | None, QueryParameter(name="cursor", max_length=64)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=100)] = 50,
    ) -> Response[Any]:
        """For stewards: notices that are not closed, or those in a state, the oldest first, with their age
        and the median time to a first answer.
        """
        actor.require(Scope.REGISTRY_STEWARD)
        if state_ is not None and state_ not in tuple(State):
            raise Malformed(f"There is no state {state_[:40]!r}; there are: {', '.join(State)}.")
        state = State(state_) if state_ is not None else None
        rows = await queries.queue(reading, state=state, after=read_cursor(cursor_), limit=limit + 1)
        following = cursor(rows[limit - 1][0].pk) if len(rows) > limit else None
        median = await queries.median_to_first_answer(reading)
        return _private(views.listing(rows[:limit], following, median))

    @get("/{receipt:str}", operation_id="readNotice", responses=problem_responses(400, 404))
    async def read_notice(self, reading: Reading, actor: Actors, receipt: Receipt) -> Response[Any]:
        """Where a notice stands, and the answers to it."""
        notice = await queries.by_receipt(reading, actor, receipt)
        body = views.status(notice, await queries.answers(reading, notice))
        if actor.steward:
            body |= views.in_queue(notice, await queries.record_of(reading, notice))
        return _private(body)

    @post(
        "/{receipt:str}/actions/{action:str}",
        operation_id="answerNotice",
        operation_class=TakesAnswer,
        status_code=200,
        security=STEWARDS,
        responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422),
    )
    async def act(
        self,
        request: AnyRequest,
        actor: Actors,
        node: Nodes,
        receipt: Receipt,
        action: Annotated[str, PathParameter(description=", ".join(Action))],
    ) -> Response[Any]:
        """For stewards: answer, relay a reply of somebody affected as a response, suppress the record by an
        order or show it again, erase it, or close.
        """
        actor.require(Scope.REGISTRY_STEWARD)
        raw = await read_json_object(request, "The body of an action", limit=MAX_BODY, optional=True)
        if action not in tuple(Action):
            raise NotFound(f"There is no action {action[:40]!r}; there are: {', '.join(Action)}.")
        desk = await desk_of(node)

        async def work(session: AsyncSession) -> Response[Any]:
            notice = await service.act(session, desk, actor, receipt, Action(action), raw)
            return _private(views.status(notice, await queries.answers(session, notice)))

        answer = await once(request, node, actor, work)
        if action == Action.ERASE:
            await node.database.forget_deleted()
        return answer


def _private(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response[Any]:
    # The address of a receipt is the key to it: it goes to nobody with a link that is followed.
    return private(body, status=status, headers={"Referrer-Policy": "no-referrer", **(headers or {})})
