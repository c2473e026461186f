"""Starting servers for measurement, each a process of its own, on loopback, and ending just those."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.load import HOST, Client

CANDOR = (sys.executable, "-c", "from registry.cli import main; main()")
"""The command `candor` of this very installation."""

START_SECONDS = 60
END_SECONDS = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def environment(**settings: str) -> dict[str, str]:
    """What a process of the benchmark is given: none of the operator's settings, whose registry is not ours
    to fill.

    Byte code is written and read as on any machine: without it, starting would mostly be compiling.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CANDOR_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    return {**kept, **{f"CANDOR_{name.upper()}": value for name, value in settings.items()}}


@contextmanager
def candor(data: Path, **settings: str) -> Iterator[tuple[int, int]]:
    """`candor serve` over a data folder; yields its port and process id."""
    port = free_port()
    given = environment(
        data=str(data), host=HOST, port=str(port), log_level="error", limits="false", **settings
    )
    with process([*CANDOR, "serve"], given, data, port, "/healthz") as pid:
        yield port, pid


@contextmanager
def rival(name: str, folder: Path) -> Iterator[int]:
    """One of `benchmarks.rivals` under the server that Candor runs under, with the answers in a folder; its
    port.
    """
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--factory", "--loop", "asyncio"]
    command += ["--host", HOST, "--port", str(port), "--log-level", "error", f"benchmarks.rivals:{name}"]
    with process(
        command, {**environment(log_level="error"), "CANDOR_BENCH_ANSWERS": str(folder)}, folder, port, "/"
    ):
        yield port


@contextmanager
def process(command: list[str], env: Mapping[str, str], folder: Path, port: int, path: str) -> Iterator[int]:
    """A server from its first answer to its end; yields its process id.

    It runs in a folder without a `.env`, and in a session of its own, so that nothing of it is left at the
    end.
    """
    with tempfile.TemporaryFile() as said:
        server = subprocess.Popen(  # noqa: S603  (our own command)
            command, env=dict(env), cwd=folder, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
        )
        try:
            _wait(server, port, path)
            yield server.pid
        except RuntimeError as error:
            said.seek(0)
            error.add_note(said.read()[-2000:].decode(errors="replace"))
            raise
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def _wait(server: "subprocess.Popen[bytes]", port: int, path: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode} instead of serving")
        try:
            with Client(port) as client:
                client.get(path)
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"the server did not answer in {START_SECONDS} seconds")


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process holds, in MB. `resident` counts what is mapped from files too, such as the index: that
    is the file cache of the system, which it takes back when somebody else needs it. `own` is without.
    """

    own: float
    resident: float


def memory(pid: int) -> Memory:
    """The memory of a server's heaviest process: the one that answers, not the one that watches over it."""
    rows = list(_processes())
    family = {pid}
    while grown := {one.pid for one in rows if one.parent in family} - family:
        family |= grown
    return max((one.memory for one in rows if one.pid in family), key=lambda held: held.own)


class _Process(NamedTuple):
    pid: int
    parent: int
    memory: Memory


def _processes() -> Iterator[_Process]:
    """Every process of the machine. Where there is no /proc, nothing tells own memory from mapped files."""
    if not Path("/proc/self/status").exists():
        shown = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,rss="],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
        )
        for line in shown.stdout.splitlines():
            pid, parent, kilobytes = map(int, line.split())
            yield _Process(pid, parent, Memory(kilobytes * 1024 / 1e6, kilobytes * 1024 / 1e6))
        return
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):  # it may end while we look
            facts = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            megabytes = [
                int(facts.get(name, "0").split()[0]) * 1024 / 1e6 for name in ("RssAnon", "RssShmem", "VmRSS")
            ]
            yield _Process(int(facts["Pid"]), int(facts["PPid"]), Memory(sum(megabytes[:2]), megabytes[2]))
