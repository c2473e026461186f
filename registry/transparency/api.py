"""The log over HTTP: its checkpoint, its tiles and bundles, and the proof of a version."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from registry.canonical import digest
from registry.errors import NotFound
from registry.http import IMMUTABLE, JSON_TYPE, AnyRequest, json_bytes, prepared
from registry.ids import parse_id
from registry.problems import problem_responses
from registry.records.api_shared import Actors, Nodes, Origin, Reading, RecordId
from registry.transparency.entries import log_of
from registry.transparency.models import Log
from registry.transparency.proofs import prove
from registry.transparency.sequencer import LOG_SCOPE
from registry.transparency.storage import Storage
from registry.transparency.tiles import parse_path
from registry.transparency.trees import OWN

# The framework says that it is UTF-8.
CHECKPOINT_TYPE = "text/plain"
TILE_TYPE = "application/octet-stream"
SHORTLY = "public, max-age=1, s-maxage=1, must-revalidate"

Files = NamedDependency[SkipValidation[Storage]]


class LogController(Controller):
    """The files of tlog-tiles, and what is read from them."""

    tags = ("log",)

    @get("/log/checkpoint", operation_id="readCheckpoint", responses=problem_responses(404))
    async def checkpoint(self, request: AnyRequest, node: Nodes, reading: Reading) -> Response[bytes]:
        """How many entries the log has and under which root, signed: a C2SP tlog-checkpoint."""
        return checkpoint_answer(request, await log_of(reading, node.origin), LOG_SCOPE)

    @get("/log/{path:path}", operation_id="readTile", responses=problem_responses(400, 404, 503))
    async def tile(
        self, request: AnyRequest, node: Nodes, reading: Reading, storage: Files, path: FromPath[str]
    ) -> Response[bytes]:
        """A tile, or a bundle of entries: C2SP tlog-tiles. What once stood at a path never changes."""
        return await tile_answer(request, storage, OWN, await log_of(reading, node.origin), path)

    @get(
        "/api/v1/records/{id:str}/versions/{number:str}/proof",
        operation_id="readProof",
        responses=problem_responses(400, 404, 410, 451, 503),
    )
    async def proof(
        self,
        request: AnyRequest,
        node: Nodes,
        reading: Reading,
        actor: Actors,
        storage: Files,
        id: RecordId,
        number: FromPath[str],
        origin: Origin = None,
    ) -> Response[bytes]:
        """What shows that this version stands in the log of its origin, under a signed checkpoint."""
        proof = await prove(reading, storage, actor, id, number, origin, own=node.origin)
        body = json_bytes(proof.as_json())
        scopes = (LOG_SCOPE, f"record:{parse_id(id)}")
        return prepared(request, body, JSON_TYPE, etag=digest(body)[:32], scopes=scopes)


def checkpoint_answer(request: AnyRequest, row: Log | None, scope: str) -> Response[bytes]:
    """The newest checkpoint that is held of a log. Raises `NotFound` where there is none."""
    if row is None or row.checkpoint is None:
        raise NotFound("Nothing was published here yet: the log has no checkpoint.")
    etag = digest(row.checkpoint)[:32]
    return prepared(request, row.checkpoint, CHECKPOINT_TYPE, etag=etag, scopes=(scope,), cache=SHORTLY)


async def tile_answer(
    request: AnyRequest, storage: Storage, prefix: str, row: Log | None, path: str
) -> Response[bytes]:
    """A tile or bundle of a log, for good. Raises `NotFound`."""
    tile = parse_path(path.lstrip("/")) if row is not None else None
    body = None
    # What no checkpoint covers may still come otherwise, and caches would keep it for a year.
    if tile is not None and row is not None and tile.width <= tile.widest(row.published):
        body = await storage.get(prefix + tile.path)
    if body is None:
        raise NotFound("There is no such tile. A partial tile is gone once the full one is there.")
    return prepared(request, body, TILE_TYPE, etag=digest(body)[:32], scopes=("never",), cache=IMMUTABLE)
