"""What writes one index of the embedded engine: what is live, and beside it what is past."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import structlog
import tantivy

from registry.changelog.aside import fault
from search.document import Key, Projection
from search.embedded import fields
from search.engine import Place

PAST = "past"
"""The folder, in that of what is live."""
# tantivy asks for 15 MB a thread at least. More only makes fewer, larger segments.
WRITER_BYTES = 20_000_000

log = structlog.get_logger("candor.search")


def make(folder: Path) -> None:
    """Make an index that holds nothing."""
    for each in (folder, folder / PAST):
        each.mkdir(parents=True)
        tantivy.Index(fields.make_schema(), path=str(each))


class Writers:
    """Writes both halves. Most that is written is live: that of the past is opened when something ends."""

    def __init__(self, folder: Path, heap: int = WRITER_BYTES) -> None:
        self._folder = folder
        self._live = _open(folder, heap)
        self._past: tantivy.IndexWriter | None = None
        self.refused: dict[Key, str] = {}

    def add(self, records: Sequence[Projection]) -> None:
        """Add intervals that are not in. Nothing is seen of it before `commit`."""
        for record in records:
            writer = self._live if record.live else self._of_past()
            try:
                made = fields.make_document(record)
            except Exception as error:
                log.exception("record cannot be put into the search index", id=record.key[1])
                self.refused[record.key] = fault(error)
            else:
                # What fails here is the writer, and not the record.
                writer.add_document(made)

    def put(self, records: Sequence[Projection], gone: Sequence[Key] = (), ended: Sequence[Key] = ()) -> None:
        """Take out, and put in or replace. Nothing is seen of it before `commit`."""
        for key in gone:
            self._of_past().delete_documents_by_term(fields.KEY, fields.join_key(key))
        for key in (*gone, *ended):
            self._live.delete_documents_by_term(fields.KEY, fields.join_key(key))
        for record in records:
            if record.live:
                self._live.delete_documents_by_term(fields.KEY, fields.join_key(record.key))
            else:
                self._of_past().delete_documents_by_term(fields.INTERVAL, fields.interval_key(record))
        self.add(records)

    def commit(self, place: Place | None = None) -> None:
        """Let readers see what was written, and the place that says that it is in.

        The past comes first: who reads in between finds there what has not ended for them, and passes over it
        (`search.embedded.then`).
        """
        if self._past is not None:
            self._past.commit()
        if place is not None:
            self._live.delete_documents_by_term(fields.KEY, fields.STATE_KEY)
            state = {"position": place.position, "seq": place.seq, "digest": place.digest}
            self._live.add_document(fields.make_state(json.dumps(state)))
        self._live.commit()

    def close(self) -> None:
        """Let merges end, and give memory and locks back."""
        if self._past is not None:
            self._past.wait_merging_threads()
        self._live.wait_merging_threads()

    def abandon(self) -> None:
        """As `close`, without what was not committed."""
        for writer in (self._past, self._live):
            if writer is not None:
                with suppress(Exception):
                    writer.rollback()
                    writer.wait_merging_threads()

    def _of_past(self) -> tantivy.IndexWriter:
        if self._past is None:
            self._past = _open(self._folder / PAST, WRITER_BYTES)
        return self._past


def _open(folder: Path, heap: int) -> tantivy.IndexWriter:
    index = tantivy.Index.open(str(folder))
    fields.register_tokenizers(index)
    return index.writer(heap_size=heap, num_threads=1)
