"""This registry as a witness of those that it follows, over HTTP (C2SP tlog-witness)."""

from litestar import Controller, Response, post

from registry.federation.visits import failed
from registry.federation.witnessing import LARGEST, Contradicted, SeenOtherwise, witness
from registry.http import AnyRequest, read_body
from registry.problems import problem_responses
from registry.records.api_shared import Nodes
from registry.records.operations import TakesCheckpoint
from registry.transparency import keys

LINES_TYPE = "text/plain; charset=utf-8"
SIZE_TYPE = "text/x.tlog.size"


class WitnessController(Controller):
    """What logs ask of a witness."""

    tags = ("federation",)

    @post(
        "/witness/add-checkpoint",
        operation_id="addCheckpoint",
        operation_class=TakesCheckpoint,
        status_code=200,
        media_type=LINES_TYPE,
        responses=problem_responses(400, 403, 404, 409, 413, 415, 422, 429),
    )
    async def add_checkpoint(self, request: AnyRequest, node: Nodes) -> Response[bytes]:
        """Cosign a checkpoint of a log that this registry follows, shown to continue what it saw before.

        409 answers how many entries it saw of that log.
        """
        body = await read_body(request, limit=LARGEST)
        try:
            async with node.database.write() as session:
                line = await witness(session, keys.load(node.settings, node.origin), body)
        except Contradicted as contradicted:
            await failed(node, contradicted.log_pk, contradicted.origin, contradicted.forked)
            return _seen(contradicted)
        except SeenOtherwise as otherwise:
            return _seen(otherwise)
        return Response(line.encode(), media_type=LINES_TYPE, headers={"Cache-Control": "no-store"})


def _seen(otherwise: SeenOtherwise) -> Response[bytes]:
    headers = {"Cache-Control": "no-store"}
    return Response(f"{otherwise.size}\n".encode(), status_code=409, media_type=SIZE_TYPE, headers=headers)
