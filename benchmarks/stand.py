"""What measurements stand on: a folder, progress that is shown, and registries that are filled when first
needed.
"""

import asyncio
import json
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from rich.progress import Progress
from sqlalchemy import select

from benchmarks import servers, synthetic
from benchmarks.load import Client
from registry.actor import Actor
from registry.exchange.item import Item, Options
from registry.exchange.run import run
from registry.exchange.sink import RegistrySink
from registry.node import init_node, open_node
from registry.providers import service as providers
from registry.providers.models import Provider
from registry.providers.queries import by_slug
from registry.records.versions import Desk
from registry.settings import Settings

Found = dict[str, tuple[float | None, str]]
"""What a measurement found: the value of each measure by name, and how it came about; None, and why, where it
could not be measured here.
"""

TENTHS = 10
SMALL = 1000
# Every reference of a synthetic record stays within its block.
BLOCK = synthetic.BLOCK
PROVIDER = "bench"
LOOK_SECONDS = 0.1
INDEX_SECONDS = 900
_METRIC = re.compile(rb"^(candor_[^ ]+) ([0-9.e+-]+)$", re.MULTILINE)
_LAG = b"candor_reader_lag_entries"
_NOTHING = "/api/v1/search?limit=0"
_FILLED = "filled.json"


def isolated(**given: Any) -> Settings:
    """Settings that nothing but their defaults and what is given here speaks in: the operator's registry is
    not ours.
    """
    defaults = {name: field.get_default() for name, field in Settings.model_fields.items()}
    return Settings(**{**defaults, **given}, _env_file=None)


@dataclass(frozen=True, slots=True)
class Registry:
    """A filled registry. `seconds` are what each tenth of its import took until it was found; `memory` is
    that of the process that served and indexed meanwhile, in MB.
    """

    folder: Path
    records: int
    seconds: Sequence[float]
    memory: float

    @property
    def settings(self) -> Settings:
        return isolated(data=self.folder)

    def ids(self, count: int, kind: str | None = None) -> list[str]:
        """Ids of records from all over, the same in every run."""
        with sqlite3.connect(f"file:{self.folder / 'candor.sqlite'}?mode=ro", uri=True) as connection:
            found = connection.execute(
                "SELECT id FROM record WHERE ?1 IS NULL OR kind = ?1 ORDER BY first_seq", [kind]
            )
            ids = [id for (id,) in found]
        connection.close()
        return Random(synthetic.SEED).sample(ids, min(count, len(ids)))


