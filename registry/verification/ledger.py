"""What a pass over a log has to remember of each record: on disk, so that memory does not grow with
the log.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

ABSENT, PRESENT, ERASED, SUPPRESSED = range(4)
"""What was handed over of a version: nothing, its document, word that it was erased, or withheld."""

_CACHE_KIB = 8192
_TABLES = """
PRAGMA cache_size = -{cache};
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
CREATE TABLE newest (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, hash BLOB NOT NULL, digest BLOB
) WITHOUT ROWID;
CREATE TABLE version (
    idx INTEGER PRIMARY KEY, state INTEGER NOT NULL, said INTEGER, erased INTEGER
);
"""


@dataclass(slots=True)
class Newest:
    """The newest version of a record so far: its number, the hash of its leaf, the SHA-256 of its document
    where that was handed over.
    """

    version: int
    hash: bytes
    digest: bytes | None = None


class Ledger:
    """A temporary database without a name: it is gone with the process, however that ends."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_TABLES.format(cache=_CACHE_KIB))
        self._db.execute("BEGIN")

    def close(self) -> None:
        self._db.close()

    def newest(self, ids: Sequence[str]) -> dict[str, Newest]:
        """The newest versions of these records, at most 256, as far as the pass has come."""
        marks = ",".join("?" * len(ids))
        rows = self._db.execute(
            f"SELECT id, version, hash, digest FROM newest WHERE id IN ({marks})",  # noqa: S608  (only marks)
            ids,
        )
        return {id: Newest(version, hash, digest) for id, version, hash, digest in rows}

    def keep(self, newest: Mapping[str, Newest], versions: Iterable[tuple[int, int, int | None]]) -> None:
        """Keep the newest versions, and of each version (index, state, index of the leaf that is said to have
        erased it).
        """
        self._db.executemany(
            "INSERT OR REPLACE INTO newest VALUES (?, ?, ?, ?)",
            ((id, each.version, each.hash, each.digest) for id, each in newest.items()),
        )
        self._db.executemany("INSERT INTO version VALUES (?, ?, ?, NULL)", versions)

    def erase(self, target: int, by: int) -> bool:
        """Note that a leaf erases a version. False where there is none to erase, or no more."""
        done = self._db.execute(
            "UPDATE version SET erased = ? WHERE idx = ? AND erased IS NULL", (by, target)
        )
        return done.rowcount == 1

    def still_handed_out(self) -> Iterator[tuple[int, int]]:
        """Versions with documents that a leaf erased: (index, that leaf's)."""
        yield from self._db.execute(
            "SELECT idx, erased FROM version WHERE state = ? AND erased IS NOT NULL ORDER BY idx", (PRESENT,)
        )

    def wrongly_erased(self) -> Iterator[tuple[int, int]]:
        """Versions that are said to be erased by a leaf that does not say so: (index, that leaf's)."""
        yield from self._db.execute(
            "SELECT idx, said FROM version WHERE state = ? AND said IS NOT erased ORDER BY idx", (ERASED,)
        )

    def missing(self) -> Iterator[int]:
        """Versions of which nothing was handed over, and that no leaf erased."""
        rows = self._db.execute(
            "SELECT idx FROM version WHERE state = ? AND erased IS NULL ORDER BY idx", (ABSENT,)
        )
        yield from (index for (index,) in rows)

    def records(self) -> int:
        count: int = self._db.execute("SELECT count(*) FROM newest").fetchone()[0]
        return count

    def handed_over(self) -> int:
        """How many records there are whose newest version was handed over."""
        query = "SELECT count(*) FROM newest WHERE digest IS NOT NULL"
        count: int = self._db.execute(query).fetchone()[0]
        return count
