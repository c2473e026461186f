"""The way to the server, with servers that behave in every way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from registry.errors import Unavailable
from search.meili.wire import Refused, Wire

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def reply(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


@contextlib.asynccontextmanager
async def answering(*answers: bytes, close: bool = False) -> AsyncIterator[tuple[Wire, list[int]]]:
    """A server that gives these answers, one to a request, and what it counted: connections."""
    left, connections = list(answers), []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while left:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
                writer.write(left.pop(0))
                await writer.drain()
                if close:
                    break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    wire = Wire(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield wire, connections
    finally:
        wire.close()
        server.close()
        await asyncio.sleep(0.01)


async def test_connections_stay_open() -> None:
    async with answering(*[reply(b"{}")] * 3) as (wire, connections):
        for _ in range(3):
            assert await wire.post("/x", b"{}", "key") == b"{}"
        assert len(connections) == 1


async def test_a_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    async with answering(*[reply(b"{}")] * 2, close=True) as (wire, connections):
        await wire.post("/x", b"{}", None)
        await asyncio.sleep(0.05)
        assert await wire.post("/x", b"{}", None) == b"{}"
        assert len(connections) == 2


async def test_answers_may_come_in_pieces() -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n"
    )
    async with answering(chunked, reply(b"next")) as (wire, connections):
        assert await wire.post("/x", b"{}", None) == b"abcde"
        assert await wire.post("/x", b"{}", None) == b"next"
        assert len(connections) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"SMTP ready\r\n\r\n",
        b"x" * 100_000,
        reply(b"{}", "503 Busy", "Retry-After: 7\r\n"),
        reply(b"<html>", "502 Bad Gateway"),
    ],
)
async def test_what_is_no_answer_is_unavailable(answer: bytes) -> None:
    async with answering(answer, close=True) as (wire, _):
        with pytest.raises(Unavailable) as caught:
            await wire.post("/x", b"{}", None)
        assert caught.value.retry_after == (7 if b"Retry-After" in answer else 5)


async def test_a_refusal_has_its_name() -> None:
    body = b'{"message": "Index `x` not found.", "code": "index_not_found", "type": "invalid_request"}'
    async with answering(reply(body, "404 Not Found")) as (wire, _):
        with pytest.raises(Refused) as caught:
            await wire.post("/x", b"{}", None)
        assert (caught.value.status, caught.value.code) == (404, "index_not_found")


async def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await Wire("http://127.0.0.1:1").post("/x", b"{}", None)
