"""The log: what it adds to a bulk import."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import servers, synthetic
from benchmarks.load import Client
from benchmarks.stand import BLOCK, Found, Stand, import_into, isolated, until_found, until_it_searches
from registry.db import Database
from registry.node import init_node
from registry.transparency.notes import read_checkpoint, read_note
from registry.transparency.rotation import ready_keys

PARTS = 4
MOST_RECORDS = 12_000
LOOK_SECONDS = 0.02
SIGN_SECONDS = 60
# What was published is under a checkpoint within a second: that it waits a moment adds nothing to an import.
LATEST_SECONDS = 1.0


@dataclass(slots=True)
class _Registry:
    """One that is filled part by part. `signed` is whether its log is written meanwhile."""

    folder: Path
    port: int
    signed: bool
    records: int = 0
    seconds: list[float] = field(default_factory=list)

    def take(self, source: Path, count: int) -> None:
        """Import a part, until all of it is found and, where there is a log, under its checkpoint no later
        than that is promised.
        """
        began = time.perf_counter()
        asyncio.run(import_into(isolated(data=self.folder), source, lambda _: None))
        self.records += count
        # A connection of its own: the server ends one that was idle while the other registry had its turn.
        with Client(self.port) as client:
            until_found(client, self.records)
            found = signed = time.perf_counter()
            if self.signed:
                until_signed(client, self.records)
                signed = time.perf_counter()
        self.seconds.append(max(found, signed - LATEST_SECONDS) - began)


def measure(stand: Stand) -> Found:
    """The time of an import with the log, over that without: part by part, in turns."""
    size = max(BLOCK, min(stand.records, MOST_RECORDS) // PARTS // BLOCK * BLOCK)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(dir=stand.folder)))
        registries = [
            stack.enter_context(_serving(folder / name, name == "with")) for name in ("with", "without")
        ]
        source = folder / "source.jsonl"
        for part in stand.steps(PARTS, "importing with and without the log"):
            synthetic.write_source(source, range(part * size, (part + 1) * size), lambda _: None)
            for registry in registries[:: -1 if part % 2 else 1]:
                registry.take(source, size)
    with_log, without = (sum(each.seconds[1:]) for each in registries)
    rates = [size * (PARTS - 1) / seconds for seconds in (with_log, without)]
    return {
        "log_overhead": (
            with_log / without,
            f"{rates[0]:,.0f} records/s with the log, {rates[1]:,.0f} without",
        )
    }


@contextmanager
def _serving(folder: Path, signed: bool) -> Iterator[_Registry]:
    folder.mkdir()
    asyncio.run(_begin(folder))
    # A process without the key serves the log and writes none.
    keys = folder / ("keys" if signed else "elsewhere")
    with servers.candor(folder, keys=str(keys)) as (port, _):
        with Client(port) as client:
            until_it_searches(client)
        yield _Registry(folder, port, signed)


async def _begin(folder: Path) -> None:
    settings = isolated(data=folder)
    origin = await init_node(settings)
    database = Database(settings.database)
    try:
        await ready_keys(settings, database, origin)
    finally:
        await database.dispose()


def until_signed(client: Client, size: int) -> None:
    """Wait until a checkpoint covers so many entries."""

    def covers() -> bool:
        answer = client.get("/log/checkpoint", status=None)
        return answer.status == 200 and read_checkpoint(read_note(answer.body).text).size >= size

    _until(covers, "the log is not signed")


def _until(done: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + SIGN_SECONDS
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        time.sleep(LOOK_SECONDS)
