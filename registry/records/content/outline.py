"""The fields of each kind as plain data, read off the models once, so that JSON can be walked without them.

`collect` walks a record once and hands the rules what they ask about: tags, references, lists of elements and
objects by type. The walk forgives wrong shapes, since rules also run over content that has other mistakes.
"""

import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator

from registry.canonical import escape
from registry.records.content.common import Element, Reference
from registry.records.content.submission import DOCUMENTS, KINDS, SUBMISSIONS
from registry.records.content.values import Terms


class Holds(Enum):
    """What stands in a field."""

    VALUE = "value"
    TAG = "tag"
    TAGS = "tags"
    OBJECT = "object"
    OBJECTS = "objects"
    ELEMENTS = "elements"


_ANY = Terms()


@dataclass(frozen=True, slots=True)
class Step:
    """One field: what it holds, of which type, and how its shorthand is written out."""

    holds: Holds
    of: "Outline | None" = None
    vocabulary: Terms = _ANY
    widen: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """The fields of one type of object, by their names in JSON."""

    type: type[BaseModel]
    fields: Mapping[str, Step]
    walked: Mapping[str, Step]


@dataclass(slots=True)
class Parts:
    """What one walk over a record found, each with its JSON pointer."""

    kind: str
    data: dict[str, Any]
    tags: list[tuple[str, str, Terms]] = field(default_factory=list)
    lists: list[tuple[str, list[Any], type[BaseModel]]] = field(default_factory=list)
    objects: dict[type[BaseModel], list[tuple[str, dict[str, Any]]]] = field(default_factory=dict)

    def of(self, kind: type[BaseModel]) -> list[tuple[str, dict[str, Any]]]:
        """The objects of one type with their pointers."""
        return self.objects.get(kind, [])


def _step(annotation: Any, metadata: list[Any]) -> Step:
    """Reads one annotation: unwraps `| None`, `Annotated` and lists."""
    widen: Callable[[Any], Any] | None = None
    many = False
    vocabulary: Terms | None = None
    while True:
        for item in metadata:
            if isinstance(item, Terms):
                vocabulary = item
            elif isinstance(item, BeforeValidator):
                widen = item.func  # type: ignore[assignment]
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *metadata = get_args(annotation)
        elif origin in (Union, types.UnionType):
            inner = [part for part in get_args(annotation) if part is not type(None)]
            if len(inner) != 1:
                return Step(Holds.VALUE)
            annotation, metadata = inner[0], []
        elif origin is list:
            many, (annotation,), metadata = True, get_args(annotation), []
        else:
            break
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not many:
            return Step(Holds.OBJECT, outline(annotation), widen=widen)
        holds = Holds.ELEMENTS if issubclass(annotation, Element) else Holds.OBJECTS
        return Step(holds, outline(annotation), widen=widen)
    if vocabulary is not None:
        return Step(Holds.TAGS if many else Holds.TAG, vocabulary=vocabulary)
    return Step(Holds.VALUE)


@cache
def outline(model: type[BaseModel]) -> Outline:
    """The outline of one model."""
    fields = {
        info.alias or name: _step(info.annotation, list(info.metadata))
        for name, info in model.model_fields.items()
    }
    walked = {name: step for name, step in fields.items() if step.holds is not Holds.VALUE}
    return Outline(model, fields, walked)


OUTLINES: Mapping[str, Outline] = {kind: outline(SUBMISSIONS[kind]) for kind in KINDS}
DOCUMENT_OUTLINES: Mapping[str, Outline] = {kind: outline(DOCUMENTS[kind]) for kind in KINDS}


def collect(kind: str, data: dict[str, Any]) -> Parts:
    """Walk a record once."""
    parts = Parts(kind, data)
    _collect(OUTLINES[kind], data, "", parts)
    return parts


def _collect(shape: Outline, data: dict[str, Any], pointer: str, parts: Parts) -> None:
    walked = shape.walked
    for key, value in data.items():
        step = walked.get(key)
        if step is None:
            continue
        holds = step.holds
        here = f"{pointer}/{key}"
        if holds is Holds.TAG:
            if isinstance(value, str):
                parts.tags.append((here, value, step.vocabulary))
        elif holds is Holds.OBJECT:
            _object(step, value, here, parts)
        elif isinstance(value, list):
            if holds is Holds.TAGS:
                for index, item in enumerate(value):
                    if isinstance(item, str):
                        parts.tags.append((f"{here}/{index}", item, step.vocabulary))
            else:
                parts.lists.append((here, value, step.of.type))  # type: ignore[union-attr]
                for index, item in enumerate(value):
                    _object(step, item, f"{here}/{index}", parts)


def _object(step: Step, value: Any, pointer: str, parts: Parts) -> None:
    if not isinstance(value, dict):
        value = step.widen(value) if step.widen is not None else None
        if not isinstance(value, dict):
            return
    shape = step.of
    if shape is None:
        return
    parts.objects.setdefault(shape.type, []).append((pointer, value))
    if shape.type is not Reference:
        _collect(shape, value, pointer, parts)


def keep_unknown(shape: Outline, raw: Mapping[str, Any], data: dict[str, Any]) -> None:
    """Copy the fields that the outline does not know from an object to what its model made of it."""
    for key, value in raw.items():
        step = shape.fields.get(key)
        if step is None:
            data[key] = value
        elif step.of is not None and key in data:
            made = data[key]
            if step.holds is Holds.OBJECT:
                _keep_in(step, value, made)
            else:
                for one, other in zip(value, made, strict=True):
                    _keep_in(step, one, other)


def _keep_in(step: Step, raw: Any, data: dict[str, Any]) -> None:
    if step.widen is not None:
        raw = step.widen(raw)  # what stands under other names in a shorthand is not unknown
    if step.of is not None and isinstance(raw, dict):
        keep_unknown(step.of, raw, data)


def names_at(kind: str, location: tuple[int | str, ...]) -> list[str]:
    """The field names that the object at a location may have."""
    shape: Outline | None = OUTLINES[kind]
    for token in location:
        if isinstance(token, int):
            continue
        step = shape.fields.get(token) if shape else None
        shape = step.of if step else None
    return list(shape.fields) if shape else []


def pointer_of(tokens: tuple[int | str, ...]) -> str:
    """A location as a JSON pointer."""
    return "".join(f"/{escape(str(token))}" for token in tokens)


def known_path(kinds: Iterator[str] | tuple[str, ...], pointer: str) -> bool:
    """Whether a pointer into a document names a field that one of the kinds has."""
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
    return any(_follow(DOCUMENT_OUTLINES[kind], tokens) for kind in kinds)


def _follow(shape: Outline, tokens: list[str]) -> bool:
    step = shape.fields.get(tokens[0])
    if step is None:
        return False
    rest = tokens[1:]
    if step.holds in (Holds.ELEMENTS, Holds.OBJECTS):
        rest = rest[1:]
    if not rest:
        return True
    if step.of is not None:
        return _follow(step.of, rest)
    return len(rest) == 1
