"""Asking witnesses to cosign our log's checkpoint: https://c2sp.org/tlog-witness.

A witness signs a checkpoint once it was shown that the log continues the one that it signed before. Whoever
finds its line need not fear that others are shown another log. A checkpoint is published without waiting for
any of them: their lines are added as they come, each by a reader of its own, so that one that is slow or down
delays no other.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from registry.changelog.append import Entry, append
from registry.changelog.tail import ChangeRow
from registry.db import Database, now
from registry.errors import CandorError, Misconfigured, Unreached
from registry.outgoing import Fetched, fetch, read_url
from registry.settings import Settings
from registry.transparency.entries import log_of, log_to_write
from registry.transparency.merkle import consistency_ranges
from registry.transparency.notes import (
    COSIGNATURE,
    LARGEST_NOTE,
    Checkpoint,
    NoteError,
    Signature,
    Verifier,
    read_checkpoint,
    read_note,
    read_verifier,
)
from registry.transparency.sequencer import CHECKPOINT, LOG_SCOPE, TOPIC, show_checkpoint
from registry.transparency.storage import Storage
from registry.transparency.trees import OWN, LogFiles

COSIGNED = "cosigned"
READER = "witness:"
"""How the names of their readers begin: a witness that is down is no trouble of this registry."""
TIMEOUT = 10.0
BATCH = 4096
_TRIES = 3
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n?")


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness: the key that it cosigns with, and the address before `/add-checkpoint`."""

    verifier: Verifier
    url: str


def read_witnesses(settings: Settings) -> tuple[Witness, ...]:
    """The witnesses that the settings name. Raises `Misconfigured`, saying what is wrong."""
    found = []
    for pair in re.split(r"[,\n]", settings.witnesses or ""):
        words = pair.split()
        if not words:
            continue
        if len(words) != 2:
            raise Misconfigured(
                "CANDOR_WITNESSES names each witness by its key and its address, with a space between, and "
                "a comma before the next."
            )
        try:
            verifier = read_verifier(words[0])
            read_url(words[1], allow_private=settings.federation_allow_private)
        except (NoteError, CandorError) as error:
            raise Misconfigured(f"CANDOR_WITNESSES: {error}") from None
        if verifier.type != COSIGNATURE:
            raise Misconfigured(
                f"CANDOR_WITNESSES: the key of {verifier.name} is that of a log. A witness has one that "
                "cosigns (type 4)."
            )
        found.append(Witness(verifier, words[1].rstrip("/")))
    return tuple(found)


class WitnessReader:
    """A `registry.changelog.tail.LogReader` that asks one witness for its line under each new checkpoint."""

    batch = BATCH

    def __init__(
        self, database: Database, origin: str, storage: Storage, witness: Witness, settings: Settings
    ) -> None:
        self.name = f"{READER}{witness.verifier.name[:40]}:{witness.verifier.key_id.hex()}"
        self._database = database
        self._origin = origin
        self._storage = storage
        self._witness = witness
        self._allow_private = settings.federation_allow_private
        # How much of the log the witness saw last, as far as this process knows; it says so itself.
        self._seen = 0

    async def position(self) -> int | None:
        return None

    async def consume(self, changes: Sequence[ChangeRow], *, upto: int) -> None:
        """Ask for the newest checkpoint, where there is a new one. Raises `Unreached` where the witness does
        not give its line: it is asked again, less and less often, and with every start for what is newest.
        """
        if any(
            (change.topic, change.action, change.origin) == (TOPIC, CHECKPOINT, self._origin)
            for change in changes
        ):
            await self._ask()

    async def release(self) -> None:
        """Whoever asks next is told by the witness what it saw."""
        self._seen = 0

    async def _ask(self) -> None:
        for _ in range(_TRIES):
            async with self._database.read() as session:
                row = await log_of(session, self._origin)
            if row is None or row.checkpoint is None:
                return
            note = read_note(row.checkpoint)
            if self._witness.verifier in note.signed_by([self._witness.verifier]):
                return
            checkpoint = read_checkpoint(note.text)
            if self._seen > checkpoint.size:
                raise Unreached(
                    f"{self._witness.verifier.name} saw a log of {self._seen:,} entries under our name, and "
                    f"we published {checkpoint.size:,}."
                )
            answer = await self._send(checkpoint, row.checkpoint)
            if answer.status == 409:
                self._seen = _size_in(answer)
                continue
            if answer.status != 200:
                raise _refused(self._witness, answer)
            line = line_of(self._witness.verifier, note.text, answer.body)
            self._seen = checkpoint.size
            await self._add(note.text, line)
            return
        raise Unreached(f"{self._witness.verifier.name} changes its mind about what it saw.")

    async def _send(self, checkpoint: Checkpoint, note: bytes) -> Fetched:
        path: list[bytes] = []
        if 0 < self._seen < checkpoint.size:
            ranges = consistency_ranges(self._seen, checkpoint.size)
            path = await LogFiles(self._storage, OWN).prove(ranges, checkpoint.size)
        return await fetch(
            f"{self._witness.url}/add-checkpoint",
            method="POST",
            body=submission(self._seen, path, note),
            headers={"Content-Type": "text/plain; charset=utf-8"},
            limit=LARGEST_NOTE,
            timeout=TIMEOUT,
            allow_private=self._allow_private,
            redirects=0,
        )

    async def _add(self, text: str, line: Signature) -> None:
        """Add a line to the checkpoint, unless there is a newer one by now: that one is asked for next."""
        async with self._database.write() as session:
            row = await log_to_write(session, self._origin)
            if row.checkpoint is None or (note := read_note(row.checkpoint)).text != text:
                return
            row.checkpoint = bytes(note.with_lines([line.line]))
            told = Entry(TOPIC, COSIGNED, self._origin, self._origin, "system", now(), scopes=(LOG_SCOPE,))
            await append(session, [told])
        await show_checkpoint(self._database, self._storage, self._origin)


def submission(old: int, path: Sequence[bytes], note: bytes) -> bytes:
    """The body of `add-checkpoint`: how much the witness saw, the proof that the log continues it, and the
    checkpoint.
    """
    proof = "".join(f"{base64.b64encode(hash).decode()}\n" for hash in path)
    return f"old {old}\n{proof}\n".encode() + note


def line_of(verifier: Verifier, text: str, body: bytes) -> Signature:
    """The witness's line in its answer. Raises `Unreached` where there is none that is valid."""
    try:
        lines = read_note(f"{text}\n".encode() + body).signatures
    except NoteError as error:
        raise Unreached(f"{verifier.name} answered what is no signature: {error}") from None
    for each in lines:
        # What others signed was not asked for.
        if (each.name, each.key_id) == (verifier.name, verifier.key_id) and verifier.verify(
            text, each.signature
        ):
            return each
    raise Unreached(f"{verifier.name} answered without a valid signature of its key.")


def _size_in(answer: Fetched) -> int:
    match = _SIZE.fullmatch(answer.body)
    if match is None:
        raise Unreached("The witness knows another size of the log, and does not say which.")
    return int(match[1])


_MEANS = {
    400: "it could not read what was sent",
    403: "it does not know the key of our log",
    404: "it does not know our log",
    422: "it was not shown that our log continues the one that it saw",
    429: "it was asked too often",
}


def _refused(witness: Witness, answer: Fetched) -> Unreached:
    means = _MEANS.get(answer.status, "it did not say why")
    return Unreached(f"{witness.verifier.name} gives no signature ({answer.status}): {means}.")
