"""What this registry knows of those that it follows: for its stewards, and, of heads alone, for everybody."""

from datetime import timedelta
from typing import Annotated, Any

from litestar import Controller, Response, get
from litestar.params import QueryParameter

from registry.actor import Scope
from registry.canonical import digest
from registry.db import now
from registry.errors import Malformed
from registry.federation import alarms, views
from registry.federation.items import counts, items_of
from registry.federation.queries import peer_of, peers
from registry.http import JSON_TYPE, STEWARDS, AnyRequest, json_bytes, prepared, private, read_cursor
from registry.http import cursor as cursor_to
from registry.problems import problem_responses
from registry.records.api_shared import Actors, Nodes, Reading


class PeersController(Controller):
    """Registries that are followed."""

    tags = ("federation",)

    @get("/api/v1/peers", operation_id="listPeers", security=STEWARDS, responses=problem_responses(401, 403))
    async def list_peers(self, node: Nodes, reading: Reading, actor: Actors) -> Response[Any]:
        """Every peer: how it is, how far it was read, what went wrong, and the newest alarms."""
        actor.require(Scope.REGISTRY_STEWARD)
        rows = await peers(reading, removed=True)
        held = await counts(reading, [row.pk for row, _ in rows])
        stale = timedelta(hours=node.settings.follow_stale_hours)
        told = await alarms.newest(reading, [row.origin for row, _ in rows])
        return private(
            {
                "items": [views.peer(row, of, held[row.pk], now(), stale) for row, of in rows],
                "alarms": [alarms.view(each) for each in told],
            }
        )

    @get(
        "/api/v1/peers/items",
        operation_id="listPeerItems",
        security=STEWARDS,
        responses=problem_responses(400, 401, 403, 404),
    )
    async def list_items(
        self,
        reading: Reading,
        actor: Actors,
        # May be left out as far as the framework knows: who may not ask is told that first.
        origin: Annotated[str | None, QueryParameter(max_length=255, description="The peer.")] = None,
        cursor: Annotated[str | None, QueryParameter(max_length=200)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    ) -> Response[Any]:
        """What of a peer is not here: set aside, missing or withheld there, with the reason and what came."""
        actor.require(Scope.REGISTRY_STEWARD)
        if origin is None:
            raise Malformed("Say whose items, with ?origin=. /api/v1/peers lists who is followed.")
        peer = await peer_of(reading, origin)
        after = read_cursor(cursor)
        found = await items_of(reading, peer.log_pk, after=after, limit=limit + 1)
        shown = found[:limit]
        following = cursor_to(shown[-1].idx) if len(found) > limit else None
        return private({"items": [views.item(each) for each in shown], "next": following})

    @get("/federation/v1/heads", operation_id="readHeads")
    async def heads(self, request: AnyRequest, reading: Reading) -> Response[bytes]:
        """The newest checkpoint that was seen of every registry that is followed here, as it was signed.

        Whoever follows one of them, too, compares: a log of which two people hold heads that contradict each
        other was shown to them in two versions.
        """
        body = json_bytes({"items": views.heads(await peers(reading, removed=True)), "next": None})
        return prepared(request, body, JSON_TYPE, etag=digest(body)[:32])
