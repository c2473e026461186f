"""A registry's application on a real socket of loopback, in the test's own event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx


@asynccontextmanager
async def listening(client: httpx.AsyncClient) -> AsyncIterator[str]:
    """The address under which whatever `client` asks is to be had. One request a connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head.split(" ")
            headers = dict(line.split(": ", 1) for line in lines if line)
            length = next((int(n) for name, n in headers.items() if name.lower() == "content-length"), 0)
            body = await reader.readexactly(length)
            answer = await client.request(method, path, headers=headers, content=body)
            told = f"HTTP/1.1 {answer.status_code} Said\r\nContent-Length: {len(answer.content)}\r\n"
            told += f"Content-Type: {answer.headers.get('content-type', '')}\r\nConnection: close\r\n\r\n"
            writer.write(told.encode() + answer.content)
            await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
