"""Hot reads: answers that the front has prepared, against the same answers from its rivals."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import rivals, servers
from benchmarks.load import Client, rate
from benchmarks.stand import Found, Stand

ROUNDS = 9
SECONDS = 0.4
FEED = "/feeds/all.atom"
# As feed readers ask: sent as it is, a feed would measure how fast loopback copies bytes.
FEED_ASKED = {"Accept-Encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class _Case:
    """One answer: the path under which each server gives it, and what is asked along with it."""

    name: str
    status: int
    path: str
    bare_path: str
    headers: Mapping[str, str]


def measure(stand: Stand) -> Found:
    """Rates in turns, so that whatever else the machine does meets all three alike; medians of the rounds'
    ratios.
    """
    registry = stand.small()
    with ExitStack() as stack:
        port, _ = stack.enter_context(servers.candor(registry.folder))
        folder = Path(stack.enter_context(TemporaryDirectory(dir=stand.folder)))
        cases = _record(port, registry.ids(1)[0], folder)
        bare = stack.enter_context(servers.rival("bare", folder))
        ordinary = stack.enter_context(servers.rival("ordinary", folder))
        found: Found = {}
        for case in cases:
            rates: list[tuple[float, float, float]] = []
            for _ in stand.steps(ROUNDS, f"hot reads: {case.name}"):
                asked = [(port, case.path), (bare, case.bare_path), (ordinary, case.path)]
                if len(rates) % 2:
                    asked.reverse()
                got = [
                    rate(at, path, seconds=SECONDS, status=case.status, headers=case.headers)
                    for at, path in asked
                ]
                front, plain, handler = reversed(got) if len(rates) % 2 else got
                rates.append((front, plain, handler))
            front, plain, handler = (median(column) for column in zip(*rates, strict=True))
            found[f"hot_{case.name}"] = (
                median(one / other for one, other, _ in rates),
                f"{front:,.0f}/s against {plain:,.0f}/s",
            )
            found[f"hot_{case.name}_handler"] = (
                median(one / other for one, _, other in rates),
                f"{front:,.0f}/s against {handler:,.0f}/s",
            )
    return found


def _record(port: int, id: str, folder: Path) -> list[_Case]:
    """Ask once for each answer, and leave what came for the rivals."""
    path = f"/api/v1/records/{id}"
    with Client(port) as client:
        record = client.get(path)
        asked = {"If-None-Match": record.headers["etag"]}
        unchanged = client.get(path, asked, status=304)
        feed = client.get(FEED, FEED_ASKED)
    rivals.record(
        folder,
        [
            rivals.Recorded(path, 200, record.headers, record.body),
            rivals.Recorded(FEED, 200, feed.headers, feed.body),
            rivals.Recorded("/unchanged", 304, unchanged.headers, b""),
        ],
    )
    return [
        _Case("record", 200, path, path, {}),
        _Case("feed", 200, FEED, FEED, FEED_ASKED),
        _Case("unchanged", 304, path, "/unchanged", asked),
    ]
