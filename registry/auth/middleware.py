"""Puts the `Actor` on the request before any guard runs. Anonymous requests cost no look at the database."""

from dataclasses import replace

import structlog
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from registry.actor import ANONYMOUS
from registry.auth.tokens import actor_of
from registry.db import Database

# These read the same header for credentials of their own: a client's secret, the metrics token.
_OWN_CREDENTIALS = ("/oauth/", "/metrics")
# What is only read leaves no trace: where it came from is nobody's business.
_READING = ("GET", "HEAD", "OPTIONS")


class ActorMiddleware(ASGIMiddleware):
    """Reads the `Authorization` header once per request; what it says stands in `scope["state"]["actor"]`."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        scope["state"]["actor"] = ANONYMOUS
        authorization = next((value for name, value in scope["headers"] if name == b"authorization"), None)
        if authorization is not None and not scope["path"].startswith(_OWN_CREDENTIALS):
            async with self.database.read() as session:
                scope["state"]["actor"] = await actor_of(session, authorization.decode("latin-1"))
        method: str = scope.get("method", "GET")  # type: ignore[assignment]  # a WebSocket has none
        if method not in _READING:
            client = scope.get("client")
            scope["state"]["actor"] = replace(
                scope["state"]["actor"],
                address=client[0] if client else None,
                request=structlog.contextvars.get_contextvars().get("request_id"),
            )
        await next_app(scope, receive, send)
