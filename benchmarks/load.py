"""A load generator that costs little: requests in pipelines over raw sockets, answers counted by their bytes.

A client that parses HTTP in Python is slower than the servers it measures, and would make every ratio 1. Here one write
sends a batch of equal requests, and the answers, of known equal length, are only counted. Loads go to loopback alone,
and are bounded in count and time.
"""

import selectors
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

HOST = "127.0.0.1"
BATCH = 16
CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Load:
    """What came of one load: answers per second, and how many there were."""

    rate: float
    answers: int


def request_bytes(port: int, path: str, headers: Mapping[str, str] | None = None) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {HOST}:{port}",
        *(f"{k}: {v}" for k, v in (headers or {}).items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def ask_once(
    port: int, path: str, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], int]:
    """One request: status, headers in lower case, and the length of the whole answer in bytes."""
    with socket.create_connection((HOST, port), timeout=10) as connection:
        connection.sendall(request_bytes(port, path, headers))
        data = b""
        while b"\r\n\r\n" not in data:
            data += _some(connection)
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        found = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = 0 if first.split()[1] == "304" else int(found.get("content-length", "0"))
        while len(rest) < length:
            rest += _some(connection)
        return int(first.split()[1]), found, len(head) + 4 + length


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(1 << 16)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data


def load(
    port: int, path: str, *, seconds: float, status: int, headers: Mapping[str, str] | None = None
) -> Load:
    """Ask for one path as fast as it is answered, for `seconds`. Raises when the first answer is not as expected."""
    got, _, length = ask_once(port, path, headers)
    if got != status:
        raise RuntimeError(f"{path} answered {got} instead of {status}")
    batch = request_bytes(port, path, headers) * BATCH
    expected = length * BATCH
    waiting = selectors.DefaultSelector()
    missing: dict[socket.socket, int] = {}
    for _ in range(CONNECTIONS):
        connection = socket.create_connection((HOST, port), timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(batch)
        missing[connection] = expected
        waiting.register(connection, selectors.EVENT_READ)
    answers = 0
    buffer = bytearray(1 << 18)
    started = time.perf_counter()
    end = started + seconds
    try:
        while time.perf_counter() < end:
            for key, _ in waiting.select(timeout=1):
                connection = key.fileobj  # type: ignore[assignment]
                got_bytes = connection.recv_into(buffer)
                if not got_bytes:
                    raise ConnectionError("the server closed the connection")
                missing[connection] -= got_bytes
                if missing[connection] < 0:
                    raise RuntimeError("answers differ in length: they cannot be counted by bytes")
                if missing[connection] == 0:
                    answers += BATCH
                    missing[connection] = expected
                    connection.sendall(batch)
        took = time.perf_counter() - started
    finally:
        for connection in missing:
            connection.close()
        waiting.close()
    return Load(answers / took, answers)
