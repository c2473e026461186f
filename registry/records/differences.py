"""Where two JSON values differ, as pointers into the newer one. Pure.

Elements of lists are matched by their `id`, so that one put in front does not change all that follow.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from registry.canonical import escape

MOST = 40
# Deeper, a pointer tells an author less than the name of the field that holds it.
_DEPTH = 4


def changed(before: Mapping[str, Any], after: Mapping[str, Any], *, under: str = "") -> list[str]:
    """RFC 6901 pointers to what was changed, added or taken out: sorted, at most `MOST` of them."""
    found = dict.fromkeys(_walk(before, after, under, 0))
    return sorted(found)[:MOST]


def _walk(before: Any, after: Any, at: str, depth: int) -> Iterator[str]:
    if before == after:
        return
    if depth < _DEPTH and isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            yield from _walk(before.get(key), after.get(key), f"{at}/{escape(key)}", depth + 1)
    elif depth < _DEPTH and _by_id(before) is not None and _by_id(after) is not None:
        yield from _elements(before, after, at, depth)
    else:
        yield at


def _elements(before: Sequence[Any], after: Sequence[Any], at: str, depth: int) -> Iterator[str]:
    was = _by_id(before) or {}
    ids = [item["id"] for item in after]
    if [id for id in ids if id in was] != [id for id in was if id in set(ids)] or set(was) - set(ids):
        # Put in another order, or one taken out, which has no place in the newer list.
        yield at
    for position, item in enumerate(after):
        yield from _walk(was.get(item["id"]), item, f"{at}/{position}", depth + 1)


def _by_id(value: Any) -> dict[str, Any] | None:
    """The elements by id, where all have one of their own."""
    if not isinstance(value, list) or not all(isinstance(item, dict) and "id" in item for item in value):
        return None
    found = {str(item["id"]): item for item in value}
    return found if len(found) == len(value) else None


def resolves(document: Any, pointer: str) -> bool:
    """Whether a pointer leads to something in a document; the empty one is the whole."""
    if pointer == "":
        return True
    if not pointer.startswith("/"):
        return False
    for token in pointer[1:].split("/"):
        step = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and _position(step) < len(document):
            document = document[_position(step)]
        else:
            return False
    return True


def _position(step: str) -> int:
    plain = step.isascii() and step.isdigit() and len(step) < 7 and (step == "0" or step[0] != "0")
    return int(step) if plain else 10**7
