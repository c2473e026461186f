"""The check: everything that is wrong with a submission, at once, and the submission as the registry keeps
it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from pydantic import ValidationError

from registry.canonical import MAX_DOCUMENT_BYTES, scan
from registry.errors import Finding, Severity, has_errors
from registry.records.content.elements import number
from registry.records.content.outline import collect
from registry.records.content.rules import AUTHORS_RULES, RULES, Circumstances
from registry.records.content.shape import Location, explain, nearest, validated
from registry.records.content.submission import KINDS
from registry.taxonomies.vocabulary import Vocabulary

DEFAULTS: Mapping[str, str] = {
    "language": "en",
    "license": "CC-BY-4.0",
    "attribution": "named",
    "basis": "first-party",
    "completeness": "final",
}
_ENCODER = msgspec.json.Encoder()
# Signs of members or elements that say nothing. A sign inside a text costs only a walk.
_EMPTY = (b'""', b"[]", b"{}", b"null")


@dataclass(frozen=True, slots=True)
class Checked:
    """The submission in its normal form, and what was found. `submission` is None where errors forbid keeping
    it.
    """

    submission: dict[str, Any] | None
    findings: tuple[Finding, ...]


def check(
    raw: Any,
    *,
    vocabulary: Vocabulary | None,
    lenient: bool = False,
    previous: Mapping[str, Any] | None = None,
    own_id: str | None = None,
    sources: bool | None = None,
) -> Checked:
    """Check a submission and bring it into its normal form.

    `lenient` is for what others wrote (imports, peers): unknown tags and fields are kept, values that cannot
    be read are left out, and their findings are warnings; what remains an error makes the record unusable.
    `previous` is the version before, whose elements' ids are carried over. `own_id` is the record's id, where
    it has one. `sources` lets references of the form `source:<scheme>:<id>` pass (default: when lenient).
    """
    if not isinstance(raw, dict):
        return _refused(
            [Finding("wrong-type", "", "A record is an object.", "Send {…} with kind, title and content.")]
        )
    findings = scan(raw)
    if findings and any(finding.code in ("too-deep", "not-json", "key-not-text") for finding in findings):
        return _refused(findings)
    try:
        sent = _ENCODER.encode(raw)
    except (ValueError, TypeError):
        sent = b"null"  # half of a character or the like; `scan` has said so
    if len(sent) > MAX_DOCUMENT_BYTES:
        problem = f"{len(sent):,} bytes; {MAX_DOCUMENT_BYTES:,} are the most."
        return _refused([*findings, Finding("too-large", "", problem)])
    if any(sign in sent for sign in _EMPTY):
        raw = _without_empties(raw)
    kind = raw.get("kind")
    if kind not in KINDS:
        return _refused([*findings, _unknown_kind(kind)])

    around = Circumstances(vocabulary, own_id, lenient if sources is None else sources)
    rules = RULES if lenient else RULES + AUTHORS_RULES
    data: dict[str, Any] | None
    try:
        data = validated(kind, raw)
        parts = collect(kind, data)
    except ValidationError as error:
        explained = explain(kind, raw, error)
        rest = _pruned(raw, explained)
        data = None
        if lenient:
            data, shape_findings = _usable(kind, rest, explained)
            findings += shape_findings
        else:
            findings += [finding for _, finding in explained]
        parts = collect(kind, data if data is not None else rest)
    for rule in rules:
        findings += rule(parts, around)
    if lenient:
        findings = (
            [
                finding if finding.code in _NEVER_MILD else replace(finding, severity=Severity.WARNING)
                for finding in findings
            ]
            if data is not None
            else findings
        )
    findings = _once(findings)
    if data is None or has_errors(findings):
        return _refused(findings)
    number(parts, previous)
    return Checked(_completed(data), tuple(findings))


# Wrong in a way that no reader can step over, whoever wrote it.
_NEVER_MILD = frozenset(
    ("control-character", "number-too-large", "not-a-number", "duplicate-element-id", "self-relation")
)


def _refused(findings: Iterable[Finding]) -> Checked:
    return Checked(None, tuple(findings))


def _once(findings: list[Finding]) -> list[Finding]:
    """Each trouble once: the two layers may both see one."""
    seen: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        seen.setdefault((finding.code, finding.pointer), finding)
    return list(seen.values())


def _unknown_kind(kind: Any) -> Finding:
    choices = f"Use one of: {', '.join(KINDS)}."
    if kind is None:
        return Finding("missing-field", "/kind", "kind is missing.", choices)
    near = nearest(str(kind), list(KINDS))
    return Finding(
        "unknown-kind",
        "/kind",
        f"There is no kind {str(kind)[:40]!r}.",
        f"Did you mean {near!r}? {choices}" if near else choices,
    )


def _without_empties(value: Any, *, patch: bool = False) -> Any:
    """Members that say nothing left out; elements of lists stay, so that pointers keep their meaning.

    In a merge patch (`restricted[].content`) a null says "remove", so patches are left as they are.
    """
    if isinstance(value, dict):
        result = {}
        for key, item in value.items():
            if key == "restricted" and isinstance(item, list):
                result[key] = item
                continue
            kept = _without_empties(item)
            if not (kept is None or kept == [] or kept == {} or (isinstance(kept, str) and not kept.strip())):
                result[key] = kept
        return result
    if isinstance(value, list):
        return [_without_empties(item) for item in value]
    return value


def _pruned(raw: dict[str, Any], explained: list[tuple[Location, Finding]]) -> dict[str, Any]:
    """The content without the values that cannot be read. List elements become None, so that others keep
    their place.
    """
    result: dict[str, Any] = raw
    for location, finding in sorted(explained, key=lambda item: -len(item[0])):
        if finding.code in ("missing-field", "unknown-field", "stamped-field") or not location:
            continue
        result = _replaced(result, location)
    return result


def _replaced(value: Any, location: Location) -> Any:
    """A copy of `value` without what stands at `location`; shared parts stay shared."""
    step, rest = location[0], location[1:]
    if isinstance(value, dict) and step in value:
        copy = dict(value)
        if rest:
            copy[step] = _replaced(value[step], rest)
        else:
            del copy[step]
        return copy
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        elements = list(value)
        elements[step] = _replaced(value[step], rest) if rest else None
        return elements
    return value


def _usable(
    kind: str, rest: dict[str, Any], explained: list[tuple[Location, Finding]]
) -> tuple[dict[str, Any] | None, list[Finding]]:
    """What can be kept of content with mistakes, and the findings, mild where it could be kept."""
    findings = [finding for _, finding in explained]
    for _ in range(4):
        try:
            return validated(kind, _compact(rest), lenient=True), findings
        except ValidationError as error:
            again = [(location, finding) for location, finding in explain(kind, _compact(rest), error)]
            # An element that lacks what it must have cannot be kept; the record can, unless it is the record
            # itself.
            broken = [
                (location[:-1], finding) if finding.code == "missing-field" else (location, finding)
                for location, finding in again
            ]
            if any(location in ((), ("content",), ("title",)) for location, _ in broken):
                return None, findings
            rest = _compact(rest)
            for location, _ in sorted(broken, key=lambda item: -len(item[0])):
                rest = _replaced(rest, location)
    return None, findings


def _compact(value: Any) -> Any:
    """Without the gaps that pruning left in lists."""
    if isinstance(value, dict):
        return {key: _compact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_compact(item) for item in value if item is not None]
    return value


def _completed(data: dict[str, Any]) -> dict[str, Any]:
    """Defaults filled in and tags made one flat list."""
    for key, value in DEFAULTS.items():
        data.setdefault(key, value)
    tags = set(data.get("tags", ()))
    tags.update(item["tag"] for item in data.get("classifications", ()))
    if tags:
        data["tags"] = sorted(tags)
    return data
