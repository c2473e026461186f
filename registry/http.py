"""What handlers share: prepared answers, strict bodies, cursors. The only HTTP helper of `api.py` files."""

import base64
import binascii
from collections.abc import Iterable
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from litestar import Request, Response
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from registry.actor import ANONYMOUS, Actor
from registry.actor import Scope as Granted
from registry.canonical import MAX_DOCUMENT_BYTES, digest, read_json
from registry.errors import Malformed, TooLarge, UnsupportedType
from registry.settings import Settings

JSON_TYPE = "application/json"
SHARED_CACHE = "public, max-age=0, s-maxage=1, must-revalidate"
IMMUTABLE = "public, max-age=31536000, immutable"
PRIVATE = "private, no-cache"
PRIVATE_HEADERS = {"Cache-Control": PRIVATE, "Vary": "Authorization, Cookie"}
STEWARDS = [{"oauth2": [Granted.REGISTRY_STEWARD.value]}]
"""The `security` of operations that are for stewards."""
SCOPES = "candor.scopes"
"""Key in the scope's state: which changes make this answer stale. Its presence lets the front keep it."""
HEAD_ONLY = "candor.head"
"""Key in the scope's state: whether only headers are asked for, so that nothing long need be written."""
BODY_DIGEST = "candor.body"
"""Key in the scope's state: the SHA-256 of the body, once it was read. A stream can be read only once."""

AnyRequest = Request[Any, Any, Any]


def prepared(
    request: AnyRequest,
    body: bytes,
    media_type: str,
    *,
    etag: str,
    last_modified: datetime | None = None,
    scopes: Iterable[str] = (),
    cache: str | None = None,
    status: int = 200,
) -> Response[bytes]:
    """An answer with validators. `registry.front` makes 304s, HEAD, codings and cached copies of it.

    `etag` is the stem, without quotes. `scopes` name the changes that make the answer stale; an answer to a
    known actor is never kept, whatever its scopes.
    """
    actor: Actor = request.scope["state"].get("actor", ANONYMOUS)
    headers = {"ETag": f'"{etag}"', "Cache-Control": cache or SHARED_CACHE}
    if last_modified is not None:
        headers["Last-Modified"] = format_datetime(last_modified.replace(microsecond=0), usegmt=True)
    if actor.known:
        headers |= PRIVATE_HEADERS
    elif scopes := frozenset(scopes):
        request.scope["state"][SCOPES] = scopes
    return Response(body, status_code=status, media_type=media_type, headers=headers)


def private(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response[Any]:
    """An answer to somebody that nobody else is to keep."""
    told = {**PRIVATE_HEADERS, **(headers or {})}
    return Response(body, status_code=status, media_type=JSON_TYPE, headers=told)


class ReadableAddress(ASGIMiddleware):
    """Refuses addresses that hold a NUL: nothing here does, and PostgreSQL would take it for our fault."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        query = unquote_to_bytes(scope["query_string"]) if b"%00" in scope["query_string"] else b""
        if "\x00" in scope["path"] or b"\x00" in query:
            raise Malformed("The address holds a NUL character.")
        await next_app(scope, receive, send)


async def read_body(request: AnyRequest, *, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
    """The body, refused at the first byte over the limit instead of after the last."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise TooLarge(f"{int(declared):,} bytes are more than the {limit:,} that are read here.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedType("Send the body without Content-Encoding.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge(f"More than the {limit:,} bytes that are read here.")
    request.scope["state"][BODY_DIGEST] = digest(bytes(body))
    return bytes(body)


async def read_json_body(
    request: AnyRequest, *, limit: int = MAX_DOCUMENT_BYTES, optional: bool = False
) -> Any:
    """The body as strictly read JSON."""
    body = await read_body(request, limit=limit)
    if optional and not body:
        return {}
    media_type = request.headers.get("content-type", JSON_TYPE).partition(";")[0].strip().lower()
    if media_type != JSON_TYPE and not media_type.endswith("+json"):
        raise UnsupportedType(f"Send {JSON_TYPE}, not {media_type[:80]!r}.")
    return read_json(body, limit=limit)


async def read_json_object(
    request: AnyRequest,
    what: str = "The body",
    *,
    limit: int = MAX_DOCUMENT_BYTES,
    optional: bool = False,
) -> dict[str, Any]:
    """The body as a JSON object; `what` is what the sender calls it. Raises `Malformed` for anything else."""
    raw = await read_json_body(request, limit=limit, optional=optional)
    if not isinstance(raw, dict):
        raise Malformed(f"{what} is a JSON object.")
    return raw


def cursor(position: int) -> str:
    """An opaque cursor. Opaque so that nobody computes with it; it holds a public number and no secret."""
    return base64.urlsafe_b64encode(f"1:{position}".encode()).decode().rstrip("=")


def read_cursor(text: str | None) -> int | None:
    """The position in a cursor. Raises `Malformed` for one that was not made by `cursor`."""
    if not text:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        kind, _, number = base64.b64decode(padded, b"-_", validate=True).decode("ascii").partition(":")
        if kind == "1" and number.isdecimal() and len(number) < 19:
            return int(number)
    except (ValueError, binascii.Error):
        pass
    raise Malformed("The cursor is not one that was given out here. Start again without it.")


def absolute(settings: Settings, path: str) -> str:
    """An absolute link to a path of this registry."""
    return settings.url + path


def json_bytes(value: Any) -> bytes:
    """Plain JSON, for what is neither hashed nor signed."""
    return msgspec.json.encode(value)
