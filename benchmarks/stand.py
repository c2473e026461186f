"""What measurements stand on: a folder, progress that is shown, and registries that are filled when first
needed.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from rich.progress import Progress

from benchmarks import synthetic
from registry.actor import Actor
from registry.exchange.item import Options
from registry.exchange.run import run
from registry.exchange.sink import RegistrySink
from registry.extensions import Node, load_extensions
from registry.node import init_node, open_node
from registry.operate import tails_of
from registry.providers import service as providers
from registry.records.versions import Desk
from registry.settings import Settings

Found = dict[str, tuple[float, str]]
"""What a measurement found: the value of each measure by name, and how it came about."""

TENTHS = 10
SMALL = 1000
# Every reference of a synthetic record stays within its block.
BLOCK = synthetic.BLOCK
_FILLED = "filled.json"


def isolated(**given: Any) -> Settings:
    """Settings that nothing but their defaults and what is given here speaks in: the operator's registry is
    not ours.
    """
    defaults = {name: field.get_default() for name, field in Settings.model_fields.items()}
    return Settings(**{**defaults, **given}, _env_file=None)


@dataclass(frozen=True, slots=True)
class Registry:
    """A filled registry. `seconds` are what each tenth of its import took, indexing included."""

    folder: Path
    records: int
    seconds: Sequence[float]

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
        return Registry(facts.parent, len(numbers), said["seconds"])

    def _fill(self, name: str, numbers: range) -> Registry:
        folder = self.folder / name
        if folder.exists():
            raise FileExistsError(f"{folder} holds another registry; name another folder.")
        folder.mkdir(parents=True)
        writing = self.progress.add_task(f"inventing {len(numbers):,} records", total=len(numbers))
        sources = []
        for number in range(TENTHS):
            part = numbers[len(numbers) * number // TENTHS : len(numbers) * (number + 1) // TENTHS]
            sources.append(folder / f"source-{number}.jsonl")
            synthetic.write_source(sources[-1], part, lambda done: self.progress.advance(writing, done))
        filling = self.progress.add_task(f"importing {len(numbers):,} records", total=len(numbers))
        seconds = asyncio.run(
            fill(isolated(data=folder), sources, lambda done: self.progress.advance(filling, done))
        )
        for source in sources:
            source.unlink()
        (folder / _FILLED).write_text(
            json.dumps({"numbers": [numbers.start, numbers.stop], "seconds": seconds})
        )
        return Registry(folder, len(numbers), seconds)


async def fill(settings: Settings, sources: Sequence[Path], tell: Callable[[int], None]) -> list[float]:
    """Import sources one after the other, each followed by whoever follows the log; the seconds that each
    took.

    This is the import of `candor import`, and the readers that `candor serve` runs: the same code in one
    process, which is slower than the two that an operator would have.
    """
    await init_node(settings)
    extensions = [one for one in load_extensions() if one.readers is not None]
    async with open_node(settings, extensions) as node:
        tails = tails_of(node, extensions)
        sink = await _sink(node)
        seconds = []
        for source in sources:
            started = time.perf_counter()
            items = synthetic.FORMAT.read(source, Options())
            report = await run(items, sink, vocabulary=sink.desk.vocabulary, strict=True, progress=tell)
            if report.rejected:
                raise RuntimeError(f"a synthetic record was rejected: {report.rejected[0].as_json()}")
            for tail in tails:
                await tail.catch_up()
            seconds.append(time.perf_counter() - started)
        for tail in tails:
            await tail.give_up()
        return seconds


async def _sink(node: Node) -> RegistrySink:
    async with node.database.write() as session:
        provider = await providers.add(
            session, "bench", "Benchmark", origin=node.origin, approve=True, by="candor bench"
        )
    desk = Desk(node.origin, await node.vocabulary.current())
    return RegistrySink(node.database, desk, Actor(name="candor bench"), provider, node.secret, True)
