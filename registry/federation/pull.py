"""Pulling from one peer: its checkpoint, the entries that are new under it, the documents behind them.

Nothing is written that was not verified, and how far the peer was read moves in the transaction that writes
what was read. While one stretch is written, the next is fetched.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest

from sqlalchemy import update

from registry.changelog.append import Entry, append
from registry.db import Database, now
from registry.errors import Unreached
from registry.federation.heads import Head, compare, kept_head, opened, require_continuation
from registry.federation.leases import LeaseLost, require
from registry.federation.lines import CUT_OFF, NOT_THERE, QUARANTINED, Trouble, read_page, weigh
from registry.federation.models import FOLLOWING, Peer
from registry.federation.remote import PAGE_BYTES, SPAN, Remote
from registry.federation.taking import Stretch, Taken, Weighed, keep_head, read_entry, take
from registry.federation.witnessing import witnessed
from registry.records.versions import Desk
from registry.transparency.entries import entries_between
from registry.transparency.leaves import Leaf, RecordLeaf
from registry.transparency.merkle import leaf_hash
from registry.transparency.models import Log
from registry.transparency.notes import read_verifier
from registry.transparency.sequencer import CHECKPOINT, TOPIC
from registry.transparency.storage import Storage
from registry.transparency.tiles import WIDTH, BundleError, Tile, at_least, decode_bundle, width_at
from registry.transparency.trees import Hashed, LogFiles, mirror_prefix, unpack
from registry.transparency.verified import TileError, VerifiedTree

AT_ONCE = 1024
"""Entries that one transaction takes in."""
MOST_BYTES = 64 * 1024 * 1024
"""Of documents, after which a transaction takes in no more: some may be as large as documents get."""
_WEIGHED_AT_ONCE = 64

Told = Callable[[int, int], None]
"""Hears how many entries were read, and how many there are."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pull works: the registry's own tables and files, and as whom."""

    database: Database
    storage: Storage
    desk: Desk
    holder: str


