"""The front: prepared bytes for anonymous reads, before any framework runs.

It keeps whole answers by path, canonical query and content coding, makes 304s and HEADs from them, and lets
go of them when the changelog says that what they were made from has changed: at once in the process that
wrote, within `POLL_SECONDS` in every other. A miss goes to the handler, whose answer fills it (see
`registry.http.prepared`).
"""

import asyncio
import contextlib
import gzip
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qsl, urlencode

import brotli
import structlog
import zstandard

from registry.changelog.append import EVERYTHING
from registry.changelog.tail import head, read_changes
from registry.db import Database
from registry.http import HEAD_ONLY, SCOPES

POLL_SECONDS = 0.4
# A burst longer than this is not worth matching scope by scope.
MANY_CHANGES = 500
# Longer addresses and validators are served, but nothing is kept for them: who sends them may send millions.
LONGEST_KEPT = 2048
SMALLEST_COMPRESSED = 400
CODINGS = ("br", "zstd", "gzip")
# Pages of documents for other registries have megabytes, and everybody else would wait a tenth of a second.
LARGE = 512 * 1024
_COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "br": lambda body: brotli.compress(body, quality=_effort(body, 5)),
    "zstd": lambda body: zstandard.ZstdCompressor(level=_effort(body, 9)).compress(body),
    "gzip": lambda body: gzip.compress(body, compresslevel=_effort(body, 6), mtime=0),
}
_OPEN_PATHS = ("/api/", "/feeds", "/log/", "/.well-known/", "/schema", "/mirror/", "/federation/")
_COMPRESSIBLE = (
    b"text/",
    b"application/json",
    b"application/x-ndjson",
    b"application/rss",
    b"application/atom",
    b"application/feed",
)
_NO_SNIFFING = ((b"x-content-type-options", b"nosniff"),)
_FOR_PAGES = (
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"x-frame-options", b"DENY"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
        b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
)
_CORS = (
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"ETag, Last-Modified, Link, Retry-After, X-Request-Id, Content-Disposition, Candor-Position, "
        b"Candor-Total",
    ),
)
_PREFLIGHT = (
    *_CORS,
    *_NO_SNIFFING,
    (b"access-control-allow-methods", b"GET, HEAD, OPTIONS"),
    (b"access-control-allow-headers", b"If-None-Match, If-Modified-Since, Accept"),
    (b"access-control-max-age", b"86400"),
)

# Plain ASGI, as servers speak it: the framework's own types are narrower.
Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

log = structlog.get_logger("candor.front")


@dataclass(slots=True)
class Variant:
    """One coding of an answer, as the two ASGI messages that send it, and the one that says it has not
    changed.
    """

    start: dict[str, Any]
    body: dict[str, Any]
    unchanged: dict[str, Any]


@dataclass(slots=True)
class Answer:
    """An answer that is kept: its validators, its bytes, and its variants as they are first asked for."""

    status: int
    headers: list[tuple[bytes, bytes]]
    content: bytes
    stem: bytes
    modified: float | None
    scopes: frozenset[str]
    compressible: bool
    variants: dict[str, Variant] = field(default_factory=dict)

    @property
    def size(self) -> int:
        # What codings will add is bounded by the content itself.
        return 2 * len(self.content) + 2048

    def variant(self, coding: str) -> Variant:
        found = self.variants.get(coding)
        if found is None:
            found = self.variants[coding] = self._make(coding)
        return found

    def _make(self, coding: str) -> Variant:
        content, etag = self.content, self.stem
        extra: list[tuple[bytes, bytes]] = []
        if coding:
            content = _COMPRESS[coding](content)
            etag += b"-" + coding.encode()
            extra.append((b"content-encoding", coding.encode()))
        validators = [(b"etag", b'"' + etag + b'"')] if etag else []
        vary = [(b"vary", b"Accept-Encoding")] if self.compressible else []
        kept = [(name, value) for name, value in self.headers if name not in _MADE_ANEW]
        bare = [(name, value) for name, value in kept if name != b"content-type"]
        return Variant(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [
                    *kept,
                    *validators,
                    *extra,
                    *vary,
                    (b"content-length", str(len(content)).encode()),
                ],
            },
            {"type": "http.response.body", "body": content},
            {"type": "http.response.start", "status": 304, "headers": [*bare, *validators, *vary]},
        )


_MADE_ANEW = frozenset({b"etag", b"content-length", b"content-encoding"})
_EMPTY: dict[str, Any] = {"type": "http.response.body", "body": b""}


def _effort(body: bytes, usual: int) -> int:
    """At which level to compress: large bodies at the lowest, for a third more bytes in a quarter of the
    time.
    """
    return usual if len(body) <= LARGE else 1


