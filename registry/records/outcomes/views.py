"""Answers about outcomes as JSON, built field by field."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from registry.clock import instant
from registry.records.outcomes.asked import Asked, Table
from registry.records.outcomes.claims import GROUPS, Key
from registry.records.outcomes.counting import BASES, COUNTING, ORDER, Count, Entry
from registry.records.outcomes.matrix import Line, Matrix
from registry.records.outcomes.queries import Evidence, Source, Subject
from registry.records.queries import Stored
from registry.taxonomies.vocabulary import Vocabulary

_EVIDENCE, _MATRIX, _RECORDS = "/api/v1/evidence", "/api/v1/matrix", "/api/v1/records"
_MOST_METRICS = 10


def evidence(found: Evidence, vocabulary: Vocabulary, home: str) -> dict[str, Any]:
    """`{against, query, total, reports, items, counting, order, complete, next, position}`."""
    asked = found.asked
    end = asked.offset + len(found.entries)
    return {
        "against": _against(found, vocabulary, home),
        "query": query_of(asked),
        "total": found.total,
        "reports": found.reports,
        "complete": found.complete,
        "items": [
            _entry(entry, sources, found, vocabulary, home)
            for entry, sources in zip(found.entries, found.sources, strict=True)
        ],
        "next": end if end < found.total else None,
        "position": found.position,
        "counting": [{"id": id, "text": text} for id, text in COUNTING.items()],
        "order": [{"id": id, "text": text} for id, text in ORDER.items()],
    }


def query_of(asked: Asked) -> dict[str, Any]:
    """What the answer repeats of the question."""
    said = {
        "against": asked.against,
        "against_origin": asked.record_origin,
        "crosswalks": asked.crosswalks,
        "kind": list(asked.kinds),
        **_narrowed(asked),
        "show": asked.show,
        "safeguard": asked.safeguard,
        "mitigation": asked.mitigation,
        "limit": asked.limit,
        "offset": asked.offset,
        "sources": asked.sources,
    }
    return {name: value for name, value in said.items() if value not in (None, [])}


def _narrowed(asked: Asked | Table) -> dict[str, Any]:
    return {
        "origin": list(asked.origins),
        "since": instant(asked.since) if asked.since else None,
        "imported": asked.imported,
    }


def _against(found: Evidence, vocabulary: Vocabulary, home: str) -> dict[str, Any]:
    if found.of is None:
        return _subject(found.subjects[0], vocabulary)
    tags = [_subject(one, vocabulary) for one in found.subjects[1:]]
    return {**record(found.of, home), "tags": tags}


def _subject(subject: Subject, vocabulary: Vocabulary) -> dict[str, Any]:
    return {
        "tag": subject.name,
        "label": vocabulary.label(subject.name),
        "equivalents": [one.as_json() for one in subject.equivalents],
    }


def record(stored: Stored, home: str, title: str | None = None) -> dict[str, Any]:
    """A record as something to go to."""
    said = title if title is not None else str(msgspec.json.decode(stored.document).get("title", ""))
    return {**key((stored.origin, stored.id), home), "kind": stored.kind, "title": said}


def key(of: Key, home: str) -> dict[str, Any]:
    origin, id = of
    at = f"?origin={quote(origin, safe='/:')}" if origin != home else ""
    return {"origin": origin, "id": id, "url": f"{_RECORDS}/{id}{at}"}


def counted(found: Count) -> dict[str, Any]:
    return {
        "reports": found.reports,
        "organisations": found.organisations,
        "proven": found.proven,
    }


def split(found: Mapping[str, Count]) -> dict[str, Any]:
    """A count with what it is made of, by basis."""
    by = {basis: counted(found[basis]) for basis in BASES if found[basis].reports}
    return {**counted(found[""]), "by_basis": by}


def _entry(
    entry: Entry, sources: Sequence[Source], found: Evidence, vocabulary: Vocabulary, home: str
) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if entry.target is not None:
        held = found.mitigations.get(entry.target)
        said["mitigation"] = record(held, home) if held is not None else key(entry.target, home)
    safeguard = entry.safeguard or (found.terms.get(entry.target) if entry.target else None)
    if safeguard is not None:
        said["safeguard"] = {"tag": safeguard, "label": vocabulary.label(safeguard)}
    return {
        "type": "mitigation" if entry.target is not None else "safeguard",
        **said,
        **counted(entry.total),
        "unnamed": entry.total.unnamed,
        "kinds": {kind: entry.kinds[kind] for kind in sorted(entry.kinds)},
        "imported": entry.imported,
        "groups": {group: split(counts) for group, counts in entry.groups.items() if counts[""].reports},
        "outcomes": {outcome: split(counts) for outcome, counts in entry.outcomes.items()},
        "order": dict(entry.order),
        "sources": [source(one, home) for one in sources],
        "more": max(len(entry.reports) - len(sources), 0),
        "url": f"{_EVIDENCE}?{urlencode(address_of(found.asked, entry), safe=':/')}",
    }


def address_of(asked: Asked, entry: Entry) -> list[tuple[str, str]]:
    """The question for one entry alone, with as many sources as are shown at once."""
    return [
        *_filters(asked),
        *([("mitigation", entry.target[1])] if entry.target is not None else []),
        *([("safeguard", entry.safeguard)] if entry.safeguard is not None else []),
        ("sources", "200"),
    ]


def _filters(asked: Asked) -> list[tuple[str, str]]:
    pairs = [("against", asked.against)]
    if asked.record_origin:
        pairs.append(("against_origin", asked.record_origin))
    if asked.crosswalks != "close":
        pairs.append(("crosswalks", asked.crosswalks))
    pairs += [("kind", kind) for kind in asked.kinds]
    return pairs + narrowing(asked)


def narrowing(asked: Asked | Table) -> list[tuple[str, str]]:
    """The filters that both questions have, as parameters."""
    pairs = [("origin", origin) for origin in asked.origins]
    if asked.since is not None:
        pairs.append(("since", instant(asked.since)))
    if not asked.imported:
        pairs.append(("imported", "false"))
    return pairs


def source(found: Source, home: str) -> dict[str, Any]:
    """One report, with where it stands and what it says."""
    report, document, claim = found.report, found.document, found.claim
    said = element_of(document, claim.pointer)
    metrics = said.get("metrics") or (document.get("content") or {}).get("metrics")
    shown = {
        **record(found.stored, home, str(document.get("title", ""))),
        "version": found.stored.number,
        "part": claim.pointer,
        "outcome": report.outcome,
        "group": GROUPS[report.outcome],
        "basis": report.basis,
        "said_basis": said.get("basis"),
        "against": [one for one in claim.against if " " not in one],
        "metrics": metrics[:_MOST_METRICS] if isinstance(metrics, list) and report.kind != "incident" else [],
        "provider": document.get("provider"),
        "attribution": document.get("attribution", "named"),
        "record_basis": document.get("basis"),
        "published": document.get("published"),
    }
    return {name: value for name, value in shown.items() if value not in (None, [])}


def element_of(document: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
    """What a claim's pointer leads to: elements of lists by their ids."""
    found: Any = document
    for step in pointer.split("/")[1:]:
        if isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, list):
            found = next((one for one in found if isinstance(one, Mapping) and one.get("id") == step), None)
    return found if isinstance(found, Mapping) else {}


