"""One version of a record against its proof."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

import msgspec

from registry.canonical import commitment
from registry.transparency.leaves import LeafError, RecordLeaf, read_leaf
from registry.transparency.merkle import LONGEST_PROOF, ProofError, leaf_hash, verify_inclusion
from registry.transparency.notes import NoteError, Verifier, open_checkpoint, read_checkpoint, read_note
from registry.verification.report import Report, quoted

COMMITMENT, LEAF, INCLUSION, SIGNATURE = "commitment", "leaf", "inclusion", "signature"
LARGEST_PROOF = 256 * 1024


class Named(msgspec.Struct):
    """What a document says that it is."""

    origin: str
    id: str
    version: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A proof as `/versions/{n}/proof` answers it. Nothing in it is verified."""

    origin: str
    index: int
    leaf: bytes
    path: tuple[bytes, ...]
    checkpoint: bytes
    salt: bytes
    signatures: tuple[Any, ...] = ()

    @classmethod
    def read(cls, data: bytes) -> "Shown":
        """Raises `ProofError` for what is no proof."""
        try:
            value: Any = msgspec.json.decode(data)
            path = tuple(base64.b64decode(each, validate=True) for each in value["path"])
            shown = cls(
                str(value["origin"]),
                value["index"],
                value["leaf"].encode(),
                path,
                value["checkpoint"].encode(),
                bytes.fromhex(value["salt"]),
                tuple(value.get("signatures", ())),
            )
        except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError, binascii.Error):
            raise ProofError("The proof is not one: it lacks a field, or one cannot be read.") from None
        if type(shown.index) is not int or len(shown.salt) != 32 or len(path) > LONGEST_PROOF:
            raise ProofError("The proof is not one: index, salt or path are none.")
        return shown


def check_version(
    report: Report, document: bytes, shown: Shown, keys: Sequence[Verifier], *, id: str, number: int | None
) -> RecordLeaf | None:
    """Whether `document` is what the log of its origin holds as that version. Each step stands by itself, so
    that a reader sees which one failed. Answers the leaf, where it is one of a record.
    """
    leaf = _leaf(report, document, shown, id, number)
    if leaf is not None:
        if compare_digest(commitment(shown.salt, document), leaf.commit):
            report.passed(
                COMMITMENT, f"The document of {len(document):,} bytes is the one that the leaf commits to."
            )
        else:
            report.failed(COMMITMENT, "The document is not the one that the leaf commits to.")
    try:
        checkpoint = read_checkpoint(read_note(shown.checkpoint).text)
        verify_inclusion(leaf_hash(shown.leaf), shown.index, checkpoint.size, shown.path, checkpoint.root)
    except (ProofError, NoteError) as error:
        report.failed(INCLUSION, str(error))
    else:
        report.facts.update(index=shown.index, size=checkpoint.size)
        report.passed(
            INCLUSION, f"The leaf stands at index {shown.index:,} of {checkpoint.size:,} in the log."
        )
    check_signature(report, shown.checkpoint, keys, shown.origin)
    return leaf


def check_signature(
    report: Report,
    note: bytes,
    keys: Sequence[Verifier],
    origin: str,
    heirs: Sequence[Verifier] = (),
) -> None:
    """Whether one of the keys signed the checkpoint, or one of their heirs: keys that the log was handed over
    to. Without any key, nobody can tell.
    """
    if not keys:
        report.unknown(SIGNATURE, "No key was given: nobody's signature was checked.")
        return
    try:
        checkpoint, _, signers = open_checkpoint(note, origin=origin, verifiers=[*keys, *heirs])
    except NoteError as error:
        report.failed(SIGNATURE, str(error))
        return
    bears = f"The checkpoint over {checkpoint.size:,} entries bears the signature of"
    report.facts["signed_by"] = [str(key) for key in signers]
    if own := [key for key in signers if key in keys]:
        names = ", ".join(f"{key.name}+{key.key_id.hex()}" for key in own)
        whose = "which you pinned" if report.pinned else "WHICH YOU DID NOT PIN"
        report.passed(SIGNATURE, f"{bears} {names}, {whose}.")
    else:
        text = (
            f"{bears} {signers[0]}, to which the key that you pinned handed over. Pin this one from now on."
        )
        report.passed(SIGNATURE, text)


def _leaf(report: Report, document: bytes, shown: Shown, id: str, number: int | None) -> RecordLeaf | None:
    try:
        leaf = read_leaf(shown.leaf)
        named = msgspec.json.decode(document, type=Named)
    except LeafError as error:
        report.failed(LEAF, str(error))
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        report.failed(LEAF, "The document does not say which version of which record it is.")
        return leaf if isinstance(leaf, RecordLeaf) else None
    if not isinstance(leaf, RecordLeaf):
        report.failed(LEAF, "The leaf is none of a record.")
        return None
    asked = (shown.origin, id, named.version if number is None else number)
    if (leaf.origin, leaf.id, leaf.version) == (named.origin, named.id, named.version) == asked:
        report.passed(LEAF, f"The leaf names version {leaf.version} of {leaf.id}, of {leaf.origin}.")
    else:
        report.failed(
            LEAF,
            f"The leaf names version {leaf.version} of {leaf.id} of {quoted(leaf.origin)}; the document says "
            f"version {named.version} of {quoted(named.id)} of {quoted(named.origin)}; asked for was version "
            f"{asked[2]} of {asked[1]} of {quoted(asked[0])}.",
        )
    return leaf
