"""Evidence that a registry showed two logs, as a file that anybody can check with its public key alone.

One JSON object: `origin`, the verifier keys `verifiers`, the two signed notes `kept` and `shown`, and, where
their sizes differ, `began` and `path`: the hashes that lead from the root of the entries with which the
second log begins to the root that was signed over it (RFC 6962, 2.1.2), in base64.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from hmac import compare_digest
from pathlib import Path
from typing import Any

from registry.durable import sync_folder, write_whole
from registry.federation.heads import Forked
from registry.transparency.merkle import ProofError, roots_by_consistency
from registry.transparency.notes import NoteError, Verifier, open_checkpoint

KIND = "candor-equivocation/1"


class EvidenceError(ValueError):
    """What is no evidence. The text says why."""


def evidence_of(forked: Forked, verifiers: Sequence[Verifier]) -> dict[str, Any]:
    """The evidence as JSON."""
    return {
        "kind": KIND,
        "origin": forked.kept.checkpoint.origin,
        "verifiers": [str(each) for each in verifiers],
        "kept": forked.kept.note.decode(),
        "shown": forked.shown.note.decode(),
        "began": base64.b64encode(forked.began).decode(),
        "path": [base64.b64encode(each).decode() for each in forked.path],
    }


def keep(folder: Path, evidence: Mapping[str, Any]) -> Path:
    """Write evidence to a file of its own; the same evidence is one file."""
    body = json.dumps(evidence, indent=2, sort_keys=True).encode()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"equivocation-{hashlib.sha256(body).hexdigest()[:16]}.json"
    write_whole(path, body)
    sync_folder(folder)
    return path


def read(body: bytes) -> dict[str, Any]:
    """A file of evidence. Raises `EvidenceError` for any other."""
    try:
        evidence = json.loads(body)
    except (ValueError, RecursionError):
        evidence = None
    if not isinstance(evidence, dict) or evidence.get("kind") != KIND:
        raise EvidenceError("This is no file of evidence, as Candor keeps them.")
    return evidence


def check(evidence: Mapping[str, Any], verifiers: Sequence[Verifier]) -> str:
    """The origin that the evidence convicts, by a key of its that was got elsewhere: those in the file prove
    nothing, since anybody can make keys. Raises `EvidenceError` for what convicts nobody.
    """
    try:
        origin = evidence["origin"]
        kept, *_ = open_checkpoint(evidence["kept"].encode(), origin=origin, verifiers=verifiers)
        shown, *_ = open_checkpoint(evidence["shown"].encode(), origin=origin, verifiers=verifiers)
        began = base64.b64decode(evidence["began"], validate=True)
        path = [base64.b64decode(each, validate=True) for each in evidence["path"]]
    except (KeyError, TypeError, AttributeError, binascii.Error, NoteError) as error:
        raise EvidenceError(f"The evidence cannot be read: {error}") from None
    if kept.size == shown.size:
        if compare_digest(kept.root, shown.root):
            raise EvidenceError("Both checkpoints say the same.")
        return str(origin)
    try:
        first, second = roots_by_consistency(kept.size, shown.size, began, path)
    except ProofError as error:
        raise EvidenceError(str(error)) from None
    if not (compare_digest(first, began) and compare_digest(second, shown.root)):
        raise EvidenceError("The path does not lead to the root of the checkpoint that was shown.")
    if compare_digest(began, kept.root):
        raise EvidenceError("The log that was shown begins as the one that was kept.")
    return str(origin)
