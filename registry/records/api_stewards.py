"""What stewards do to records, over HTTP: withhold them under an order, show them again, erase them."""

from typing import Any

from litestar import Controller, Response, post
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.http import STEWARDS, AnyRequest, private, read_json_object
from registry.idempotency import once
from registry.problems import problem_responses
from registry.records import erasure, suppression, views
from registry.records.api_shared import Actors, Nodes, Origin, RecordId
from registry.records.operations import TakesOrder

_SMALL = 16 * 1024
_ERRORS = problem_responses(400, 401, 403, 404, 409, 412, 413, 415, 422, 428)


class StewardsController(Controller):
    """Withholds records on this node, shows them again, and erases them."""

    path = "/api/v1/records/{id:str}/actions"
    tags = ("records",)

    @post(
        "/suppress",
        operation_id="suppressRecord",
        operation_class=TakesOrder,
        status_code=200,
        security=STEWARDS,
        responses=_ERRORS,
    )
    async def suppress(
        self, request: AnyRequest, actor: Actors, node: Nodes, id: RecordId, origin: Origin = None
    ) -> Response[Any]:
        """Withhold a record by an order: it answers 451 with the order's code, and leaves every list.

        Takes `If-Match` with the newest version's ETag.
        """
        body = await _asked(request, actor)
        if_match = request.headers.get("if-match")

        async def work(session: AsyncSession) -> Response[Any]:
            code, reason = body.get("code", ""), body.get("reason", "")
            done = await suppression.suppress(
                session, actor, id, code, reason, if_match=if_match, origin=origin
            )
            return _told(done)

        return await once(request, node, actor, work)

    @post(
        "/unsuppress",
        operation_id="unsuppressRecord",
        operation_class=TakesOrder,
        status_code=200,
        security=STEWARDS,
        responses=_ERRORS,
    )
    async def unsuppress(
        self, request: AnyRequest, actor: Actors, node: Nodes, id: RecordId, origin: Origin = None
    ) -> Response[Any]:
        """Show a record again that an order withheld. Takes `If-Match` with the newest version's ETag."""
        body = await _asked(request, actor)
        if_match = request.headers.get("if-match")

        async def work(session: AsyncSession) -> Response[Any]:
            reason = body.get("reason", "")
            done = await suppression.unsuppress(session, actor, id, reason, if_match=if_match, origin=origin)
            return _told(done)

        return await once(request, node, actor, work)

    @post(
        "/erase",
        operation_id="eraseRecord",
        operation_class=TakesOrder,
        status_code=200,
        security=STEWARDS,
        responses=_ERRORS,
    )
    async def erase(self, request: AnyRequest, actor: Actors, node: Nodes, id: RecordId) -> Response[Any]:
        """Destroy what a record says. It answers 410 with the ground, for good.

        Takes `If-Match` with the newest version's ETag, or with the draft's where nothing was published.
        """
        body = await _asked(request, actor)
        if_match = request.headers.get("if-match")

        async def work(session: AsyncSession) -> Response[Any]:
            code, reason = body.get("code", ""), body.get("reason", "")
            done = await erasure.erase(session, actor, id, code, reason, if_match=if_match)
            return private(views.erased(done))

        answer = await once(request, node, actor, work)
        await node.database.forget_deleted()
        return answer


async def _asked(request: AnyRequest, actor: Actor) -> dict[str, Any]:
    actor.require(Scope.REGISTRY_STEWARD)
    return await read_json_object(request, "The body of an action", limit=_SMALL)


def _told(state: suppression.Withheld) -> Response[Any]:
    return private(views.withheld(state), headers={"ETag": f'"{state.commit}"'})
