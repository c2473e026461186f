"""The client that measures: it must count right, and say so when it cannot."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.load import Client, _unchunked, answered, rate, request_bytes
from benchmarks.servers import memory


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    given = 0

    def do_GET(self) -> None:
        type(self).given += 1
        body = b"x" * (type(self).given if self.path == "/growing" else 5000)
        unchanged = "If-None-Match" in self.headers
        self.send_response(304 if unchanged else 200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not unchanged:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A load ends in the middle of answers: that is no error."""


@contextmanager
def _serving() -> Iterator[int]:
    handler = type("Handler", (_Handler,), {"given": 0})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_one_answer_is_read_whole() -> None:
    with _serving() as port, Client(port) as client:
        first = client.get("/")
        assert (first.status, first.body, first.headers["etag"]) == (200, b"x" * 5000, '"1"')
        unchanged = client.get("/", {"If-None-Match": '"1"'}, status=304)
        assert unchanged.body == b""
        assert client.get("/").size == first.size


def test_another_status_is_an_error() -> None:
    with _serving() as port, Client(port) as client, pytest.raises(RuntimeError, match="200 instead of 404"):
        client.get("/", status=404)


def test_a_rate_is_counted() -> None:
    with _serving() as port:
        assert rate(port, "/", seconds=0.1) > 0


def test_answers_of_different_lengths_cannot_be_counted() -> None:
    # The first answers are shorter than those that follow; the count is bound to overshoot.
    with _serving() as port, pytest.raises(RuntimeError, match="differ in length"):
        rate(port, "/growing", seconds=5)


def test_nobody_there_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            Client(taken.getsockname()[1])


def test_memory_is_that_of_this_process() -> None:
    held = memory(os.getpid())
    assert 10 < held.own <= held.resident < 10_000


def test_requests_that_differ_are_each_answered_once() -> None:
    with _serving() as port:
        requests = [request_bytes(port, f"/{number}") for number in range(40)]
        assert answered(port, requests, connections=4) > 0
        with Client(port) as client:
            # Forty were counted, and this is one more.
            assert len(client.get("/growing").body) == 41


def test_what_comes_in_chunks_is_put_together() -> None:
    assert _unchunked(b"5\r\nhello\r\n3;note\r\nabc\r\n0\r\n\r\n") == b"helloabc"
