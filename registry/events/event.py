"""One public change, as the stream tells it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.finder import Matcher
from registry.records.suppression import ERASED

Key = tuple[str, str]
"""(origin, id)."""
LEFT = "left"
"""What is told, instead of the action, of a record that answers a question no more."""
POSITION = "position"
"""Tells only how far the stream is: whoever comes back goes on from there."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change: `data` is its JSON, `document` what the version says that it made and `before` what the
    version before it said; None for what there is not, or not any more.
    """

    seq: int
    record: Key
    action: str
    data: bytes
    document: Mapping[str, Any] | None
    before: Mapping[str, Any] | None

    def told(self, matches: Matcher | None) -> str | None:
        """What it is called to whoever asked a question: its action, `left`, or None where it is no news.

        That something was erased is told to everybody: nobody can ask any more whether it was an answer, and
        it says no more than `/changes`. What was told of it before is told to nobody who asks.
        """
        if matches is None:
            return self.action
        if self.document is None:
            return self.action if self.action == ERASED else None
        if matches(self.document):
            return self.action
        return LEFT if self.before is not None and matches(self.before) else None

    def sent(self, name: str) -> bytes:
        """The bytes of the stream (WHATWG HTML, server-sent events). The JSON is one line."""
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self.seq, name.encode(), self.data)


def position(seq: int, *, retry: int | None = None) -> bytes:
    """The bytes that tell how far the stream is; with `retry`, after how many milliseconds to come back."""
    again = b"retry: %d\n" % retry if retry is not None else b""
    return again + b'id: %d\nevent: %s\ndata: {"position":%d}\n\n' % (seq, POSITION.encode(), seq)
