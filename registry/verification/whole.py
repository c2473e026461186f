"""One pass over a whole log, from its first entry to its last, in the same memory whatever its size."""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from hmac import compare_digest

import msgspec

from registry.canonical import commitment
from registry.transparency.leaves import (
    EraseLeaf,
    KeysLeaf,
    Leaf,
    LeafError,
    RecordLeaf,
    read_leaf,
)
from registry.transparency.merkle import HASH_BYTES, leaf_hash
from registry.transparency.notes import Checkpoint
from registry.transparency.tiles import LONGEST_ENTRY, WIDTH, Tile
from registry.transparency.verified import TileError, VerifiedTree
from registry.verification.documents import Documents, DocumentsError, Line
from registry.verification.ledger import ABSENT, ERASED, PRESENT, SUPPRESSED, Ledger, Newest
from registry.verification.places import Place
from registry.verification.report import Report, quoted
from registry.verification.version import COMMITMENT, Named

TREE, LEAVES, CHAIN, ERASURES, DOCUMENTS = "tree", "leaves", "chain", "erasures", "documents"
_AHEAD, _AHEAD_WITH_DOCUMENTS = 8, 2
"""Bundles that are fetched while one is looked at. Documents may be large."""
_LARGEST_BUNDLE = WIDTH * (2 + LONGEST_ENTRY)

Fetched = tuple[int, list[bytes] | TileError, list[Line] | DocumentsError]


def tree_of(checkpoint: Checkpoint, place: Place, prefix: str) -> VerifiedTree:
    """The tree of a checkpoint, with tiles from below `prefix` of a place."""

    async def tile(tile: Tile) -> bytes | None:
        limit = WIDTH * HASH_BYTES if tile.level is not None else _LARGEST_BUNDLE
        return await place.get(prefix + tile.path, limit)

    return VerifiedTree(checkpoint, tile)


async def check_log(
    report: Report,
    tree: VerifiedTree,
    documents: Documents | None,
    ledger: Ledger,
    advance: Callable[[int], None] | None = None,
) -> list[KeysLeaf]:
    """Read every tile and every bundle, and every document where there are some. Answers the changes of keys
    that both keys signed, in order.

    Tiles that are wrong are told one by one. What leaves and documents say is looked at up to the first of
    them: after a gap nobody can tell what belongs together.
    """
    work = _Pass(report, tree.checkpoint, ledger, whole=documents is not None)
    try:
        await tree.open()
    except TileError as error:
        report.failed(TREE, str(error))
        work.end(broken=True)
        return []
    broken = False
    async for bundle, entries, lines in _ahead(tree, documents):
        if isinstance(entries, TileError):
            report.failed(TREE, str(entries))
            broken = True
        elif not broken:
            if isinstance(lines, DocumentsError):
                report.failed(DOCUMENTS, str(lines))
                lines = []
            work.bundle(bundle * WIDTH, entries, lines)
        if advance is not None:
            advance(min(WIDTH, tree.size - bundle * WIDTH))
    report.sum_up(TREE, f"Every tile and every bundle of {tree.size:,} entries leads to the signed root.")
    work.end(broken=broken)
    return work.handed_over


