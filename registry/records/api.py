"""Records over HTTP: reading them, and the list of what changed. `api_writes` has what providers write."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from litestar import Controller, Response, get
from litestar.params import FromPath, QueryParameter

from registry.canonical import canonical, digest
from registry.changelog.append import public_head
from registry.clock import read_instant
from registry.errors import Malformed, NotFound, Unavailable
from registry.http import JSON_TYPE, AnyRequest, cursor, prepared, read_cursor
from registry.problems import problem_responses
from registry.records import list_queries, queries, views
from registry.records.alike import alike
from registry.records.api_shared import Actors, Nodes, Origin, Reading, RecordId
from registry.records.api_writes import Writes
from registry.records.content.schemas import schema
from registry.records.content.submission import KINDS
from registry.records.queries import Stored

MOST = 100
Many = Annotated[list[str] | None, QueryParameter(max_items=20)]
Limit = Annotated[int, QueryParameter(ge=1, le=MOST, description="Items in one answer.")]


def record_answer(request: AnyRequest, row: Stored) -> Response[bytes]:
    """A version's own bytes; its ETag is its commitment."""
    return prepared(
        request,
        row.document,
        JSON_TYPE,
        etag=row.commit,
        last_modified=row.at,
        scopes=() if row.shared else (f"record:{row.id}",),
    )


def list_answer(
    request: AnyRequest,
    rows: Sequence[Stored],
    following: str | None,
    scopes: Sequence[str],
    changed: datetime | None,
) -> Response[bytes]:
    """Documents in a list. `changed` is the time of the newest change of all: what left a list is not in it
    to tell.
    """
    return prepared(
        request,
        views.listing([row.document for row in rows], following),
        JSON_TYPE,
        etag=views.listing_etag(rows, following),
        last_modified=changed,
        scopes=scopes,
    )


def json_answer(
    request: AnyRequest, body: Any, scopes: Sequence[str], at: datetime | None = None
) -> Response[bytes]:
    data = msgspec.json.encode(body)
    return prepared(request, data, JSON_TYPE, etag=digest(data)[:32], last_modified=at, scopes=scopes)


