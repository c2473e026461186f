"""What is the same as a record, over HTTP, and what stewards decide about it."""

from typing import Any

from litestar import Controller, Response, get, post
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.canonical import is_line
from registry.errors import Finding, Invalid
from registry.extensions import Node
from registry.http import STEWARDS, AnyRequest, private, read_json_object
from registry.idempotency import once
from registry.problems import problem_responses
from registry.records import identity, views
from registry.records.api import json_answer
from registry.records.api_shared import Actors, Nodes, Origin, Reading, RecordId
from registry.records.operations import TakesSame

_SMALL = 16 * 1024
_LONGEST_ORIGIN = 255
_ERRORS = problem_responses(400, 401, 403, 404, 409, 412, 413, 415, 422, 428)


class IdentityController(Controller):
    """One thing in several records, here and at other registries."""

    path = "/api/v1/records/{id:str}"
    tags = ("records",)

    @get("/identity", operation_id="readIdentity", responses=problem_responses(400, 404, 410, 451))
    async def read_identity(
        self,
        request: AnyRequest,
        reading: Reading,
        actor: Actors,
        node: Nodes,
        id: RecordId,
        origin: Origin = None,
    ) -> Response[bytes]:
        """The records that were made from the same source, are known by the same name elsewhere, or are
        accepted to be the same; and the claims of the kind that nobody accepted.
        """
        found = await identity.identity(reading, actor, node.origin, id, origin)
        scopes = () if found.of.shared else ("all", f"record:{found.of.id}")
        return json_answer(request, views.identity(found), scopes)

    @post(
        "/actions/accept-same",
        operation_id="acceptSameAs",
        operation_class=TakesSame,
        status_code=200,
        security=STEWARDS,
        responses=_ERRORS,
    )
    async def accept(
        self, request: AnyRequest, actor: Actors, node: Nodes, id: RecordId, origin: Origin = None
    ) -> Response[Any]:
        """Accept a claim that two records are the same. Takes `If-Match` with the newest version's ETag."""
        return await _decide(request, actor, node, id, origin, accepted=True)

    @post(
        "/actions/refuse-same",
        operation_id="refuseSameAs",
        operation_class=TakesSame,
        status_code=200,
        security=STEWARDS,
        responses=_ERRORS,
    )
    async def refuse(
        self, request: AnyRequest, actor: Actors, node: Nodes, id: RecordId, origin: Origin = None
    ) -> Response[Any]:
        """Keep two records apart, whoever says that they are the same. Takes `If-Match` with the newest
        version's ETag.
        """
        return await _decide(request, actor, node, id, origin, accepted=False)


async def _decide(
    request: AnyRequest, actor: Actor, node: Node, id: str, origin: str | None, *, accepted: bool
) -> Response[Any]:
    actor.require(Scope.REGISTRY_STEWARD)
    body = await read_json_object(request, "The body of an action", limit=_SMALL)
    of, whose = body.get("id"), body.get("origin", node.origin)
    if not (is_line(of, _LONGEST_ORIGIN) and is_line(whose, _LONGEST_ORIGIN)):
        problem = "The other record is named by its `id`, and by its `origin` where that is another's."
        finding = Finding("no-record", "/id", problem, 'Such as {"id": "CIR-7GQ2M4KX9X"}.')
        raise Invalid("Say which record it is the same as.", findings=[finding])
    if_match = request.headers.get("if-match")

    async def work(session: AsyncSession) -> Response[Any]:
        done = await identity.decide(
            session,
            actor,
            id,
            (str(whose), str(of)),
            body.get("reason", ""),
            accepted=accepted,
            if_match=if_match,
            origin=origin,
        )
        return private({"records": [views.key(each) for each in done], "same": accepted})

    return await once(request, node, actor, work)
