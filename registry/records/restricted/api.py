"""Restricted parts over HTTP."""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, delete, get, put
from litestar.openapi.spec import Example, OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, PathParameter

from registry.actor import Scope
from registry.canonical import digest
from registry.http import JSON_TYPE, AnyRequest, prepared, private, read_json_body
from registry.problems import problem_responses
from registry.records.api_shared import Actors, Nodes, Origin, Reading, RecordId, desk_of
from registry.records.models import RestrictedPart
from registry.records.restricted import queries, service, views

READING = [{"oauth2": [Scope.RECORDS_READ.value]}]
PUBLISHING = [{"oauth2": [Scope.RECORDS_PUBLISH.value]}]
PartId = Annotated[str, PathParameter(description="The part's id, such as set-aside.")]


@dataclass
class TakesPart(Operation):
    """An operation whose body is a restricted part."""

    def __post_init__(self) -> None:
        names = Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.STRING))
        schema = Schema(
            type=OpenAPIType.OBJECT,
            required=["tlp", "content"],
            properties={
                "tlp": Schema(
                    type=OpenAPIType.STRING, enum=["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"]
                ),
                "groups": names,
                "people": names,
                "content": Schema(type=OpenAPIType.OBJECT, description="A merge patch over the document."),
            },
        )
        example = {
            "tlp": "AMBER",
            "groups": ["bank-fraud-circle"],
            "content": {"summary": "How it was done."},
        }
        media = OpenAPIMediaType(schema=schema, examples={"example": Example(value=example)})
        self.request_body = RequestBody(content={JSON_TYPE: media}, required=True)


class RestrictedController(Controller):
    """What only some may see of a record."""

    path = "/api/v1/records/{id:str}/restricted"
    tags = ("sharing",)

    @get(
        "/",
        operation_id="readRestricted",
        security=READING,
        responses=problem_responses(400, 401, 403, 404),
    )
    async def read_restricted(
        self, request: AnyRequest, reading: Reading, actor: Actors, id: RecordId, origin: Origin = None
    ) -> Response[bytes]:
        """The parts that you may see, and the newest document with all of them laid over it.

        `salt` and the canonical bytes of `content` give `commit`.
        """
        found = await queries.parts(reading, actor, id, origin)
        body = msgspec.json.encode(views.beside(found))
        return prepared(request, body, JSON_TYPE, etag=digest(body)[:32])

    @get(
        "/{part:str}/versions/{number:str}",
        operation_id="readRestrictedVersion",
        security=READING,
        responses=problem_responses(400, 401, 403, 404),
    )
    async def read_version(
        self,
        request: AnyRequest,
        reading: Reading,
        actor: Actors,
        id: RecordId,
        part: PartId,
        number: FromPath[str],
        origin: Origin = None,
    ) -> Response[bytes]:
        """One version of a part, if both it and the newest one are shared with you."""
        found = await queries.part(reading, actor, id, part, number, origin)
        return prepared(
            request,
            msgspec.json.encode(views.part(found)),
            JSON_TYPE,
            etag=found.commit,
            last_modified=found.at,
        )

    @put(
        "/{part:str}",
        operation_id="replaceRestricted",
        operation_class=TakesPart,
        security=PUBLISHING,
        responses=problem_responses(400, 401, 403, 404, 409, 412, 413, 415, 422, 428),
    )
    async def replace(
        self, request: AnyRequest, actor: Actors, node: Nodes, id: RecordId, part: PartId
    ) -> Response[Any]:
        """Replace a part under its own commitment in `If-Match`, or add one under `If-None-Match: *`.

        The public document, and its version, stay as they are.
        """
        actor.require(Scope.RECORDS_PUBLISH)
        raw = await read_json_body(request)
        desk = await desk_of(node)
        headers = request.headers
        async with node.database.write() as session:
            kept = await service.replace_part(
                session,
                desk,
                actor,
                id,
                part,
                raw,
                if_match=headers.get("if-match"),
                if_none_match=headers.get("if-none-match"),
            )
        return _kept(kept)

    @delete(
        "/{part:str}",
        operation_id="removeRestricted",
        status_code=200,
        security=PUBLISHING,
        responses=problem_responses(400, 401, 403, 404, 409, 412, 422, 428),
    )
    async def remove(
        self, request: AnyRequest, actor: Actors, node: Nodes, id: RecordId, part: PartId
    ) -> Response[Any]:
        """Remove a part under its own commitment in `If-Match`. Only its owner reads its versions then."""
        if_match = request.headers.get("if-match")
        async with node.database.write() as session:
            kept = await service.remove_part(session, actor, id, part, if_match=if_match)
        return _kept(kept)


def _kept(kept: RestrictedPart) -> Response[Any]:
    return private(views.kept(kept), headers={"ETag": f'"{kept.commit}"'})
