"""Bringing back the entries that a restored database lost of its own log, and the documents behind them.

The last checkpoint that was signed lies beside the keys. Whoever hands over tiles and documents is believed
only as far as that carries them: a dump, another registry's mirror, a folder of tiles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.canonical import commitment
from registry.changelog.append import lock
from registry.changelog.models import Change
from registry.clock import read_instant
from registry.db import now, table_of
from registry.errors import Conflict, Malformed, Misconfigured, Unreached
from registry.extensions import Node
from registry.providers.models import Provider
from registry.records.erasure import erase
from registry.records.gone import tombstone
from registry.records.models import Record, Version
from registry.records.versions import (
    PUBLISHED,
    REINSTATED,
    REVISED,
    WITHDRAWN,
    Desk,
    Foreign,
    NextVersion,
    write_versions,
)
from registry.records.visibility import Tlp
from registry.records.workflow import Life
from registry.restoring.again import RESTORER
from registry.transparency.entries import Fresh, append_entries, last_entered, log_to_write, mark_erased
from registry.transparency.keys import SIGNED, load
from registry.transparency.leaves import EraseLeaf, Leaf, RecordLeaf, read_leaf
from registry.transparency.merkle import leaf_hash
from registry.transparency.models import Log, LogEntry
from registry.transparency.notes import Checkpoint, open_checkpoint
from registry.transparency.sequencer import RECOVERY
from registry.transparency.taken_back import UNKNOWN
from registry.transparency.tiles import WIDTH
from registry.transparency.trees import OWN, unpack
from registry.transparency.verified import TileError, VerifiedTree
from registry.verification.documents import Answers, Documents, DocumentsError, Line, Parts
from registry.verification.places import Place
from registry.verification.targets import DumpTarget, LogTarget, read_target
from registry.verification.whole import tree_of

_BY = Actor(name=RECOVERY, scopes=RESTORER.scopes)
_REASON = "The log tells of it, and the database was restored."
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many entries and versions were brought back, up to which size of the log, and which records were
    erased by entries among them.
    """

    size: int
    entries: int = 0
    versions: int = 0
    erased: tuple[str, ...] = ()


@dataclass(slots=True)
class _Found:
    """What the sources hand over: entries from the first lost one on, and lines by the index of their
    leaf.
    """

    start: int
    entries: list[bytes] = field(default_factory=list)
    lines: dict[int, Line] = field(default_factory=dict)

    def leaves(self) -> list[tuple[int, Leaf]]:
        return [(self.start + at, read_leaf(entry)) for at, entry in enumerate(self.entries)]


async def recover(node: Node, sources: Sequence[str], *, provider: str | None = None) -> Recovered:
    """Bring back what the log lost, in one transaction: entries, documents with their salts, erasures.

    `sources` are dumps or folders on this machine and addresses of registries or mirrors, asked in order.
    `provider` owns records whose organisation is not named in them. Raises `Misconfigured` without the
    checkpoint that was signed last, `Conflict` where the sources do not hand over all of it, or where the
    database holds something else.
    """
    keys = load(node.settings, node.origin)
    note = keys.signed()
    if note is None:
        raise Misconfigured(
            f"There is no {keys.folder / SIGNED}: nothing says which log was signed. Bring the keys."
        )
    signed = open_checkpoint(note, origin=node.origin, verifiers=keys.verifiers)[0]
    async with node.database.write() as session:
        # In this order, as whoever writes the log takes the two.
        row = await log_to_write(session, node.origin)
        await lock(session)
        if row.size >= signed.size:
            return Recovered(row.size)
        found = await _ask(node, row, signed, sources)
        desk = Desk(node.origin, await node.vocabulary.current(), secret=node.secret)
        work = _Work(session, desk, row, found, await _owner(session, provider))
        done = await work.run()
        # What follows from the entries the log's writer writes anew: its files, and where it stands.
        row.published, row.checkpoint = signed.size, note
    await node.database.forget_deleted()
    return done


