"""What providers write, over HTTP: drafts, what stands beside them, and what is done to a record."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, get, post, put
from litestar.params import FromPath, PathParameter
from litestar.response import Stream
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.auth.middleware import STILL
from registry.errors import NotFound, TooLarge, Unauthenticated, UnsupportedType
from registry.http import (
    JSON_TYPE,
    PRIVATE_HEADERS,
    AnyRequest,
    prepared,
    private,
    read_json_body,
    read_json_object,
)
from registry.idempotency import key_of, once
from registry.problems import problem_responses
from registry.records import drafts, screening, views
from registry.records.actions import ACTIONS
from registry.records.api_shared import Actors, Nodes, Reading, RecordId, desk_of
from registry.records.batch import MOST_BYTES, Batch, read_lines, results
from registry.records.drafts import DraftState
from registry.records.operations import (
    TakesAction,
    TakesHandling,
    TakesLines,
    TakesReason,
    TakesSignature,
    TakesSubmission,
)
from registry.records.quotas import drafts_left
from registry.records.screening import HeldBack
from registry.records.signatures import put_signature

LINES_TYPE = "application/x-ndjson"
_LINES_TYPES = (
    LINES_TYPE,
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "text/plain",
)
WRITING = [{"oauth2": [Scope.RECORDS_WRITE.value]}]
REVIEWING = [{"oauth2": [Scope.RECORDS_REVIEW.value]}]
# One of them: which, the table of actions says.
ACTING = [{"oauth2": [scope]} for scope in sorted({action.scope.value for action in ACTIONS.values()})]


def _require_lines(request: AnyRequest) -> None:
    """What is sent must be lines, and not more of them than are read here."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MOST_BYTES:
        raise TooLarge(f"{int(declared):,} bytes are more than the {MOST_BYTES:,} that are read here.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedType("Send the body without Content-Encoding.")
    media_type = request.headers.get("content-type", LINES_TYPE).partition(";")[0].strip().lower()
    if media_type not in _LINES_TYPES:
        raise UnsupportedType(f"Send {LINES_TYPE}, not {media_type[:80]!r}.")


class Writes(Controller):
    """What providers write.

    Whoever may not is told so before their body is read, and a body is read whole before a write begins:
    nobody is held up by a stranger or by a slow sender.
    """

    @post(
        "/validate",
        operation_id="validateRecord",
        operation_class=TakesSubmission,
        status_code=200,
        responses=problem_responses(400, 413, 415),
    )
    async def validate(self, request: AnyRequest, actor: Actors, node: Nodes) -> Response[Any]:
        """Every finding in a submission, as submitting it would tell them. Nothing is stored."""
        raw = await read_json_body(request)
        vocabulary = await node.vocabulary.current()
        async with node.database.read() as session:
            checked = await drafts.judge_whole(
                session,
                vocabulary,
                actor.provider_slug,
                raw,
                actor=actor,
                home=node.origin,
                provider=actor.provider,
            )
        return private(views.validation(checked.submission, checked.findings))

    @post(
        "/records",
        operation_id="submitRecord",
        operation_class=TakesSubmission,
        status_code=201,
        security=WRITING,
        responses=problem_responses(400, 401, 403, 413, 415, 422, 429),
    )
    async def submit(self, request: AnyRequest, actor: Actors, node: Nodes) -> Response[Any]:
        """Begin a record as a draft. `RateLimit` tells how many more your organisation may begin today."""
        actor.require(Scope.RECORDS_WRITE)
        raw = await read_json_body(request)
        desk = await desk_of(node)

        async def work(session: AsyncSession) -> Response[Any]:
            state = await drafts.create_draft(session, desk, actor, raw)
            left = await drafts_left(session, actor.provider, desk.drafts_per_day)
            headers = {"Location": f"/api/v1/records/{state.id}/draft", "ETag": f'"{state.etag}"'}
            headers |= left.headers()
            return private(views.draft(state), status=201, headers=headers)

        return await once(request, node, actor, work)

    @post(
        "/records:batch",
        operation_id="submitRecords",
        operation_class=TakesLines,
        status_code=200,
        media_type=LINES_TYPE,
        security=WRITING,
        request_max_body_size=MOST_BYTES + 1,
        responses=problem_responses(400, 401, 403, 413, 415, 422, 429),
    )
    async def submit_batch(self, request: AnyRequest, actor: Actors, node: Nodes) -> Stream:
        """Begin many records as drafts: a submission a line, and a line of answer for each, as it is done.

        Each line is stored on its own. Under an `Idempotency-Key` the same lines again get the same answers,
        so that a batch that was cut off is sent again as it is.
        """
        actor.require(Scope.RECORDS_WRITE)
        _require_lines(request)
        desk = await desk_of(node)
        async with node.database.read() as session:
            left = await drafts_left(session, actor.provider, desk.drafts_per_day)
        still: Callable[[], Awaitable[Actor]] = request.scope["state"][STILL]

        async def by_now() -> Actor:
            return replace(await still(), address=actor.address, request=actor.request)

        batch = Batch(node, desk, by_now, key_of(request), request.url.path)

        sent = await read_lines(request.stream())

        async def lines() -> AsyncIterator[bytes]:
            async for result in results(batch, sent):
                yield msgspec.json.encode(result) + b"\n"

        headers = {**PRIVATE_HEADERS, **left.headers()}
        return Stream(lines(), media_type=LINES_TYPE, headers=headers)

    @get(
        "/records/{id:str}/draft",
        operation_id="readDraft",
        security=WRITING,
        responses=problem_responses(400, 401, 403, 404),
    )
    async def read_draft(
        self, request: AnyRequest, reading: Reading, actor: Actors, id: RecordId
    ) -> Response[bytes]:
        """The draft bytes; without a draft, those that a revision starts from."""
        state = await drafts.read_draft(reading, actor, id)
        return prepared(request, state.document, JSON_TYPE, etag=state.etag)

    @put(
        "/records/{id:str}/draft",
        operation_id="replaceDraft",
        operation_class=TakesSubmission,
        security=WRITING,
        responses=problem_responses(400, 401, 403, 404, 412, 413, 415, 422, 428),
    )
    async def replace_draft(
        self, request: AnyRequest, actor: Actors, node: Nodes, id: RecordId
    ) -> Response[Any]:
        """Replace the draft, or begin a revision of a published record. Takes `If-Match`."""
        actor.require(Scope.RECORDS_WRITE)
        raw = await read_json_body(request)
        desk, if_match = await desk_of(node), request.headers.get("if-match")
        async with node.database.write() as session:
            state = await drafts.replace_draft(session, desk, actor, id, raw, if_match=if_match)
        return private(views.draft(state), headers={"ETag": f'"{state.etag}"'})

    @put(
        "/records/{id:str}/draft/signature",
        operation_id="signDraft",
        operation_class=TakesSignature,
        security=WRITING,
        responses=problem_responses(400, 401, 403, 404, 409, 412, 413, 415, 422, 428),
    )
    async def sign_draft(
        self, request: AnyRequest, actor: Actors, node: Nodes, id: RecordId
    ) -> Response[Any]:
        """Keep your organisation's signature of the draft's bytes, as its owner or as one that is invited to
        publish it. It is published with them, and dropped when they change. Takes `If-Match`.
        """
        actor.require(Scope.RECORDS_WRITE)
        raw = await read_json_object(request, "A signature")
        if_match = request.headers.get("if-match")
        async with node.database.write() as session:
            state = await put_signature(session, actor, id, raw.get("signature"), if_match=if_match)
        return private(views.draft(state), headers={"ETag": f'"{state.etag}"'})

    @get(
        "/records/{id:str}/handling",
        operation_id="readHandling",
        security=WRITING,
        responses=problem_responses(400, 401, 403, 404),
    )
    async def read_handling(
        self, request: AnyRequest, reading: Reading, actor: Actors, id: RecordId
    ) -> Response[bytes]:
        """Where the draft stands, who it is for, when it goes out, who approved it, what reviewers asked for,
        and what was set aside from the public document.
        """
        state = await drafts.read_draft(reading, actor, id)
        return prepared(request, msgspec.json.encode(views.handling(state)), JSON_TYPE, etag=state.etag)

    @put(
        "/records/{id:str}/handling",
        operation_id="replaceHandling",
        operation_class=TakesHandling,
        security=WRITING,
        responses=problem_responses(400, 401, 403, 404, 409, 412, 413, 415, 422, 428),
    )
    async def replace_handling(
        self, request: AnyRequest, actor: Actors, node: Nodes, id: RecordId
    ) -> Response[Any]:
        """Replace `handling` and `restricted`; what is not sent stays. Takes `If-Match`: the draft's ETag."""
        actor.require(Scope.RECORDS_WRITE)
        raw = await read_json_object(request, "Handling")
        desk, if_match = await desk_of(node), request.headers.get("if-match")
        async with node.database.write() as session:
            state = await drafts.put_handling(session, desk, actor, id, raw, if_match=if_match)
        return private(views.handling(state), headers={"ETag": f'"{state.etag}"'})

    @post(
        "/records/{id:str}/actions/{action:str}",
        operation_id="actOnRecord",
        operation_class=TakesAction,
        status_code=200,
        security=ACTING,
        responses=problem_responses(400, 401, 403, 404, 409, 412, 413, 415, 422, 428),
    )
    async def act(
        self,
        request: AnyRequest,
        actor: Actors,
        node: Nodes,
        id: RecordId,
        action: Annotated[str, PathParameter(description=f"One of: {', '.join(ACTIONS)}.")],
    ) -> Response[Any]:
        """Do something to a record. Takes `If-Match`: the draft's ETag to submit, return, approve, publish,
        schedule, cancel and invite, the newest version's to withdraw, reinstate and leave what is published.
        """
        if not actor.known:
            raise Unauthenticated("This needs a token or a session.")
        if action not in ACTIONS:
            raise NotFound(f"There is no action {action[:40]!r}; there are: {', '.join(ACTIONS)}.")
        chosen = ACTIONS[action]
        actor.require(chosen.scope)
        raw = await read_json_object(request, "The body of an action", optional=True)
        body = chosen.read(raw)
        desk, if_match = await desk_of(node), request.headers.get("if-match")

        async def work(session: AsyncSession) -> Response[Any]:
            done = await chosen.do(session, desk, actor, id, body, if_match)
            if done is None:
                return private({"id": id, "state": "left"})
            if isinstance(done, DraftState):
                return private(views.draft(done), headers={"ETag": f'"{done.etag}"'})
            return private(views.published(done), headers={"ETag": f'"{done.commit}"'})

        try:
            return await once(request, node, actor, work)
        except HeldBack as held:
            # What it found has to be there to be resolved.
            async with node.database.write() as session:
                await held.keep(session)
            raise

    @post(
        "/records/{id:str}/findings/{number:int}/resolve",
        operation_id="resolveFinding",
        operation_class=TakesReason,
        status_code=200,
        security=REVIEWING,
        responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422),
    )
    async def resolve(
        self, request: AnyRequest, actor: Actors, node: Nodes, id: RecordId, number: FromPath[int]
    ) -> Response[Any]:
        """Accept what screening found, with the reason why it may stay. `number` is the hit's."""
        actor.require(Scope.RECORDS_READ if actor.steward else Scope.RECORDS_REVIEW)
        raw = await read_json_body(request)
        reason = raw.get("reason") if isinstance(raw, dict) else None

        async def work(session: AsyncSession) -> Response[Any]:
            return private(views.hit(await screening.resolve(session, actor, id, number, reason)))

        return await once(request, node, actor, work)
