"""The short ids of list elements: given once, kept from version to version, never given to another element
again.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from registry.records.content.common import Element
from registry.records.content.outline import Parts, collect

_ALIKE = 0.5


def assign_ids(new: dict[str, Any], previous: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give every list element of a record an id, in place, and return the record.

    An element that brings an id keeps it. Without one, it takes over the id of the equal element of the same
    list in `previous`, else of the one that shares at least half of its members; else it gets the next number
    that neither version uses.
    """
    number(collect(new["kind"], new), previous)
    return new


def number(parts: Parts, previous: Mapping[str, Any] | None = None) -> None:
    """`assign_ids` for a record that has been walked already."""
    for pointer, items, kind in parts.lists:
        if not issubclass(kind, Element):
            continue
        bare = [item for item in items if isinstance(item, dict) and "id" not in item]
        if not bare:
            continue
        before = _elements(previous, pointer, parts.data) if previous else []
        taken = {str(item["id"]) for item in items if isinstance(item, dict) and "id" in item}
        if before:
            bare = _carry_over(bare, [old for old in before if old.get("id") not in taken], taken)
        highest = max((int(id) for id in _numbers(taken, before)), default=0)
        for offset, item in enumerate(bare, 1):
            item["id"] = str(highest + offset)


def forget_repeated_ids(parts: Parts) -> None:
    """Take its id from every element that bears that of an earlier one, so that it is given another."""
    for _, items, kind in parts.lists:
        if not issubclass(kind, Element):
            continue
        seen: set[Any] = set()
        for item in items:
            id = item.get("id")
            if id in seen:
                del item["id"]
            elif id is not None:
                seen.add(id)


def _numbers(taken: Iterable[str], before: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for id in (*taken, *(str(old.get("id")) for old in before)):
        if id.isascii() and id.isdigit():
            yield id


def _carry_over(
    bare: list[dict[str, Any]], free: list[Mapping[str, Any]], taken: set[str]
) -> list[dict[str, Any]]:
    """Hand the ids of earlier elements to their equals, then to their likes; returns who got none."""
    equals: dict[str, list[Mapping[str, Any]]] = {}
    for old in free:
        equals.setdefault(_bytes(old), []).append(old)
    left = []
    for item in bare:
        same = equals.get(_bytes(item))
        if same:
            old = same.pop(0)
            item["id"] = old["id"]
            taken.add(old["id"])
        else:
            left.append(item)
    free = [old for old in free if old.get("id") not in taken]
    scored = sorted(
        (
            (-score, position, rank)
            for position, item in enumerate(left)
            for rank, old in enumerate(free)
            if (score := _likeness(item, old)) >= _ALIKE
        ),
    )
    settled: set[int] = set()
    for _, position, rank in scored:
        old = free[rank]
        if position in settled or old["id"] in taken:
            continue
        settled.add(position)
        left[position]["id"] = old["id"]
        taken.add(old["id"])
    return [item for position, item in enumerate(left) if position not in settled]


def _bytes(element: Mapping[str, Any]) -> str:
    return json.dumps(_without_ids(element), sort_keys=True)


def _without_ids(value: Any) -> Any:
    """An element as it is compared: ids that a record's author did not write must not tell two elements
    apart.
    """
    if isinstance(value, dict):
        referenced = str(value.get("id", "")).startswith(("CIR-", "source:"))
        return {key: _without_ids(item) for key, item in value.items() if key != "id" or referenced}
    if isinstance(value, list):
        return [_without_ids(item) for item in value]
    return value


def _likeness(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """The share of members, of all that either has, that both have equal."""
    keys = (one.keys() | other.keys()) - {"id"}
    if not keys:
        return 0.0
    return sum(_bytes({"x": one.get(k)}) == _bytes({"x": other.get(k)}) for k in keys) / len(keys)


def _elements(previous: Mapping[str, Any], pointer: str, data: Any) -> list[Mapping[str, Any]]:
    """The list of the earlier version that stands where `pointer` does, crossing lists by element id."""
    old: Any = previous
    for token in pointer.split("/")[1:]:
        if isinstance(data, list):
            data = data[int(token)]
            id = data.get("id") if isinstance(data, dict) else None
            old = next((item for item in old if isinstance(item, dict) and item.get("id") == id), None)
        else:
            data = data[token]
            old = old.get(token) if isinstance(old, dict) else None
        if old is None:
            return []
    return [item for item in old if isinstance(item, dict) and "id" in item] if isinstance(old, list) else []
