"""A registry of memory: the sink that import runs write to in tests without a database."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from registry.errors import Finding
from registry.exchange.item import Key
from registry.exchange.sink import Outcome, Refusal
from registry.ids import derived_id
from registry.records.imports import Incoming


class Killed(Exception):
    """What a test raises to stop a run in its middle."""


@dataclass
class MemorySink:
    """Keeps what was written by key. After `kill_after` batches it stops as a killed process would."""

    records: dict[Key, tuple[str, str]] = field(default_factory=dict)
    submissions: dict[Key, dict[str, Any]] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)
    kill_after: int | None = None
    refuse: frozenset[Key] = frozenset()

    def id_for(self, key: Key) -> str:
        return derived_id(b"a secret of the test", *key)

    async def existing(self, keys: Collection[Key]) -> Mapping[Key, tuple[str, str]]:
        return {key: self.records[key] for key in keys if key in self.records}

    async def write(self, batch: Sequence[Incoming]) -> Sequence[Outcome]:
        if self.kill_after is not None and len(self.batches) >= self.kill_after:
            raise Killed
        self.batches.append(len(batch))
        return [self._write(item) for item in batch]

    def _write(self, item: Incoming) -> Outcome:
        if item.key in self.refuse:
            return Refusal((Finding("conflict", "", "Refused by the test."),))
        before = self.records.get(item.key)
        if before is not None and before[1] == item.digest:
            return "unchanged"
        self.records[item.key] = (item.id, item.digest)
        self.submissions[item.key] = item.submission
        return "created" if before is None else "revised"
