"""Starting: what `make run` does when nothing changed, until the first answer."""

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import servers
from benchmarks.load import HOST
from benchmarks.stand import Found, Stand

ROUNDS = 3
# The recipe of `make run`, without what only a checkout has; a test holds the two together.
COMMAND = ("serve", "--samples")


def measure(stand: Stand) -> Found:
    """The median of several starts, after one that loads the samples."""
    times: list[float] = []
    with TemporaryDirectory(dir=stand.folder) as data:
        for number in stand.steps(ROUNDS + 1, "starts"):
            seconds = _start(Path(data))
            if number:
                times.append(seconds)
    return {"start": (median(times), " ".join(f"{one:.1f}" for one in times))}


def _start(data: Path) -> float:
    port = servers.free_port()
    given = servers.environment(data=str(data), host=HOST, port=str(port), log_level="error")
    started = time.perf_counter()
    with servers.process([*servers.CANDOR, *COMMAND], given, data, port, "/api/v1/records"):
        return time.perf_counter() - started
