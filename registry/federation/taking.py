"""Taking in a stretch of a peer's log: its entries, the documents behind them, what they erase, and the keys
they name, in the transaction that moves how far the peer was read.

A leaf counts in the log of its own origin only, once, and behind the leaf of the version before. What does
not count keeps its place in the tree, since the tree is the origin's; it makes no record here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from registry.changelog.append import lock
from registry.db import now
from registry.federation import alarms
from registry.federation.heads import Head
from registry.federation.items import drop_items, keep_troubles
from registry.federation.lines import QUARANTINED, Trouble
from registry.federation.models import Peer
from registry.records.mirrored import REFUSED, MirroredVersion, erase_mirrored, store_mirrored
from registry.records.versions import Desk
from registry.transparency.entries import Fresh, VersionKey, append_entries, hashes_of_versions, mark_erased
from registry.transparency.leaves import EraseLeaf, KeysLeaf, Leaf, LeafError, RecordLeaf, read_leaf
from registry.transparency.models import Log, LogEntry
from registry.transparency.trees import Hashed

_HIGHEST_VERSION = 2**31 - 1
_MOST_KEYS = 4
_AT_ONCE = 400

Weighed = MirroredVersion | Trouble

log = structlog.get_logger("candor.federation")


class Overtaken(Exception):
    """Somebody else has read this stretch of the log meanwhile."""


@dataclass(slots=True)
class Taken:
    """What a stretch of a log came to."""

    entries: int = 0
    documents: int = 0
    erased: int = 0
    troubles: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Taken") -> None:
        self.entries += other.entries
        self.documents += other.documents
        self.erased += other.erased
        self.troubles.update(other.troubles)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Entries from `start` on, verified to stand there, with the leaves they hold, and by index what was
    found behind those of records.
    """

    start: int
    entries: Sequence[Hashed]
    leaves: Sequence[Leaf | Trouble]
    weighed: Mapping[int, Weighed]

    @property
    def end(self) -> int:
        return self.start + len(self.entries)


def read_entry(entry: bytes, origin: str) -> Leaf | Trouble:
    """The leaf in an entry of this origin's log, or why it is none that counts."""
    try:
        leaf = read_leaf(entry)
    except LeafError as error:
        return _never("bad-leaf", str(error), entry)
    if leaf.origin != origin:
        text = f"The leaf is of {leaf.origin[:200]!r}, and counts for nothing in the log of another."
        return _never("foreign-origin", text, entry)
    if isinstance(leaf, RecordLeaf) and leaf.version > _HIGHEST_VERSION:
        return _never("bad-leaf", "No record has as many versions as this leaf says.", entry)
    if isinstance(leaf, KeysLeaf) and not leaf.valid:
        return _never("bad-keys", "A change of keys is signed by both keys, and this is not.", entry)
    return leaf


def _never(code: str, text: str, content: bytes) -> Trouble:
    return Trouble(QUARANTINED, code, text, content, retry=False)


async def take(
    session: AsyncSession, desk: Desk, peer: Peer, row: Log, stretch: Stretch, head: Head
) -> Taken:
    """Take in a stretch of a log. Raises `Overtaken` where it was taken in already.

    The caller holds the peer's lease, and has verified the entries under `head`, a checkpoint that continues
    the one kept before.
    """
    if row.size != stretch.start:
        raise Overtaken(f"The log of {row.origin} was read to {row.size:,} meanwhile.")
    taken = Taken(entries=len(stretch.entries))
    counting = {
        stretch.start + place: leaf
        for place, leaf in enumerate(stretch.leaves)
        if isinstance(leaf, RecordLeaf)
    }
    troubles: dict[int, Trouble] = {
        stretch.start + place: leaf for place, leaf in enumerate(stretch.leaves) if isinstance(leaf, Trouble)
    }
    chain = await _out_of_line(session, row, stretch, counting)
    troubles.update(chain)
    await append_entries(session, row, list(_fresh(stretch, counting, chain)))
    erasing = await _erasures(session, row, stretch, troubles)
    good: dict[int, MirroredVersion] = {}
    for index in counting:
        found = stretch.weighed.get(index)
        if index in troubles or index in erasing or found is None:
            continue
        if isinstance(found, Trouble):
            troubles[index] = found
        else:
            good[index] = found
    await lock(session)
    troubles.update(await store(session, desk, good))
    taken.documents = len(good) - sum(index in good for index in troubles)
    taken.erased = await _erase(session, row, erasing)
    await _change_keys(session, peer, stretch)
    keep_head(peer, head)
    await keep_troubles(session, peer, row.origin, troubles)
    taken.troubles.update(each.state for each in troubles.values())
    return taken


async def store(session: AsyncSession, desk: Desk, good: Mapping[int, MirroredVersion]) -> dict[int, Trouble]:
    """Write documents; answers those that were refused, by index.

    Should they fail together, each is tried by itself: what stands in the way of one is no other's.
    """
    try:
        async with session.begin_nested():
            return await _stored(session, desk, good)
    except (OperationalError, InterfaceError):
        raise  # the database's trouble, and no document's
    except Exception as error:
        log.warning("a stretch was refused; trying one by one", error=type(error).__name__)
    refused: dict[int, Trouble] = {}
    for index, item in good.items():
        try:
            async with session.begin_nested():
                refused.update(await _stored(session, desk, {index: item}))
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            text = f"It cannot be stored here ({type(error).__name__})."
            refused[index] = Trouble(QUARANTINED, "not-stored", text, item.document)
    return refused


