"""Restricted parts: merge patches over a document, and the check of what they would make of it.

RFC 7396, with one addition: an element of a list that bears an `id` is merged into the element of the same
id, or added where there is none, so that a part can add one harm without repeating the others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from registry.canonical import escape
from registry.errors import Finding
from registry.records.content.measures import Circumstances
from registry.records.content.outline import collect
from registry.records.content.rules import RULES
from registry.records.content.shape import explain, validated


def apply_patch(document: Any, patch: Any) -> Any:
    """The document with the patch applied; neither of the two is changed."""
    if isinstance(patch, Mapping):
        result = dict(document) if isinstance(document, Mapping) else {}
        for key, item in patch.items():
            if item is None:
                result.pop(key, None)
            else:
                result[key] = apply_patch(result.get(key), item)
        return result
    if isinstance(patch, list) and patch and all(map(_id, patch)):
        # Also where no list stands: what an element brings is merged into nothing, and its nulls go.
        elements = list(document) if isinstance(document, list) else []
        places = {_id(element): place for place, element in enumerate(elements)}
        for item in patch:
            place = places.setdefault(_id(item), len(elements))
            if place == len(elements):
                elements.append(None)
            elements[place] = apply_patch(elements[place], item)
        return elements
    return patch


def _id(element: Any) -> str | None:
    id = element.get("id") if isinstance(element, Mapping) else None
    return id if isinstance(id, str) else None


def patched_findings(kind: str, data: Mapping[str, Any], around: Circumstances) -> Iterator[Finding]:
    """What is wrong with the restricted parts of a checked submission, told where it stands in them."""
    base = {key: value for key, value in data.items() if key not in ("restricted", "handling")}
    for index, part in enumerate(data.get("restricted", ())):
        patch = part["content"]
        merged = apply_patch(base, patch)
        try:
            parts = collect(kind, validated(kind, merged, lenient=around.lenient))
            findings = [finding for rule in RULES for finding in rule(parts, around)]
        except ValidationError as error:
            findings = [finding for _, finding in explain(kind, merged, error)]
        for finding in findings:
            inside = _in_patch(merged, patch, finding.pointer)
            if inside is not None:
                yield replace(finding, pointer=f"/restricted/{index}/content{inside}")


def _in_patch(merged: Any, patch: Any, pointer: str) -> str | None:
    """Where in the patch stands what a pointer names in the merged document; None when the patch has no part
    in it.
    """
    steps = []
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(merged, list) and isinstance(patch, list):
            replaced, merged = merged == patch, merged[int(name)]
            same = (place for place, item in enumerate(patch) if _id(item) and _id(item) == _id(merged))
            place = int(name) if replaced else next(same, None)
            if place is None:
                return None
            patch = patch[place]
            steps.append(str(place))
        elif isinstance(patch, Mapping):
            if name not in patch:
                # What is missing in an object that the patch itself brings is the patch's mistake.
                return "".join(f"/{step}" for step in [*steps, token]) if merged == patch else None
            merged, patch = (merged.get(name) if isinstance(merged, Mapping) else None), patch[name]
            steps.append(escape(name))
        else:
            break
    return "".join(f"/{step}" for step in steps)