async def _ask(node: Node, row: Log, signed: Checkpoint, sources: Sequence[str]) -> _Found:
    """The lost entries, from the first source that has them all, and documents from every source: an older
    dump may hold what is withheld by now.
    """
    found = _Found(row.size)
    troubles: list[str] = []
    first = row.size // WIDTH
    bundles = range(first, (signed.size + WIDTH - 1) // WIDTH)
    for source in sources:
        place, prefix, documents = _opened(source, node)
        tree = tree_of(signed, place, prefix)
        try:
            if not found.entries:
                await _refuse_other(tree, row)
                entries = [entry for bundle in bundles for entry in await tree.bundle(bundle)]
                found.entries = entries[row.size - first * WIDTH :]
        except (TileError, Unreached) as error:
            troubles.append(f"{place.name}: {error}")
        try:
            for bundle in bundles:
                for line in await documents.of(bundle):
                    if line.document or line.index not in found.lines:
                        found.lines[line.index] = line
        except (DocumentsError, Unreached) as error:
            troubles.append(f"{place.name}: {error}")
    if not found.entries:
        lost = f"The log lost its entries {row.size:,} to {signed.size - 1:,}."
        asked = " ".join(troubles) or "Name a dump, or the address of a registry that mirrors this one."
        raise Conflict(f"{lost} {asked} (`candor recover --entries …`)")
    return found


async def _refuse_other(tree: VerifiedTree, row: Log) -> None:
    if row.size and await tree.root_at(row.size) != unpack(row.size, row.frontier).root:
        raise Conflict(
            "What the database holds of the log is not what was signed: the backup is of another registry, "
            "or was changed. Nothing is brought back."
        )


def _opened(source: str, node: Node) -> tuple[Place, str, Documents]:
    """Where a source keeps the log's files, below which prefix, and what hands out its documents."""
    match read_target(source, allow_private=node.settings.federation_allow_private):
        case DumpTarget(place):
            return place, OWN, Parts(place)
        case LogTarget() as target if target.documents is not None and target.is_of(node.origin):
            return target.place, target.prefix, Answers(target.place, target.documents)
    raise Malformed(
        f"{source[:200]!r} is no dump, and no address of this registry's log or of a mirror of it."
    )


async def _owner(session: AsyncSession, slug: str | None) -> int | None:
    if slug is None:
        return None
    pk = await session.scalar(select(Provider.pk).where(Provider.slug == slug))
    if pk is None:
        raise Misconfigured(f"There is no organisation {slug!r} here. Run `candor provider add` first.")
    return pk


class _Work:
    """One recovery, inside its transaction."""

    def __init__(self, session: AsyncSession, desk: Desk, row: Log, found: _Found, owner: int | None) -> None:
        self._session = session
        self._desk = desk
        self._log = row
        self._found = found
        self._owner = owner
        self._at = now()

    async def run(self) -> Recovered:
        leaves = self._found.leaves()
        erasing = {leaf.target: index for index, leaf in leaves if isinstance(leaf, EraseLeaf)}
        await self._refuse_gaps(leaves, erasing)
        versions = 0
        erased: dict[str, None] = {}
        of_index = await self._ids_of(erasing)
        seq = await last_entered(self._session, self._log.pk)
        fresh: list[Fresh] = []
        for (index, leaf), entry in zip(leaves, self._found.entries, strict=True):
            name: tuple[str | None, int | None] = (None, None)
            if isinstance(leaf, RecordLeaf):
                name = of_index[index], _ = leaf.id, leaf.version
                known = await self._known(leaf)
                # A change that the backup has, and whose entry it has not, is not to be entered again.
                seq = max(seq, known or 0)
                if known is None:
                    await self._write(index, leaf, gone=index in erasing)
                    versions += 1
            elif isinstance(leaf, EraseLeaf) and (id := of_index.get(leaf.target)) is not None:
                erased[id] = None
                await self._erase(id, leaf.code)
            fresh.append(Fresh(index, entry, leaf_hash(entry), *name, seq, erasing.get(index)))
        await append_entries(self._session, self._log, fresh)
        await mark_erased(self._session, self._log.pk, erasing)
        return Recovered(self._log.size, len(fresh), versions, tuple(erased))

    async def _refuse_gaps(self, leaves: Sequence[tuple[int, Leaf]], erasing: Mapping[int, int]) -> None:
        """Raises `Conflict` where a document is neither here nor handed over nor told to be erased."""
        missing: list[str] = []
        for index, leaf in leaves:
            if isinstance(leaf, RecordLeaf) and index not in erasing and await self._known(leaf) is None:
                line = self._found.lines.get(index)
                if line is None or not line.document:
                    missing.append(f"{leaf.id} version {leaf.version} (entry {index})")
        if missing:
            more = f", and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            raise Conflict(
                f"Nobody hands over the documents of {', '.join(missing[:_SHOWN])}{more}. Name another "
                "source with a further --entries, such as an older dump, or a registry that mirrors this "
                "one: whoever withholds a record does not hand it out. Nothing was brought back."
            )

    async def _ids_of(self, erasing: Mapping[int, int]) -> dict[int, str]:
        """The records of leaves that the database holds and that lost entries tell the erasure of."""
        query = select(LogEntry.idx, LogEntry.record_id).where(
            LogEntry.log_pk == self._log.pk, LogEntry.idx.in_(erasing)
        )
        return {index: id for index, id in await self._session.execute(query) if id is not None}

    async def _record(self, id: str) -> Record | None:
        query = select(Record).where(Record.origin == self._desk.origin, Record.id == id)
        return await self._session.scalar(query)

    async def _known(self, leaf: RecordLeaf) -> int | None:
        """The change that made a version that the database holds; None where it does not hold it."""
        commit = await self._session.scalar(
            select(Version.commit)
            .join(Record, Record.pk == Version.record_pk)
            .where(
                Record.origin == leaf.origin,
                Record.id == leaf.id,
                Version.shared.is_(False),
                Version.number == leaf.version,
            )
        )
        if commit is None:
            return None
        if commit != leaf.commit:
            raise Conflict(
                f"{leaf.id} got another version {leaf.version} here since the backup was restored, and the "
                "one that was signed cannot come back. Restore the backup again, or begin a new origin."
            )
        made = select(func.max(Change.seq)).where(
            Change.topic == "record",
            Change.origin == leaf.origin,
            Change.subject == leaf.id,
            Change.version == leaf.version,
            Change.public_seq.is_not(None),
            Change.action.in_((PUBLISHED, REVISED, WITHDRAWN, REINSTATED)),
        )
        return await self._session.scalar(made) or 0

    async def _write(self, index: int, leaf: RecordLeaf, *, gone: bool) -> None:
        record = await self._record(leaf.id)
        if gone:
            await self._write_gone(leaf, record)
            return
        body, salt, value = self._document(index, leaf)
        action = await self._action(leaf, record, value)
        step = NextVersion(
            record,
            leaf.id,
            value["kind"],
            action,
            leaf.version,
            value,
            columns=await self._columns(leaf, record, value, action),
            # A draft of what was published since is one no more.
            ends_draft=leaf.version == 1,
            by=RECOVERY,
            foreign=Foreign(leaf.origin, body, salt, leaf.commit, self._moment(value), self._at),
        )
        await write_versions(self._session, self._desk, _BY, [step])

    def _document(self, index: int, leaf: RecordLeaf) -> tuple[bytes, bytes, dict[str, Any]]:
        line = self._found.lines[index]
        body = bytes(line.document) if isinstance(line.document, msgspec.Raw) else b""
        try:
            named: tuple[Any, ...]
            salt = bytes.fromhex(line.salt if isinstance(line.salt, str) else "")
            value = msgspec.json.decode(body)
            named = value["origin"], value["id"], value["version"]
        except (ValueError, TypeError, KeyError, msgspec.DecodeError):
            salt, value, named = b"", {}, ()
        if named != (leaf.origin, leaf.id, leaf.version) or commitment(salt, body) != leaf.commit:
            raise Conflict(
                f"The document that was handed over for entry {index} ({leaf.id} version {leaf.version}) is "
                "not the one that was signed. Nothing was brought back."
            )
        return body, salt, value

    def _moment(self, value: Mapping[str, Any]) -> datetime:
        return min(read_instant(value["updated"]), self._at)

    async def _action(self, leaf: RecordLeaf, record: Record | None, value: Mapping[str, Any]) -> str:
        if value.get("withdrawal"):
            return WITHDRAWN
        if leaf.version == 1 or record is None:
            return PUBLISHED
        before = await self._session.scalar(
            select(Version.action).where(
                Version.record_pk == record.pk,
                Version.shared.is_(False),
                Version.number == leaf.version - 1,
            )
        )
        return REINSTATED if before == WITHDRAWN else REVISED

    async def _columns(
        self, leaf: RecordLeaf, record: Record | None, value: Mapping[str, Any], action: str
    ) -> dict[str, Any]:
        life = Life.WITHDRAWN if action == WITHDRAWN else Life.PUBLISHED
        if record is not None:
            return {"life": life.value}
        slug = (value.get("provider") or {}).get("slug")
        owner = await self._session.scalar(select(Provider.pk).where(Provider.slug == slug))
        owner = owner if owner is not None else self._owner
        if owner is None:
            named = f"of {slug!r}, which is not known here any more" if slug else "of nobody who is named"
            raise Conflict(
                f"{leaf.id} is {named}. Say whose it is to be with --provider (`candor provider add` first, "
                "where it is not there)."
            )
        source = value.get("source") or {}
        return {
            "life": life.value,
            "origin": leaf.origin,
            "id": leaf.id,
            "kind": value["kind"],
            "provider_pk": owner,
            "tlp": Tlp.CLEAR.value,
            "created_at": self._at,
            "source_scheme": source.get("scheme"),
            "source_id": source.get("id"),
        }

    async def _write_gone(self, leaf: RecordLeaf, record: Record | None) -> None:
        """A version of which only the commitment is left: a later entry tells of its erasure."""
        if record is None:
            record = tombstone(leaf.origin, leaf.id, UNKNOWN, self._at)
            self._session.add(record)
            await self._session.flush()
        await self._session.execute(
            insert(table_of(Version)).values(
                record_pk=record.pk,
                shared=False,
                number=leaf.version,
                action=PUBLISHED if leaf.version == 1 else REVISED,
                document=b"",
                salt=b"",
                commit=leaf.commit,
                at=self._at,
            )
        )

    async def _erase(self, id: str, code: str) -> None:
        record = await self._record(id)
        if record is None:
            return
        if record.erased is None:
            await erase(self._session, _BY, id, code, _REASON, origin=record.origin)
        else:
            record.erased = code
