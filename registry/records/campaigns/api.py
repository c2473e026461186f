"""Campaigns over HTTP."""

from typing import Annotated

import msgspec
from litestar import Controller, Response, get
from litestar.params import QueryParameter

from registry.canonical import digest
from registry.http import JSON_TYPE, AnyRequest, cursor, prepared, read_cursor
from registry.problems import problem_responses
from registry.records import list_queries
from registry.records import queries as records
from registry.records.api_shared import Actors, Origin, Reading, RecordId
from registry.records.campaigns import queries, views

MOST = 50


class CampaignsController(Controller):
    """Records that look like one campaign."""

    path = "/api/v1"
    tags = ("records",)

    @get("/campaigns", operation_id="listCampaigns", responses=problem_responses(400))
    async def list_campaigns(
        self,
        request: AnyRequest,
        reading: Reading,
        organisations: Annotated[
            int, QueryParameter(ge=1, le=100, description="Published by at least so many.")
        ] = 2,
        cursor_: Annotated[str | None, QueryParameter(name="cursor", max_length=64)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=MOST, description="Items in one answer.")] = 20,
    ) -> Response[bytes]:
        """Public records that rare traits join across organisations, the latest change first.

        A trait is an `indicator`, the `host` that indicators lie on, an `alias` or a named `actor`. What more
        than 25 records have joins nothing, and no campaign has more than 200 records. `organisations` counts
        those that published its records, all that are not named as one. A page may hold fewer than `limit`.
        """
        found, following = await queries.page(
            reading, organisations=organisations, before=read_cursor(cursor_), limit=limit
        )
        body = {
            "items": [views.campaign(looks) for looks in found],
            "next": cursor(following) if following else None,
        }
        return await _answer(request, reading, body)

    @get(
        "/records/{id:str}/campaign", operation_id="readCampaign", responses=problem_responses(400, 404, 451)
    )
    async def read_campaign(
        self, request: AnyRequest, reading: Reading, actor: Actors, id: RecordId, origin: Origin = None
    ) -> Response[bytes]:
        """The public records that look like one campaign with this one, itself among them; `campaign` is null
        where it looks like none.
        """
        row = await records.newest(reading, actor, id, origin)
        looks = await queries.campaign_of(reading, row.origin, row.id)
        body = {"id": row.id, "campaign": views.campaign(looks) if looks is not None else None}
        return await _answer(request, reading, body)


async def _answer(request: AnyRequest, reading: Reading, body: object) -> Response[bytes]:
    data = msgspec.json.encode(body)
    # Not kept by the front: clusters follow the changelog, so a change there comes before the change here.
    return prepared(
        request,
        data,
        JSON_TYPE,
        etag=digest(data)[:32],
        last_modified=await list_queries.changed_at(reading),
    )
