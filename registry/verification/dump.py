"""A dump against itself, its log, and the key: what `candor dump` writes, wherever it came from."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import IO, Any

import msgspec

from registry.errors import Malformed, NotFound
from registry.transparency.notes import Verifier
from registry.transparency.trees import OWN
from registry.verification.ledger import Ledger
from registry.verification.places import Local, readable
from registry.verification.report import Report, quoted
from registry.verification.targets import LogTarget
from registry.verification.verify import CHECKPOINT, Progress, verify_log
from registry.verification.version import Named, check_signature

FILES, MANIFEST_CHECK, RECORDS_CHECK, PROOF = "files", "manifest", "records", "proof"
MANIFEST, SUMS, RECORDS = "manifest.json", "SHA256SUMS", "records.ndjson"
_LARGEST_MANIFEST = 1024 * 1024
_LONGEST_LINE = 2 * 1024 * 1024
_SUM = re.compile(rb"([0-9a-f]{64})  ([A-Za-z0-9._/-]{1,300})\n")


async def verify_dump(place: Local, keys: Sequence[Verifier], progress: Progress) -> Report:
    """The sums of all files, the manifest, the log where it is in it, and that the records are the newest
    versions that the log holds.
    """
    manifest = await _manifest(place)
    with closing(Ledger()) as ledger:
        if manifest is None or manifest.get("log") is True:
            # Without a manifest it may still be a log, such as a copy of a node's files.
            report = await verify_log(LogTarget(place, OWN), keys, progress, ledger)
            if manifest is not None and report.complete:
                _check_records(report, place, ledger)
        else:
            report = Report(
                "dump", bool(keys), {"origin": manifest.get("origin"), "size": manifest.get("size")}
            )
            note = str(manifest.get(CHECKPOINT)).encode()
            check_signature(report, note, keys, str(manifest.get("origin")))
            report.failed(
                PROOF, "The dump was made without --log: nothing in it shows that its records are the log's."
            )
    if manifest is not None:
        report.what = "dump"
        _check_manifest(report, manifest)
        _check_sums(report, place)
    return report


async def _manifest(place: Local) -> dict[str, Any] | None:
    body = await place.get(MANIFEST, _LARGEST_MANIFEST)
    if body is None:
        if await place.get(f"{OWN}checkpoint", _LARGEST_MANIFEST) is None:
            raise NotFound(f"{place.name} holds no {MANIFEST} and no log/checkpoint: it is no dump.")
        return None
    try:
        manifest: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        manifest = None
    if not isinstance(manifest, dict) or manifest.get("software") != "candor":
        raise Malformed(f"{MANIFEST} of {place.name} is none of a dump that `candor dump` made.")
    return manifest


def _check_manifest(report: Report, manifest: dict[str, Any]) -> None:
    """Whether the manifest tells of the log that was looked at."""
    told = manifest.get("counts")
    counts = told if isinstance(told, dict) else {}
    pairs = {name: (manifest.get(name), report.facts.get(name)) for name in ("origin", "size", "root")}
    if report.complete:
        pairs["versions"] = (counts.get("versions"), report.facts.get("versions"))
    wrong = [name for name, (one, other) in pairs.items() if other is not None and one != other]
    if wrong:
        report.failed(MANIFEST_CHECK, f"The manifest says otherwise than the log: {', '.join(wrong)}.")
    else:
        report.passed(
            MANIFEST_CHECK,
            f"The manifest fits; it says that the dump was made {quoted(manifest.get('made'))}.",
        )


def _check_records(report: Report, place: Local, ledger: Ledger) -> None:
    """Whether `records.ndjson` holds the newest version of every record, each once, and nothing else."""
    seen = 0
    with readable(place, RECORDS) as file:
        for batch in _batches(file):
            digests = {}
            for line in batch:
                try:
                    digests[msgspec.json.decode(line, type=Named).id] = hashlib.sha256(line).digest()
                except (msgspec.DecodeError, UnicodeDecodeError):
                    report.failed(RECORDS_CHECK, f"Line {seen + 1:,} of {RECORDS} is no record.")
                seen += 1
            newest = ledger.newest(list(digests))
            for id, digest in digests.items():
                if id not in newest or newest[id].digest != digest:
                    report.failed(
                        RECORDS_CHECK, f"{quoted(id)} in {RECORDS} is not its newest version in the log."
                    )
    if seen != ledger.handed_over():
        report.failed(
            RECORDS_CHECK, f"{RECORDS} holds {seen:,} records, and there are {ledger.handed_over():,}."
        )
    report.sum_up(RECORDS_CHECK, f"{RECORDS} holds the newest version of every record ({seen:,}).")


def _batches(file: IO[bytes] | None) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    while file is not None and (line := file.readline(_LONGEST_LINE)):
        batch.append(line.rstrip(b"\n"))
        if len(batch) == 200:
            yield batch
            batch = []
    if batch:
        yield batch


def _check_sums(report: Report, place: Local) -> None:
    """Whether every file is the one that was written, and no other is there."""
    listed: set[str] = set()
    with readable(place, SUMS) as sums:
        while sums is not None and (line := sums.readline(1024)):
            found = _SUM.fullmatch(line)
            name = found[2].decode() if found else ""
            if found is None or ".." in name.split("/") or name.startswith("/"):
                report.failed(FILES, f"{SUMS} holds a line that is none.")
                continue
            listed.add(name)
            if _sum(place, name) != found[1].decode():
                report.failed(FILES, f"{name} is not the file that was written.")
    for name in place.names():
        if name not in listed and name != SUMS:
            report.failed(FILES, f"{quoted(name)} is not among the files that were written.")
    report.sum_up(FILES, f"All {len(listed):,} files are as {SUMS} says.")


def _sum(place: Local, name: str) -> str | None:
    digest = hashlib.sha256()
    with readable(place, name) as file:
        if file is None:
            return None
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
