"""Growth: what reads cost when nothing is prepared, in a large registry and in a small one."""

from collections.abc import Iterator
from contextlib import ExitStack
from random import Random
from statistics import median

from benchmarks import servers
from benchmarks.load import Client
from benchmarks.stand import Found, Registry, Stand
from registry.http import cursor
from registry.records.content.submission import KINDS

READS = 300
PAGES = 100
MOST_ENTRIES = 20
SEED = 7
# Every answer is made anew, and no log reader wakes up in between.
_COLD = {"cache_megabytes": "0", "run_readers": "false"}


def measure(stand: Stand) -> Found:
    """Ratios of median times. The two registries are asked in turns; the small one holds the newest of the
    large, so that lists and feeds have the same entries.
    """
    registries = (stand.small(), stand.large())
    # Of the rarest kind, too, the small one has to hold a whole page.
    entries = max(1, min(MOST_ENTRIES, registries[0].records // 50))
    found: Found = {}
    with ExitStack() as stack:
        clients = [
            stack.enter_context(Client(stack.enter_context(servers.candor(one.folder, **_COLD))[0]))
            for one in registries
        ]
        for name, questions, count in (
            ("record", _records, READS),
            ("list", _lists, PAGES),
            ("feed", _feeds, PAGES),
        ):
            asked = [questions(one, count, entries) for one in registries]
            times: tuple[list[float], list[float]] = ([], [])
            for number in stand.steps(count, f"growth: {name}"):
                for which in (0, 1) if number % 2 else (1, 0):
                    times[which].append(clients[which].get(next(asked[which])).seconds)
            small, large = (median(one[count // 10 :]) * 1000 for one in times)
            found[f"growth_{name}"] = (large / small, f"{large:.2f} ms against {small:.2f} ms")
    return found


def _records(registry: Registry, count: int, _: int) -> Iterator[str]:
    ids = registry.ids(count)
    for number in range(count):
        yield f"/api/v1/records/{ids[number % len(ids)]}"


def _lists(registry: Registry, count: int, entries: int) -> Iterator[str]:
    """Pages of the whole list and of kinds, from anywhere in them."""
    random = Random(SEED)
    for number in range(count):
        begin = cursor(random.randint(registry.records // 2, registry.records))
        kind = f"&kind={KINDS[number % len(KINDS)]}" if number % 2 else ""
        yield f"/api/v1/records?limit={entries}&cursor={begin}{kind}"


def _feeds(registry: Registry, count: int, entries: int) -> Iterator[str]:
    for number in range(count):
        yield f"/feeds/{KINDS[number % len(KINDS)]}.{('rss', 'atom', 'json')[number % 3]}?limit={entries}"
