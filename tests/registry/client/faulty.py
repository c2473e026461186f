"""A server on loopback that answers as a test tells it, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Says:
    """An answer. `drop` reads the request and hangs up instead."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False


Script = Callable[[Asked], Says]


@dataclass
class Faulty:
    """The server: its address, its script, and every request but those for tokens."""

    url: str = ""
    script: list[Says] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    tokens: int = 0
    lifetime: int = 3600

    def answer(self, asked: Asked) -> Says:
        if asked.path == "/oauth/token":
            self.tokens += 1
            return Says(
                body={
                    "token_type": "Bearer",
                    "access_token": f"token-{self.tokens}",
                    "expires_in": self.lifetime,
                    "scope": "records:write records:read",
                }
            )
        self.asked.append(asked)
        return self.script.pop(0) if self.script else Says(body={})


@contextmanager
def faulty() -> Iterator[Faulty]:
    server = Faulty()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            says = server.answer(Asked(self.command, self.path, headers, self.rfile.read(length)))
            if says.drop:
                self.close_connection = True
                return
            body = says.body if isinstance(says.body, bytes) else json.dumps(says.body).encode()
            self.send_response(says.status)
            kind = "application/json" if says.status < 400 else "application/problem+json"
            for name, value in {"Content-Type": kind, **says.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = _any

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
