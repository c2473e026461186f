"""Files over HTTP as any web server gives them, and the verifier that somebody else wrote."""

import os
import shutil
import subprocess
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

SOURCE = Path(__file__).with_name("another")


@contextmanager
def web(files: MutableMapping[str, bytes]) -> Iterator[str]:
    """A server of these files, by path without the first slash; answers its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = files.get(self.path[1:])
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def another(folder: Path) -> Path:
    """The verifier on the libraries of Go's checksum database. Skips, loudly, where it cannot be built."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("NOT CHECKED BY ANOTHER IMPLEMENTATION: install Go 1.21 or newer to do so")
    work = shutil.copytree(SOURCE, folder / "another")
    done = subprocess.run(
        [go, "build", "-buildvcs=false", "-o", "verifier", "."],
        cwd=work,
        env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        assert "proxy" in done.stderr or "dial" in done.stderr, done.stderr
        pytest.skip(f"NOT CHECKED BY ANOTHER IMPLEMENTATION: its module cannot be had: {done.stderr[-300:]}")
    return work / "verifier"


def accepts(verifier: Path, log: str, vkey: str) -> tuple[bool, str]:
    """Whether the other verifier believes a log, and what it said."""
    done = subprocess.run([verifier, log, vkey], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0, (done.stdout + done.stderr).strip()
