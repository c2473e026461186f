"""What a search answers, in plain values, and its JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from registry.errors import Finding
from search.request import Request


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of plain text; `mark` where it is what was looked for. It is text, not HTML: whoever shows it
    escapes it.
    """

    text: str
    mark: bool = False

    def as_json(self) -> dict[str, Any]:
        return {"text": self.text, "mark": True} if self.mark else {"text": self.text}


Highlights = Mapping[str, Sequence[Segment]]
"""By field: `title` whole, a passage of `summary`, `narrative` or `content` with what was found in it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One record that answers: its stored public document and what to point out in it. `copies` are the
    (origin, id)s of what other registries made from the same source.
    """

    origin: str
    id: str
    document: bytes
    highlights: Highlights = field(default_factory=dict)
    copies: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class FacetValue:
    """How many records an answer would have with this value of the filter, all other filters kept."""

    value: str
    count: int
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One page of an answer, all of it from one state of the index.

    `position` is the public sequence number up to which that state has read. `timeline` counts by month
    (`2023-04`), in order: when it happened; where a record does not say, when its source was published; else
    when the record was. A date known to the year only counts in its first month.
    """

    request: Request
    total: int
    hits: Sequence[Hit]
    facets: Mapping[str, Sequence[FacetValue]]
    timeline: Sequence[tuple[str, int]]
    engine: str
    position: int
    total_is_exact: bool = True
    notes: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something that what was typed may become.

    `type` is `record` (then `value` is its id and `origin` is given), or the filter that `value` belongs to.
    """

    type: str
    value: str
    label: str
    count: int | None = None
    origin: str | None = None

    def as_json(self) -> dict[str, Any]:
        shown = {
            "type": self.type,
            "value": self.value,
            "label": self.label,
            "count": self.count,
            "origin": self.origin,
        }
        return {name: value for name, value in shown.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Best first."""

    items: Sequence[Suggestion]
    position: int


def encode(answer: Answer) -> bytes:
    """The JSON of `GET /api/v1/search`. Documents go in as the bytes that they are stored as."""
    body = {
        "query": answer.request.as_json(),
        "total": answer.total,
        "total_is_exact": answer.total_is_exact,
        "hits": [
            {
                "record": msgspec.Raw(hit.document),
                "highlights": {
                    name: [segment.as_json() for segment in segments]
                    for name, segments in hit.highlights.items()
                },
                **(
                    {"copies": [{"origin": origin, "id": id} for origin, id in hit.copies]}
                    if hit.copies
                    else {}
                ),
            }
            for hit in answer.hits
        ],
        "facets": {
            name: [
                {"value": found.value, "label": found.label or found.value, "count": found.count}
                for found in values
            ]
            for name, values in answer.facets.items()
        },
        "timeline": [{"month": month, "count": count} for month, count in answer.timeline],
        "engine": answer.engine,
        "position": answer.position,
    }
    if answer.notes:
        body["findings"] = [finding.as_json() for finding in answer.notes]
    return msgspec.json.encode(body)
