"""Starting servers for measurement, each a process of its own, on loopback, and ending just those."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.load import HOST, ask_once

START_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def candor(data: Path, **settings: str) -> Iterator[tuple[int, int]]:
    """`candor serve` over a data folder; yields its port and process id."""
    port = free_port()
    environment = {
        "CANDOR_DATA": str(data),
        "CANDOR_PORT": str(port),
        "CANDOR_LOG_LEVEL": "error",
        **{f"CANDOR_{name.upper()}": value for name, value in settings.items()},
    }
    with _process([sys.executable, "-m", "registry.cli", "serve"], environment, port, "/healthz") as pid:
        yield port, pid


@contextmanager
def rival(name: str, body: Path) -> Iterator[int]:
    """One of `benchmarks.rivals` under the server that Candor runs under; yields its port."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "asgi",
        "--factory",
        "--host",
        HOST,
        "--port",
        str(port),
        "--loop",
        "asyncio",
        "--log-level",
        "error",
        f"benchmarks.rivals:{name}",
    ]
    with _process(command, {"CANDOR_BENCH_BODY": str(body)}, port, "/api/v1/records/x"):
        yield port


@contextmanager
def _process(command: list[str], environment: Mapping[str, str], port: int, path: str) -> Iterator[int]:
    process = subprocess.Popen(  # noqa: S603  (our own command)
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _wait(process, port, path)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int, path: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            said = process.stderr.read().decode(errors="replace") if process.stderr else ""
            raise RuntimeError(f"the server ended: {said[-2000:]}")
        try:
            ask_once(port, path)
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server did not answer in time")


def memory_megabytes(pid: int) -> float:
    """Resident memory of a server's heaviest process, in MB: what a web process takes."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return max(process.memory_info().rss for process in family) / 1e6
