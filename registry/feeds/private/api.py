"""Private feeds and their keys over HTTP."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example, OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import PathParameter, QueryParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.canonical import digest
from registry.clock import instant
from registry.errors import Malformed, NotFound
from registry.extensions import Node
from registry.feeds.assemble import Registry
from registry.feeds.formats import BY_SUFFIX, FORMATS
from registry.feeds.links import Links
from registry.feeds.private import queries, service
from registry.feeds.private.assemble import private_feed
from registry.feeds.private.service import FeedKey
from registry.feeds.selection import MAX_LIMIT, Options
from registry.http import JSON_TYPE, AnyRequest, absolute, private, read_json_body
from registry.idempotency import once
from registry.problems import problem_responses
from registry.records.content.submission import KINDS

MAX_BODY = 4 * 1024
READING = [{"oauth2": [Scope.RECORDS_READ.value]}]
Actors = NamedDependency[SkipValidation[Actor]]
Nodes = NamedDependency[SkipValidation[Node]]
Reading = NamedDependency[SkipValidation[AsyncSession]]
Many = Annotated[list[str] | None, QueryParameter(max_items=20)]


@dataclass
class TakesName(Operation):
    """An operation whose body is a name."""

    def __post_init__(self) -> None:
        schema = Schema(
            type=OpenAPIType.OBJECT,
            required=["name"],
            properties={"name": Schema(type=OpenAPIType.STRING, description="What it is for.")},
        )
        media = OpenAPIMediaType(schema=schema, examples={"example": Example(value={"name": "My reader"})})
        self.request_body = RequestBody(content={JSON_TYPE: media}, required=True)


class FeedKeysController(Controller):
    """Keys that open a private feed, and nothing else."""

    path = "/api/v1/feed-keys"
    tags = ("feeds",)

    @get("/", operation_id="listFeedKeys", security=READING, responses=problem_responses(401, 403))
    async def list_keys(self, reading: Reading, actor: Actors) -> Response[Any]:
        """Your keys, and when each was last used. The keys themselves are not kept."""
        return private(
            {"items": [_shown(key) for key in await service.keys_of(reading, actor)], "next": None}
        )

    @post(
        "/",
        operation_id="addFeedKey",
        operation_class=TakesName,
        status_code=201,
        security=READING,
        responses=problem_responses(400, 401, 403, 409, 413, 415, 422),
    )
    async def add(self, request: AnyRequest, actor: Actors, node: Nodes) -> Response[Any]:
        """Make a key. It is shown once, as the addresses of the feed that it opens.

        It reads what you may see at the time it is used, and ends with your client or your membership.
        """
        actor.require(Scope.RECORDS_READ)
        raw = await read_json_body(request, limit=MAX_BODY)
        if not isinstance(raw, dict) or not isinstance(raw.get("name"), str):
            raise Malformed('Send {"name": "..."}: what the key is for.')

        async def work(session: AsyncSession) -> Response[Any]:
            made = await service.add_key(session, actor, raw["name"])
            urls = {
                format.suffix: absolute(node.settings, f"/feeds/private/{made.key}.{format.suffix}")
                for format in FORMATS
            }
            body = {"id": made.id, "name": made.name, "key": made.key, "urls": urls}
            return private(body, status=201, headers={"Location": f"/api/v1/feed-keys/{made.id}"})

        return await once(request, node, actor, work)

    @delete(
        "/{key:str}",
        operation_id="revokeFeedKey",
        status_code=204,
        security=READING,
        responses=problem_responses(400, 401, 403, 404),
    )
    async def revoke(
        self,
        actor: Actors,
        node: Nodes,
        key: Annotated[str, PathParameter(description="The id of one of your keys.")],
    ) -> None:
        """End a key. The feed is gone at once."""
        async with node.database.write() as session:
            await service.revoke_key(session, actor, key)


class PrivateFeedController(Controller):
    """The feed of a key."""

    tags = ("feeds",)

    @get("/feeds/private/{name:str}", operation_id="readPrivateFeed", responses=problem_responses(400, 404))
    async def read_feed(
        self,
        request: AnyRequest,
        reading: Reading,
        node: Nodes,
        name: Annotated[str, PathParameter(description="The key and a format: .rss, .atom or .json.")],
        kind: Many = None,
        tag: Many = None,
        imported: Annotated[bool, QueryParameter(description="With imported records.")] = False,
        limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = 50,
    ) -> Response[bytes]:
        """What the key's owner may see now: public records and those shared with them, the newest change
        first. What is below TLP:CLEAR says so in title and category.
        """
        key, _, suffix = name.rpartition(".")
        format = BY_SUFFIX.get(suffix.lower())
        found = await service.reader_of(reading, key) if format is not None else None
        if format is None or found is None:
            raise NotFound("There is no such feed. Its key may have been revoked.")
        if unknown := sorted(set(kind or ()) - set(KINDS)):
            raise Malformed(f"There is no kind {unknown[0][:40]!r}; there are: {', '.join(KINDS)}.")
        key_id, reader = found
        vocabulary = await node.vocabulary.current()
        lines = await queries.lines(
            reading,
            reader,
            kind=kind or (),
            tag=tag or (),
            imported=imported,
            limit=limit,
            now=datetime.now(UTC),
            vocabulary=vocabulary,
        )
        links = Links(node.settings.url, node.origin)
        registry = Registry(node.settings.name, links, vocabulary.label)
        called = reader.provider_slug or reader.person or key_id
        body = await asyncio.to_thread(
            lambda: format.write(private_feed(registry, key_id, called, Options(limit), format, lines))
        )
        await service.note_use(node.database, key)
        return Response(
            body,
            media_type=format.content_type,
            headers={
                "ETag": f'"{digest(body)[:32]}"',
                "Cache-Control": "private, no-store",
                "Referrer-Policy": "no-referrer",
                "X-Robots-Tag": "noindex",
            },
        )


def _shown(key: FeedKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "created": instant(key.created_at),
        "last_used": instant(key.last_used_at) if key.last_used_at else None,
    }
