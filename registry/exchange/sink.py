"""Where an import run writes: a protocol, and the registry itself behind it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from registry.actor import Actor
from registry.db import Database
from registry.errors import CandorError, Finding
from registry.exchange import queries
from registry.exchange.item import Key
from registry.ids import derived_id
from registry.providers.models import Provider
from registry.records.imports import Incoming, import_batch
from registry.records.versions import Desk


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one prepared item was not written."""

    findings: tuple[Finding, ...]


Outcome = str | Refusal
"""`created`, `revised`, `unchanged`, or a refusal."""


class Sink(Protocol):
    """What an import run writes to."""

    def id_for(self, key: Key) -> str:
        """The id that a new record of this key gets, in this run and in every other."""

    async def existing(self, keys: Collection[Key]) -> Mapping[Key, tuple[str, str]]:
        """Id and digest of the records that are there under these keys."""

    async def write(self, batch: Sequence[Incoming]) -> Sequence[Outcome]:
        """Write all of it that can be written, or none of it; an outcome for each, in order."""


@dataclass(frozen=True, slots=True)
class RegistrySink:
    """Writes for one provider. Each batch is one transaction: a killed run has written whole batches, and no
    part.
    """

    database: Database
    desk: Desk
    actor: Actor
    provider: Provider
    secret: bytes
    publish: bool

    def id_for(self, key: Key) -> str:
        return derived_id(self.secret, "import", self.provider.slug, *key)

    async def existing(self, keys: Collection[Key]) -> Mapping[Key, tuple[str, str]]:
        async with self.database.read() as session:
            return await queries.known(session, self.provider.pk, keys)

    async def write(self, batch: Sequence[Incoming]) -> Sequence[Outcome]:
        try:
            return await self._write(batch)
        except CandorError as error:
            if len(batch) == 1:
                return [Refusal(error.findings or (Finding(error.code, "", error.detail),))]
        # One item is at fault: the others go in without it.
        return [outcome for item in batch for outcome in await self.write([item])]

    async def _write(self, batch: Sequence[Incoming]) -> Sequence[Outcome]:
        async with self.database.write() as session:
            return await import_batch(
                session, self.desk, self.actor, self.provider, batch, publish=self.publish
            )


@dataclass(frozen=True, slots=True)
class DrySink:
    """Tells what would become of each item, and writes nothing. Without a registry, everything is new."""

    id_source: Sink | None = None

    def id_for(self, key: Key) -> str:
        return self.id_source.id_for(key) if self.id_source else derived_id(b"dry run", *key)

    async def existing(self, keys: Collection[Key]) -> Mapping[Key, tuple[str, str]]:
        return await self.id_source.existing(keys) if self.id_source else {}

    async def write(self, batch: Sequence[Incoming]) -> Sequence[Outcome]:
        present = await self.existing([item.key for item in batch])
        return [self._outcome(present.get(item.key), item) for item in batch]

    @staticmethod
    def _outcome(present: tuple[str, str] | None, item: Incoming) -> Outcome:
        if present is None:
            return "created"
        return "unchanged" if present[1] == item.digest else "revised"