class Front:
    """The ASGI application that stands before the framework."""

    def __init__(self, app: ASGIApp, database: Database, *, megabytes: int) -> None:
        self.app = app
        self.database = database
        self.limit = megabytes * 1024 * 1024
        self.hits = 0
        self.misses = 0
        self._kept: OrderedDict[tuple[str, bytes], Answer] = OrderedDict()
        self._size = 0
        self._seen = 0
        self._recent: deque[tuple[int, frozenset[str]]] = deque(maxlen=MANY_CHANGES)
        self._forgot_at = 0
        self._refreshing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method = scope["method"]
        if method not in ("GET", "HEAD"):
            await self._other(scope, receive, send)
            return
        accept = if_none_match = since = b""
        anonymous = True
        for name, value in scope["headers"]:
            if name == b"accept-encoding":
                accept = value
            elif name == b"if-none-match":
                if_none_match = value
            elif name == b"if-modified-since":
                since = value
            elif name in (b"authorization", b"cookie"):
                anonymous = False
        query = scope["query_string"]
        if anonymous and len(scope["path"]) + len(query) <= LONGEST_KEPT:
            key = (scope["path"], query if not query else canonical_query(query))
            answer = self._kept.get(key)
            if answer is not None:
                self.hits += 1
                self._kept.move_to_end(key)
                await _send(answer, method, accept, if_none_match, since, send)
                return
        else:
            key = None
        await self._miss(scope, receive, send, key, (method, accept, if_none_match, since))

    async def _miss(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        key: tuple[str, bytes] | None,
        asked: tuple[str, bytes, bytes, bytes],
    ) -> None:
        """Ask the handler. Its answer is held back only when it has a validator; a stream passes through."""
        self.misses += 1
        before = self._seen
        method = asked[0]
        state = {**(scope.get("state") or {}), HEAD_ONLY: method == "HEAD"}
        inner = {**scope, "method": "GET", "state": state}
        start: dict[str, Any] | None = None
        held: bytearray | None = None

        async def catch(message: Message) -> None:
            nonlocal start, held
            if message["type"] == "http.response.start":
                message = {**message, "headers": _with_house_headers(scope["path"], message["headers"])}
                if message["status"] == 200 and any(name == b"etag" for name, _ in message["headers"]):
                    start, held = message, bytearray()
                    return
            elif held is not None and start is not None and message["type"] == "http.response.body":
                held += message.get("body", b"")
                if not message.get("more_body"):
                    scopes = inner["state"].get(SCOPES, frozenset()) if key is not None else frozenset()
                    answer = _answer(start, bytes(held), scopes)
                    if key is not None and scopes:
                        self._keep(key, answer, before)
                    await _send(answer, *asked, send)
                return
            elif method == "HEAD" and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app(inner, receive, catch)

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS" and scope["path"].startswith(_OPEN_PATHS):
            await send({"type": "http.response.start", "status": 204, "headers": [*_PREFLIGHT]})
            await send(_EMPTY)
            return

        async def dress(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _with_house_headers(scope["path"], message["headers"])}
            await send(message)

        await self.app(scope, receive, dress)

    # --- what is kept ---

    def _keep(self, key: tuple[str, bytes], answer: Answer, before: int) -> None:
        """Keep an answer, unless what it was made from changed while it was being made."""
        if answer.size > self.limit // 4 or before < self._forgot_at:
            return
        if any(seq > before and not scopes.isdisjoint(answer.scopes) for seq, scopes in self._recent):
            return
        old = self._kept.pop(key, None)
        self._size += answer.size - (old.size if old else 0)
        self._kept[key] = answer
        while self._size > self.limit:
            _, dropped = self._kept.popitem(last=False)
            self._size -= dropped.size

    def forget(self, scopes: frozenset[str]) -> None:
        """Let go of every answer that one of the scopes makes stale."""
        stale = [key for key, answer in self._kept.items() if not answer.scopes.isdisjoint(scopes)]
        for key in stale:
            self._size -= self._kept.pop(key).size

    def forget_all(self) -> None:
        """Let go of everything, and of what is being made just now."""
        self._forgot_at = self._seen
        self._kept.clear()
        self._recent.clear()
        self._size = 0

    async def refresh(self) -> None:
        """Read what was committed since the last look, and let go of what it made stale."""
        try:
            await self._read_log()
        except Exception:
            self.forget_all()  # better no prepared answers than wrong ones
            raise

    async def _read_log(self) -> None:
        async with self._refreshing, self.database.read() as session:
            newest = await head(session)
            if newest == self._seen:
                return
            if newest - self._seen > MANY_CHANGES:
                self._seen = newest
                self.forget_all()
                return
            changes = await read_changes(session, after=self._seen, limit=MANY_CHANGES)
        stale: set[str] = set()
        for change in changes:
            scopes = frozenset((*change.scopes, f"topic:{change.topic}"))
            if len(self._recent) == MANY_CHANGES:
                self._forgot_at = self._recent[0][0]
            self._recent.append((change.seq, scopes))
            stale |= scopes
            self._seen = change.seq
        if EVERYTHING in stale:
            self.forget_all()
        else:
            self.forget(frozenset(stale))

    async def keep_fresh(self) -> None:
        """Look for other processes' changes until cancelled."""
        failing = False
        while True:
            try:
                await self.refresh()
                failing = False
            except Exception:
                if not failing:
                    log.exception("could not read the changelog")
                failing = True
            await asyncio.sleep(POLL_SECONDS)


