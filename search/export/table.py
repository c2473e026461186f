"""Records as tables: one row for each, and one for each value of their lists. Pure.

Columns are added at the end and never renamed or moved. Documents of other registries may hold anything
anywhere: what has another shape is left empty.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from registry.feeds.links import Links
from registry.taxonomies.vocabulary import Vocabulary

JOINT = "; "
"""Between values that share a cell. The table of lists has them apart."""

Document = Mapping[str, Any]
Value = tuple[str, str, str]
"""A value of a list, its label (empty: that of the tag that it is), and what else is said of it."""


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""


def _at(document: Document, *path: str) -> str:
    value: Any = document
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return _text(value)


def _objects(document: Document, *path: str) -> list[Mapping[str, Any]]:
    value: Any = document
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _texts(document: Document, *path: str) -> list[str]:
    value: Any = document
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    values = value if isinstance(value, list) else [value]
    return [text for text in map(_text, values) if text]


def _publishers(document: Document) -> list[Mapping[str, Any]]:
    own = document.get("provider")
    return [*([own] if isinstance(own, Mapping) else []), *_objects(document, "co_providers")]


# --- one row for each record


def _field(*path: str) -> Callable[[Document], str]:
    return lambda document: _at(document, *path)


def _joined(name: str) -> Callable[[Document], str]:
    return lambda document: JOINT.join(dict.fromkeys(value for value, _, _ in LISTS[name](document) if value))


def _outcomes(document: Document) -> str:
    pairs = ((value, outcome) for value, _, outcome in LISTS["safeguard"](document))
    return JOINT.join(dict.fromkeys(f"{value} ({outcome})" for value, outcome in pairs if value))


_COLUMNS: Mapping[str, Callable[[Document], str]] = {
    "id": _field("id"),
    "origin": _field("origin"),
    "version": _field("version"),
    "kind": _field("kind"),
    "title": _field("title"),
    "summary": _field("summary"),
    "providers": lambda document: JOINT.join(_at(one, "slug") for one in _publishers(document)),
    "provider_names": lambda document: JOINT.join(_at(one, "name") for one in _publishers(document)),
    "provider_sector": _field("provider_sector"),
    "basis": _field("basis"),
    "language": _field("language"),
    "license": _field("license"),
    "published": _field("published"),
    "modified": _field("modified"),
    "updated": _field("updated"),
    "assertion": _field("content", "assertion", "status"),
    "assertion_by": _field("content", "assertion", "by"),
    "severity": _field("content", "severity"),
    "status": _field("content", "status"),
    "setting": _field("content", "setting"),
    "nature": lambda document: JOINT.join(_texts(document, "content", "nature")),
    "extent": _field("content", "extent", "type"),
    "started": _field("content", "times", "started"),
    "ended": _field("content", "times", "ended"),
    "detected": _field("content", "times", "detected"),
    "discovered": _field("content", "times", "discovered"),
    "reported": _field("content", "times", "reported"),
    "disclosed": _field("content", "times", "disclosed"),
    "resolved": _field("content", "times", "resolved"),
    "about": _field("content", "about", "id"),
    "stance": _field("content", "stance"),
    "source_scheme": _field("source", "scheme"),
    "source_id": _field("source", "id"),
    "source_url": _field("source", "url"),
    "source_published": _field("source", "published"),
    "withdrawn": _field("withdrawal", "code"),
    "tags": _joined("tag"),
    "systems": _joined("system"),
    "developers": _joined("developer"),
    "deployers": _joined("deployer"),
    "actors": _joined("actor"),
    "countries": _joined("country"),
    "sectors": _joined("sector"),
    "harms": _joined("harm"),
    "safeguards": _outcomes,
    "references": _joined("reference"),
}
COLUMNS = (*_COLUMNS, "url")


def row(document: Document, links: Links, withdrawn_since: bool = False) -> list[str]:
    """A record, in the order of `COLUMNS`. What was withdrawn since has `since` under `withdrawn`."""
    address = links.version(_at(document, "id"), _at(document, "version"), _at(document, "origin") or None)
    cells = {name: read(document) for name, read in _COLUMNS.items()}
    if withdrawn_since:
        cells["withdrawn"] = "since"
    return [*cells.values(), address]


# --- one row for each value


def _tagged(item: Mapping[str, Any], *names: str) -> str:
    """The tag, or whatever else stands for the thing: another record, or words."""
    for name in names:
        if found := _at(item, name) or _at(item, name, "id"):
            return found
    return ""


def _systems(field: str, ref: str) -> Callable[[Document], Iterator[Value]]:
    def read(document: Document) -> Iterator[Value]:
        for item in _objects(document, "systems"):
            yield _at(item, field), _at(item, ref), _at(item, "version") if field == "name" else ""

    return read


def _plain(*path: str) -> Callable[[Document], Iterator[Value]]:
    return lambda document: ((value, "", "") for value in _texts(document, *path))


def _listed(
    *path: str, value: tuple[str, ...], label: str = "", detail: str = ""
) -> Callable[[Document], Iterator[Value]]:
    def read(document: Document) -> Iterator[Value]:
        for item in _objects(document, *path):
            yield (
                _tagged(item, *value),
                _at(item, label) if label else "",
                _at(item, detail) if detail else "",
            )

    return read


def _aliases(document: Document) -> Iterator[Value]:
    for item in _objects(document, "aliases"):
        yield f"{_at(item, 'scheme')}:{_at(item, 'id')}", "", _at(item, "type") or "same"


def _effects(document: Document) -> Iterator[Value]:
    content = document.get("content")
    single = content.get("effectiveness") if isinstance(content, Mapping) else None
    found = [single] if isinstance(single, Mapping) else _objects(document, "content", "effectiveness")
    for item in found:
        yield _at(item, "against"), "", JOINT.join(filter(None, (_at(item, "outcome"), _at(item, "basis"))))


LISTS: Mapping[str, Callable[[Document], Iterable[Value]]] = {
    "provider": lambda document: [(_at(one, "slug"), _at(one, "name"), "") for one in _publishers(document)],
    "tag": _plain("tags"),
    "classification": _listed("classifications", value=("tag",), detail="by"),
    "alias": _aliases,
    "system": _systems("name", "ref"),
    "developer": _systems("developer", "developer_ref"),
    "deployer": _systems("deployer", "deployer_ref"),
    "modality": _listed("systems", value=("modality",)),
    "actor": _listed("content", "actors", value=("name", "ref", "type"), detail="type"),
    "affected": _listed("content", "affected", value=("group",)),
    "country": _plain("content", "countries"),
    "sector": _plain("content", "sectors"),
    "nature": _plain("content", "nature"),
    "right": _plain("content", "rights"),
    "harm": _listed("content", "harms", value=("tag", "text"), detail="status"),
    "cause": _listed("content", "causes", value=("tag", "text"), detail="type"),
    "safeguard": _listed("content", "safeguards", value=("tag", "mitigation", "text"), detail="outcome"),
    "effectiveness": _effects,
    "applies_to": _listed("content", "applies_to", value=("tag", "record", "text")),
    "result": _listed("content", "results", value=("tag",), detail="verdict"),
    "score": _listed("content", "scores", value=("vector", "value"), detail="scheme"),
    "relation": _listed("relations", value=("target",), detail="type"),
    "derived_from": _listed("content", "derived_from", value=("id",)),
    "exploits": _listed("content", "exploits", value=("id",)),
    "reference": _listed("references", value=("url", "title"), label="title", detail="type"),
}
"""What may stand in a record more than once, and how it is read out."""

LIST_COLUMNS = ("id", "origin", "version", "field", "position", "value", "label", "detail")


def list_rows(document: Document, vocabulary: Vocabulary) -> Iterator[Sequence[str]]:
    """The values of a record's lists, in the order of `LIST_COLUMNS`. `position` counts from 1 in each."""
    known = _at(document, "id"), _at(document, "origin"), _at(document, "version")
    for name, read in LISTS.items():
        position = 0
        for value, label, detail in read(document):
            if not value:
                continue
            position += 1
            if not label and (term := vocabulary.term(value)):
                label = term.label
            yield (*known, name, str(position), value, label, detail)
