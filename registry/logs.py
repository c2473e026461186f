"""Structured log lines: one JSON object a line for machines, colour for a terminal."""

import logging
import re
import sys
import time
import uuid
from collections.abc import MutableMapping
from typing import Any

import structlog
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from registry.settings import Settings

_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_SECRET_KEYS = frozenset(
    {"authorization", "cookie", "password", "secret", "token", "client_secret", "set-cookie"}
)

log = structlog.get_logger("candor.http")


def _mask(_logger: object, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """The last line of defence: a value under a secret's name is never written out."""
    return _masked(event)


def _masked(fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {
        key: "***"
        if str(key).lower() in _SECRET_KEYS
        else _masked(value)
        if isinstance(value, dict)
        else value
        for key, value in fields.items()
    }


def configure(settings: Settings) -> None:
    """Set up logging for this process, on standard error. Standard output belongs to commands."""
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    renderer: structlog.types.Processor = (
        # Plain tracebacks: rich ones print local variables, and with them whatever secret a request brought.
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _mask,
            *([] if console else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)


class RequestLog(ASGIMiddleware):
    """One line a request, under an id that the client may bring and is told."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        brought = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"").decode(
            "latin-1"
        )
        request_id = brought if _SAFE_ID.fullmatch(brought) else uuid.uuid4().hex
        started = time.perf_counter()
        status = 0

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {
                    **message,
                    "headers": [*message["headers"], (b"x-request-id", request_id.encode())],
                }
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await next_app(scope, receive, note)
            finally:
                log.info(
                    "request",
                    method=scope.get("method"),
                    path=scope["path"],
                    status=status,
                    ms=round((time.perf_counter() - started) * 1000, 1),
                )
