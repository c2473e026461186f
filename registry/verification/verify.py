"""From a target to a report: what is fetched, and which checks it goes through."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from registry.errors import CandorError, Malformed, NotFound, Unreached
from registry.outgoing import Fetched
from registry.transparency.merkle import ProofError, leaf_hash
from registry.transparency.notes import (
    LARGEST_NOTE,
    NoteError,
    Verifier,
    read_checkpoint,
    read_note,
    read_verifier,
)
from registry.verification.authors import check_authors
from registry.verification.documents import Answers, Documents, Parts, versions_file
from registry.verification.ledger import Ledger
from registry.verification.places import Place, Web
from registry.verification.report import Report, quoted
from registry.verification.targets import LogTarget, RecordTarget, one_origin
from registry.verification.version import (
    LARGEST_PROOF,
    Named,
    Shown,
    check_signature,
    check_version,
)
from registry.verification.whole import CHAIN, check_log, tree_of

LARGEST_DOCUMENT = 4 * 1024 * 1024
_LARGEST_LIST = 1024 * 1024
_ORIGIN = "origin"
CHECKPOINT = "checkpoint"

Progress = Callable[[int], AbstractContextManager[Callable[[int], None] | None]]
"""Given how many entries there are: a bar that is moved on by as many as were read."""


async def verify_record(target: RecordTarget, keys: Sequence[Verifier], *, all_versions: bool) -> Report:
    """A version of a record, the newest or all, at the registry that shows it."""
    report = Report("record", bool(keys), {"id": target.id})
    pinned = one_origin([key.name for key in keys])
    numbers: list[int | None] = [target.number]
    if all_versions:
        numbers = list(await _numbers(target))
    before: bytes | None = None
    for number in numbers:
        document, shown = await _version(target, number)
        used = keys or await _told_keys(target.place, shown.origin)
        if pinned is not None and shown.origin != pinned:
            report.failed(_ORIGIN, f"The record is of {shown.origin}, and the key is of {pinned}.")
        report.facts.update(origin=shown.origin)
        if len(numbers) == 1:
            number = msgspec.json.decode(document, type=Named).version if number is None else number
        leaf = check_version(report, document, shown, used, id=target.id, number=number)
        await check_authors(report, document, shown.signatures)
        report.facts["versions"] = report.facts.get("versions", 0) + 1
        if leaf is None or not all_versions:
            continue
        if leaf.prev == (before.hex() if before is not None else None):
            report.passed(CHAIN, f"Version {leaf.version} names the one before it.")
        else:
            report.failed(CHAIN, f"Version {leaf.version} names another one before it than is shown.")
        before = leaf_hash(shown.leaf)
    return report


async def verify_log(
    target: LogTarget, keys: Sequence[Verifier], progress: Progress, ledger: Ledger
) -> Report:
    """A whole log, or the mirror of one, with its documents where they are handed out."""
    report = Report("mirror" if target.hash else "log", bool(keys))
    note = await target.place.get(f"{target.prefix}{CHECKPOINT}", LARGEST_NOTE)
    if note is None:
        raise NotFound(f"{target.place.name}{target.prefix}{CHECKPOINT} is not there: no log was found.")
    try:
        checkpoint = read_checkpoint(read_note(note).text)
    except NoteError as error:
        report.failed(CHECKPOINT, str(error))
        return report
    origin = one_origin([key.name for key in keys]) or checkpoint.origin
    report.facts.update(origin=checkpoint.origin, size=checkpoint.size, root=checkpoint.root.hex())
    if not target.is_of(origin):
        report.failed(_ORIGIN, f"The mirror's address is not that of {origin}.")
    if checkpoint.origin != origin:
        report.failed(_ORIGIN, f"The checkpoint is of {quoted(checkpoint.origin)}, the key of {origin}.")
    if not report.sound:
        return report
    documents = await _documents(target)
    tree = tree_of(checkpoint, target.place, target.prefix)
    with progress(checkpoint.size) as advance:
        handed_over = await check_log(report, tree, documents, ledger, advance)
    trusted = list(keys or await _told_keys(target.place, origin))
    heirs: list[Verifier] = []
    for leaf in handed_over:
        if leaf.old in (*trusted, *heirs):
            heirs.append(leaf.new)
    check_signature(report, note, trusted, origin, heirs)
    return report


async def _documents(target: LogTarget) -> Documents | None:
    """Where the documents behind a log are to be had: from a registry, or in files as a dump has them."""
    if target.documents is not None:
        probe = await target.place.get(f"{target.documents}?from=0&limit=1", LARGEST_DOCUMENT)
        if probe is not None:
            return Answers(target.place, target.documents)
    if await target.place.get(versions_file(0), LARGEST_DOCUMENT * 128) is not None:
        return Parts(target.place)
    return None


async def _numbers(target: RecordTarget) -> list[int]:
    """The numbers of the public versions of a record, from the first."""
    answer = await _asked(target, f"api/v1/records/{target.id}/versions{target.query}", _LARGEST_LIST)
    try:
        items: Any = msgspec.json.decode(answer.body)["items"]
        labels = [str(item["version"]) for item in items]
        return sorted(int(label) for label in labels if label.isdecimal() and len(label) < 10)
    except (msgspec.DecodeError, KeyError, TypeError):
        raise Malformed(f"{answer.url} is no list of versions.") from None


async def _version(target: RecordTarget, number: int | None) -> tuple[bytes, Shown]:
    """A version's document and its proof."""
    base = f"api/v1/records/{target.id}"
    path = base if number is None else f"{base}/versions/{number}"
    document = (await _asked(target, path + target.query, LARGEST_DOCUMENT)).body
    try:
        named = msgspec.json.decode(document, type=Named)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Malformed(f"{target.place.name}{path} answered no record.") from None
    path = f"{base}/versions/{named.version if number is None else number}/proof"
    answer = await _asked(target, path + target.query, LARGEST_PROOF)
    try:
        return document, Shown.read(answer.body)
    except ProofError as error:
        raise Malformed(f"{answer.url}: {error}") from None


async def _asked(target: RecordTarget, path: str, limit: int) -> Fetched:
    answer = await target.place.ask(path, limit)
    match answer.status:
        case 200:
            return answer
        case 404:
            raise NotFound(f"{answer.url} is not there.")
        case 410:
            raise NotFound(
                f"{target.id} was erased, as {target.place.name} says. Verify the whole log to see the "
                "entries that tell of it."
            )
        case 451:
            raise NotFound(f"{target.id} is withheld at {target.place.name} by an order.")
        case 503:
            raise Unreached(
                f"{answer.url}: the version is under no signed checkpoint yet. Try again in a moment.",
                reason="status",
            )
        case status:
            raise Unreached(f"{answer.url} answered {status}.", reason="status")


async def _told_keys(place: Place, origin: str) -> list[Verifier]:
    """The keys that a registry itself names: enough to find damage, worthless against whoever runs it."""
    if not isinstance(place, Web):
        return []
    try:
        body = await place.get(".well-known/candor", LARGEST_NOTE) or b"{}"
        told: Any = msgspec.json.decode(body)["verifier_keys"]
        return [key for key in map(read_verifier, told) if key.name == origin]
    except (CandorError, msgspec.DecodeError, KeyError, TypeError, AttributeError, NoteError):
        return []
