"""The stream over HTTP: server-sent events, as browsers and many libraries read them."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, QueryParameter, SkipValidation
from litestar.response import Stream

from registry.changelog.append import public_head
from registry.errors import Malformed, Unavailable
from registry.events.broadcast import Broadcast
from registry.events.event import position
from registry.extensions import Node
from registry.finder import Matcher
from registry.http import HEAD_ONLY, AnyRequest
from registry.moderation.limits.policies import network_of
from registry.problems import problem_responses

MEDIA_TYPE = "text/event-stream"
RETRY_MILLISECONDS = 2000
_MOST = 2**53


class EventsController(Controller):
    """What happens, as it happens."""

    tags = ("feeds",)

    @get(
        "/api/v1/events",
        operation_id="followEvents",
        media_type=MEDIA_TYPE,
        responses={
            200: ResponseSpec(None, description="Events without end.", media_type=MEDIA_TYPE),
            **problem_responses(400, 429, 503),
        },
    )
    async def follow(
        self,
        request: AnyRequest,
        node: NamedDependency[SkipValidation[Node]],
        broadcast: NamedDependency[SkipValidation[Broadcast]],
        after: Annotated[
            int | None, QueryParameter(ge=0, le=_MOST, description="The last `seq` that was read.")
        ] = None,
        wait: Annotated[
            bool, QueryParameter(description="False to end once all is told that there is.")
        ] = True,
        last_event_id: Annotated[
            str | None,
            HeaderParameter(name="Last-Event-ID", description="The same, as clients send it that come back."),
        ] = None,
    ) -> Stream:
        """What was published, revised, withdrawn, reinstated and erased, each as an event with the `seq` of
        `/changes` for its id; from now on, or from where you left off. Further parameters are those of a
        search: then only what answers it is told, and a last time, as `left`, what answers it no more.
        """
        seen = _seen(after, last_event_id)
        asked: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            if name not in ("after", "wait"):
                asked.setdefault(name, []).append(value)
        matches = await _matcher(node, asked)
        async with node.database.read() as session:
            head = await public_head(session)
        if seen is not None and seen > head:
            raise Malformed(f"Nothing has the number {seen:,} yet; the newest has {head:,}.")
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        if request.scope["state"].get(HEAD_ONLY):
            return Stream(iter(()), media_type=MEDIA_TYPE, headers=headers)
        client = request.client
        stream = _stream(
            broadcast,
            network_of(client.host if client else None),
            head if seen is None else seen,
            matches,
            until=None if wait else head,
        )
        # Whether there is a place is told as an answer, not in the stream.
        first = await anext(stream)
        return Stream(_joined(first, stream), media_type=MEDIA_TYPE, headers=headers)


def _seen(after: int | None, last_event_id: str | None) -> int | None:
    """Where to go on from. Whoever comes back says so in the header, at the address that it began with."""
    if last_event_id is None or not last_event_id.strip():
        return after
    text = last_event_id.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise Malformed(f"Last-Event-ID is {text[:40]!r}; it is the `seq` of the last event that was read.")
    return int(text)


async def _matcher(node: Node, asked: dict[str, list[str]]) -> Matcher | None:
    if not asked:
        return None
    if node.finder is None:
        raise Unavailable("This registry runs without search: its stream has no questions.")
    return await node.finder.matcher(asked)


async def _stream(
    broadcast: Broadcast, network: str, after: int, matches: Matcher | None, *, until: int | None
) -> AsyncGenerator[bytes]:
    with broadcast.place(network):
        # The first thing that is told is where it begins: whoever is cut off right then misses nothing.
        yield position(after, retry=RETRY_MILLISECONDS)
        if until is not None and after >= until:
            return
        async for events in broadcast.follow(after):
            names = [event.told(matches) for event in events]
            sent = [event.sent(name) for event, name in zip(events, names, strict=True) if name]
            if events:
                after = events[-1].seq
            if not names or names[-1] is None:
                sent.append(position(after))
            yield b"".join(sent)
            if until is not None and after >= until:
                return


async def _joined(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    # Closed at once when nobody listens any more: who waits for its place need not wait for a collector.
    async with aclosing(rest):
        yield first
        async for chunk in rest:
            yield chunk
