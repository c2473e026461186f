"""The one writer of our own log: entries, then bundles, then tiles, then the checkpoint.

It follows the changelog under a lease, and stands where the last published checkpoint ends: whatever a
process did not finish, the next one does again, with the same bytes. Only what is written last can be seen by
anybody.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from registry.canonical import CODE
from registry.changelog.append import Entry, append
from registry.changelog.tail import ChangeRow
from registry.db import Database, now
from registry.errors import Conflict
from registry.transparency.entries import (
    Fresh,
    append_entries,
    commits_of,
    entries_between,
    ground_of,
    hashes_of_versions,
    keys_entry,
    last_entered,
    log_of,
    mark_erased,
    root_at,
    versions_held,
)
from registry.transparency.keys import Keys
from registry.transparency.leaves import EraseLeaf, RecordLeaf
from registry.transparency.merkle import leaf_hash
from registry.transparency.models import Log
from registry.transparency.notes import Checkpoint, read_checkpoint, read_note, sign_checkpoint
from registry.transparency.storage import Storage
from registry.transparency.trees import OWN, Hashed, LogFiles, unpack

NAME = "log"
TOPIC = "log"
CHECKPOINT, KEYS = "checkpoint", "keys"
LOG_SCOPE = "log"
"""What an answer that was made from the checkpoint depends on."""
VERSIONS = ("published", "revised", "withdrawn", "reinstated")
ERASED = "erased"
BATCH = 1024
OTHER_GROUND = "other"
"""The ground of an erasure as a leaf says it, where ours is no code."""


class Forked(Conflict):
    """What is in the database contradicts what was signed: nothing is signed until an operator decided."""


class Sequencer:
    """A `registry.changelog.tail.LogReader` that keeps its own place: that of the published checkpoint."""

    name = NAME
    batch = BATCH

    def __init__(self, database: Database, origin: str, keys: Keys, storage: Storage) -> None:
        self._database = database
        self._origin = origin
        self._keys = keys
        self._storage = storage
        self._passed = 0

    async def position(self) -> int:
        async with self._database.read() as session:
            row = await log_of(session, self._origin)
        return max(row.position if row is not None else 0, self._passed)

    async def consume(self, changes: Sequence[ChangeRow], *, upto: int) -> None:
        """Enter what is new and publish a checkpoint over it. Changes that say nothing to the log move the
        place in memory only: reading them again costs little.
        """
        mine = [change for change in changes if self._counts(change)]
        if mine:
            await self._enter(mine)
            await self._publish(upto)
        self._passed = max(self._passed, upto)

    async def release(self) -> None:
        """Whoever takes the lease next reads the place from the database."""
        self._passed = 0

    def _counts(self, change: ChangeRow) -> bool:
        if change.origin != self._origin:
            return False
        if change.topic == TOPIC:
            return change.action == KEYS
        public = change.topic == "record" and change.public_seq is not None
        return public and change.action in (*VERSIONS, ERASED)

    # --- entries

    async def _enter(self, changes: Sequence[ChangeRow]) -> None:
        """Write the entries of changes that have none yet, and the frontier over them."""
        async with self._database.write() as session:
            row = await log_of(session, self._origin)
            if row is None:
                row = Log(origin=self._origin, size=0, frontier=b"", published=0, position=0)
                session.add(row)
                await session.flush()
            entered = await last_entered(session, row.pk)
            new = [change for change in changes if change.seq > entered]
            fresh = await _Entries(session, row, self._origin).of(new)
            await append_entries(session, row, fresh)

    # --- what is published

    async def _publish(self, upto: int) -> None:
        async with self._database.read() as session:
            row = await log_of(session, self._origin)
        if row is None or (row.checkpoint is not None and row.size == row.published):
            return
        checkpoint = Checkpoint(self._origin, row.size, unpack(row.size, row.frontier).root)
        await self._refuse_to_fork(row, checkpoint)
        files = LogFiles(self._storage, OWN)
        await files.grow(row.published, row.size, self._entries_of(row.pk))
        note = sign_checkpoint(checkpoint, self._keys.log)
        self._keys.remember(note)
        await self._storage.put({f"{OWN}{CHECKPOINT}": note})
        await self._storage.sync()
        async with self._database.write() as session:
            await session.execute(
                update(Log).where(Log.pk == row.pk).values(published=row.size, checkpoint=note, position=upto)
            )
            await append(session, [self._told()])
        await files.forget_partials(row.published, row.size)

    def _told(self) -> Entry:
        """Lets go of kept checkpoints, and wakes whoever waits for a new one."""
        return Entry(TOPIC, CHECKPOINT, self._origin, self._origin, "system", now(), scopes=(LOG_SCOPE,))

    def _entries_of(self, log_pk: int) -> Callable[[int, int], Awaitable[Sequence[Hashed]]]:
        async def held(start: int, end: int) -> Sequence[Hashed]:
            async with self._database.read() as session:
                return await entries_between(session, log_pk, start, end)

        return held

    async def _refuse_to_fork(self, row: Log, checkpoint: Checkpoint) -> None:
        """Raises `Forked` unless the tree begins with the last one that was signed."""
        data = self._keys.signed() or row.checkpoint
        if data is None:
            return
        signed = read_checkpoint(read_note(data).text)
        if signed.size > checkpoint.size:
            raise Forked(
                f"This registry signed a log of {signed.size:,} entries, and its database holds "
                f"{checkpoint.size:,}: it was restored from a backup that is older. Bring the lost entries "
                "back with `candor restore`, as docs/operator.md says, or begin a new origin."
            )
        async with self._database.read() as session:
            began = await root_at(session, row, signed.size)
        if signed.origin != self._origin or began != signed.root:
            raise Forked(
                f"The log does not begin with the {signed.size:,} entries that were signed for "
                f"{signed.origin}. Nothing more is signed until it does."
            )


class _Entries:
    """The entries that changes of our own records make, in their order."""

    def __init__(self, session: AsyncSession, row: Log, origin: str) -> None:
        self._session = session
        self._log = row
        self._origin = origin
        self._fresh: list[Fresh] = []

    async def of(self, changes: Sequence[ChangeRow]) -> list[Fresh]:
        versions = [(c.subject, c.version) for c in changes if c.action in VERSIONS and c.version is not None]
        commits = await commits_of(self._session, self._origin, versions)
        before = [(id, number - 1) for id, number in versions if number > 1]
        leaves = await hashes_of_versions(self._session, self._log.pk, before)
        for change in changes:
            if change.action == KEYS:
                self._add(change, await keys_entry(self._session, change.seq))
            elif change.action == ERASED:
                await self._erase(change)
            else:
                key = (change.subject, change.version or 0)
                prev = leaves.get((key[0], key[1] - 1))
                leaf = RecordLeaf(self._origin, *key, prev.hex() if prev else None, commits[key])
                leaves[key] = self._add(change, leaf.encode(), *key).hash
        return self._fresh

    def _add(
        self, change: ChangeRow, entry: bytes, record_id: str | None = None, version: int | None = None
    ) -> Fresh:
        fresh = Fresh(
            self._log.size + len(self._fresh), entry, leaf_hash(entry), record_id, version, change.seq
        )
        self._fresh.append(fresh)
        return fresh

    async def _erase(self, change: ChangeRow) -> None:
        """One entry for each version that the log holds: each commitment stands for content that is gone."""
        held = await versions_held(self._session, self._log.pk, change.subject)
        held += [each.index for each in self._fresh if each.record_id == change.subject]
        code = await ground_of(self._session, self._origin, change.subject)
        erasing = {}
        for target in held:
            leaf = EraseLeaf(self._origin, target, code if CODE.fullmatch(code) else OTHER_GROUND)
            erasing[target] = self._add(change, leaf.encode()).index
        for place, each in enumerate(self._fresh):
            if each.index in erasing:
                self._fresh[place] = replace(each, erased=erasing.pop(each.index))
        await mark_erased(self._session, self._log.pk, erasing)
