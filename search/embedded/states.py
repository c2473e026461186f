"""States of one index of the embedded engine: what is open of it, and what is asked of that."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import tantivy

from registry.errors import Unavailable
from search.document import Key
from search.embedded import fields
from search.embedded.checksums import footer_fits
from search.embedded.writing import PAST
from search.engine import Place

T = TypeVar("T")

BROKEN = "broken"
"""The file in the folder of an index that somebody found broken."""


class Broken(Exception):
    """The index cannot be read: files are missing, cut short, or not what tantivy wrote."""


@dataclass
class Snapshot:
    """One state of the index. Everything asked of it answers from that state, whatever is written
    meanwhile.
    """

    name: str
    stamp: tuple[int, int]
    schema: tantivy.Schema
    searcher: tantivy.Searcher
    place: Place
    segments: frozenset[str] = frozenset()
    kept: dict[str, Any] = field(default_factory=dict)

    def top(
        self,
        query: tantivy.Query,
        limit: int,
        *,
        offset: int = 0,
        by: str | None = None,
        ascending: bool = False,
    ) -> tuple[int, list[tantivy.DocAddress]]:
        """How many documents answer, and where the best, or the first by a field, lie."""
        order = tantivy.Order.Asc if ascending else tantivy.Order.Desc
        found: Any = self.searcher.search(query, max(limit, 1), offset=offset, order_by_field=by, order=order)
        return found.count, [address for _, address in found.hits[:limit]]

    def ranked(
        self, query: tantivy.Query, limit: int, *, by: str | None = None, ascending: bool = False
    ) -> tuple[int, list[tuple[float, tantivy.DocAddress]]]:
        """As `top`, with what each was ranked by."""
        order = tantivy.Order.Asc if ascending else tantivy.Order.Desc
        found: Any = self.searcher.search(query, max(limit, 1), order_by_field=by, order=order)
        return found.count, found.hits[:limit]

    def count(self, query: tantivy.Query) -> int:
        return self.top(query, 0)[0]

    def record(self, address: tantivy.DocAddress) -> tuple[Key, bytes]:
        """The key and the stored document of a record."""
        stored = self.searcher.doc(address)
        key, document = stored.get_first(fields.KEY), stored.get_first(fields.DOCUMENT)
        if not isinstance(key, str) or not isinstance(document, bytes):
            raise Broken("a record without its document")
        return fields.split_key(key), document

    def keep(self, name: str, make: Callable[[], T]) -> T:
        """Something that is costly to make and stays true as long as this state does."""
        if name not in self.kept:
            self.kept[name] = make()
        found: T = self.kept[name]
        return found


class Generation:
    """One opened tantivy index and its newest state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index = _open(folder)
        self._past_index: tantivy.Index | None = None
        self._past: Snapshot | None = None
        self.frozen = False
        self.snapshot = self._load()

    def _stamp(self, folder: Path) -> tuple[int, int]:
        found = (folder / "meta.json").stat()
        return found.st_mtime_ns, found.st_ino

    def past(self) -> Snapshot:
        """What is past, as it was committed before the newest state or later. Opened when somebody asks."""
        folder = self.folder / PAST
        if self.frozen:
            if self._past is None:
                raise Broken(f"{folder} was not open when the index was found broken")
            return self._past
        stamp = self._stamp(folder)
        if self._past_index is None:
            self._past_index = _open(folder)
        if self._past is None or self._past.stamp != stamp:
            before = _segments(folder)
            self._past_index.reload()
            index = self._past_index
            self._past = Snapshot(
                self.folder.name,
                stamp,
                index.schema,
                index.searcher(),
                self.snapshot.place,
                before | _segments(folder),
            )
        return self._past

    def _load(self) -> Snapshot:
        stamp = self._stamp(self.folder)
        before = _segments(self.folder)
        self._index.reload()
        searcher = self._index.searcher()
        schema = self._index.schema
        query = tantivy.Query.term_query(schema, fields.KEY, fields.STATE_KEY)
        hits = searcher.search(query, 1).hits
        if not hits:
            raise Broken(f"{self.folder} does not say how far it has read")
        state = searcher.doc(hits[0][1]).get_first(fields.STATE)
        place = Place(**json.loads(str(state)))
        # Another process may commit in between: then its segments are looked at, too.
        return Snapshot(self.folder.name, stamp, schema, searcher, place, before | _segments(self.folder))

    def freeze(self) -> bool:
        """Answer from what is open, whatever becomes of the files; False where that is not what was written.

        A file that is gone is still there for whoever has it open.
        """
        try:
            self.frozen = all(map(footer_fits, filter(Path.exists, self._open_files())))
        except (OSError, ValueError, KeyError):
            self.frozen = False
        return self.frozen

    def _open_files(self) -> Iterator[Path]:
        for folder, snapshot in ((self.folder, self.snapshot), (self.folder / PAST, self._past)):
            segments = snapshot.segments if snapshot is not None else ()
            if segments and folder.is_dir():
                yield from (path for path in folder.iterdir() if path.name.partition(".")[0] in segments)

    def refresh(self) -> Snapshot:
        if self.frozen:
            return self.snapshot
        if (self.folder / BROKEN).exists():
            raise Broken(f"{self.folder} was found broken")
        if self._stamp(self.folder) != self.snapshot.stamp:
            self.snapshot = self._load()
        return self.snapshot


def _segments(folder: Path) -> frozenset[str]:
    """The names that files of a state begin with."""
    listed = json.loads((folder / "meta.json").read_bytes())["segments"]
    return frozenset(segment["segment_id"].replace("-", "") for segment in listed)


def _open(folder: Path) -> tantivy.Index:
    index = tantivy.Index.open(str(folder))
    fields.register_tokenizers(index)
    # Its own watcher would be a thread that polls; `Store.snapshot` looks when somebody asks.
    index.config_reader("manual")
    return index


@contextmanager
def reading() -> Iterator[None]:
    """Turns what tantivy says about damaged files into `Broken`. A panic of its own is no `Exception`."""
    try:
        yield
    except (Broken, Unavailable):
        raise
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Broken(str(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise Broken(str(error)) from error
