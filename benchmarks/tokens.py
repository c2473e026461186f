"""What a token costs a request: the middleware alone, with and without one, on what it keeps for a second."""

import asyncio
import time
from datetime import timedelta
from statistics import median
from typing import Any

from litestar.types import ASGIApp

from benchmarks.stand import PROVIDER, Found, Stand
from registry.actor import Scope
from registry.auth.checks import Checks, Uses
from registry.auth.middleware import ActorMiddleware
from registry.auth.tokens import Purpose, make_token
from registry.node import open_node
from registry.providers.queries import by_slug
from registry.settings import Settings

ROUNDS = 5
SECONDS = 1.3
"""Long enough that what is kept runs out, and the look at the database is part of the mean."""

_ASKED = {"type": "http", "method": "GET", "path": "/api/v1/records"}


def measure(stand: Stand) -> Found:
    """The mean time of a request with a token, less that of one without; the median of several rounds."""
    settings = stand.small().settings
    found = [asyncio.run(_round(settings)) for _ in stand.steps(ROUNDS, "checking tokens")]
    value = median(found)
    return {"token_check": (value, f"{min(found):.3f} to {max(found):.3f} ms in {ROUNDS} rounds")}


async def _round(settings: Settings) -> float:
    async with open_node(settings) as node:
        async with node.database.write() as session:
            provider = await by_slug(session, PROVIDER)
            token = await make_token(
                session, provider.pk, Purpose.ACCESS, [Scope.RECORDS_READ], timedelta(minutes=10)
            )
        middleware = ActorMiddleware(node.database, node.settings, node.secret, Checks(), Uses(node.database))
        await _mean(middleware, token)  # what is asked for the first time is asked of a cold database
        with_one = await _mean(middleware, token)
        return with_one - await _mean(middleware, None)


async def _mean(middleware: ActorMiddleware, token: str | None) -> float:
    """Milliseconds of one request."""
    headers = [(b"accept", b"application/json"), (b"host", b"127.0.0.1")]
    if token is not None:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    count, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < SECONDS:
        scope: Any = {**_ASKED, "headers": headers, "state": {}}
        await middleware.handle(scope, _nothing, _nothing, _end)
        if (token is not None) is not scope["state"]["actor"].known:
            raise RuntimeError("the token was not recognised")
        count += 1
    return passed * 1000 / count


async def _nothing(*_: Any) -> Any:
    """Nobody sends, and nobody listens."""


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    """What would answer."""


_end: ASGIApp = _answer
