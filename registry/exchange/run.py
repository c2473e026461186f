"""The import run: items in, records written, a report of what became of each.

Batches are written as they fill, so that memory does not grow with the source and a killed run loses at most
one. An item that refers to one not seen yet waits, on disk, until the source has been read. What is written
for an item depends on nothing but the item and the records it refers to, and its id on its key: a run that is
repeated, from the start or after a kill, finds what it wrote and changes nothing.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

from registry.errors import Finding, Severity, has_errors
from registry.exchange.item import Item, Key
from registry.exchange.references import Place, references_in, resolved
from registry.exchange.sink import Outcome, Refusal, Sink
from registry.records.content.check import check
from registry.records.imports import Incoming
from registry.taxonomies.vocabulary import Vocabulary

BATCH = 200
# Kept in memory before they go to disk.
_SPOOL = 8 * 1024 * 1024
# Facts about a fetch, not about the item: they alone make no revision.
_VOLATILE = ("retrieved", "sha256")


@dataclass(frozen=True, slots=True)
class Rejection:
    """An item that was not imported, and everything that is wrong with it."""

    item: str
    findings: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        return {"item": self.item, "findings": [finding.as_json() for finding in self.findings]}


@dataclass(slots=True)
class Note:
    """A warning that several items share: how many, and the first of them."""

    item: str
    finding: Finding
    count: int = 1

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.finding.code,
            "count": self.count,
            "item": self.item,
            "message": self.finding.message,
        }


@dataclass(slots=True)
class Report:
    """What became of the items. `notes` are warnings: of imported items, and of those that were left out on
    purpose.
    """

    created: int = 0
    revised: int = 0
    unchanged: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    notes: dict[str, Note] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "created": self.created,
            "revised": self.revised,
            "unchanged": self.unchanged,
            "rejected": [rejection.as_json() for rejection in self.rejected],
            "notes": [note.as_json() for note in self.notes.values()],
        }

    def warn(self, item: str, findings: Iterable[Finding]) -> None:
        for finding in findings:
            if finding.severity is Severity.WARNING:
                note = self.notes.get(finding.code)
                if note is None:
                    self.notes[finding.code] = Note(item, finding)
                else:
                    note.count += 1


def digest_of(submission: dict[str, Any]) -> str:
    """What tells whether an item changed: SHA-256 over the submission less what changes with every fetch."""
    return _digest(_text_of(submission))


def _text_of(submission: dict[str, Any]) -> str:
    source = submission.get("source")
    if isinstance(source, dict):
        kept = {name: value for name, value in source.items() if name not in _VOLATILE}
        submission = {**submission, "source": kept}
    return json.dumps(submission, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


async def run(
    items: Iterable[Item],
    sink: Sink,
    *,
    vocabulary: Vocabulary | None,
    strict: bool = False,
    progress: Callable[[int], None] | None = None,
    batch: int = BATCH,
) -> Report:
    """Import `items` into `sink`. `progress` is called with the number of items dealt with since."""
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL, mode="w+", encoding="utf-8") as spool:
        this = _Run(sink, vocabulary, strict, progress or (lambda done: None), spool)
        source = iter(items)
        while several := list(islice(source, batch)):
            await this.take(several)
        await this.finish(batch)
        return this.report


@dataclass(slots=True)
class _Candidate:
    """An item on its way: checked, with its references resolved."""

    item: Item
    key: Key
    digest: str
    references: Sequence[tuple[Place, Key]] = ()
    incoming: Incoming | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def refers(self) -> set[Key]:
        return {key for _, key in self.references}


def _candidate(item: Item, key: Key) -> _Candidate:
    submission = item.submission or {}
    text = _text_of(submission)
    # Most items refer to nothing, and their text shows it faster than a walk.
    references = references_in(submission) if '"source:' in text else ()
    return _Candidate(item, key, _digest(text), references)


@dataclass(slots=True)
class _Run:
    sink: Sink
    vocabulary: Vocabulary | None
    strict: bool
    progress: Callable[[int], None]
    spool: Any
    report: Report = field(default_factory=Report)
    # Keys are held as eight bytes of their hash: a million of them fit into a hundred megabytes.
    seen: set[int] = field(default_factory=set)
    written: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)

    async def take(self, items: Sequence[Item]) -> None:
        """Deal with one batch: write what is ready, let wait what refers to something not seen yet."""
        candidates = [found for item in items if (found := self._candidate(item))]
        present = await self._present(candidates)
        ready: list[_Candidate] = []
        for candidate in candidates:
            # For now every reference is believed; `_settled` below sees which of them really lead somewhere.
            self._prepare(candidate, present, partial(self._id_of, present))
            if candidate.incoming is None:
                self._reject(candidate.item.name, candidate.findings)
            else:
                ready.append(candidate)
        settled = self._settled(ready, present)
        for candidate in ready:
            if candidate.key not in settled:
                self._let_wait(candidate.item)
        await self._write([candidate for candidate in ready if candidate.key in settled])

    async def finish(self, batch: int) -> None:
        """Write what waited. Whatever it refers to is known by now, or will not come."""
        self.spool.seek(0)
        while lines := list(islice(self.spool, batch)):
            candidates = [
                _candidate(item, item.key) for item in map(_restored, lines) if item.key is not None
            ]
            present = await self._present(candidates)
            ready = []
            for candidate in candidates:
                self._prepare(candidate, present, partial(self._id_if_any, present))
                if candidate.incoming is None:
                    self._reject(candidate.item.name, candidate.findings)
                else:
                    ready.append(candidate)
            await self._write(ready)

    def _candidate(self, item: Item) -> _Candidate | None:
        """The item as a candidate, or None when it ends here: rejected, or left out on purpose."""
        if item.rejected:
            self._reject(item.name, item.findings)
        elif item.submission is None:
            self.report.warn(item.name, item.findings)
            self.progress(1)
        elif item.key is None:
            self._reject(item.name, (Finding("missing-id", "", "Nothing tells this item from others."),))
        elif _hash(item.key) in self.seen:
            message = f"Another item of this import has the same id, {item.key[1]!r}."
            self._reject(item.name, (Finding("duplicate-key", "/source/id", message, "Keep one of them."),))
        elif trouble := _not_for_all(item.submission):
            self._reject(item.name, (trouble,))
        else:
            self.seen.add(_hash(item.key))
            return _candidate(item, item.key)
        return None

    async def _present(self, candidates: Sequence[_Candidate]) -> dict[Key, tuple[str, str]]:
        keys = {key for candidate in candidates for key in (candidate.key, *candidate.refers)}
        return dict(await self.sink.existing(keys)) if keys else {}

    def _id_of(self, present: dict[Key, tuple[str, str]], key: Key) -> str:
        return present[key][0] if key in present else self.sink.id_for(key)

    def _id_if_any(self, present: dict[Key, tuple[str, str]], key: Key) -> str | None:
        known = key in present or _hash(key) in self.written or _hash(key) in self.waiting
        return self._id_of(present, key) if known else None

    def _prepare(
        self,
        candidate: _Candidate,
        present: dict[Key, tuple[str, str]],
        id_of: Callable[[Key], str | None],
    ) -> None:
        """Resolve, compare and check; sets `incoming`, or leaves it None with the findings that forbid it."""
        submission = candidate.item.submission or {}
        unresolved: list[Finding] = []
        digest = candidate.digest
        if candidate.references:
            submission, unresolved = resolved(submission, id_of, candidate.references)
            digest = digest_of(submission)
        id = self._id_of(present, candidate.key)
        findings = (*candidate.item.findings, *unresolved)
        if candidate.key in present and present[candidate.key][1] == digest:
            # Checked when it was written. The sink still sees it: it may wait for its publication.
            checked: dict[str, Any] | None = submission
        else:
            result = check(submission, vocabulary=self.vocabulary, lenient=not self.strict, own_id=id)
            findings = (*findings, *result.findings)
            checked = None if has_errors(findings) else result.submission
        candidate.findings = _with_lines(findings, candidate.item)
        if checked is not None:
            candidate.incoming = Incoming(candidate.key, id, checked, digest, submission, not self.strict)

    def _settled(self, ready: Sequence[_Candidate], present: dict[Key, tuple[str, str]]) -> set[Key]:
        """The candidates all of whose references lead to records: there already, written before, or among
        these.
        """
        settled = {candidate.key for candidate in ready}
        while True:
            stuck = {
                candidate.key
                for candidate in ready
                if candidate.key in settled
                and any(
                    key not in settled and key not in present and _hash(key) not in self.written
                    for key in candidate.refers
                )
            }
            if not stuck:
                return settled
            settled -= stuck

    def _let_wait(self, item: Item) -> None:
        json.dump({"name": item.name, "key": item.key, "submission": item.submission}, self.spool)
        self.spool.write("\n")
        # Its own findings are told now; what follows from its references, when it is written.
        self.report.warn(item.name, item.findings)
        if item.key is not None:
            self.waiting.add(_hash(item.key))

    async def _write(self, candidates: Sequence[_Candidate]) -> None:
        if not candidates:
            return
        outcomes = await self.sink.write([each.incoming for each in candidates if each.incoming])
        for candidate, outcome in zip(candidates, outcomes, strict=True):
            self._count(candidate, outcome)

    def _count(self, candidate: _Candidate, outcome: Outcome) -> None:
        if isinstance(outcome, Refusal):
            self._reject(candidate.item.name, outcome.findings)
            return
        setattr(self.report, outcome, getattr(self.report, outcome) + 1)
        self.written.add(_hash(candidate.key))
        self.report.warn(candidate.item.name, candidate.findings)
        self.progress(1)

    def _reject(self, name: str, findings: tuple[Finding, ...]) -> None:
        self.report.rejected.append(Rejection(name, findings))
        self.progress(1)


def _hash(key: Key) -> int:
    return int.from_bytes(
        hashlib.blake2b("\x1f".join(key).encode("utf-8", "replace"), digest_size=8).digest()
    )


def _restored(line: str) -> Item:
    held = json.loads(line)
    scheme, id = held["key"]
    return Item(held["name"], (scheme, id), held["submission"])


def _not_for_all(submission: dict[str, Any]) -> Finding | None:
    """An import makes public records. What is meant for some, or for later, must not become one."""
    handling = submission.get("handling")
    clear = not isinstance(handling, dict) or handling.get("tlp", "CLEAR") == "CLEAR"
    later = isinstance(handling, dict) and bool(handling.get("embargo_until"))
    if clear and not later and not submission.get("restricted"):
        return None
    return Finding(
        "not-for-all",
        "/handling",
        "An import writes public records, and this one is not meant for everybody now.",
        "Send it to the API, which keeps handling and restricted parts.",
    )


def _with_lines(findings: Sequence[Finding], item: Item) -> tuple[Finding, ...]:
    """Findings whose messages begin with the line of the file, where the format knows it."""
    line_of = item.line_of
    if line_of is None:
        return tuple(findings)
    return tuple(
        finding
        if finding.message.startswith("Line ")
        else replace(finding, message=f"Line {line_of(finding.pointer)}: {finding.message}")
        for finding in findings
    )
