"""The one writer of our own log: entries, then bundles, then tiles, then the checkpoint.

It follows the changelog under a lease, and stands where the last published checkpoint ends: whatever a
process did not finish, the next one does again, with the same bytes. Only what is written last can be seen by
anybody. Where two believe that they hold the lease, such as one that slept through its end, the row of the
log decides: a checkpoint is signed while it is locked, and only over what it said before.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog
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
    log_to_write,
    mark_erased,
    roots_of_entries,
    versions_held,
)
from registry.transparency.keys import SIGNED, Keys
from registry.transparency.leaves import EraseLeaf, RecordLeaf
from registry.transparency.merkle import leaf_hash
from registry.transparency.models import Log
from registry.transparency.notes import (
    Checkpoint,
    NoteError,
    read_checkpoint,
    read_note,
    sign_checkpoint,
)
from registry.transparency.storage import Storage, within, within_database
from registry.transparency.tiles import WIDTH
from registry.transparency.trees import OWN, Hashed, LogDamaged, LogFiles, unpack
from registry.transparency.verifiers import show_verifiers

NAME = "log"
TOPIC = "log"
CHECKPOINT, KEYS = "checkpoint", "keys"
LOG_SCOPE = "log"
"""What an answer that was made from the checkpoint depends on."""
RECOVERY = "recovery"
"""Who brings back what the log holds already, after a backup was restored (`registry.restoring`)."""
VERSIONS = ("published", "revised", "withdrawn", "reinstated")
ERASED = "erased"
BATCH = 1024
OTHER_GROUND = "other"
"""The ground of an erasure as a leaf says it, where ours is no code."""
# Where a third checkpoint follows at once on two others, there is a load: it waits for more to come together.
AT_ONCE_SECONDS, PAUSE_SECONDS = 0.2, 0.5

log = structlog.get_logger("candor.log")


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
        self._files = LogFiles(storage, OWN)
        self._passed = 0
        self._settled = False
        self._following = 0
        self._ended = -math.inf

    async def position(self) -> int:
        async with self._database.read() as session:
            row = await log_of(session, self._origin)
        return max(row.position if row is not None else 0, self._passed)

    async def consume(self, changes: Sequence[ChangeRow], *, upto: int) -> None:
        """Enter what is new and publish a checkpoint over it. Changes that say nothing to the log move the
        place in memory only: reading them again costs little.

        Raises `Forked`, before anything is written, where the log is not the one that was signed.
        """
        if not self._settled:
            await self._settle()
        mine = [change for change in changes if self._counts(change)]
        if mine:
            self._following = self._following + 1 if time.monotonic() < self._ended + AT_ONCE_SECONDS else 0
            self._keys = self._keys.renewed()
            row = await self._enter(mine)
            if row.checkpoint is None or row.size != row.published:
                if not await self._publish(row, upto):
                    return
                await self._rest(full=len(changes) >= self.batch)
        self._passed = max(self._passed, upto)

    async def release(self) -> None:
        """Whoever takes the lease next reads the place from the database."""
        self._passed = 0
        self._settled = False

    def _counts(self, change: ChangeRow) -> bool:
        if change.origin != self._origin or change.actor == RECOVERY:
            return False
        if change.topic == TOPIC:
            return change.action == KEYS
        public = change.topic == "record" and change.public_seq is not None
        return public and change.action in (*VERSIONS, ERASED)

    async def _rest(self, *, full: bool) -> None:
        """Under load, let some changes come together: each checkpoint costs two transactions, whatever it
        covers. Not where there is more to read already.
        """
        if not full and self._following >= 2:
            await asyncio.sleep(PAUSE_SECONDS)
        self._ended = time.monotonic()

    # --- the beginning

    async def _settle(self) -> None:
        """What whoever takes the lease looks at first: whether the log is the one that was signed, and
        whether all that was published is to be seen.
        """
        async with self._database.read() as session:
            row = await log_of(session, self._origin)
        self._refuse_what_was_lost(row)
        verifiers = self._keys.renewed().verifiers
        if row is not None and row.checkpoint is not None:
            note = read_note(row.checkpoint)
            if not note.signed_by(verifiers):
                raise Forked(
                    "The log was signed with other keys than those that are here, and whoever follows it "
                    "would not believe these. Bring the old ones back; `candor key rotate` changes them."
                )
            tip = read_checkpoint(note.text)
            signed = self._signed()
            known = [signed] if signed is not None and signed.size <= tip.size else []
            await self._refuse_to_fork(row, tip, known)
            if not await self._files.lead_to(tip):
                await self._write_anew(row, tip, known)
            if not within_database(self._storage):
                await show_checkpoint(self._database, self._storage, self._origin)
                await self._forget_what_was_left(tip.size)
        await show_verifiers(self._database, self._origin, verifiers)
        self._settled = True

    async def _forget_what_was_left(self, size: int) -> None:
        """Remove partial tiles that a process had no time to: of what it may have published last."""
        full = size // WIDTH
        for index in range(max(0, full - 2 * BATCH // WIDTH), full):
            await self._files.forget_partials(index * WIDTH + 1, size)

    # --- entries

    async def _enter(self, changes: Sequence[ChangeRow]) -> Log:
        """Write the entries of changes that have none yet, the frontier over them, and the files of both: in
        one transaction where they are in the database, too.
        """
        async with self._database.write() as session:
            row = await log_to_write(session, self._origin)
            self._refuse_what_was_lost(row)
            entered = await last_entered(session, row.pk)
            new = [change for change in changes if change.seq > entered]
            fresh = await _Entries(session, row, self._origin).of(new)
            await append_entries(session, row, fresh)
            inside = within(self._storage, session)
            if inside is not None:

                async def held(start: int, end: int) -> Sequence[Hashed]:
                    return await entries_between(session, row.pk, start, end)

                await self._write_files(LogFiles(inside, OWN), row, held)
        if inside is None:
            await self._write_files(self._files, row, self._entries_of(row.pk))
        return row

    async def _write_files(
        self, files: LogFiles, row: Log, entries: Callable[[int, int], Awaitable[Sequence[Hashed]]]
    ) -> None:
        if row.size == row.published:
            return
        try:
            await files.grow(row.published, row.size, entries)
        except LogDamaged as error:
            log.warning("the log's files are written anew", because=str(error))
            await files.grow(0, row.size, entries)

    def _entries_of(self, log_pk: int) -> Callable[[int, int], Awaitable[Sequence[Hashed]]]:
        async def held(start: int, end: int) -> Sequence[Hashed]:
            async with self._database.read() as session:
                return await entries_between(session, log_pk, start, end)

        return held

    # --- what is published

    async def _publish(self, row: Log, upto: int) -> bool:
        """Sign what was entered, and let everybody see it. False where another process did meanwhile."""
        checkpoint = Checkpoint(self._origin, row.size, unpack(row.size, row.frontier).root)
        remembered = self._keys.signed()
        known = [read_checkpoint(read_note(row.checkpoint).text)] if row.checkpoint else []
        if (signed := self._signed()) is not None and signed not in known:
            known.append(signed)
        await self._refuse_to_fork(row, checkpoint, known)
        async with self._database.write() as session:
            held = await log_to_write(session, self._origin)
            if held.published != row.published or self._keys.signed() != remembered:
                log.warning("another process wrote the log meanwhile", published=held.published)
                return False
            note = sign_checkpoint(checkpoint, self._keys.log)
            # Before the commit, and while everybody else has to wait: what is remembered is what was signed
            # last.
            await asyncio.to_thread(self._keys.remember, note)
            held.published, held.checkpoint, held.position = row.size, note, upto
            await append(session, [self._told()])
            inside = within(self._storage, session)
            if inside is not None:
                await LogFiles(inside, OWN).forget_partials(row.published, row.size)
        if inside is None:
            await show_checkpoint(self._database, self._storage, self._origin)
            # Not before: whoever reads by the checkpoint before this one looks for them.
            await self._files.forget_partials(row.published, row.size)
        return True

    def _told(self) -> Entry:
        """Lets go of kept checkpoints, and wakes whoever waits for a new one."""
        return Entry(TOPIC, CHECKPOINT, self._origin, self._origin, "system", now(), scopes=(LOG_SCOPE,))

    # --- what is not signed

    def _signed(self) -> Checkpoint | None:
        """The last checkpoint that was signed here. Raises `Forked` where it cannot be read."""
        data = self._keys.signed()
        if data is None:
            return None
        try:
            signed = read_checkpoint(read_note(data).text)
        except NoteError as error:
            raise Forked(
                f"{self._keys.folder / SIGNED} cannot be read: {error} It holds what was signed last, and "
                "nothing is signed without it. Put the log's published checkpoint in its place."
            ) from None
        if signed.origin != self._origin:
            raise Forked(
                f"{self._keys.folder / SIGNED} is of {signed.origin}, and this registry is {self._origin}. "
                "Each has keys of its own."
            )
        return signed

    def _refuse_what_was_lost(self, row: Log | None) -> None:
        """Raises `Forked` where the database holds less than was signed: whatever came into the gap would
        take the place of what everybody saw.
        """
        signed, held = self._signed(), row.size if row is not None else 0
        if signed is not None and signed.size > held:
            raise Forked(
                f"This registry signed a log of {signed.size:,} entries, and its database holds {held:,}: it "
                "was restored from a backup that is older. Bring the lost entries back with `candor recover "
                "--entries`, as docs/operator.md says, or begin a new origin. Until then nothing is signed."
            )

    async def _refuse_to_fork(self, row: Log, tip: Checkpoint, known: Sequence[Checkpoint]) -> None:
        """Raises `Forked` unless the tree at the tip begins with each one that is known. The files show that;
        where they do not, all entries decide.
        """
        if not all([await self._files.proves(each.size, each.root, tip.size, tip.root) for each in known]):
            await self._write_anew(row, tip, known)

    async def _write_anew(self, row: Log, tip: Checkpoint, known: Sequence[Checkpoint]) -> None:
        """Write all files from the entries: some are lost, or are now kept elsewhere. Raises `Forked` where
        it is the entries that are not those that were signed.
        """
        async with self._database.read() as session:
            sizes = [each.size for each in (*known, tip) if each.size]
            roots = await roots_of_entries(session, row.pk, sizes)
        for each in (*known, tip):
            if each.size and roots.get(each.size) != each.root:
                raise Forked(
                    f"The log does not begin with the {each.size:,} entries that were signed: its database "
                    "is not the one that they were signed from. Nothing more is signed until it is."
                )
        log.warning("the log's files are written anew", size=tip.size)
        await self._files.grow(0, tip.size, self._entries_of(row.pk))


async def show_checkpoint(database: Database, storage: Storage, origin: str) -> None:
    """Put the checkpoint where the files are, for whoever serves them from there. Whoever calls this last
    leaves the newest, however many do at once.
    """
    if within_database(storage):
        return
    put: bytes | None = None
    while True:
        async with database.read() as session:
            row = await log_of(session, origin)
        if row is None or row.checkpoint is None or row.checkpoint == put:
            return
        put = row.checkpoint
        await storage.put({f"{OWN}{CHECKPOINT}": put})
        await storage.sync()


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
