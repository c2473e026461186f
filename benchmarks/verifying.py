"""Verifying: a whole log with all its documents, over HTTP, as a stranger does it."""

import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks import servers
from benchmarks.load import HOST, Client
from benchmarks.stand import Found, Registry, Stand

LOG_SECONDS = 900
_LOOK_SECONDS = 0.2
_PEAK_SECONDS = 0.02


class Pass(NamedTuple):
    """One pass of `candor verify`: how long, and the most memory it held, in MB."""

    seconds: float
    memory: float


def measure(stand: Stand) -> Found:
    """How fast it goes, and how much more memory the large log takes than the small."""
    small, large = verify(stand.small()), verify(stand.large())
    rate = stand.records / large.seconds
    grown = large.memory - small.memory
    said = f"{small.memory:.0f} MB at the most for the small log, {large.memory:.0f} MB for the large"
    return {
        "verify_rate": (rate, f"{stand.records:,} documents in {large.seconds:.1f} s, its start included"),
        "verify_memory": (grown, said),
    }


def verify(registry: Registry) -> Pass:
    """Serve a registry, and verify it. Raises `RuntimeError` where it does not verify."""
    with servers.candor(registry.folder) as (port, _):
        _until_signed(port, registry.records)
        command = [*servers.CANDOR, "verify", f"http://{HOST}:{port}", "--unpinned", "--json"]
        begun = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603  (our own command)
            command, env=servers.environment(), cwd=registry.folder, stdout=subprocess.DEVNULL
        )
        most = 0.0
        while process.poll() is None:
            most = max(most, _peak(process.pid))
            time.sleep(_PEAK_SECONDS)
        seconds = time.perf_counter() - begun
    if process.returncode:
        raise RuntimeError(f"the log of {registry.folder} does not verify")
    return Pass(seconds, most)


def _peak(pid: int) -> float:
    """The most memory that a process held so far, in MB; 0 when it has just ended.

    What the system tells of a child that ended counts its parent's memory, too, from before it was another
    program.
    """
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _until_signed(port: int, entries: int) -> None:
    """Wait until the log covers everything."""
    end = time.monotonic() + LOG_SECONDS
    with Client(port) as client:
        while time.monotonic() < end:
            answer = client.get("/log/checkpoint", status=None)
            if answer.status == 200 and int(answer.body.split(b"\n")[1]) >= entries:
                return
            time.sleep(_LOOK_SECONDS)
    raise TimeoutError(f"the log did not cover {entries:,} records within {LOG_SECONDS} seconds")
