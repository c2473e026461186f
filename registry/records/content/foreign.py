"""Whether a document of another registry can be shown here. Its bytes stay as they are, whatever it says."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from registry.canonical import scan
from registry.clock import read_instant
from registry.records.content.outline import DOCUMENT_OUTLINES, Holds, Outline, pointer_of
from registry.records.content.submission import DOCUMENTS

# Of all that a model says about a document, only this stands in the way of showing it: a text where a list
# belongs. Words, tags, patterns and lengths that are not ours are another registry's own business.
_WRONG_SHAPE = frozenset(
    {
        "bool_type",
        "dict_type",
        "float_type",
        "int_from_float",
        "int_type",
        "list_type",
        "missing",
        "model_attributes_type",
        "model_type",
        "string_type",
    }
)
_FIRST_YEAR = 1970
Misfit = tuple[str, str]
"""A code, and what it says to an operator."""


def misfit(value: Any) -> Misfit | None:
    """Why a document cannot be shown; None for one that can.

    Unknown fields, tags, words and kinds of links are no reason. A kind of record that is not known is: no
    page and no list has a place for it until this registry learns it.
    """
    if not isinstance(value, dict):
        return "not-an-object", "The document is no JSON object."
    if findings := scan(value):
        first = findings[0]
        return first.code, f"At {first.pointer[:100] or 'the top'}: {first.message[:200]}"
    kind = value.get("kind")
    model = DOCUMENTS.get(kind) if isinstance(kind, str) else None
    if model is None:
        return "unknown-kind", "The document is of a kind that this registry does not know yet."
    try:
        model.model_validate(value, extra="ignore")
    except ValidationError as error:
        for item in error.errors(include_url=False, include_context=False, include_input=False):
            if item["type"] in _WRONG_SHAPE:
                where = pointer_of(item["loc"])[:100]
                return "wrong-shape", f"At {where or 'the top'}: {item['msg'][:100]}."
    if (at := _shorthand(DOCUMENT_OUTLINES[str(kind)], value, "")) is not None:
        return "wrong-shape", f"At {at[:100]}: an object belongs here."
    if moment_of(value) is None:
        return "wrong-time", "The document does not say in RFC 3339 when this version was made."
    return None


def _shorthand(shape: Outline, data: Mapping[str, Any], pointer: str) -> str | None:
    """Where a document holds something else in the place of an object: a model takes the shorthands that
    submissions may be written in, which no document holds.
    """
    for name, item in data.items():
        step = shape.walked.get(name)
        if step is None or step.of is None:
            continue
        inner = [item] if step.holds is Holds.OBJECT else item
        for one in inner:
            if not isinstance(one, dict):
                return f"{pointer}/{name}"
            if (found := _shorthand(step.of, one, f"{pointer}/{name}")) is not None:
                return found
    return None


def moment_of(document: Mapping[str, Any]) -> datetime | None:
    """The version's own time, where it says one that a database holds."""
    try:
        moment = read_instant(document["updated"])
    except (ValueError, TypeError, AttributeError, KeyError):
        return None
    return moment if moment.tzinfo is not None and moment.year >= _FIRST_YEAR else None