@dataclass(slots=True)
class Pull:
    """One pull from one peer, by whoever holds its lease."""

    place: Place
    remote: Remote
    log_pk: int
    at_once: int = AT_ONCE
    told: Told | None = None
    taken: Taken = field(default_factory=Taken)

    async def run(self) -> Taken:
        """Read what is new, to the end of the checkpoint that the peer shows.

        Raises `Unreached` where it does not answer, `NoteError` for a checkpoint that no pinned key signed,
        `Rollback` and `Forked` for one that contradicts what was signed before, `TileError` for files that
        the checkpoint does not carry, `LeaseLost` and `Overtaken` where another process was faster. What was
        read before stays.
        """
        async with self.place.database.read() as session:
            peer, row = await session.get_one(Peer, self.log_pk), await session.get_one(Log, self.log_pk)
            seen = await witnessed(session, self.log_pk)
        kept = kept_head(peer.head)
        shown = await self._head(peer, row, kept)
        if shown is None:
            return self.taken
        await self._agree(kept, seen, shown)
        if shown.size > row.size:
            await self._read_on(peer, row, kept, shown)
        elif kept is None or (shown is not kept and (shown.note, shown.etag) != (kept.note, peer.etag)):
            async with self.place.database.write() as session:
                keep_head(await session.get_one(Peer, self.log_pk), shown)
        await self._publish(shown)
        return self.taken

    async def _head(self, peer: Peer, row: Log, kept: Head | None) -> Head | None:
        answer = await self.remote.checkpoint(peer.etag if kept is not None else None)
        if answer is None:
            return kept
        shown = opened(*answer, row.origin, [read_verifier(each) for each in peer.verifiers])
        compare(kept, shown)
        return shown

    async def _agree(self, kept: Head | None, seen: Head | None, shown: Head) -> None:
        """Hold what is shown against what was cosigned here, once it reaches as far."""
        if seen is None or not (kept.size if kept else 0) < seen.size <= shown.size:
            return
        compare(seen, shown)
        await require_continuation(seen, shown, VerifiedTree(shown.checkpoint, self.remote.tile))

    # --- entries

    async def _read_on(self, peer: Peer, row: Log, kept: Head | None, shown: Head) -> None:
        tree = VerifiedTree(shown.checkpoint, self.remote.tile)
        entries = await self._few(row, kept, shown)
        if entries is None:
            await require_continuation(kept, shown, tree)
        async with contextlib.aclosing(self._stretches(peer, row, shown, tree, entries)) as stretches:
            async for stretch in stretches:
                await self._write(stretch, shown)
                if self.told is not None:
                    self.told(stretch.end, shown.size)

    async def _few(self, row: Log, kept: Head | None, shown: Head) -> list[Hashed] | None:
        """The new entries, where they are few and lead from the tree that is held to the root that is shown:
        that proves them, and that the log continues, without a tile. None where they have to be looked at
        otherwise.
        """
        if row.size != (kept.size if kept else 0) or shown.size - row.size > self.at_once:
            return None
        try:
            entries = await self._unproven(row.size, shown.size)
        except BundleError:
            return None
        frontier = unpack(row.size, row.frontier)
        frontier.extend(hash for _, hash in entries)
        return entries if compare_digest(frontier.root, shown.root) else None

    async def _unproven(self, start: int, end: int) -> list[Hashed]:
        """Entries as the peer hands them out. Raises `BundleError`."""
        found: list[Hashed] = []
        for index in range(start // WIDTH, -(-end // WIDTH)):
            tile = Tile(None, index, width_at(0, index, end))
            body, tile = await at_least(tile, self.remote.tile)
            if body is None:
                raise BundleError(f"there is no {tile.path}")
            held = decode_bundle(body, tile.width)[max(0, start - index * WIDTH) : end - index * WIDTH]
            found += ((entry, leaf_hash(entry)) for entry in held)
        return found

    async def _proven(self, tree: VerifiedTree, start: int, end: int) -> list[Hashed]:
        """Entries as the tree holds them."""
        indices = range(start // WIDTH, -(-end // WIDTH))
        bundles = await asyncio.gather(*(tree.bundle(index) for index in indices))
        hashes = await tree.leaf_hashes(start, end)
        entries = [entry for bundle in bundles for entry in bundle]
        first = start - indices.start * WIDTH
        return list(zip(entries[first : first + end - start], hashes, strict=True))

    async def _stretches(
        self, peer: Peer, row: Log, shown: Head, tree: VerifiedTree, few: list[Hashed] | None
    ) -> AsyncGenerator[Stretch]:
        """Stretches up to the end of the log that is shown. While one is dealt with, the next is fetched."""

        async def read(start: int) -> Stretch:
            end = min(start - start % WIDTH + self.at_once, shown.size)
            entries = few[start - row.size :] if few is not None else await self._proven(tree, start, end)
            return await self._stretch(row.origin, start, entries, peer.cut_off)

        fetching = asyncio.create_task(read(row.size))
        try:
            while True:
                stretch = await fetching
                if stretch.end >= shown.size:
                    yield stretch
                    return
                fetching = asyncio.create_task(read(stretch.end))
                yield stretch
        finally:
            fetching.cancel()
            await asyncio.gather(fetching, return_exceptions=True)

    async def _stretch(
        self, origin: str, start: int, entries: Sequence[Hashed], cut_off: int | None
    ) -> Stretch:
        leaves: list[Leaf | Trouble] = []
        wanted: dict[int, RecordLeaf] = {}
        weighed: dict[int, Weighed] = {}
        for index, (entry, _) in enumerate(entries, start):
            leaf = read_entry(entry, origin)
            if cut_off is not None and index >= cut_off and not isinstance(leaf, Trouble):
                weighed[index] = beyond = _cut_off(cut_off, entry)
                leaves.append(leaf if isinstance(leaf, RecordLeaf) else beyond)
                continue
            leaves.append(leaf)
            if isinstance(leaf, RecordLeaf):
                wanted[index] = leaf
        weighed.update(await documents(self.remote, wanted))
        # Where the documents were too large together, the stretch ends before the first that is left.
        count = min((index for index in wanted if index not in weighed), default=start + len(entries)) - start
        return Stretch(start, entries[:count], leaves[:count], weighed)

    async def _write(self, stretch: Stretch, shown: Head) -> None:
        async with self.place.database.write() as session:
            peer, row = await session.get_one(Peer, self.log_pk), await session.get_one(Log, self.log_pk)
            await require(session, peer, self.place.holder)
            if peer.state != FOLLOWING:
                raise LeaseLost(f"{row.origin} is {peer.state} now.")
            taken = await take(session, self.place.desk, peer, row, stretch, shown)
            # Whatever the way here: nothing is kept under a head that it does not lead to.
            if row.size == shown.size and not compare_digest(unpack(row.size, row.frontier).root, shown.root):
                raise TileError("the entries do not lead to the root of the checkpoint")
        self.taken.add(taken)
        if taken.erased:
            await self.place.database.forget_deleted()

    # --- the copy for third registries

    async def _publish(self, shown: Head) -> None:
        """Bring the files of our copy up to the head, once all of it was read."""
        async with self.place.database.read() as session:
            row = await session.get_one(Log, self.log_pk)
        if row.size != shown.size or row.checkpoint == shown.note:
            return
        files = LogFiles(self.place.storage, mirror_prefix(row.origin))
        if row.published < row.size:
            await files.grow(row.published, row.size, self._held)
        async with self.place.database.write() as session:
            await session.execute(
                update(Log).where(Log.pk == row.pk).values(published=row.size, checkpoint=shown.note)
            )
            told = Entry(
                TOPIC, CHECKPOINT, row.origin, row.origin, "following", now(), scopes=(f"log:{row.origin}",)
            )
            await append(session, [told])
        await files.forget_partials(row.published, row.size)

    async def _held(self, start: int, end: int) -> Sequence[Hashed]:
        async with self.place.database.read() as session:
            return await entries_between(session, self.log_pk, start, end)


async def documents(remote: Remote, wanted: Mapping[int, RecordLeaf]) -> dict[int, Weighed]:
    """What is behind the leaves of records, by index: versions that they commit to, or what is wrong.

    A page that is too large, or that the peer fails over, is asked for in smaller pieces, down to one
    document: it alone is set aside where the next one comes. After `MOST_BYTES` the rest is left out.
    """
    found: dict[int, Weighed] = {}
    waiting = sorted(wanted)
    widest, size = SPAN, 0
    failing: tuple[int, Unreached] | None = None
    while waiting and size <= MOST_BYTES:
        some = [index for index in waiting if index < waiting[0] + widest]
        try:
            body = await remote.documents(some[0], some[-1] - some[0] + 1)
        except Unreached as error:
            too_large = error.extra.get("reason") == "too-large"
            if not too_large and (failing is not None or not fails_over_one(error)):
                raise
            if len(some) > 1:
                widest = max(1, (some[-1] - some[0] + 1) // 4)
                continue
            waiting = waiting[1:]
            if too_large:
                text = f"More than {PAGE_BYTES:,} bytes came for one document."
                found[some[0]] = Trouble(QUARANTINED, "too-large", text)
                widest = SPAN
            elif waiting:
                failing = (some[0], error)
            else:
                raise
            continue
        if failing is not None:
            found[failing[0]] = not_handed_out(failing[1])
            failing, widest = None, SPAN
        size += len(body)
        page = read_page(body, some)
        # Whoever hands out pages may end one early, and never before its first line.
        upto = some[-1] if page.upto is None or page.upto < some[0] else page.upto
        for count, index in enumerate(each for each in some if each <= upto):
            line = page.lines.get(index)
            found[index] = NOT_THERE if line is None else weigh(wanted[index], line)
            if not count % _WEIGHED_AT_ONCE:
                await asyncio.sleep(0)
        waiting = [index for index in waiting if index > upto]
    return found


def fails_over_one(error: Unreached) -> bool:
    """Whether one document may be what a peer fails over. One that is busy, or away, is asked later."""
    reason = error.extra.get("reason")
    return reason == "coding" or (reason == "status" and error.extra.get("status") == 500)


def not_handed_out(error: Unreached) -> Trouble:
    return Trouble(QUARANTINED, "not-handed-out", error.detail)


def _cut_off(index: int, entry: bytes) -> Trouble:
    text = f"The operator takes nothing from entry {index:,} on: the log's key may have been in other hands."
    return Trouble(QUARANTINED, CUT_OFF, text, entry, retry=False)
