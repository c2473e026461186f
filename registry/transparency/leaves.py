"""What stands in the log: one canonical JSON object an entry, at most 4 KiB.

A leaf names a version and commits to its bytes; it says nothing of what they say. No title, slug, name or
reason in words is ever in one.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import msgspec

from registry.canonical import CODE, canonical, is_canonical
from registry.errors import Malformed
from registry.transparency.notes import NoteError, Signer, Verifier, read_verifier

LARGEST_LEAF = 4096
FORMAT = 1
_HASH = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[!-~]{1,64}")
_MOST = 2**53 - 1


class LeafError(ValueError):
    """An entry that no log of ours may hold. The text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class RecordLeaf:
    """A public version. `prev` is the hash of the leaf of the version before, in hex."""

    origin: str
    id: str
    version: int
    prev: str | None
    commit: str

    def encode(self) -> bytes:
        return _encode(
            "record",
            origin=self.origin,
            id=self.id,
            ver=self.version,
            prev=self.prev,
            commit=self.commit,
        )


@dataclass(frozen=True, slots=True)
class EraseLeaf:
    """The content that the leaf with the index `target` committed to was destroyed; `code` says on what
    ground.
    """

    origin: str
    target: int
    code: str

    def encode(self) -> bytes:
        return _encode("erase", origin=self.origin, target=self.target, code=self.code)


@dataclass(frozen=True, slots=True)
class KeysLeaf:
    """The log goes over from one key to another: both sign that."""

    origin: str
    old: Verifier
    new: Verifier
    signatures: tuple[bytes, bytes]

    @classmethod
    def make(cls, origin: str, old: Signer, new: Signer) -> "KeysLeaf":
        message = cls._message(origin, old.verifier, new.verifier)
        return cls(origin, old.verifier, new.verifier, (old.raw(message), new.raw(message)))

    @staticmethod
    def _message(origin: str, old: Verifier, new: Verifier) -> bytes:
        return _encode("keys", origin=origin, old=str(old), new=str(new))

    def encode(self) -> bytes:
        signatures = [base64.b64encode(each).decode() for each in self.signatures]
        return _encode(
            "keys", origin=self.origin, old=str(self.old), new=str(self.new), signatures=signatures
        )

    @property
    def valid(self) -> bool:
        """Whether both keys signed."""
        message = self._message(self.origin, self.old, self.new)
        return all(
            key.verify_raw(message, signature)
            for key, signature in zip((self.old, self.new), self.signatures, strict=True)
        )


@dataclass(frozen=True, slots=True)
class UnknownLeaf:
    """An entry of a type that is not known here, such as one of a later time. It is kept as it is."""

    origin: str
    type: str


Leaf = RecordLeaf | EraseLeaf | KeysLeaf | UnknownLeaf


def read_leaf(entry: bytes) -> Leaf:
    """An entry of a log as a leaf. Raises `LeafError` for what is too large, not canonical, or says too
    little.

    Fields that are not known here are let be.
    """
    if len(entry) > LARGEST_LEAF:
        raise LeafError(f"A leaf has at most {LARGEST_LEAF:,} bytes; this has {len(entry):,}.")
    try:
        value = msgspec.json.decode(entry)
        same = is_canonical(entry, value)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError, Malformed):
        raise LeafError("A leaf is JSON, and this is not.") from None
    if not isinstance(value, dict) or not same:
        raise LeafError("A leaf is a JSON object in canonical form (RFC 8785), and this is not.")
    origin, type = value.get("origin"), value.get("type")
    if not (_is_text(origin, 255) and _is_text(type, 64)):
        raise LeafError("A leaf names its origin and its type, and this does not.")
    reader = _READERS.get(type) if value.get("v") == FORMAT else None
    return reader(value) if reader is not None else UnknownLeaf(origin, type)


def _read_record(value: Mapping[str, Any]) -> RecordLeaf:
    id, version, prev, commit = (value.get(name) for name in ("id", "ver", "prev", "commit"))
    if not (isinstance(id, str) and _ID.fullmatch(id)):
        raise LeafError("A leaf of a record names its id, and this does not.")
    if not _is_number(version, 1):
        raise LeafError("A leaf of a record numbers its version from 1, and this does not.")
    if not (prev is None or _is_hash(prev)) or (prev is None) != (version == 1):
        raise LeafError("A leaf of a record names the leaf of the version before, and this does not.")
    if not _is_hash(commit):
        raise LeafError("A leaf of a record holds a commitment, and this does not.")
    return RecordLeaf(value["origin"], id, version, prev, commit)


def _read_erase(value: Mapping[str, Any]) -> EraseLeaf:
    target, code = value.get("target"), value.get("code")
    if not _is_number(target, 0):
        raise LeafError("A leaf of an erasure names the index of another leaf, and this does not.")
    if not (isinstance(code, str) and CODE.fullmatch(code)):
        raise LeafError("A leaf of an erasure gives its ground as a code, and this does not.")
    return EraseLeaf(value["origin"], target, code)


def _read_keys(value: Mapping[str, Any]) -> KeysLeaf:
    try:
        old, new = (read_verifier(value[name]) for name in ("old", "new"))
        first, second = (base64.b64decode(text, validate=True) for text in value["signatures"])
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error, NoteError):
        raise LeafError("A leaf of a change of keys names both and bears their signatures.") from None
    return KeysLeaf(value["origin"], old, new, (first, second))


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Leaf]] = {
    "record": _read_record,
    "erase": _read_erase,
    "keys": _read_keys,
}


def _encode(type: str, **fields: Any) -> bytes:
    entry = canonical({"v": FORMAT, "type": type, **fields})
    if len(entry) > LARGEST_LEAF:
        raise LeafError(f"A leaf has at most {LARGEST_LEAF:,} bytes.")
    return entry


def _is_text(value: Any, longest: int) -> TypeGuard[str]:
    return isinstance(value, str) and 1 <= len(value) <= longest


def _is_number(value: Any, least: int) -> TypeGuard[int]:
    return type(value) is int and least <= value <= _MOST


def _is_hash(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None
