"""What a peer says of the documents behind its leaves, read line by line and weighed against them. Pure.

One line is one index: `{"document": …, "index": n, "salt": …, "signatures": […]}`, or `{"erased": i,
"index": n}`, or `{"index": n, "suppressed": code}`. A line that cannot be read spoils no other.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

import msgspec

from registry.canonical import MAX_DOCUMENT_BYTES, commitment, is_canonical, without_forbidden_characters
from registry.errors import CandorError
from registry.records.mirrored import MirroredVersion
from registry.transparency.leaves import RecordLeaf

QUARANTINED, MISSING, SUPPRESSED = "quarantined", "missing", "suppressed"
ERASED = "erased"
"""The code of what is missing since its registry says that it was erased, while no leaf says so yet."""
CUT_OFF = "cut-off"
"""The code of what the operator wants none of."""
LONGEST_LINE = MAX_DOCUMENT_BYTES + 256 * 1024
KEPT_CONTENT = 16 * 1024
"""Bytes that are kept of what was quarantined, for the operator to look at."""
_LONGEST_TEXT = 1000
_MOST_LINES = 4096
_MOST_SIGNATURES, _LONGEST_SIGNATURE = 16, 4096


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the document of a leaf is not here. `content` is what came instead, `told_by` the leaf that is said
    to tell of its erasure. Where asking again cannot help, there is no `retry`.
    """

    state: str
    code: str
    text: str
    content: bytes | None = None
    retry: bool = True
    told_by: int | None = None

    @property
    def kept(self) -> bytes | None:
        return self.content[:KEPT_CONTENT] if self.content else None

    @property
    def shown(self) -> str:
        return tidy(self.text, _LONGEST_TEXT)


class Line(msgspec.Struct):
    """One line that was read. The document's bytes are those that came."""

    index: int
    document: msgspec.Raw = msgspec.Raw()
    salt: str | None = None
    signatures: msgspec.Raw = msgspec.Raw()
    erased: int | None = None
    suppressed: str | None = None


_READER = msgspec.json.Decoder(Line)
_ANY = msgspec.json.Decoder()
_TEXTS = msgspec.json.Decoder(list[str])

NOT_THERE = Trouble(
    MISSING, "missing", "Its registry does not hand out the document, and no leaf says that it was erased."
)


@dataclass(frozen=True, slots=True)
class Page:
    """What one page says, by index, and the highest index that it speaks of; None for an empty one."""

    lines: Mapping[int, "Line | Trouble"]
    upto: int | None


def read_page(page: bytes, wanted: Sequence[int]) -> Page:
    """What a page says of the wanted indices, which ascend, as those of its lines do. A line that cannot be
    read is taken for the next index that was wanted.
    """
    asked = set(wanted)
    found: dict[int, Line | Trouble] = {}
    last = -1
    for line in page.split(b"\n", _MOST_LINES):
        if not line:
            continue
        read = _read(line)
        if isinstance(read, Trouble):
            place = bisect_right(wanted, last)
            if place == len(wanted):
                break
            index = wanted[place]
        elif read.index <= last:
            continue
        else:
            index = read.index
        last = index
        if index in asked:
            found[index] = read
    return Page(found, last if last >= 0 else None)


def _read(line: bytes) -> "Line | Trouble":
    if len(line) > LONGEST_LINE:
        return _too_large(len(line))
    try:
        return _READER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Trouble(QUARANTINED, "unreadable", "The line that came is no JSON object that is known.", line)


def weigh(leaf: RecordLeaf, line: "Line | Trouble") -> MirroredVersion | Trouble:
    """The version that a leaf commits to, or what is wrong with what came."""
    if isinstance(line, Trouble):
        return line
    if line.erased is not None:
        text = (
            f"Its registry says that leaf {line.erased} tells of its erasure; no such leaf was read so far."
        )
        return Trouble(MISSING, ERASED, text, told_by=line.erased)
    if line.suppressed is not None:
        return Trouble(SUPPRESSED, "suppressed", f"Withheld by its registry: {line.suppressed}")
    document = bytes(line.document)
    if not document:
        return NOT_THERE
    if len(document) > MAX_DOCUMENT_BYTES:
        return _too_large(len(document))
    salt = _salt(line.salt)
    if salt is None or not compare_digest(commitment(salt, document), leaf.commit):
        return _quarantined("other-content", "The log commits to other bytes than those that came.", document)
    value = _value(document)
    if value is None:
        text = "The bytes are not JSON in canonical form (RFC 8785), as a document is published."
        return _quarantined("not-canonical", text, document)
    return MirroredVersion(
        leaf.origin, leaf.id, leaf.version, document, value, salt, leaf.commit, _signatures(line.signatures)
    )


def tidy(text: str, longest: int) -> str:
    """What a stranger wrote, as a line that can be stored and shown."""
    clean = " ".join(without_forbidden_characters(text).split())
    return clean if len(clean) <= longest else f"{clean[: longest - 1]}…"


def _quarantined(code: str, text: str, content: bytes) -> Trouble:
    return Trouble(QUARANTINED, code, text, content)


def _too_large(size: int) -> Trouble:
    text = f"{size:,} bytes came; a document has at most {MAX_DOCUMENT_BYTES:,}."
    return Trouble(QUARANTINED, "too-large", text)


def _salt(text: str | None) -> bytes | None:
    try:
        salt = bytes.fromhex(text or "")
    except ValueError:
        return None
    return salt if len(salt) == 32 else None


def _value(document: bytes) -> dict[str, Any] | None:
    try:
        value = _ANY.decode(document)
        same = is_canonical(document, value)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError, CandorError):
        return None
    return value if same and isinstance(value, dict) else None


def _signatures(raw: msgspec.Raw) -> tuple[str, ...]:
    """Signatures are extra: those that cannot be read are left out, and speak against nothing."""
    if not bytes(raw):
        return ()
    try:
        texts = _TEXTS.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()
    return tuple(each for each in texts[:_MOST_SIGNATURES] if len(each) <= _LONGEST_SIGNATURE)
