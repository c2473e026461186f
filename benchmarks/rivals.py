"""What the front is measured against: the same bytes from a bare ASGI application and from an ordinary handler.

Both run under the same server as Candor, with the path and the file of the answer in the environment.
"""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.di import NamedDependency, Provide
from litestar.middleware import ASGIMiddleware
from litestar.params import FromPath, SkipValidation
from litestar.types import ASGIApp, Receive, Scope, Send

HEADERS = (
    (b"content-type", b"application/json"),
    (b"etag", b'"0123456789abcdef"'),
    (b"cache-control", b"public, max-age=0, s-maxage=1, must-revalidate"),
)


def _body() -> bytes:
    return Path(os.environ["CANDOR_BENCH_BODY"]).read_bytes()


def bare() -> Any:
    """An ASGI application that does nothing but send."""
    body = _body()
    start = {
        "type": "http.response.start",
        "status": 200,
        "headers": [*HEADERS, (b"content-length", str(len(body)).encode())],
    }
    message = {"type": "http.response.body", "body": body}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        await send(start)
        await send(message)

    return app


def bare_unchanged() -> Any:
    """The same for a 304."""
    start = {"type": "http.response.start", "status": 304, "headers": list(HEADERS[1:])}
    message = {"type": "http.response.body", "body": b""}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        await send(start)
        await send(message)

    return app


def ordinary() -> Any:
    """An ordinary Litestar handler that answers the same bytes.

    Ordinary means what every handler of an application has: a path parameter, one dependency that opens and closes
    something, a middleware, an exception handler, and an answer that is encoded. It asks no database.
    """
    body = _body()
    record = msgspec.json.decode(body)
    headers = {name.decode(): value.decode() for name, value in HEADERS[1:]}

    async def session() -> AsyncIterator[object]:
        yield object()

    def problem(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        return Response({"detail": str(error)}, status_code=500)

    @get("/api/v1/records/{id:str}")
    async def handler(id: FromPath[str], session: NamedDependency[SkipValidation[object]]) -> Response[Any]:
        return Response(record, headers=headers)

    return Litestar(
        [handler],
        dependencies={"session": Provide(session)},
        middleware=[_Clock()],
        exception_handlers={Exception: problem},
        logging_config=None,
    )


class _Clock(ASGIMiddleware):
    """A middleware that notes how long a request took."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        started = time.perf_counter()
        await next_app(scope, receive, send)
        scope["state"]["seconds"] = time.perf_counter() - started