async def _ahead(tree: VerifiedTree, documents: Documents | None) -> AsyncIterator[Fetched]:
    """Bundles in order, some of which are fetched while the first is worked on."""

    async def entries_of(bundle: int) -> list[bytes] | TileError:
        try:
            return await tree.bundle(bundle)
        except TileError as error:
            return error

    async def lines_of(bundle: int) -> list[Line] | DocumentsError:
        try:
            return await documents.of(bundle) if documents is not None else []
        except DocumentsError as error:
            return error

    async def one(bundle: int) -> Fetched:
        # Both begin at once, so that documents are asked for in order, however long a tile takes.
        return bundle, *(await asyncio.gather(entries_of(bundle), lines_of(bundle)))

    ahead = _AHEAD if documents is None else _AHEAD_WITH_DOCUMENTS
    running: deque[asyncio.Task[Fetched]] = deque()
    try:
        for bundle in range((tree.size + WIDTH - 1) // WIDTH):
            running.append(asyncio.create_task(one(bundle)))
            if len(running) > ahead:
                yield await running.popleft()
        while running:
            yield await running.popleft()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class _Pass:
    """What is said of leaves and documents, bundle after bundle."""

    def __init__(self, report: Report, checkpoint: Checkpoint, ledger: Ledger, *, whole: bool) -> None:
        self._report = report
        self._origin = checkpoint.origin
        self._size = checkpoint.size
        self._ledger = ledger
        self._whole = whole
        self.handed_over: list[KeysLeaf] = []
        self._counts = {
            "versions": 0,
            "erasures": 0,
            "keys": 0,
            "unknown": 0,
            "documents": 0,
            "withheld": 0,
            "erased_since": 0,
        }

    def bundle(self, start: int, entries: Sequence[bytes], lines: Sequence[Line]) -> None:
        given = {line.index: line for line in lines}
        leaves = [
            (start + place, entry, self._leaf(start + place, entry)) for place, entry in enumerate(entries)
        ]
        records = [(index, entry, leaf) for index, entry, leaf in leaves if isinstance(leaf, RecordLeaf)]
        newest = self._ledger.newest(list({leaf.id for _, _, leaf in records}))
        versions: list[tuple[int, int, int | None]] = []
        for index, entry, leaf in records:
            self._chain(index, leaf, newest.get(leaf.id))
            newest[leaf.id] = kept = Newest(leaf.version, leaf_hash(entry))
            line = given.pop(index, None)
            versions.append(self._document(index, leaf, line, kept))
        self._counts["versions"] += len(records)
        for index in given:
            if index < start + len(entries):
                self._report.failed(
                    DOCUMENTS, f"A document is handed out for entry {index:,}, which is none."
                )
        self._ledger.keep(newest, versions)
        for index, _, any_leaf in leaves:
            if isinstance(any_leaf, EraseLeaf) and not (
                any_leaf.target < index and self._ledger.erase(any_leaf.target, index)
            ):
                self._report.failed(
                    ERASURES,
                    f"Entry {index:,} erases entry {any_leaf.target:,}, where there is nothing to erase.",
                )

    def end(self, *, broken: bool) -> None:
        report, ledger = self._report, self._ledger
        report.facts.update(self._counts, records=ledger.records())
        if broken:
            report.unknown(
                LEAVES, "What the entries say was looked at up to the first wrong tile, and no further."
            )
            return
        report.complete = True
        report.sum_up(LEAVES, f"Every entry is well formed and of {self._origin}.")
        report.sum_up(CHAIN, "Every version names the one before it.")
        report.sum_up(ERASURES, f"Every erasure ({self._counts['erasures']:,}) is of a version before it.")
        if not self._whole:
            report.unknown(
                DOCUMENTS, "No documents were handed over: the texts behind the entries were not looked at."
            )
            return
        for index in ledger.missing():
            report.failed(
                DOCUMENTS,
                f"The document of entry {index:,} is missing, and no entry says that it was erased.",
            )
        for index, by in ledger.wrongly_erased():
            report.failed(
                DOCUMENTS,
                f"The document of entry {index:,} is said to be erased by entry {by:,}, which is none.",
            )
        for index, by in ledger.still_handed_out():
            report.failed(
                DOCUMENTS, f"The document of entry {index:,} was erased by entry {by:,}, and is handed out."
            )
        if since := self._counts["erased_since"]:
            report.unknown(
                DOCUMENTS, f"{since:,} are said to be erased by entries after this checkpoint. Verify again."
            )
        withheld = self._counts["withheld"]
        more = f"; {withheld:,} are withheld by order" if withheld else ""
        report.sum_up(
            COMMITMENT, f"Every document ({self._counts['documents']:,}) is the one committed to{more}."
        )
        report.sum_up(DOCUMENTS, "No document is missing without an entry that says why.")

    def _leaf(self, index: int, entry: bytes) -> Leaf | None:
        try:
            leaf = read_leaf(entry)
        except LeafError as error:
            self._report.failed(LEAVES, f"Entry {index:,}: {error}")
            return None
        if leaf.origin != self._origin:
            self._report.failed(LEAVES, f"Entry {index:,} is of another origin: {quoted(leaf.origin)}.")
            return None
        match leaf:
            case EraseLeaf():
                self._counts["erasures"] += 1
            case KeysLeaf():
                self._counts["keys"] += 1
                if leaf.valid:
                    self.handed_over.append(leaf)
                else:
                    self._report.failed(LEAVES, f"Entry {index:,} changes keys, and not both signed it.")
            case RecordLeaf():
                pass
            case _:
                self._counts["unknown"] += 1
        return leaf

    def _chain(self, index: int, leaf: RecordLeaf, before: Newest | None) -> None:
        last = before.version if before is not None else 0
        if leaf.version != last + 1:
            self._report.failed(
                CHAIN, f"Entry {index:,} is version {leaf.version} of {leaf.id}, which stood at {last}."
            )
        elif before is not None and leaf.prev != before.hash.hex():
            self._report.failed(
                CHAIN, f"Entry {index:,}, version {leaf.version} of {leaf.id}, names another one before it."
            )

    def _document(
        self, index: int, leaf: RecordLeaf, line: Line | None, kept: Newest
    ) -> tuple[int, int, int | None]:
        if line is None:
            return index, ABSENT, None
        if isinstance(line.erased, int):
            if line.erased >= self._size:
                self._counts["erased_since"] += 1
                return index, SUPPRESSED, None
            return index, ERASED, line.erased
        if isinstance(line.suppressed, str):
            self._counts["withheld"] += 1
            return index, SUPPRESSED, None
        self._counts["documents"] += 1
        if (why := _differs(leaf, line)) is not None:
            self._report.failed(
                COMMITMENT, f"The document of entry {index:,}, version {leaf.version} of {leaf.id}, {why}."
            )
        else:
            kept.digest = hashlib.sha256(bytes(line.document)).digest()  # type: ignore[arg-type]
        return index, PRESENT, None


def _differs(leaf: RecordLeaf, line: Line) -> str | None:
    """What is wrong with a document; None where it is the one committed to."""
    if not isinstance(line.document, msgspec.Raw) or not isinstance(line.salt, str):
        return "comes without its text or its salt"
    document = bytes(line.document)
    try:
        same = compare_digest(commitment(bytes.fromhex(line.salt), document), leaf.commit)
    except ValueError:
        return "comes with a salt that is none"
    if not same:
        return "is not the one that the entry commits to"
    try:
        named = msgspec.json.decode(document, type=Named)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "does not say what it is"
    if (named.origin, named.id, named.version) != (leaf.origin, leaf.id, leaf.version):
        return f"says that it is version {named.version} of {quoted(named.id)} of {quoted(named.origin)}"
    return None