# --- the matrix


def matrix(found: Matrix, vocabulary: Vocabulary) -> dict[str, Any]:
    """`{query, rows, columns, cells, counting, position}`. Cells without anything are left out."""
    asked = found.asked
    return {
        "query": {
            "rows": asked.rows,
            "columns": asked.columns,
            "depth": asked.depth,
            **_narrowed(asked),
            "limit": asked.limit,
        },
        "rows": {"total": found.all_rows, "items": [_line(one, vocabulary) for one in found.rows]},
        "columns": {"total": found.all_columns, "items": [_line(one, vocabulary) for one in found.columns]},
        "cells": [
            {
                "row": row,
                "column": column,
                **cell.as_json(),
                "records": f"{_RECORDS}?{urlencode(records_of(asked, row, column), safe=':/')}",
                "evidence": (
                    f"{_EVIDENCE}?{urlencode(pairs, safe=':/')}"
                    if (pairs := evidence_of(asked, row, column))
                    else None
                ),
            }
            for (row, column), cell in found.cells.items()
        ],
        "position": found.position,
        "counting": [{"id": id, "text": text} for id, text in found.counting.items()],
    }


def _line(line: Line, vocabulary: Vocabulary) -> dict[str, Any]:
    term = vocabulary.term(line.tag)
    said = {
        "tag": line.tag,
        "label": vocabulary.label(line.tag),
        "definition": term.definition if term else None,
        "parent": line.parent,
        "depth": line.depth,
        "incidents": line.incidents,
    }
    return {name: value for name, value in said.items() if value is not None}


def records_of(asked: Table, row: str, column: str) -> list[tuple[str, str]]:
    """The incidents of a cell, as a list of records asks for them."""
    pairs = [("kind", "incident"), ("tag", row), ("tag", column)]
    return pairs + [pair for pair in narrowing(asked) if pair[0] != "imported"]


def evidence_of(asked: Table, row: str, column: str) -> list[tuple[str, str]]:
    """The reports of a cell, as `/api/v1/evidence` asks for them; nothing where neither is a safeguard."""
    tags = (row, column)
    safeguard = next((tag for tag in tags if tag.startswith("safeguard:")), None)
    if safeguard is None:
        return []
    against = next(tag for tag in tags if tag != safeguard)
    return [("against", against), ("crosswalks", "off"), ("safeguard", safeguard), *narrowing(asked)]
