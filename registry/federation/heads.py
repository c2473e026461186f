"""What a new checkpoint of a peer means beside the one that was kept. A log may only grow."""

from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest

from registry.transparency.merkle import consistency_ranges
from registry.transparency.notes import (
    Checkpoint,
    Verifier,
    open_checkpoint,
    read_checkpoint,
    read_note,
)
from registry.transparency.verified import VerifiedTree


@dataclass(frozen=True, slots=True)
class Head:
    """A checkpoint whose signature was verified: the note as it came, the keys that signed it, and the ETag
    under which it came.
    """

    checkpoint: Checkpoint
    note: bytes
    signers: tuple[Verifier, ...] = ()
    etag: str | None = None

    @property
    def size(self) -> int:
        return self.checkpoint.size

    @property
    def root(self) -> bytes:
        return self.checkpoint.root


class Rollback(Exception):
    """A checkpoint that was signed, and is smaller than one that was signed before: an old one, replayed or
    restored.
    """

    def __init__(self, kept: Head, shown: Head) -> None:
        super().__init__(
            f"The checkpoint of {shown.size:,} entries is ignored: one of {kept.size:,} was signed before."
        )
        self.kept = kept
        self.shown = shown


class Forked(Exception):
    """Two checkpoints of one log that contradict each other, both signed by its key.

    Where their sizes differ, `path` leads from `began`, the root of the first `kept.size` entries of the log
    that was shown, to the root of `shown`: it began otherwise than what was signed.
    """

    def __init__(self, kept: Head, shown: Head, began: bytes, path: tuple[bytes, ...] = ()) -> None:
        text = (
            f"Two checkpoints of {kept.size:,} entries with different roots were signed."
            if kept.size == shown.size
            else f"The log of {shown.size:,} entries does not begin with the {kept.size:,} signed before."
        )
        super().__init__(f"{text} Somebody is shown another log.")
        self.kept = kept
        self.shown = shown
        self.began = began
        self.path = path


def kept_head(note: bytes | None) -> Head | None:
    """The head that was verified when it was kept."""
    return Head(read_checkpoint(read_note(note).text), note) if note is not None else None


def opened(data: bytes, etag: str | None, origin: str, verifiers: Sequence[Verifier]) -> Head:
    """A checkpoint that a pinned key signed. Raises `NoteError`."""
    checkpoint, _, signers = open_checkpoint(data, origin=origin, verifiers=verifiers)
    return Head(checkpoint, data, tuple(signers), etag)


def compare(kept: Head | None, shown: Head) -> None:
    """Raises `Rollback` or `Forked` for what two checkpoints tell without a look into the log."""
    if kept is None or shown.size > kept.size:
        return
    if shown.size < kept.size:
        raise Rollback(kept, shown)
    if not compare_digest(kept.root, shown.root):
        raise Forked(kept, shown, shown.root)


async def require_continuation(kept: Head | None, shown: Head, tree: VerifiedTree) -> None:
    """Raises `Forked` unless the log that is shown begins with the one that was kept, and `TileError` where
    its tiles do not show whether it does.
    """
    if kept is None or kept.size in (0, shown.size):
        return
    began = await tree.root_at(kept.size)
    if compare_digest(began, kept.root):
        return
    path = await tree.prove(consistency_ranges(kept.size, shown.size))
    raise Forked(kept, shown, began, tuple(path))