class Reads(Controller):
    """The public reads."""

    @get("/records", operation_id="listRecords", responses=problem_responses(400))
    async def list_records(
        self,
        request: AnyRequest,
        reading: Reading,
        actor: Actors,
        kind: Many = None,
        provider: Many = None,
        origin: Many = None,
        tag: Many = None,
        since: Annotated[
            str | None, QueryParameter(description="Published at or after; date or RFC 3339.")
        ] = None,
        cursor_: Annotated[str | None, QueryParameter(name="cursor", max_length=64)] = None,
        limit: Limit = 50,
    ) -> Response[bytes]:
        """Published records, the latest first publication first. All `tag`s must be borne; a tag finds
        narrower ones.
        """
        if unknown := sorted(set(kind or ()) - set(KINDS)):
            raise Malformed(f"There is no kind {unknown[0][:40]!r}; there are: {', '.join(KINDS)}.")
        rows = await list_queries.page(
            reading,
            actor,
            kind=kind or (),
            provider=provider or (),
            origin=origin or (),
            tag=tag or (),
            since=_moment(since),
            before=read_cursor(cursor_),
            limit=limit + 1,
        )
        shown = rows[:limit]
        last = shown[-1].first_seq if len(rows) > limit else None
        following = cursor(last) if last else None
        return list_answer(request, shown, following, ("all",), await list_queries.changed_at(reading))

    @get("/records/{id:str}", operation_id="readRecord", responses=problem_responses(400, 404, 451))
    async def read_record(
        self, request: AnyRequest, reading: Reading, actor: Actors, id: RecordId, origin: Origin = None
    ) -> Response[bytes]:
        """The newest version that the reader may see, as its canonical bytes.

        Where other registries have a record of the same id, ours is answered, and `Link` names theirs.
        """
        row = await queries.newest(reading, actor, id, origin)
        answer = record_answer(request, row)
        if others := [each for each in await queries.origins_of(reading, row.id) if each != row.origin]:
            answer.headers["Link"] = ", ".join(_elsewhere(row.id, each) for each in others)
        return answer

    @get(
        "/records/{id:str}/versions", operation_id="listVersions", responses=problem_responses(400, 404, 451)
    )
    async def list_versions(
        self, request: AnyRequest, reading: Reading, actor: Actors, id: RecordId, origin: Origin = None
    ) -> Response[bytes]:
        """Every version, newest first, with its commitment."""
        rows = await queries.versions(reading, actor, id, origin)
        body = {"items": [views.version_summary(row) for row in rows], "next": None}
        scopes = () if any(row.shared for row in rows) else (f"record:{rows[0].id}",)
        return json_answer(request, body, scopes, rows[0].at)

    @get(
        "/records/{id:str}/versions/{number:str}",
        operation_id="readVersion",
        responses=problem_responses(400, 404, 451),
    )
    async def read_version(
        self,
        request: AnyRequest,
        reading: Reading,
        actor: Actors,
        id: RecordId,
        number: FromPath[str],
        origin: Origin = None,
    ) -> Response[bytes]:
        """One version, as its canonical bytes."""
        return record_answer(request, await queries.version(reading, actor, id, number, origin))

    @get(
        "/records/{id:str}/similar",
        operation_id="listSimilar",
        responses=problem_responses(400, 404, 451, 503),
    )
    async def list_similar(
        self,
        request: AnyRequest,
        reading: Reading,
        actor: Actors,
        node: Nodes,
        id: RecordId,
        origin: Origin = None,
        limit: Annotated[int, QueryParameter(ge=1, le=20)] = 5,
    ) -> Response[bytes]:
        """Public records like this one, most alike first, each with what they have in common.

        A reason is an `indicator`, the `host` that indicators lie on, an `alias`, an `actor`, a `system`, a
        `tag`, or the `words` that say most.
        """
        row = await queries.newest(reading, actor, id, origin)
        if node.finder is None:
            raise Unavailable("This registry runs without search.")
        found = await alike(reading, node.finder, msgspec.json.decode(row.document), limit=limit)
        return prepared(
            request,
            views.alike(found.items),
            JSON_TYPE,
            etag=views.listing_etag(
                [one.stored for one in found.items], *(one.reasons for one in found.items)
            ),
            last_modified=await list_queries.changed_at(reading),
        )

    @get("/changes", operation_id="listChanges", responses=problem_responses(400))
    async def list_changes(
        self,
        request: AnyRequest,
        reading: Reading,
        after: Annotated[
            int, QueryParameter(ge=0, le=2**53, description="The last `seq` that was read.")
        ] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 200,
    ) -> Response[bytes]:
        """What was published, revised, withdrawn and reinstated, in order. Go on with `after=next_after`."""
        rows = await list_queries.changes(reading, after=after, limit=limit)
        # Counted after the rows, so that `head` is never behind them.
        newest = await public_head(reading)
        body = {
            "items": [views.change(row) for row in rows],
            "next_after": rows[-1].seq if rows else after,
            "head": max(newest, rows[-1].seq if rows else 0),
        }
        return json_answer(request, body, ("all",), await list_queries.changed_at(reading))

    @get("/schemas/{name:str}", operation_id="readSchema", responses=problem_responses(400, 404))
    async def read_schema(self, request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
        """The JSON Schema (2020-12) of one kind of record: `/schemas/incident.json`."""
        kind = name.removesuffix(".json")
        if kind not in KINDS:
            raise NotFound(f"There is no kind {kind[:40]!r}; there are: {', '.join(KINDS)}.")
        data = canonical(schema(kind))
        return prepared(request, data, "application/schema+json", etag=digest(data)[:32], scopes=("never",))


class RecordsController(Reads, Writes):
    """Both under one path: Litestar answers OPTIONS once for each controller, so each path has one."""

    path = "/api/v1"
    tags = ("records",)


def _elsewhere(id: str, origin: str) -> str:
    """A link to the record that another registry has under the same id (RFC 8288)."""
    return f'</api/v1/records/{id}?origin={quote(origin, safe="/:")}>; rel="alternate"'


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = read_instant(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Malformed(f"{text[:40]!r} is not a date or an RFC 3339 time, such as 2026-05-01.") from None
