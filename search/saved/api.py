"""Searches that are kept, over HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example, OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import PathParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.clock import instant
from registry.errors import Finding, Invalid
from registry.extensions import Node
from registry.http import JSON_TYPE, AnyRequest, private, read_json_object
from registry.idempotency import once
from registry.problems import problem_responses
from search.addresses import Addresses
from search.saved import service
from search.saved.service import LONGEST_NAME, OWNERS, Owner, Saved

MAX_BODY = 32 * 1024
READING = [{"oauth2": [Scope.RECORDS_READ.value]}]
WRITING = [{"oauth2": [Scope.RECORDS_WRITE.value]}]
Actors = NamedDependency[SkipValidation[Actor]]
Nodes = NamedDependency[SkipValidation[Node]]
Reading = NamedDependency[SkipValidation[AsyncSession]]
SearchId = Annotated[str, PathParameter(description="The id of a search that you keep.")]


@dataclass
class TakesSearch(Operation):
    """An operation whose body is a search to keep."""

    def __post_init__(self) -> None:
        text = OpenAPIType.STRING
        schema = Schema(
            type=OpenAPIType.OBJECT,
            required=["name", "search"],
            properties={
                "name": Schema(type=text, description="What it is about.", max_length=LONGEST_NAME),
                "search": Schema(type=text, description="The query string, or the address, of a search."),
                "owner": Schema(type=text, enum=list(OWNERS), description="The person's when not given."),
            },
        )
        example = {"name": "Voice clones", "search": "q=voice+clone&tag=misuse:fraud"}
        media = OpenAPIMediaType(schema=schema, examples={"example": Example(value=example)})
        self.request_body = RequestBody(content={JSON_TYPE: media}, required=True)


class SavedSearchesController(Controller):
    """Searches that are kept."""

    path = "/api/v1/searches"
    tags: Sequence[str] = ("search",)

    @get("/", operation_id="listSearches", security=READING, responses=problem_responses(401, 403))
    async def list_searches(self, reading: Reading, actor: Actors, node: Nodes) -> Response[Any]:
        """The searches that you and your organisation keep, with the addresses that hang from each."""
        found = await service.saved_by(reading, actor)
        return private({"items": [shown(node, each) for each in found], "next": None})

    @post(
        "/",
        operation_id="saveSearch",
        operation_class=TakesSearch,
        status_code=201,
        security=WRITING,
        responses=problem_responses(400, 401, 403, 409, 413, 415, 422),
    )
    async def save(self, request: AnyRequest, actor: Actors, node: Nodes) -> Response[Any]:
        """Keep a search, written canonically. Whoever signed in keeps it for themselves, or with `owner` for
        their organisation; a client keeps it for its organisation.
        """
        service.may_keep(actor)
        body = await read_json_object(request, limit=MAX_BODY)
        name, search, owner = _read(body)

        async def work(session: AsyncSession) -> Response[Any]:
            made = await service.save(session, actor, name, search, owner)
            return private(shown(node, made), status=201, headers={"Location": f"/api/v1/searches/{made.id}"})

        return await once(request, node, actor, work)

    @get(
        "/{search:str}",
        operation_id="readSearch",
        security=READING,
        responses=problem_responses(400, 401, 403, 404),
    )
    async def read_search(
        self, reading: Reading, actor: Actors, node: Nodes, search: SearchId
    ) -> Response[Any]:
        """One search that is kept."""
        return private(shown(node, await service.one_of(reading, actor, search)))

    @delete(
        "/{search:str}",
        operation_id="forgetSearch",
        status_code=204,
        security=WRITING,
        responses=problem_responses(400, 401, 403, 404),
    )
    async def forget(self, actor: Actors, node: Nodes, search: SearchId) -> None:
        """Let go of a search. Its page, feeds and exports are there as they were: they need no account."""
        async with node.database.write() as session:
            await service.forget(session, actor, search)


def _read(body: dict[str, Any]) -> tuple[str, str, Owner | None]:
    findings = [
        Finding("missing", f"/{name}", f"{name} is a text.", "See /schema.")
        for name in ("name", "search")
        if not isinstance(body.get(name), str)
    ]
    findings += [
        Finding("unknown-field", f"/{name[:40]}", "There is no such field.", "Leave it out.")
        for name in body
        if name not in ("name", "search", "owner")
    ]
    owner = body.get("owner")
    if owner is not None and owner not in OWNERS:
        findings.append(
            Finding("unknown-value", "/owner", "This owns no searches.", f"There are: {', '.join(OWNERS)}.")
        )
    if findings:
        raise Invalid("The search cannot be kept.", findings=findings)
    return body["name"], body["search"], owner


def shown(node: Node, saved: Saved) -> dict[str, Any]:
    """A search with everything that hangs from it."""
    to = Addresses(node.settings.url, saved.question)
    return {
        "id": saved.id,
        "name": saved.name,
        "owner": saved.owner,
        "search": saved.question,
        "created": instant(saved.created_at),
        "links": {
            "page": to.page,
            "search": to.answer,
            "feeds": to.feeds,
            "exports": to.exports,
            "citations": to.citations,
        },
    }