@dataclass
class Stand:
    """`records` is how many the large registry holds. The small one holds the last of the same."""

    folder: Path
    records: int
    progress: Progress
    _filled: dict[str, Registry] = field(default_factory=dict)

    def small(self) -> Registry:
        return self._registry("small", range(self._start_of_small(), self.records))

    def tenth(self) -> Registry:
        """A tenth of the large one's records, its newest; the small one where that is no less."""
        start = max(0, self.records - self.records // TENTHS) // BLOCK * BLOCK
        if start == self._start_of_small():
            return self.small()
        return self._registry("tenth", range(start, self.records))

    def large(self) -> Registry:
        return self._registry("large", range(self.records))

    def _start_of_small(self) -> int:
        return max(0, self.records - min(SMALL, self.records // TENTHS)) // BLOCK * BLOCK

    def steps(self, count: int, title: str) -> Iterator[int]:
        """Count to `count`, and show it."""
        task = self.progress.add_task(title, total=count)
        for number in range(count):
            yield number
            self.progress.advance(task)

    def _registry(self, name: str, numbers: range) -> Registry:
        if name not in self._filled:
            self._filled[name] = self._found(name, numbers) or self._fill(name, numbers)
        return self._filled[name]

    def _found(self, name: str, numbers: range) -> Registry | None:
        """One that an earlier run filled with the same and kept."""
        facts = self.folder / name / _FILLED
        if not facts.exists():
            return None
        said = json.loads(facts.read_text())
        if said["numbers"] != [numbers.start, numbers.stop]:
            return None
        return Registry(facts.parent, len(numbers), said["seconds"], said["memory"])

    def _fill(self, name: str, numbers: range) -> Registry:
        folder = self.folder / name
        if folder.exists():
            raise FileExistsError(f"{folder} holds another registry; name another folder.")
        folder.mkdir(parents=True)
        source = folder / "source.jsonl"
        synthetic.write_source(source, numbers, self._advance(f"inventing {len(numbers):,} records", numbers))
        asyncio.run(init_node(isolated(data=folder)))
        imported = self._advance(f"importing {len(numbers):,} records", numbers)
        with servers.candor(folder) as (port, pid):
            watch = Watch(port, [len(numbers) * part // TENTHS for part in range(1, TENTHS + 1)])
            with watch.running():
                asyncio.run(import_into(isolated(data=folder), source, imported))
            memory = servers.memory(pid).own
        source.unlink()
        facts = {"numbers": [numbers.start, numbers.stop], "seconds": watch.seconds, "memory": memory}
        (folder / _FILLED).write_text(json.dumps(facts))
        return Registry(folder, len(numbers), watch.seconds, memory)

    def _advance(self, title: str, numbers: range) -> Callable[[int], None]:
        task = self.progress.add_task(title, total=len(numbers))
        return lambda done: self.progress.advance(task, done)


class Watch:
    """Notes when search has found each part of what is being imported, as somebody who asks for it would."""

    def __init__(self, port: int, counts: Sequence[int]) -> None:
        self._port = port
        self._counts = counts
        self._stop = threading.Event()
        self._marks: list[float] = []

    @property
    def seconds(self) -> list[float]:
        """What each part took."""
        return [after - before for before, after in pairwise(self._marks)]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch from the beginning of what is done within, until all of it is found."""
        with Client(self._port) as client:
            until_it_searches(client)
            self._marks.append(time.perf_counter())
            thread = threading.Thread(target=self._look, args=[client])
            thread.start()
            try:
                yield
                thread.join(INDEX_SECONDS)
            finally:
                self._stop.set()
                thread.join()
        if len(self._marks) <= len(self._counts):
            raise TimeoutError(f"search did not find all within {INDEX_SECONDS} seconds after the import")

    def _look(self, client: Client) -> None:
        while len(self._marks) <= len(self._counts) and not self._stop.wait(LOOK_SECONDS):
            position = _position(client)
            while len(self._marks) <= len(self._counts) and position >= self._counts[len(self._marks) - 1]:
                self._marks.append(time.perf_counter())


def until_it_searches(client: Client) -> None:
    """Wait until search answers at all."""
    _until(lambda: client.get(_NOTHING, status=None).status == 200, servers.START_SECONDS)


def until_found(client: Client, count: int) -> None:
    """Wait until search has come so far."""
    _until(lambda: _position(client) >= count, INDEX_SECONDS)


def until_at_rest(client: Client) -> None:
    """Wait until no reader of the log has anything left to do. After an import, some go on for a while in the
    process that answers; measured meanwhile, they would count as part of what is asked.
    """
    _until(lambda: not _behind(client.get("/metrics").body), INDEX_SECONDS)


def _behind(metrics: bytes) -> float:
    """Entries that the readers have still to read, and that the log has still to sign."""
    told = {name: float(value) for name, value in _METRIC.findall(metrics)}
    unsigned = told[b"candor_log_entries"] - told[b"candor_log_published_entries"]
    return max(unsigned, *(value for name, value in told.items() if name.startswith(_LAG)))


def _position(client: Client) -> int:
    return int(json.loads(client.get(_NOTHING).body)["position"])


def _until(done: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f"search is not ready after {seconds} seconds")
        time.sleep(LOOK_SECONDS)


async def publish_one(registry: Registry, number: int) -> None:
    """Publish the record with that number in a registry that is served. It must not be there yet."""
    async with open_node(registry.settings) as node:
        async with node.database.read() as session:
            provider = await by_slug(session, PROVIDER)
        desk = Desk(node.origin, await node.vocabulary.current(), secret=node.secret)
        sink = RegistrySink(node.database, desk, Actor(name="cli"), provider, node.secret, True)
        item = Item(str(number), (synthetic.SCHEME, str(number)), synthetic.submission(number))
        await run(iter([item]), sink, vocabulary=desk.vocabulary, strict=True)


async def import_into(settings: Settings, source: Path, tell: Callable[[int], None]) -> None:
    """What `candor import` does, with a format of our own."""
    async with open_node(settings) as node:
        async with node.database.write() as session:
            provider = await session.scalar(select(Provider).where(Provider.slug == PROVIDER))
            if provider is None:
                provider = await providers.add(
                    session, PROVIDER, "Benchmark", origin=node.origin, approve=True, by="candor bench"
                )
        desk = Desk(node.origin, await node.vocabulary.current(), secret=node.secret)
        sink = RegistrySink(node.database, desk, Actor(name="cli"), provider, node.secret, True)
        items = synthetic.FORMAT.read(source, Options())
        report = await run(items, sink, vocabulary=desk.vocabulary, strict=True, progress=tell)
        if report.rejected:
            raise RuntimeError(f"a synthetic record was rejected: {report.rejected[0].as_json()}")
