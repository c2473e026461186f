"""What can be kept of content with mistakes: for imports and peers, where nobody is there to correct it.

Unknown fields stay. A value that cannot be read is left out, and with it the element that cannot do without
it; only a record without its own title, kind or content is of no use.
"""

from collections.abc import Iterable
from dataclasses import replace
from math import isfinite
from typing import Any

from pydantic import ValidationError

from registry.canonical import without_forbidden_characters
from registry.errors import Finding, Severity
from registry.records.content.shape import Location, explain, validated

Explained = list[tuple[Location, Finding]]

_VITAL: frozenset[Location] = frozenset(((), ("content",), ("title",), ("kind",)))
_KEEPS = frozenset(("unknown-field", "stamped-field"))
_MAX_EXACT = 2**53 - 1


def usable(
    kind: str, raw: dict[str, Any], explained: Explained
) -> tuple[dict[str, Any] | None, list[Finding]]:
    """The content without what cannot be read, or None, and the findings, mild but for what makes it None."""
    findings = [_mild(finding) for _, finding in explained]
    rest, broken = raw, explained
    while True:
        rest, lost = _without(rest, broken)
        if lost:
            fatal = {(finding.code, finding.pointer) for finding in lost}
            kept = [finding for finding in findings if (finding.code, finding.pointer) not in fatal]
            return None, kept + lost
        rest = without_empties(compact(rest))
        try:
            return validated(kind, rest, lenient=True), findings
        except ValidationError as error:
            # Only what is missing can be wrong now: with each round, the objects that lack it go.
            broken = explain(kind, rest, error)


def _mild(finding: Finding) -> Finding:
    kept = "It is kept." if finding.code in _KEEPS else "It is left out."
    return replace(finding, message=f"{finding.message} {kept}", severity=Severity.WARNING)


def _without(raw: dict[str, Any], explained: Explained) -> tuple[dict[str, Any], list[Finding]]:
    """The content without broken values, and the findings that cost a part it cannot do without."""
    lost = []
    targets: set[Location] = set()
    for location, finding in explained:
        if finding.code in _KEEPS:
            continue
        target = location[:-1] if finding.code == "missing-field" else location
        if target in _VITAL:
            lost.append(finding)
        else:
            targets.add(target)
    return replaced(raw, targets), lost


def pruned(raw: dict[str, Any], explained: Explained) -> dict[str, Any]:
    """The content without the values that cannot be read, however little is left of it. List elements become
    None, so that the others keep their places.
    """
    spared = (*_KEEPS, "missing-field")
    return replaced(raw, {where for where, finding in explained if finding.code not in spared and where})


def replaced(raw: dict[str, Any], locations: Iterable[Location]) -> dict[str, Any]:
    """A copy without what stands at the locations; parts that do not change stay shared."""
    result: Any = raw
    for location in sorted(locations, key=len, reverse=True):
        result = _replaced(result, location)
    return dict(result)


def _replaced(value: Any, location: Location) -> Any:
    step, rest = location[0], location[1:]
    if isinstance(value, dict) and step in value:
        copy = dict(value)
        if rest:
            copy[str(step)] = _replaced(value[str(step)], rest)
        else:
            del copy[str(step)]
        return copy
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        elements = list(value)
        elements[step] = _replaced(value[step], rest) if rest else None
        return elements
    return value


def compact(value: Any) -> Any:
    """Without the gaps that pruning left in lists."""
    if isinstance(value, dict):
        return {key: compact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [compact(item) for item in value if item is not None]
    return value


def fit(value: Any) -> Any:
    """Without what no record may hold: forbidden characters, numbers that are none, integers that are not
    exact.
    """
    if isinstance(value, str):
        return without_forbidden_characters(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) <= _MAX_EXACT:
            return value
        return str(value) if isfinite(value) else None
    if isinstance(value, dict):
        return {without_forbidden_characters(key): fit(item) for key, item in value.items()}
    if isinstance(value, list):
        return [fit(item) for item in value]
    return value


def without_empties(value: Any) -> Any:
    """Members that say nothing left out; elements of lists stay, so that pointers keep their meaning.

    In a merge patch (`restricted[].content`) a null says "remove", so patches are left as they are.
    """
    if isinstance(value, dict):
        result = {}
        for key, item in value.items():
            kept = item if key == "restricted" else without_empties(item)
            if not (kept is None or kept in ([], {}) or (isinstance(kept, str) and not kept.strip())):
                result[key] = kept
        return result
    if isinstance(value, list):
        return [without_empties(item) for item in value]
    return value
