"""What other registries read here: the documents behind our log, and copies of the logs that are followed.

A copy is served byte for byte as its origin signed it, so that whoever reads it need not believe us.
"""

from typing import Annotated

from litestar import Controller, Response, get
from litestar.params import FromPath, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from registry.canonical import digest
from registry.errors import NotFound
from registry.extensions import Node
from registry.federation.documents import MOST, documents_between, mirrored_logs
from registry.http import AnyRequest, prepared
from registry.problems import problem_responses
from registry.records.api import json_answer
from registry.records.api_shared import Nodes, Reading
from registry.transparency.api import Files, checkpoint_answer, tile_answer
from registry.transparency.entries import log_of
from registry.transparency.models import Log
from registry.transparency.notes import origin_hash
from registry.transparency.sequencer import LOG_SCOPE
from registry.transparency.trees import mirror_prefix

NDJSON = "application/x-ndjson"
From = Annotated[int, QueryParameter(name="from", ge=0, le=2**53, description="The first index.")]
Most = Annotated[
    int, QueryParameter(ge=1, le=MOST, description="Indices that the answer speaks of, at most.")
]


class FederationController(Controller):
    """For registries that follow this one, and those that it follows."""

    tags = ("federation",)

    @get("/federation/v1/documents", operation_id="readDocuments", responses=problem_responses(400))
    async def documents(
        self, request: AnyRequest, node: Nodes, reading: Reading, from_: From = 0, limit: Most = MOST
    ) -> Response[bytes]:
        """The documents behind the log's entries from an index on, one JSON object a line.

        An answer of more than 4 MiB ends early, and names the next page in `Link`.
        """
        log = await log_of(reading, node.origin)
        return await _documents(request, reading, log, "/federation/v1/documents", from_, limit, LOG_SCOPE)

    @get("/mirror", operation_id="listMirrors", responses=problem_responses(400))
    async def mirrors(self, request: AnyRequest, node: Nodes, reading: Reading) -> Response[bytes]:
        """The origins whose logs are copied here, and the last checkpoint that was seen of each."""
        items = [
            {
                "origin": log.origin,
                "path": f"/{mirror_prefix(log.origin)}",
                "size": log.published,
                "checkpoint": (log.checkpoint or b"").decode("utf-8", "replace"),
            }
            for log in await mirrored_logs(reading, node.origin)
        ]
        return json_answer(request, {"items": items, "next": None}, ())

    @get(
        "/mirror/{hash:str}/checkpoint",
        operation_id="readMirrorCheckpoint",
        responses=problem_responses(400, 404),
    )
    async def checkpoint(
        self, request: AnyRequest, node: Nodes, reading: Reading, hash: FromPath[str]
    ) -> Response[bytes]:
        """The last checkpoint that was seen and verified of an origin, as it was signed."""
        log = await _mirrored(reading, node, hash)
        return checkpoint_answer(request, log, scope_of(log.origin))

    @get(
        "/mirror/{hash:str}/documents",
        operation_id="readMirrorDocuments",
        responses=problem_responses(400, 404),
    )
    async def mirror_documents(
        self,
        request: AnyRequest,
        node: Nodes,
        reading: Reading,
        hash: FromPath[str],
        from_: From = 0,
        limit: Most = MOST,
    ) -> Response[bytes]:
        """The documents behind another origin's log, as far as they are held here."""
        log = await _mirrored(reading, node, hash)
        path = f"/{mirror_prefix(log.origin)}documents"
        return await _documents(request, reading, log, path, from_, limit, scope_of(log.origin))

    @get(
        "/mirror/{hash:str}/{path:path}",
        operation_id="readMirrorTile",
        responses=problem_responses(400, 404, 503),
    )
    async def tile(
        self,
        request: AnyRequest,
        node: Nodes,
        reading: Reading,
        storage: Files,
        hash: FromPath[str],
        path: FromPath[str],
    ) -> Response[bytes]:
        """A tile, or a bundle of entries, of another origin's log: C2SP tlog-tiles."""
        log = await _mirrored(reading, node, hash)
        return await tile_answer(request, storage, mirror_prefix(log.origin), log, path)


def scope_of(origin: str) -> str:
    """What an answer that was made from the copy of another origin's log depends on."""
    return f"log:{origin}"


async def _mirrored(session: AsyncSession, node: Node, hash: str) -> Log:
    """Raises `NotFound` for an origin that is not followed."""
    for log in await mirrored_logs(session, node.origin):
        if origin_hash(log.origin) == hash:
            return log
    raise NotFound("No origin of that hash is mirrored here; /mirror/ lists those that are.")


async def _documents(
    request: AnyRequest, session: AsyncSession, log: Log | None, path: str, start: int, most: int, scope: str
) -> Response[bytes]:
    if log is None:
        return prepared(request, b"", NDJSON, etag="empty", scopes=(scope,))
    lines = await documents_between(session, log, start, most)
    # What is erased or withheld is gone from kept answers at once.
    scopes = {f"record:{id}" for id in lines.ids}
    if not lines.settled:
        scopes.add(scope)
    answer = prepared(request, lines.body, NDJSON, etag=digest(lines.body)[:32], scopes=scopes or (scope,))
    if lines.end < min(start + most, log.published):
        answer.headers["Link"] = f'<{path}?from={lines.end}&limit={most}>; rel="next"'
    return answer
