"""Evidence over HTTP: one file a request, as it is."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Controller, Response, delete, get, patch, post
from litestar.openapi.spec import Example, OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import PathParameter, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Scope
from registry.http import JSON_TYPE, AnyRequest, prepared, private, read_body, read_json_object
from registry.idempotency import once
from registry.problems import problem_responses
from registry.records.api_shared import Actors, Nodes, Origin, Reading, RecordId
from registry.records.evidence import queries, service, types, views
from registry.records.evidence.names import attachment, name_in, safe_name
from registry.records.evidence.service import Limits

MAX_HANDLING = 64 * 1024
READING = [{"oauth2": [Scope.RECORDS_READ.value]}]
WRITING = [{"oauth2": [Scope.RECORDS_WRITE.value]}]
FileId = Annotated[str, PathParameter(description="The file, as the list of them has it.")]
Names = Annotated[list[str] | None, QueryParameter(max_items=50)]
# Whatever a browser takes a file for, it runs nothing from here and loads nothing.
SANDBOX = "sandbox; default-src 'none'"


@dataclass
class TakesFile(Operation):
    """An operation whose body is a file."""

    def __post_init__(self) -> None:
        binary = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
        self.request_body = RequestBody(content=dict.fromkeys(types.TYPES, binary), required=True)


@dataclass
class TakesHandling(Operation):
    """An operation whose body says whom something is for."""

    def __post_init__(self) -> None:
        names = Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.STRING))
        tlp = Schema(type=OpenAPIType.STRING, enum=["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"])
        schema = Schema(type=OpenAPIType.OBJECT, properties={"tlp": tlp, "groups": names, "people": names})
        example = Example(value={"tlp": "AMBER", "groups": ["bank-fraud-circle"]})
        media = OpenAPIMediaType(schema=schema, examples={"example": example})
        self.request_body = RequestBody(content={JSON_TYPE: media}, required=True)


class EvidenceController(Controller):
    """Files beside a record."""

    path = "/api/v1/records/{id:str}/evidence"
    tags = ("sharing",)

    @get("/", operation_id="listEvidence", security=READING, responses=problem_responses(400, 401, 403, 404))
    async def list_files(
        self, reading: Reading, actor: Actors, id: RecordId, origin: Origin = None
    ) -> Response[Any]:
        """The files that you may see, with size and SHA-256."""
        found = await queries.files(reading, actor, id, origin)
        return private({"items": [views.evidence(one) for one in found], "next": None})

    @post(
        "/",
        operation_id="addEvidence",
        operation_class=TakesFile,
        status_code=201,
        security=WRITING,
        # Its own limit, which a setting says, is kept while reading.
        request_max_body_size=None,
        responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422),
    )
    async def add(
        self,
        request: AnyRequest,
        actor: Actors,
        node: Nodes,
        id: RecordId,
        name: Annotated[str | None, QueryParameter(max_length=1000, description="What it is called.")] = None,
        tlp: Annotated[str | None, QueryParameter(max_length=20, description="Whom it is for.")] = None,
        groups: Names = None,
        people: Names = None,
    ) -> Response[Any]:
        """Add a file. The body is its bytes, and `Content-Type` its type; its name is `name`, or stands in a
        `Content-Disposition`.

        Its type is verified. It is for your own organisation unless `tlp`, `groups` and `people` say more,
        which takes `records:publish`.
        """
        actor.require(Scope.RECORDS_WRITE)
        settings = node.settings
        media_type = types.accepted(
            request.headers.get("content-type", ""), archives=settings.evidence_archives
        )
        limits = Limits.of(settings)
        async with node.database.read() as session:
            room = await service.room_for(session, actor, id, limits)
        content = await read_body(request, limit=room)
        await asyncio.to_thread(types.verify, media_type, content)
        called = safe_name(name or name_in(request.headers.get("content-disposition", "")) or "")
        handling = {
            key: value
            for key, value in (("tlp", tlp), ("groups", groups), ("people", people))
            if value is not None
        }

        async def work(session: AsyncSession) -> Response[Any]:
            kept = await service.add(
                session,
                actor,
                id,
                name=called,
                media_type=media_type,
                content=content,
                handling=handling,
                limits=limits,
            )
            where = f"/api/v1/records/{id}/evidence/{kept.file}"
            headers = {"Location": where, "ETag": f'"{kept.etag}"'}
            return private(views.evidence(kept), status=201, headers=headers)

        return await once(request, node, actor, work)

    @get(
        "/{file:str}",
        operation_id="readEvidence",
        security=READING,
        media_type="application/octet-stream",
        responses=problem_responses(400, 401, 403, 404),
    )
    async def read_file(
        self,
        request: AnyRequest,
        reading: Reading,
        actor: Actors,
        id: RecordId,
        file: FileId,
        origin: Origin = None,
    ) -> Response[bytes]:
        """A file as it was sent, to be saved and not to be shown."""
        found, content = await queries.file(reading, actor, id, file, origin)
        answer = prepared(request, content, found.media_type, etag=found.etag, last_modified=found.at)
        answer.headers["Content-Disposition"] = attachment(found.name)
        answer.headers["Content-Security-Policy"] = SANDBOX
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return answer

    @patch(
        "/{file:str}",
        operation_id="shareEvidence",
        operation_class=TakesHandling,
        security=WRITING,
        responses=problem_responses(400, 401, 403, 404, 412, 413, 415, 422, 428),
    )
    async def share(
        self, request: AnyRequest, actor: Actors, node: Nodes, id: RecordId, file: FileId
    ) -> Response[Any]:
        """Say anew whom a file is for, all of it. Takes `If-Match`; letting others see it takes
        `records:publish`.
        """
        actor.require(Scope.RECORDS_WRITE)
        raw = await read_json_object(request, limit=MAX_HANDLING)
        if_match = request.headers.get("if-match")
        async with node.database.write() as session:
            kept = await service.share(session, actor, id, file, raw, if_match=if_match)
        return private(views.evidence(kept), headers={"ETag": f'"{kept.etag}"'})

    @delete(
        "/{file:str}",
        operation_id="removeEvidence",
        status_code=204,
        security=WRITING,
        responses=problem_responses(400, 401, 403, 404, 412, 422, 428),
    )
    async def remove(
        self, request: AnyRequest, actor: Actors, node: Nodes, id: RecordId, file: FileId
    ) -> None:
        """Destroy a file. Takes `If-Match`."""
        if_match = request.headers.get("if-match")
        async with node.database.write() as session:
            await service.remove(session, actor, id, file, if_match=if_match)
