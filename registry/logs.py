"""Structured log lines: one JSON object a line for machines, colour for a terminal."""

import logging
import re
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from registry.settings import Settings

_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_SECRET = re.compile(r"(?:authorization|cookie|password|secret|token|search_key)", re.I)

# A private feed is opened by its address alone.
_KEY_IN_PATH = re.compile(r"(/feeds/private/)[A-Za-z0-9_-]+")

log = structlog.get_logger("candor.http")


def _mask(_logger: object, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """The last line of defence: a value under a secret's name is never written out."""
    return {key: _masked(key, value) for key, value in event.items()}


def _masked(key: object, value: Any) -> Any:
    if _SECRET.search(str(key)):
        return "***"
    if isinstance(value, str):
        return _KEY_IN_PATH.sub(r"\1***", value)
    if isinstance(value, Mapping):
        return {name: _masked(name, item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked("", item) for item in value]
    return value


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


# The address of a notice is the key to it.
_RECEIPT = re.compile(r"^((?:/api/v1)?/notices/)[^/]+")


class RequestLog:
    """ASGI middleware: one line a request, under an id that the client may bring and is told."""

    def __init__(self, app: Callable[[Any, Any, Any], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        brought = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"").decode(
            "latin-1"
        )
        request_id = brought if _SAFE_ID.fullmatch(brought) else uuid.uuid4().hex
        started = time.perf_counter()
        status = 0

        async def note(message: Any) -> None:
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
                await self.app(scope, receive, note)
            finally:
                log.info(
                    "request",
                    method=scope["method"],
                    path=_RECEIPT.sub(r"\1…", scope["path"]),
                    status=status,
                    ms=round((time.perf_counter() - started) * 1000, 1),
                )
