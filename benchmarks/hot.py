"""Hot reads: answers that the front has prepared, against the same answers from its rivals."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import log, rivals, servers
from benchmarks.load import Client, rate
from benchmarks.stand import Found, Registry, Stand
from registry.transparency.tiles import WIDTH, Tile

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
    ordinary: bool = True


def measure(stand: Stand) -> Found:
    """Rates in turns, so that whatever else the machine does meets all alike; medians of the rounds'
    ratios.
    """
    registry = stand.small()
    with ExitStack() as stack:
        port, _ = stack.enter_context(servers.candor(registry.folder))
        folder = Path(stack.enter_context(TemporaryDirectory(dir=stand.folder)))
        cases = _record(port, registry, folder)
        bare = stack.enter_context(servers.rival("bare", folder))
        ordinary = stack.enter_context(servers.rival("ordinary", folder))
        found: Found = {}
        for case in cases:
            rates: list[list[float]] = []
            asked = [(port, case.path), (bare, case.bare_path)]
            if case.ordinary:
                asked.append((ordinary, case.path))
            for number in stand.steps(ROUNDS, f"hot reads: {case.name}"):
                turn = -1 if number % 2 else 1
                got = [
                    rate(at, path, seconds=SECONDS, status=case.status, headers=case.headers)
                    for at, path in asked[::turn]
                ]
                rates.append(got[::turn])
            front, *others = (median(column) for column in zip(*rates, strict=True))
            for place, (suffix, rival) in enumerate(zip(("", "_handler"), others, strict=False), 1):
                found[f"hot_{case.name}{suffix}"] = (
                    median(row[0] / row[place] for row in rates),
                    f"{front:,.0f}/s against {rival:,.0f}/s",
                )
    return found


def _record(port: int, registry: Registry, folder: Path) -> list[_Case]:
    """Ask once for each answer, and leave what came for the rivals."""
    path = f"/api/v1/records/{registry.ids(1)[0]}"
    with Client(port) as client:
        record = client.get(path)
        asked = {"If-None-Match": record.headers["etag"]}
        unchanged = client.get(path, asked, status=304)
        feed = client.get(FEED, FEED_ASKED)
        log.until_signed(client, registry.records)
        files = {path: client.get(path) for path in _files(registry.records).values()}
    rivals.record(
        folder,
        [
            rivals.Recorded(path, 200, record.headers, record.body),
            rivals.Recorded(FEED, 200, feed.headers, feed.body),
            rivals.Recorded("/unchanged", 304, unchanged.headers, b""),
            *(rivals.Recorded(each, 200, answer.headers, answer.body) for each, answer in files.items()),
        ],
    )
    return [
        _Case("record", 200, path, path, {}),
        _Case("feed", 200, FEED, FEED, FEED_ASKED),
        _Case("unchanged", 304, path, "/unchanged", asked),
        *(_Case(name, 200, each, each, {}, False) for name, each in _files(registry.records).items()),
    ]


def _files(size: int) -> dict[str, str]:
    """Where the checkpoint, the first tile and the first bundle of a log of so many entries stand."""
    first = min(size, WIDTH)
    tile, bundle = Tile(0, 0, first), Tile(None, 0, first)
    return {"checkpoint": "/log/checkpoint", "tile": f"/log/{tile.path}", "bundle": f"/log/{bundle.path}"}
