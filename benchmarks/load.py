"""Asking over HTTP at little cost: one request at a time for latencies, and pipelines of equal requests for
rates.

A client that parses HTTP in Python is slower than the servers it measures, and would make every ratio 1. For
rates, one write sends a batch of equal requests, and the answers, of known equal length, are only counted.
Loads go to loopback alone, and are bounded in count and time.
"""

import re
import selectors
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

HOST = "127.0.0.1"
BATCH = 16
CONNECTIONS = 8
TIMEOUT_SECONDS = 30

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)

_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_LAST_CHUNK = b"0\r\n\r\n"

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: `seconds` from the first byte sent to the last received, `size` the bytes of all of it."""

    status: int
    head: bytes
    body: bytes
    seconds: float

    @property
    def size(self) -> int:
        return len(self.head) + len(self.body)

    @property
    def headers(self) -> dict[str, str]:
        """By names in lower case."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {
            name.lower(): value.strip()
            for name, colon, value in (line.partition(":") for line in lines)
            if colon
        }


class Client:
    """One connection that is kept open, for one request after the other."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection = connect(port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, path: str, headers: Headers | None = None, *, status: int | None = 200) -> Reply:
        """Ask once. Raises when the answer has another status than that given, or breaks off."""
        reply = self.ask(request_bytes(self._port, path, headers))
        if status is not None and reply.status != status:
            raise RuntimeError(
                f"{path} answered {reply.status} instead of {status}: "
                f"{reply.body[:500].decode(errors='replace')}"
            )
        return reply

    def ask(self, request: bytes) -> Reply:
        """Send a request as it is, and read its answer."""
        started = time.perf_counter()
        self._connection.sendall(request)
        data = self._some()
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._some()
        head, body = data[: end + 4], data[end + 4 :]
        got = int(head[9:12])
        found = _LENGTH.search(head)
        length = int(found[1]) if found and got != 304 else 0
        if _CHUNKED.search(head):
            # Nothing else is asked meanwhile: what ends like the last chunk is the last one.
            while not body.endswith(_LAST_CHUNK):
                body += self._some()
            body = _unchunked(body)
        elif len(body) < length:
            parts = [body]
            missing = length - len(body)
            while missing > 0:
                parts.append(self._some())
                missing -= len(parts[-1])
            body = b"".join(parts)
        return Reply(got, head, body, time.perf_counter() - started)

    def _some(self) -> bytes:
        data = self._connection.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data


def _unchunked(body: bytes) -> bytes:
    """A body that came in chunks (RFC 9112, 7.1), put together."""
    parts: list[bytes] = []
    place = 0
    while True:
        end = body.index(b"\r\n", place)
        size = int(body[place:end].partition(b";")[0], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(body[end + 2 : end + 2 + size])
        place = end + 4 + size


def connect(port: int) -> socket.socket:
    connection = socket.create_connection((HOST, port), timeout=TIMEOUT_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def request_bytes(port: int, path: str, headers: Headers | None = None) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {HOST}:{port}",
        *(f"{k}: {v}" for k, v in (headers or {}).items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def rate(port: int, path: str, *, seconds: float, status: int = 200, headers: Headers | None = None) -> float:
    """Answers a second when one path is asked for as fast as it is answered. Raises as `Client.get` does."""
    with Client(port) as client:
        size = client.get(path, headers, status=status).size
    batch = request_bytes(port, path, headers) * BATCH
    missing: dict[socket.socket, int] = {}
    received = 0
    buffer = bytearray(1 << 18)
    with selectors.DefaultSelector() as waiting:
        try:
            for _ in range(CONNECTIONS):
                connection = connect(port)
                missing[connection] = size * BATCH
                waiting.register(connection, selectors.EVENT_READ, connection)
            started = time.perf_counter()
            for connection in missing:
                connection.sendall(batch)
            while (took := time.perf_counter() - started) < seconds or received == 0:
                if took > seconds + TIMEOUT_SECONDS:
                    raise TimeoutError(f"{path} is not answered")
                for key, _ in waiting.select(timeout=1):
                    connection = key.data
                    got = connection.recv_into(buffer)
                    if not got:
                        raise ConnectionError("the server closed the connection")
                    received += got
                    missing[connection] -= got
                    if missing[connection] < 0:
                        raise RuntimeError(
                            f"answers to {path} differ in length: they cannot be counted by bytes"
                        )
                    if missing[connection] == 0:
                        missing[connection] = size * BATCH
                        connection.sendall(batch)
        finally:
            for connection in missing:
                connection.close()
    return received / size / took


def answered(port: int, requests: Sequence[bytes], *, connections: int) -> float:
    """Answers a second to requests that differ, each asked once, with so many under way at a time. Raises for
    an answer that is no success.
    """
    left = iter(requests)
    done = 0
    with selectors.DefaultSelector() as waiting:
        open_ones = [connect(port) for _ in range(min(connections, len(requests)))]
        try:
            started = time.perf_counter()
            for connection in open_ones:
                waiting.register(connection, selectors.EVENT_READ, _Exchange(connection))
                connection.sendall(next(left))
            while done < len(requests):
                if not (ready := waiting.select(timeout=TIMEOUT_SECONDS)):
                    raise TimeoutError("nothing is answered")
                for key, _ in ready:
                    if key.data.complete():
                        done += 1
                        if (following := next(left, None)) is not None:
                            key.data.connection.sendall(following)
            return done / (time.perf_counter() - started)
        finally:
            for connection in open_ones:
                connection.close()


class _Exchange:
    """What came so far of the answer on a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._head = b""
        self._missing = -1

    def complete(self) -> bool:
        """Take what has come; whether that was the last of an answer."""
        data = self.connection.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed the connection")
        if self._missing < 0:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return False
            if self._head[9:12] != b"200":
                raise RuntimeError(f"answered {self._head[:300].decode(errors='replace')}")
            found = _LENGTH.search(self._head[: end + 2])
            if found is None:
                raise RuntimeError("an answer does not say how long it is")
            self._missing = int(found[1]) + end + 4 - len(self._head)
        else:
            self._missing -= len(data)
        if self._missing > 0:
            return False
        self._head, self._missing = b"", -1
        return True