@lru_cache(maxsize=4096)
def canonical_query(query: bytes) -> bytes:
    """The query with its parameters in order, so that one question has one place.

    Values of one parameter stay in theirs: where only one is read, it matters which comes last.
    """
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    return urlencode(sorted(pairs, key=itemgetter(0)), encoding="latin-1").encode()


@lru_cache(maxsize=512)
def negotiate(accept: bytes) -> str:
    """The coding to use for an `Accept-Encoding`: ours to choose among those with the highest weight."""
    weights: dict[str, float] = {}
    for part in accept.decode("latin-1").lower().split(","):
        name, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.partition("=")[2]) if "=" in parameter else 1.0
        except ValueError:
            weight = 0.0
        weights[name.strip()] = weight if 0 < weight <= 1 else 0.0
    best = max((weights.get(coding, 0.0) for coding in CODINGS), default=0.0)
    if best <= 0:
        return ""
    return next(coding for coding in CODINGS if weights.get(coding, 0.0) == best)


def _stems(header: bytes) -> frozenset[bytes]:
    """The tags in an `If-None-Match`, without quotes, weakness and coding suffix (RFC 9110: a weak
    comparison).
    """
    return _kept_stems(header) if len(header) <= LONGEST_KEPT else _read_stems(header)


def _read_stems(header: bytes) -> frozenset[bytes]:
    stems: set[bytes] = set()
    for part in header.split(b","):
        tag = part.strip().removeprefix(b"W/").strip(b'"')
        stems.add(tag)
        stem, dash, coding = tag.rpartition(b"-")
        if dash and coding in (b"br", b"zstd", b"gzip"):
            stems.add(stem)
    return frozenset(stems)


_kept_stems = lru_cache(maxsize=4096)(_read_stems)


def is_unchanged(answer: Answer, if_none_match: bytes, since: bytes) -> bool:
    """Whether the client has this already. `If-None-Match`, when there, decides alone (RFC 9110, 13.1.3)."""
    if if_none_match:
        return bool(answer.stem) and (answer.stem in (stems := _stems(if_none_match)) or b"*" in stems)
    if since and answer.modified is not None:
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            return answer.modified <= parsedate_to_datetime(since.decode("latin-1")).timestamp()
    return False


async def _send(
    answer: Answer, method: str, accept: bytes, if_none_match: bytes, since: bytes, send: Send
) -> None:
    variant = answer.variant(negotiate(accept) if accept and answer.compressible else "")
    if (if_none_match or since) and is_unchanged(answer, if_none_match, since):
        await send(variant.unchanged)
        await send(_EMPTY)
        return
    await send(variant.start)
    await send(variant.body if method == "GET" else _EMPTY)


def _answer(start: dict[str, Any], content: bytes, scopes: frozenset[str]) -> Answer:
    headers = dict(start["headers"])
    modified = None
    with contextlib.suppress(KeyError, ValueError, TypeError):
        modified = parsedate_to_datetime(headers[b"last-modified"].decode("latin-1")).timestamp()
    media_type = headers.get(b"content-type", b"")
    private = headers.get(b"cache-control", b"").startswith(b"private")
    # Compressing what mixes a secret with what an attacker chooses tells the secret's length (BREACH).
    compressible = (
        len(content) >= SMALLEST_COMPRESSED
        and not private
        and (media_type.startswith(_COMPRESSIBLE) or b"+json" in media_type or b"+xml" in media_type)
    )
    # A request's own id says nothing about another request that is given the same answer.
    kept = [(name, value) for name, value in start["headers"] if not (scopes and name == b"x-request-id")]
    return Answer(
        start["status"],
        kept,
        content,
        headers[b"etag"].strip(b'"'),
        modified,
        scopes,
        compressible,
    )


def _with_house_headers(path: str, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Add what every answer carries; a header that a handler set stays as it is."""
    present = [(bytes(name).lower(), bytes(value)) for name, value in headers]
    names = {name for name, _ in present}
    is_page = any(name == b"content-type" and value.startswith(b"text/html") for name, value in present)
    # What browsers obey on pages would only make the hot answers of the API slower to send.
    add = _NO_SNIFFING + (_FOR_PAGES if is_page else ()) + (_CORS if path.startswith(_OPEN_PATHS) else ())
    return [*present, *((name, value) for name, value in add if name not in names)]
