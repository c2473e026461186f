"""What a search answers, in plain values, and its JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from registry.clock import instant
from registry.errors import Finding
from search import labels
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


TERMED = ("tag", "severity", "sector", "modality")
"""The filters whose values are terms of taxonomies."""

Highlights = Mapping[str, Sequence[Segment]]
"""By field: `title` whole, a passage of `summary`, `narrative` or `content` with what was found in it."""


CURRENT, REVISED, WITHDRAWN = "current", "revised", "withdrawn"


@dataclass(frozen=True, slots=True)
class SinceThen:
    """What became of a record since the version that a hit shows.

    `state` is `current` where that still is the newest version, `revised` or `withdrawn`. `version` is the
    newest, `at` its time, `code` why the record was withdrawn.
    """

    state: str
    version: int
    at: datetime
    code: str | None = None

    def as_json(self) -> dict[str, Any]:
        shown = {"state": self.state, "version": self.version, "at": instant(self.at), "code": self.code}
        return {name: value for name, value in shown.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Hit:
    """One record that answers: its stored public document and what to point out in it. `copies` are the
    (origin, id)s of what other registries made from the same source. To a question as of an earlier position,
    `version` is the number of the version that answers and `since_then` what became of it.
    """

    origin: str
    id: str
    document: bytes
    highlights: Highlights = field(default_factory=dict)
    copies: Sequence[tuple[str, str]] = ()
    version: int | None = None
    since_then: SinceThen | None = None


class _Numbered(msgspec.Struct):
    version: int = 0


_numbered = msgspec.json.Decoder(_Numbered).decode


def version_of(document: bytes) -> int:
    """The number of the version that a stored document is."""
    return _numbered(document).version


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
    when the record was. A date known to the year only counts in its first month. `taxonomies` names those
    that the counted terms belong to, by namespace. To a question as of an earlier position, `erased` is how
    many records were public then, whatever was asked, and are not to be shown any more: erased, or withheld
    by an order.
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
    erased: int | None = None
    taxonomies: Mapping[str, str] = field(default_factory=dict)


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
                "highlights": highlights_as_json(hit.highlights),
                **({"version": hit.version} if hit.version is not None else {}),
                **({"since_then": hit.since_then.as_json()} if hit.since_then is not None else {}),
                **(
                    {"copies": [{"origin": origin, "id": id} for origin, id in hit.copies]}
                    if hit.copies
                    else {}
                ),
            }
            for hit in answer.hits
        ],
        "facets": facets_as_json(answer.facets),
        "timeline": [{"month": month, "count": count} for month, count in answer.timeline],
        "engine": answer.engine,
        "position": answer.position,
    }
    if (as_of := answer.request.as_of) is not None:
        body["as_of"] = {
            "position": as_of.position,
            "at": instant(as_of.at) if as_of.at is not None else None,
            "erased": answer.erased,
        }
    if answer.taxonomies:
        body["taxonomies"] = answer.taxonomies
    if answer.notes:
        body["findings"] = [finding.as_json() for finding in answer.notes]
    return msgspec.json.encode(body)


def highlights_as_json(highlights: Highlights) -> dict[str, Any]:
    return {name: [segment.as_json() for segment in segments] for name, segments in highlights.items()}


def facets_as_json(facets: Mapping[str, Sequence[FacetValue]]) -> dict[str, Any]:
    return {name: [_counted(name, found) for found in values] for name, values in facets.items()}


def _counted(filter: str, found: FacetValue) -> dict[str, Any]:
    shown = {
        "value": found.value,
        "label": found.label or labels.named(filter, found.value),
        "count": found.count,
    }
    namespace, colon, _ = found.value.partition(":")
    return shown | ({"taxonomy": namespace} if filter in TERMED and colon else {})