async def _stored(
    session: AsyncSession, desk: Desk, good: Mapping[int, MirroredVersion]
) -> dict[int, Trouble]:
    outcomes = await store_mirrored(session, desk, list(good.values()))
    return {
        index: Trouble(QUARANTINED, outcome.code or REFUSED, outcome.text or "It was refused.", item.document)
        for (index, item), outcome in zip(good.items(), outcomes, strict=True)
        if outcome.state == REFUSED
    }


def _fresh(
    stretch: Stretch, counting: Mapping[int, RecordLeaf], chain: Mapping[int, Trouble]
) -> Iterable[Fresh]:
    for index, (entry, hash) in enumerate(stretch.entries, stretch.start):
        leaf = counting.get(index)
        if leaf is None or index in chain:
            yield Fresh(index, entry, hash)
        else:
            yield Fresh(index, entry, hash, leaf.id, leaf.version)


async def _out_of_line(
    session: AsyncSession, row: Log, stretch: Stretch, counting: Mapping[int, RecordLeaf]
) -> dict[int, Trouble]:
    """Leaves of records that do not follow the one of the version before, or say again what was said."""
    keys: list[VersionKey] = [(leaf.id, leaf.version) for leaf in counting.values()]
    keys += [(leaf.id, leaf.version - 1) for leaf in counting.values() if leaf.version > 1]
    before = await hashes_of_versions(session, row.pk, list(dict.fromkeys(keys)))
    found: dict[int, Trouble] = {}
    for index, leaf in counting.items():
        entry, hash = stretch.entries[index - stretch.start]
        if (leaf.id, leaf.version) in before:
            found[index] = _never("repeated", "An earlier leaf of the log commits to this version.", entry)
            continue
        prev = before.get((leaf.id, leaf.version - 1))
        if leaf.version > 1 and (prev is None or prev.hex() != leaf.prev):
            text = "The leaf does not name the leaf of the version before."
            found[index] = _never("out-of-line", text, entry)
            continue
        before[leaf.id, leaf.version] = hash
    return found


@dataclass(frozen=True, slots=True)
class _Erasing:
    """An erasure that the log tells of: by which leaf, of which version, on what ground."""

    by: int
    id: str | None
    version: int | None
    code: str


async def _erasures(
    session: AsyncSession, row: Log, stretch: Stretch, troubles: dict[int, Trouble]
) -> dict[int, _Erasing]:
    """What this stretch erases, by index. Its own entries are written already."""
    leaves = {
        stretch.start + place: leaf
        for place, leaf in enumerate(stretch.leaves)
        if isinstance(leaf, EraseLeaf)
    }
    held: dict[int, tuple[str | None, int | None]] = {}
    targets = [leaf.target for leaf in leaves.values() if leaf.target < stretch.end]
    for start in range(0, len(targets), _AT_ONCE):
        query = select(LogEntry.idx, LogEntry.record_id, LogEntry.version).where(
            LogEntry.log_pk == row.pk, LogEntry.idx.in_(targets[start : start + _AT_ONCE])
        )
        held.update({idx: (id, version) for idx, id, version in await session.execute(query)})
    erasing: dict[int, _Erasing] = {}
    for index, leaf in leaves.items():
        entry = stretch.entries[index - stretch.start][0]
        if leaf.target >= index or leaf.target not in held:
            troubles[index] = _never("bad-target", "The leaf erases what stands nowhere before it.", entry)
        else:
            erasing.setdefault(leaf.target, _Erasing(index, *held[leaf.target], leaf.code))
    await mark_erased(session, row.pk, {target: each.by for target, each in erasing.items()})
    return erasing


async def _erase(session: AsyncSession, row: Log, erasing: Mapping[int, _Erasing]) -> int:
    """Destroy what is held of what was erased, set aside or not."""
    await drop_items(session, row.pk, list(erasing))
    gone = 0
    for each in erasing.values():
        if each.id is not None:
            gone += await erase_mirrored(session, row.origin, each.id, each.version, each.code)
    return gone


async def obey(session: AsyncSession, peer: Peer, row: Log, index: int, hashed: Hashed, leaf: Leaf) -> int:
    """Do after all what a leaf says that was cut off: erase, or go over to another key. Answers how many
    versions it erased.
    """
    stretch = Stretch(index, [hashed], [leaf], {})
    erased = await _erase(session, row, await _erasures(session, row, stretch, {}))
    await _change_keys(session, peer, stretch)
    return erased


async def _change_keys(session: AsyncSession, peer: Peer, stretch: Stretch) -> None:
    """Pin the new key of a change that a pinned key signed. Both count until the new one signs alone."""
    for leaf in stretch.leaves:
        if not isinstance(leaf, KeysLeaf):
            continue
        old, new = str(leaf.old), str(leaf.new)
        if old not in peer.verifiers or new in peer.verifiers or leaf.new.name != leaf.origin:
            continue
        peer.verifiers = [new, *peer.verifiers][:_MOST_KEYS]
        text = "The log goes over to another key, as both keys signed. Both are believed for now."
        await alarms.raise_alarm(session, leaf.origin, alarms.KEYS, text, key=new[-64:], old=old, new=new)


def keep_head(peer: Peer, head: Head) -> None:
    """Keep a head that continues the one kept before. Its ETag is kept with it and never before: it would
    hide a head that nobody dealt with.
    """
    if head.note != peer.head:
        peer.head, peer.head_size, peer.head_at = head.note, head.size, now()
    if head.signers:
        peer.etag = head.etag
    # Keys that sign no more are let go of once the newest signs alone.
    signers = {str(each) for each in head.signers}
    if len(peer.verifiers) > 1 and signers == {peer.verifiers[0]}:
        peer.verifiers = peer.verifiers[:1]
