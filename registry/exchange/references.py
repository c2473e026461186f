"""References of the form `source:<scheme>:<id>`: finding them in a submission, and putting record ids in
their place.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from operator import is_
from typing import Any

from registry.canonical import escape
from registry.errors import Finding
from registry.exchange.item import Key, warning

_SOURCE = re.compile(r"source:([a-z0-9][a-z0-9._-]{0,39}):(\S(?:.{0,198}\S)?)")
# Where a record is named: by the `id` of an object, or by plain text that stands for one.
_FIELDS = frozenset(
    (
        "target",
        "about",
        "record",
        "mitigation",
        "mitigations",
        "derived_from",
        "exploits",
        "replaced_by",
    )
)
# An object that is nothing without what it names.
_NEEDED = frozenset(("target",))
_GONE = object()


def source_key(text: Any) -> Key | None:
    """The key in `source:aiid:6`; None for anything else."""
    found = _SOURCE.fullmatch(text) if isinstance(text, str) else None
    return (found[1], found[2]) if found else None


Place = tuple[Any, ...]
"""Where a value stands: the last step, beside the place of what holds it; () for the whole."""


def references_in(submission: dict[str, Any]) -> list[tuple[Place, Key]]:
    """Every key that a submission refers to, and where."""
    found: list[tuple[Place, Key]] = []
    _gather(submission, "", (), found)
    return found


# This goes over every value of every import: most are texts that cannot refer to anything, and are passed by
# without a call.


def _gather(value: Any, field: str, place: Place, found: list[tuple[Place, Key]]) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, dict | list) or _may_refer(name, inner):
                _gather(inner, name, (place, name), found)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            if isinstance(inner, dict | list) or _may_refer(field, inner):
                _gather(inner, field, (place, index), found)
    elif key := source_key(value):
        found.append((place, key))


def _may_refer(field: str, value: Any) -> bool:
    return (field == "id" or field in _FIELDS) and isinstance(value, str)


def resolved(
    submission: dict[str, Any],
    id_of: Callable[[Key], str | None],
    references: Sequence[tuple[Place, Key]] | None = None,
) -> tuple[dict[str, Any], list[Finding]]:
    """The submission with record ids, without the references that lead to no record, and a warning for each
    of those. `references` are all that stand in it, where they are known.
    """
    ids = [(place, id_of(key)) for place, key in references or references_in(submission)]
    if all(id is not None for _, id in ids):
        return _replaced(submission, ids), []
    findings: list[Finding] = []
    return _resolve(submission, "", (), id_of, findings), findings


def _replaced(submission: dict[str, Any], values: Iterable[tuple[Place, Any]]) -> dict[str, Any]:
    """The submission with other values at these places. What changes is copied, and nothing else."""
    made = {"": submission}
    copied: set[int] = set()
    for place, value in values:
        at: Any = made
        *steps, last = _steps(place)
        for step in ("", *steps):
            if id(at[step]) not in copied:
                at[step] = at[step].copy()
                copied.add(id(at[step]))
            at = at[step]
        at[last] = value
    return made[""]


def _resolve(
    value: Any, field: str, path: Place, id_of: Callable[[Key], str | None], findings: list[Finding]
) -> Any:
    """The value itself where nothing in it changes: most of a submission refers to nothing."""
    if isinstance(value, dict):
        made = value
        for name, inner in value.items():
            if not (isinstance(inner, dict | list) or _may_refer(name, inner)):
                continue
            result = _resolve(inner, name, (path, name), id_of, findings)
            if result is inner:
                continue
            if result is _GONE and (name == "id" or name in _NEEDED):
                return _GONE
            if made is value:
                made = dict(value)
            if result is _GONE:
                del made[name]
            else:
                made[name] = result
        return made
    if isinstance(value, list):
        results = [
            _resolve(inner, field, (path, index), id_of, findings)
            if isinstance(inner, dict | list) or _may_refer(field, inner)
            else inner
            for index, inner in enumerate(value)
        ]
        if all(map(is_, results, value)):
            return value
        return [result for result in results if result is not _GONE]
    if key := source_key(value):
        id = id_of(key)
        if id is None:
            message = f"{value!r} leads to no record here; the reference is left out."
            findings.append(
                warning(
                    "unresolved-reference", _pointer(path), message, "Import its source, then import again."
                )
            )
            return _GONE
        return id
    return value


def _steps(place: Place) -> list[Any]:
    steps: list[Any] = []
    while place:
        place, step = place
        steps.append(step)
    return steps[::-1]


def _pointer(place: Place) -> str:
    """The JSON pointer of a place."""
    return "".join(f"/{escape(str(step))}" for step in _steps(place))
