"""Whether a document of another registry can be shown here. Its bytes stay as they are, whatever it says."""

import types
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from pydantic import BaseModel

from registry.canonical import scan
from registry.clock import read_instant
from registry.records.content.submission import DOCUMENTS

_FIRST_YEAR = 1970
Misfit = tuple[str, str]
"""A code, and what it says to an operator."""


def misfit(document: bytes, value: Any) -> Misfit | None:
    """Why a document cannot be shown; None for one that can. `value` is what its bytes say.

    Unknown fields, tags, words and kinds of links are no reason, nor are words, patterns and lengths that are
    not ours. What is of another shape is: a text where a list belongs. So is a kind of record that is not
    known: no page and no list has a place for it until this registry learns it.
    """
    if not isinstance(value, dict):
        return "not-an-object", "The document is no JSON object."
    if findings := scan(value):
        first = findings[0]
        return first.code, f"At {first.pointer[:100] or 'the top'}: {first.message[:200]}"
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in DOCUMENTS:
        return "unknown-kind", "The document is of a kind that this registry does not know yet."
    try:
        _reader(kind).decode(document)
    except msgspec.ValidationError as error:
        return "wrong-shape", f"{str(error)[:300]}."
    if moment_of(value) is None:
        return "wrong-time", "The document does not say in RFC 3339 when this version was made."
    return None


def moment_of(document: Mapping[str, Any]) -> datetime | None:
    """The version's own time, where it says one that a database holds."""
    try:
        moment = read_instant(document["updated"])
        return moment.astimezone(UTC) if moment.tzinfo and moment.year >= _FIRST_YEAR else None
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
        return None


# --- the shape of documents, without all else that models demand of submissions


@cache
def _reader(kind: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_struct(DOCUMENTS[kind]))


@cache
def _struct(model: type[BaseModel]) -> Any:
    """The fields of a model with their types alone. In compiled code, and so many times as fast."""
    fields: list[Any] = []
    names: dict[str, str] = {}
    for place, (name, info) in enumerate(model.model_fields.items()):
        # A name in JSON may be no name in Python.
        field = f"field_{place}"
        names[field] = info.alias or name
        shape = _shape(info.annotation)
        fields.append(
            (field, shape) if info.is_required() else (field, shape | msgspec.UnsetType, msgspec.UNSET)
        )
    return msgspec.defstruct(model.__name__, fields, rename=names, kw_only=True)


def _shape(annotation: Any) -> Any:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _shape(get_args(annotation)[0])
    if origin is Literal:
        return type(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return Union[tuple(dict.fromkeys(_shape(part) for part in get_args(annotation)))]  # noqa: UP007
    if origin is list:
        return list[_shape(get_args(annotation)[0])]  # type: ignore[misc]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _struct(annotation)
    # Dates of any precision are texts of their own kind.
    if isinstance(annotation, type) and issubclass(annotation, str):
        return str
    return annotation
