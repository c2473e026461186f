"""Asking Meilisearch, many times a second: JSON over connections that stay open.

The official client opens a connection for each question, in a thread; measured beside it (16 at a time,
answers of 80 kB), this takes a tenth of its time on the processor, and a fifth of what the quickest
asynchronous client takes. Everything else than asking goes through the official one (`search.meili.server`).
"""

import asyncio
import ssl
from urllib.parse import urlsplit

import msgspec

from registry.errors import Misconfigured, Unavailable

RETRY_AFTER = 5
CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 15.0
# As many questions at a time; more wait here, and not in a queue of Meilisearch that refuses at its end.
AT_ONCE = 64
_MAX_HEAD = 65_536
_MAX_ANSWER = 512 * 1024 * 1024

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Refused(Exception):
    """Meilisearch answered, and not with what was asked for: `code` is its own name for the reason."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class _Stale(Exception):
    """A connection that was kept open had been closed at its other end."""


class _Error(msgspec.Struct):
    message: str = ""
    code: str = ""


_read_error = msgspec.json.Decoder(_Error).decode


def unreachable(reason: object) -> Unavailable:
    """Meilisearch does not answer; readers are not told where it stands, or why."""
    error = Unavailable("The search engine does not answer at the moment.", retry_after=RETRY_AFTER)
    error.__cause__ = reason if isinstance(reason, BaseException) else None
    return error


class Wire:
    """Connections of one process to one server. A loop that ends takes its connections with it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise Misconfigured("CANDOR_SEARCH_URL is the address of Meilisearch: http://HOST:PORT.")
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._path = parts.path.rstrip("/")
        self._named = parts.netloc.rpartition("@")[2]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._free: list[Connection] = []
        self._places = asyncio.Semaphore(AT_ONCE)

    async def post(self, path: str, body: bytes, key: str | None) -> bytes:
        """The body of the answer. Raises `Refused` for what is no success, and `Unavailable` when there is
        none.
        """
        self._here()
        authorization = f"Authorization: Bearer {key}\r\n" if key else ""
        head = (
            f"POST {self._path}{path} HTTP/1.1\r\nHost: {self._named}\r\n{authorization}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        async with self._places:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    status, headers, answer = await self._ask(head.encode("latin-1") + body)
            except (TimeoutError, OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
                raise unreachable(error) from error
        if status == 200:
            return answer
        raise _refused(status, headers, answer)

    def close(self) -> None:
        """Close what is open. Connections that are in use end with their answers."""
        free, self._free = self._free, []
        for _, writer in free:
            writer.close()

    def _here(self) -> None:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # Connections of another loop cannot be used in this one; its end has closed them.
            self._loop, self._free, self._places = loop, [], asyncio.Semaphore(AT_ONCE)

    async def _ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        while self._free:
            try:
                return await self._exchange(self._free.pop(), request, kept=True)
            except _Stale:
                continue  # closed while nobody asked: nothing of the question was read
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await asyncio.open_connection(self._host, self._port, ssl=self._tls, limit=_MAX_HEAD)
        return await self._exchange(connection, request, kept=False)

    async def _exchange(
        self, connection: Connection, request: bytes, *, kept: bool
    ) -> tuple[int, dict[str, str], bytes]:
        reader, writer = connection
        reusable = False
        try:
            try:
                writer.write(request)
                await writer.drain()
                head = await reader.readuntil(b"\r\n\r\n")
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                if kept and not getattr(error, "partial", b""):
                    raise _Stale from error
                raise
            status, headers = _read_head(head)
            body = await _read_body(reader, headers)
            reusable = headers.get("connection", "").lower() != "close"
        finally:
            if reusable:
                self._free.append(connection)
            else:
                writer.close()
        return status, headers, body


def _read_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError("no answer in HTTP/1.1")
    pairs = (line.partition(":") for line in lines if line)
    return int(rest[:3]), {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        return await reader.readexactly(_size(headers.get("content-length", ""), 10))
    pieces: list[bytes] = []
    total = 0
    while size := _size((await reader.readuntil(b"\r\n")).split(b";")[0].strip().decode("latin-1"), 16):
        total = _size(f"{total + size}", 10)
        pieces.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while (await reader.readuntil(b"\r\n")) != b"\r\n":
        pass
    return b"".join(pieces)


def _size(written: str, base: int) -> int:
    size = int(written, base)
    if not 0 <= size <= _MAX_ANSWER:
        raise ValueError("an answer without end")
    return size


def _refused(status: int, headers: dict[str, str], body: bytes) -> Exception:
    try:
        said = _read_error(body)
    except msgspec.MsgspecError:
        said = _Error()
    wait = headers.get("retry-after", "")
    if status in (429, 502, 503, 504):
        busy = unreachable(said.message)
        busy.retry_after = int(wait) if wait.isdigit() else RETRY_AFTER
        return busy
    return Refused(status, said.code, said.message)
