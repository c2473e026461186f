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
from registry.records.content.elements import forget_repeated_ids, number
from registry.records.content.measures import Circumstances
from registry.records.content.mend import fit, pruned, usable, without_empties
from registry.records.content.outline import collect
from registry.records.content.patch import patched_findings
from registry.records.content.rules import AUTHORS_RULES, RULES
from registry.records.content.shape import explain, nearest, validated
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
        hint = "Send an object with kind, title and content."
        return _refused([Finding("wrong-type", "", "A record is an object.", hint)])
    findings = scan(raw)
    if findings:
        if any(finding.code in _UNREADABLE for finding in findings):
            return _refused(findings)
        if lenient:
            raw = fit(raw)
            findings = [replace(finding, severity=Severity.WARNING) for finding in findings]
    try:
        sent = _ENCODER.encode(raw)
    except (ValueError, TypeError):
        sent = b"null"  # half of a character or the like; `scan` has said so
    if len(sent) > MAX_DOCUMENT_BYTES:
        problem = f"{len(sent):,} bytes; {MAX_DOCUMENT_BYTES:,} are the most."
        return _refused([*findings, Finding("too-large", "", problem)])
    if any(sign in sent for sign in _EMPTY):
        raw = without_empties(raw)
    kind = raw.get("kind")
    if kind not in KINDS:
        return _refused([*findings, _unknown_kind(kind)])

    data, rest, found = _shaped(kind, raw, lenient)
    findings += found
    around = Circumstances(vocabulary, own_id, lenient if sources is None else sources, lenient)
    parts = collect(kind, rest if data is None else data)
    broken_rules = [finding for rule in RULES for finding in rule(parts, around)]
    if data is not None and "restricted" in data:
        broken_rules += patched_findings(kind, data, around)
    if lenient:
        findings += [
            finding if finding.code in _NEVER_MILD else replace(finding, severity=Severity.WARNING)
            for finding in broken_rules
        ]
    else:
        findings += broken_rules
        findings += [finding for rule in AUTHORS_RULES for finding in rule(parts, around)]
    findings = _once([_as_sent(raw, finding) for finding in findings])
    if data is None or has_errors(findings):
        return _refused(findings)
    if lenient and any(finding.code == "duplicate-element-id" for finding in findings):
        forget_repeated_ids(parts)
    number(parts, previous)
    return Checked(_completed(data), tuple(findings))


_UNREADABLE = frozenset(("too-deep", "not-json", "key-not-text"))
# Wrong whoever wrote it: no reader could make sense of it.
_NEVER_MILD = frozenset(("self-relation",))


def _shaped(
    kind: str, raw: dict[str, Any], lenient: bool
) -> tuple[dict[str, Any] | None, dict[str, Any], list[Finding]]:
    """The content as its model reads it, or None; what rules can look at in that case; what is wrong."""
    try:
        return validated(kind, raw), raw, []
    except ValidationError as error:
        explained = explain(kind, raw, error)
    if any(finding.code == "empty" for _, finding in explained) and (fuller := without_empties(raw)) != raw:
        # Blank texts show only once they are trimmed; leaving them out may be all that it takes.
        return _shaped(kind, fuller, lenient)
    if lenient:
        data, findings = usable(kind, raw, explained)
    else:
        data, findings = None, [finding for _, finding in explained]
    return data, pruned(raw, explained), findings


def _refused(findings: Iterable[Finding]) -> Checked:
    return Checked(None, tuple(findings))


def _once(findings: list[Finding]) -> list[Finding]:
    """Each trouble once: the two layers may both see one."""
    seen: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        seen.setdefault((finding.code, finding.pointer), finding)
    return list(seen.values())


def _as_sent(raw: Any, finding: Finding) -> Finding:
    """The finding on a shorthand, at the text that was sent and not inside the object that it stands for."""
    value = raw
    end = 0
    for token in finding.pointer.split("/")[1:]:
        if isinstance(value, str):
            return replace(finding, pointer=finding.pointer[:end])
        end += len(token) + 1
        try:
            value = value[int(token)] if isinstance(value, list) else value[token]
        except (KeyError, IndexError, TypeError, ValueError):
            break
    return finding


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


def _completed(data: dict[str, Any]) -> dict[str, Any]:
    """Defaults filled in and tags made one flat list."""
    for key, value in DEFAULTS.items():
        data.setdefault(key, value)
    tags = set(data.get("tags", ()))
    tags.update(item["tag"] for item in data.get("classifications", ()))
    if tags:
        data["tags"] = sorted(tags)
    return data
