"""Signed notes and checkpoints: https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint and
https://c2sp.org/tlog-cosignature.

A note is text that ends with a newline, an empty line, and a line for each signature. A checkpoint is a note
of three lines: the log's origin, how many leaves it has, and its root.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from registry.transparency.merkle import HASH_BYTES

ED25519, COSIGNATURE = 1, 4
"""Types of keys: of a log's own signature, and of a witness's."""
LARGEST_NOTE = 64 * 1024
MOST_SIGNATURES = 64
LARGEST_SIZE = 2**63 - 1
_KEY_BYTES = 32
_SIGNATURE_BYTES = 64
_NAME = re.compile(r"[^\s+\x00-\x20]{1,255}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_DASH = "— "


class NoteError(ValueError):
    """A note, checkpoint or key that cannot be read, or that bears no signature that counts."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under its name, as a vkey says it: `name+hex(key id)+base64(type and key)`."""

    name: str
    public: bytes
    type: int = ED25519

    @property
    def key_id(self) -> bytes:
        return _key_id(self.name, self.type, self.public)

    def __str__(self) -> str:
        key = base64.b64encode(bytes([self.type]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{key}"

    def verify(self, text: str, signature: bytes) -> bool:
        """Whether a signature, as it stands in a note behind the key's id, is this key's over the text."""
        message = text.encode()
        if self.type == COSIGNATURE:
            if len(signature) != 8 + _SIGNATURE_BYTES:
                return False
            message = _cosigned(text, int.from_bytes(signature[:8], "big"))
            signature = signature[8:]
        return self.verify_raw(message, signature)

    def verify_raw(self, message: bytes, signature: bytes) -> bool:
        """Whether a signature is this key's over these bytes."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key under its name."""

    name: str
    seed: bytes = field(repr=False)
    type: int = ED25519

    @property
    def verifier(self) -> Verifier:
        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        return Verifier(self.name, key.public_key().public_bytes_raw(), self.type)

    def sign(self, text: str) -> str:
        """The line of this key's signature over a note's text."""
        return self._line(self.raw(text.encode()))

    def cosign(self, text: str, time: int) -> str:
        """The line of a witness that saw this checkpoint, and none before it that it contradicts, at `time`
        (seconds since 1970).
        """
        return self._line(time.to_bytes(8, "big") + self.raw(_cosigned(text, time)))

    def raw(self, message: bytes) -> bytes:
        """This key's signature over these bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)

    def _line(self, signature: bytes) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.verifier.key_id + signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """A line of a note: the name and id of a key, and what it signed with."""

    name: str
    key_id: bytes
    signature: bytes
    line: str

    @property
    def time(self) -> int:
        """When a witness signed, in seconds since 1970."""
        return int.from_bytes(self.signature[:8], "big")


@dataclass(frozen=True, slots=True)
class Note:
    """A note that was read; nothing in it is verified."""

    text: str
    signatures: tuple[Signature, ...]

    def __bytes__(self) -> bytes:
        return f"{self.text}\n{''.join(each.line for each in self.signatures)}".encode()

    def signed_by(self, verifiers: Iterable[Verifier]) -> list[Verifier]:
        """The keys among `verifiers` whose valid signatures the note bears.

        Raises `NoteError` for a signature that claims to be one of theirs and is not: nobody who had the note
        from an honest source would hold such a one.
        """
        found: list[Verifier] = []
        for verifier in verifiers:
            own = [
                each
                for each in self.signatures
                if each.name == verifier.name and each.key_id == verifier.key_id
            ]
            if not own:
                continue
            if not all(verifier.verify(self.text, each.signature) for each in own):
                raise NoteError(f"The signature of {verifier.name} is not valid.")
            found.append(verifier)
        return found

    def with_lines(self, lines: Sequence[str]) -> "Note":
        """The same note with these lines after its own; one of a key that has signed takes its place."""
        added = read_note(f"{self.text}\n{''.join(lines)}".encode()).signatures
        anew = {(each.name, each.key_id) for each in added}
        kept = tuple(each for each in self.signatures if (each.name, each.key_id) not in anew)
        return Note(self.text, (*kept, *added))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says it is: so many leaves, under this root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def read_verifier(vkey: str) -> Verifier:
    """A verifier key as text. Raises `NoteError`."""
    name, _, rest = vkey.strip().partition("+")
    key_id, _, key = rest.partition("+")
    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("A verifier key is written name+hash+base64; this is not.") from None
    if not _NAME.fullmatch(name) or len(raw) != 1 + _KEY_BYTES:
        raise NoteError("A verifier key is written name+hash+base64; this is not.")
    if raw[0] not in (ED25519, COSIGNATURE):
        raise NoteError(f"A verifier key of type {raw[0]} is not known here; Ed25519 is.")
    verifier = Verifier(name, raw[1:], raw[0])
    if verifier.key_id.hex() != key_id:
        raise NoteError("The verifier key was mistyped: its hash is not that of its key.")
    return verifier


def read_note(data: bytes) -> Note:
    """Read a note. Raises `NoteError` for one that is malformed or too large."""
    if len(data) > LARGEST_NOTE:
        raise NoteError(f"A note of {len(data):,} bytes is larger than {LARGEST_NOTE:,}.")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise NoteError("A note is UTF-8.") from None
    if any(char < " " and char != "\n" for char in whole):
        raise NoteError("A note holds no control characters.")
    text, gap, lines = whole.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise NoteError("A note ends with signatures, after an empty line.")
    signatures = tuple(_read_signature(line) for line in lines[:-1].split("\n"))
    if len(signatures) > MOST_SIGNATURES:
        raise NoteError(f"A note with more than {MOST_SIGNATURES} signatures is not read.")
    return Note(f"{text}\n", signatures)


def read_checkpoint(text: str) -> Checkpoint:
    """A checkpoint from the text of a note. Raises `NoteError`."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not _NAME.fullmatch(lines[0]):
        raise NoteError("A checkpoint is three lines: the origin, the size and the root.")
    origin, size, encoded, _ = lines
    try:
        root = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("The root of a checkpoint is base64.") from None
    if len(root) != HASH_BYTES or base64.b64encode(root).decode() != encoded:
        raise NoteError(f"The root of a checkpoint is {HASH_BYTES} bytes in base64.")
    if not _SIZE.fullmatch(size) or int(size) > LARGEST_SIZE:
        raise NoteError("The size of a checkpoint is a number without leading zeroes.")
    return Checkpoint(origin, int(size), root)


def open_checkpoint(
    data: bytes, *, origin: str, verifiers: Iterable[Verifier]
) -> tuple[Checkpoint, Note, list[Verifier]]:
    """A checkpoint of that origin that one of the keys signed, its note, and the keys that did.

    Raises `NoteError` for any other.
    """
    note = read_note(data)
    checkpoint = read_checkpoint(note.text)
    if checkpoint.origin != origin:
        raise NoteError(f"The checkpoint is of {checkpoint.origin!r}, and should be of {origin!r}.")
    signers = note.signed_by(verifiers)
    if not signers:
        raise NoteError(f"The checkpoint bears no signature of a key of {origin} that is pinned here.")
    return checkpoint, note, signers


def origin_hash(origin: str) -> str:
    """An origin as a name for files: origins hold slashes."""
    return hashlib.sha256(origin.encode()).hexdigest()


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[Signer]) -> bytes:
    """The checkpoint as a note, signed by each in order."""
    return f"{checkpoint.text}\n{''.join(signer.sign(checkpoint.text) for signer in signers)}".encode()


def _read_signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not line.startswith(_DASH) or not space or not _NAME.fullmatch(name) or len(raw) < 5:
        raise NoteError("A signature of a note is a line with a dash, a name and base64.")
    return Signature(name, raw[:4], raw[4:], f"{line}\n")


def _key_id(name: str, type: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([type]) + public).digest()[:4]


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()
