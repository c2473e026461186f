"""Being a witness of the registries that are followed: https://c2sp.org/tlog-witness.

A checkpoint of theirs is cosigned once it was shown that it continues the last one that was seen here,
whether it was handed in or pulled. What is cosigned is kept before the signature leaves, and beside the key
as well.
"""

import asyncio
import base64
import binascii
import re
from dataclasses import dataclass
from hmac import compare_digest

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.db import now
from registry.errors import Forbidden, Invalid, Malformed, NotFound
from registry.federation.heads import Forked, Head, kept_head
from registry.federation.models import FOLLOWING, REMOVED, Peer, WitnessedHead
from registry.transparency.keys import Keys
from registry.transparency.merkle import HASH_BYTES, ProofError, verify_consistency
from registry.transparency.models import Log
from registry.transparency.notes import (
    LARGEST_NOTE,
    NoteError,
    open_checkpoint,
    read_checkpoint,
    read_note,
    read_verifier,
)

MOST_LINES = 63
LARGEST = LARGEST_NOTE + 8 * 1024
"""Of a body: a note, and the lines of a proof."""
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Submission:
    """What was handed in: how much of the log we are believed to have seen, the proof, and the note."""

    old: int
    path: tuple[bytes, ...]
    note: bytes


class SeenOtherwise(Exception):
    """We saw another size of that log than the sender believes, or the same with another root."""

    def __init__(self, size: int) -> None:
        super().__init__(f"we saw {size} entries")
        self.size = size


class Contradicted(SeenOtherwise):
    """The same size with another root, both signed by the log's key."""

    def __init__(self, log_pk: int, origin: str, forked: Forked) -> None:
        super().__init__(forked.kept.size)
        self.log_pk = log_pk
        self.origin = origin
        self.forked = forked


def read_submission(body: bytes) -> Submission:
    """The body of `add-checkpoint`. Raises `Malformed`."""
    head, gap, note = body.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        first, lines = "", []
    match = _OLD.fullmatch(first)
    if not gap or match is None or len(lines) > MOST_LINES:
        raise Malformed("Send `old N`, at most 63 lines of a proof, an empty line, and the checkpoint.")
    try:
        path = tuple(base64.b64decode(line, validate=True) for line in lines)
    except (binascii.Error, ValueError):
        path = (b"",)
    if any(len(each) != HASH_BYTES for each in path):
        raise Malformed("Each line of a proof is a hash in base64.")
    return Submission(int(match[1]), path, note)


async def witness(session: AsyncSession, keys: Keys, body: bytes) -> str:
    """Keep a checkpoint as the last one seen of its log, and answer our line under it.

    Raises `Malformed`; `NotFound` for a log that is not followed; `Forbidden` for one that no pinned key
    signed, or that is not to be believed any more; `SeenOtherwise`; `Invalid` for a proof that proves
    nothing. The line may leave once the transaction is committed.
    """
    if keys.witness is None:
        raise NotFound("This process has no key to witness with.")
    sent = read_submission(body)
    try:
        origin = read_checkpoint(read_note(sent.note).text).origin
    except NoteError as error:
        raise Malformed(f"The checkpoint cannot be read. {error}") from None
    query = select(Peer).join(Log, Log.pk == Peer.log_pk).where(Log.origin == origin)
    # Whoever else hands in a checkpoint of this log waits until this one is kept.
    peer = await session.scalar(query.with_for_update(of=Peer))
    if peer is None or peer.state == REMOVED:
        raise NotFound("This registry does not follow that log.")
    if peer.state != FOLLOWING:
        raise Forbidden("That log is not believed here any more: it was signed twice.")
    verifiers = [read_verifier(each) for each in peer.verifiers]
    try:
        checkpoint, note, signers = open_checkpoint(sent.note, origin=origin, verifiers=verifiers)
    except NoteError as error:
        raise Forbidden(str(error)) from None
    shown = Head(checkpoint, sent.note, tuple(signers))
    if sent.old > shown.size:
        raise Malformed("The log that we are believed to have seen is larger than the one that is shown.")
    row = await session.get(WitnessedHead, peer.log_pk)
    # What lies beside the key outlasts a database that was restored from an older backup.
    beside = await asyncio.to_thread(keys.cosigned, origin)
    seen = _newest(kept_head(row.note if row is not None else None), kept_head(beside), kept_head(peer.head))
    if sent.old != (seen.size if seen is not None else 0):
        raise SeenOtherwise(seen.size if seen is not None else 0)
    if seen is not None and seen.size == shown.size and not compare_digest(seen.root, shown.root):
        raise Contradicted(peer.log_pk, origin, Forked(seen, shown, shown.root))
    try:
        verify_consistency(
            sent.old, shown.size, seen.root if seen is not None else b"", shown.root, sent.path
        )
    except ProofError as error:
        raise Invalid(f"The proof does not show that the log continues. {error}") from None
    if row is None:
        row = WitnessedHead(log_pk=peer.log_pk)
        session.add(row)
    row.note, row.size, row.at = sent.note, shown.size, now()
    await session.flush()
    await asyncio.to_thread(keys.remember_cosigned, origin, sent.note)
    return keys.witness.cosign(note.text, int(row.at.timestamp()))


def _newest(*heads: Head | None) -> Head | None:
    return max((each for each in heads if each is not None), key=lambda each: each.size, default=None)


async def witnessed(session: AsyncSession, log_pk: int) -> Head | None:
    """The last checkpoint of a log that was cosigned here."""
    row = await session.get(WitnessedHead, log_pk)
    return kept_head(row.note if row is not None else None)
