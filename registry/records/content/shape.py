"""The first layer of the check: does the content have the shape of its kind? In plain words, all at once."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from rapidfuzz import process

from registry.errors import Finding
from registry.records.content.outline import OUTLINES, keep_unknown, names_at, pointer_of
from registry.records.content.submission import STAMPED_FIELDS, SUBMISSIONS
from registry.taxonomies.vocabulary import TAG_PATTERN

Location = tuple[int | str, ...]

_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "number_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_NAMES = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}
_PATTERNS = {
    TAG_PATTERN: (
        "wrong-tag",
        "is not a tag.",
        "Write namespace:term or namespace:term/subterm, such as misuse:fraud.",
    ),
    r"^[^\r\n]*$": ("several-lines", "must be one line.", "Leave the line breaks out."),
    r"^[0-9a-f]{64}$": ("wrong-digest", "must be a SHA-256 in 64 hexadecimal digits.", None),
    r"^(/([^~/]|~[01])+)+$": (
        "wrong-pointer",
        "must be a JSON pointer.",
        "Write the path with slashes, such as /content/harms/2.",
    ),
    r"^[a-z0-9][a-z0-9-]{0,62}$": (
        "wrong-slug",
        "must be a short name of small letters, digits and hyphens.",
        None,
    ),
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$": (
        "wrong-element-id",
        "must be a short id of at most 40 letters, digits, dots, hyphens or underscores.",
        "Leave it out to have one assigned.",
    ),
}


def validated(kind: str, raw: Mapping[str, Any], *, lenient: bool = False) -> dict[str, Any]:
    """The content as its model reads it: trimmed, codes in their usual case, shorthands written out, nothing
    added.

    Raises `pydantic.ValidationError`; with `lenient`, unknown fields are no mistake and stay as they are.
    """
    model = SUBMISSIONS[kind].model_validate(raw, extra="ignore" if lenient else "forbid")
    data = model.model_dump(exclude_unset=True, exclude_none=True)
    if lenient:
        keep_unknown(OUTLINES[kind], raw, data)
    return data


def explain(kind: str, raw: Any, error: ValidationError) -> list[tuple[Location, Finding]]:
    """The findings that a failed validation amounts to, with where in `raw` each one stands."""
    found: dict[tuple[Location, str], Finding] = {}
    for item in error.errors(include_url=False):
        location = _within(raw, item["loc"], keep_last=item["type"] == "missing")
        if item["type"] in ("int_type", "float_type") and len(location) < len(item["loc"]):
            item["type"] = "number_type"  # both branches of a number failed: one finding
        finding = _finding(kind, location, item)
        found.setdefault((location, finding.code), finding)
    return [(location, finding) for (location, _), finding in found.items()]


def _within(raw: Any, location: Location, *, keep_last: bool) -> Location:
    """The part of a location that exists in the input: branches of a union add steps of their own."""
    value = raw
    for depth, token in enumerate(location):
        try:
            value = value[token]
        except (KeyError, IndexError, TypeError):
            return location if keep_last and depth == len(location) - 1 else location[:depth]
    return location


def _finding(kind: str, location: Location, item: Mapping[str, Any]) -> Finding:
    pointer = pointer_of(location)
    name = next((token for token in reversed(location) if isinstance(token, str)), "the record")
    if location and isinstance(location[-1], int):
        name = f"An element of {name}"
    context = item.get("ctx") or {}
    code = item["type"]
    value = item.get("input")
    if code == "missing":
        return Finding("missing-field", pointer, f"{name} is missing.", f"Add {name}.")
    if code == "extra_forbidden":
        return _unknown_field(kind, location, pointer, name)
    if code in _TYPES:
        given = _NAMES.get(type(value), type(value).__name__)
        hint = "Put it in quotes." if _TYPES[code] == "text" and isinstance(value, int | float) else None
        return Finding("wrong-type", pointer, f"{name} must be {_TYPES[code]}, not {given}.", hint)
    if code == "literal_error":
        return _unknown_value(pointer, name, value, str(context.get("expected", "")))
    if code == "string_too_short":
        return Finding("empty", pointer, f"{name} is empty.", "Write something or leave it out.")
    if code == "string_too_long":
        return Finding(
            "too-long",
            pointer,
            f"{name} has {len(str(value)):,} characters; {context['max_length']:,} are the most.",
        )
    if code == "too_long":
        return Finding(
            "too-many",
            pointer,
            f"{name} has {context['actual_length']:,} elements; {context['max_length']:,} are the most.",
        )
    if code == "string_pattern_mismatch":
        wrong, problem, hint = _PATTERNS.get(
            context.get("pattern", ""), ("wrong-format", "is not written as it should be.", None)
        )
        return Finding(wrong, pointer, f"{name} {problem}", hint)
    if code in ("greater_than_equal", "less_than_equal"):
        side, bound = (
            ("least", context.get("ge")) if code.startswith("greater") else ("most", context.get("le"))
        )
        return Finding("out-of-range", pointer, f"{name} must be at {side} {bound}.")
    if code == "finite_number":
        return Finding("not-a-number", pointer, f"{name} must be a finite number.", "Leave the field out.")
    if code == "string_unicode":
        return Finding(
            "control-character", pointer, f"{name} holds half of a character.", "Send well-formed UTF-8."
        )
    if "problem" in context:
        return Finding(code, pointer, context["problem"], context.get("suggestion"))
    return Finding("wrong-value", pointer, f"{name} cannot be read.")


def _unknown_field(kind: str, location: Location, pointer: str, name: str) -> Finding:
    if len(location) == 1 and location[0] in STAMPED_FIELDS:
        return Finding("stamped-field", pointer, f"The registry itself writes {name}.", "Leave it out.")
    names = names_at(kind, location[:-1])
    if near := nearest(name, names):
        return Finding(
            "unknown-field", pointer, f"There is no field {name!r} here.", f"Did you mean {near!r}?"
        )
    elsewhere = [part for part in ("", "content") if name in names_at(kind, (part,) if part else ())]
    if elsewhere:
        where = "under content" if elsewhere[0] else "at the top level"
        return Finding("unknown-field", pointer, f"There is no field {name!r} here.", f"It belongs {where}.")
    return Finding(
        "unknown-field", pointer, f"There is no field {name!r} here.", f"There are: {', '.join(names)}."
    )


def _unknown_value(pointer: str, name: str, value: Any, expected: str) -> Finding:
    choices = [part.strip("' ") for part in expected.replace(" or ", ",").split(",") if part.strip("' ")]
    allowed = f"Use one of: {', '.join(choices)}."
    near = nearest(str(value), choices)
    return Finding(
        "unknown-value",
        pointer,
        f"{name} cannot be {str(value)[:60]!r}.",
        f"Did you mean {near!r}? {allowed}" if near else allowed,
    )


def nearest(text: str, choices: list[str]) -> str | None:
    """The choice that `text` was probably meant to be, or nothing."""
    match = process.extractOne(
        text, choices, processor=lambda word: word.lower().replace("_", "-"), score_cutoff=75
    )
    return match[0] if match else None
