"""What the index holds of a record: the projection of its public document. Pure.

A projection has text by weight, values by filter, times and ranks to sort by, and the document's own bytes.
`match` and every engine work on projections, so that a record answers the same question in the same way
everywhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from registry.moderation.screening.traits import traits
from registry.records.content.partial import PartialDate
from registry.records.documents import tags_of
from registry.taxonomies.vocabulary import Vocabulary
from search import labels, text
from search.alike.likeness import trait_key

# Raised when projections of the same documents change: an index made by another shape is rebuilt.
SHAPE = 6

STILL = (1 << 53) - 1
"""Where an interval ends that has not ended: past every public sequence number, and exact in a double."""

FACETS = (
    "kind",
    "provider",
    "origin",
    "tag",
    "severity",
    "nature",
    "country",
    "sector",
    "language",
    "developer",
    "deployer",
    "system",
    "actor",
    "basis",
    "setting",
    "status",
    "modality",
)
"""The filters that are counted."""
FILTERS = (*FACETS, "alias")

_MAX_VALUE = 300
# Where the text of these fields stands otherwise, or is no text for readers.
_APART = frozenset(
    {
        "absent",
        "aliases",
        "basis",
        "classifications",
        "co_providers",
        "completeness",
        "id",
        "kind",
        "known_as_of",
        "language",
        "license",
        "modified",
        "origin",
        "provider",
        "provider_sector",
        "published",
        "restricted_commits",
        "schema",
        "source",
        "summary",
        "systems",
        "tags",
        "title",
        "updated",
        "version",
    }
)
_NOT_TEXT = frozenset(
    {"id", "sha256", "origin", "language", "comparator", "method", "status", "pointer", "part"}
)

Key = tuple[str, str]
"""(origin, id)."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a filter as people see it. Values with one `key` are one; `label` is what it is called."""

    value: str
    label: str | None
    key: str


@lru_cache(maxsize=16_384)
def value(spelt: str, label: str | None = None) -> Value:
    """The value that is written so, cut to what an index term holds. Most records share most of theirs."""
    spelt = spelt[:_MAX_VALUE]
    return Value(spelt, label[:_MAX_VALUE] if label else None, text.key(spelt))


@dataclass(frozen=True, slots=True)
class Projection:
    """One record as the index sees it.

    `values` are counted and filtered by; `also` are further keys by which a filter finds the record. Times
    are whole seconds since 1970 in UTC, `occurred` the first and last that the record's dates may mean.
    `month` is counted from the year 0. `exact` are the keys of ids and aliases. A `copy` was made from the
    same source as a record that is shown in its place, and is found only where its origin is asked for.
    `traits` are what few others have, as `search.alike` looks for it. `audience` says whom a record of the
    restricted index is for; a public one bears none.

    It is what `version` of the record said from the public sequence number `since` until that of `until`,
    which is `STILL` for what is listed now. No two intervals of one record overlap, so that each is known by
    (origin, id, since).
    """

    origin: str
    id: str
    title: str
    names: tuple[str, ...]
    summary: str
    labels: tuple[str, ...]
    rest: tuple[str, ...]
    values: Mapping[str, tuple[Value, ...]]
    also: Mapping[str, tuple[str, ...]]
    exact: tuple[str, ...]
    occurred: tuple[int, int] | None
    published: int
    updated: int
    month: int
    severity: int
    document: bytes
    copy: bool = False
    version: int = 0
    since: int = 0
    until: int = STILL
    traits: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        return self.origin, self.id

    @property
    def live(self) -> bool:
        """Whether it is what the record says now."""
        return self.until == STILL

    def texts(self) -> Iterable[str]:
        """Everything that words are looked for in. A phrase stands within one of them."""
        yield self.title
        yield from self.names
        if self.summary:
            yield self.summary
        yield from self.labels
        yield from self.rest

    def keys(self, filter: str) -> set[str]:
        """By which values of a filter the record is found."""
        return {found.key for found in self.values.get(filter, ())}.union(self.also.get(filter, ()))


@dataclass(frozen=True, slots=True)
class _Tag:
    values: tuple[Value, ...]
    label: str
    wider: tuple[str, ...]


def stale_digest() -> str:
    """The digest of an index that may serve on, but has to be built anew."""
    return f"{SHAPE}:stale"


class Projector:
    """Projects documents under one vocabulary: it names the broader tags and what tags are called.

    `home` is the registry's own origin. Organisations of others are told apart from its own by theirs:
    `lab@peer.example/log` is one value, and `lab@` finds those of that slug at any other origin.
    """

    def __init__(self, vocabulary: Vocabulary, home: str | None = None) -> None:
        self.vocabulary = vocabulary
        self.home = home
        self._tags: dict[str, _Tag] = {}
        self._severities = {tag: rank for rank, tag in enumerate(vocabulary.tags("severity"), start=1)}

    @property
    def digest(self) -> str:
        """Changes when the same documents would be projected otherwise."""
        return f"{SHAPE}:{self.vocabulary.digest}"

    def project_bytes(self, document: bytes) -> Projection:
        """The projection of a document as it is stored."""
        return self.project(msgspec.json.decode(document), document)

    def project(self, document: Mapping[str, Any], stored: bytes = b"") -> Projection:
        """The projection of a public document."""
        content = document.get("content")
        if not isinstance(content, dict):
            content = {}
        tags = [self._tag(tag) for tag in tags_of(document)]
        values = _values(document, content)
        for name in ("severity", "sector", "modality"):
            values[name] = [self._termed(tag) for tag in values[name]]
        values["tag"] = [value for found in tags for value in found.values]
        elsewhere: list[str] = []
        if self.home is not None and document.get("origin") != self.home:
            elsewhere = [text.key(f"{found.value}@") for found in values["provider"]]
            at = str(document.get("origin", ""))
            values["provider"] = [
                value(f"{found.value}@{at}", found.label or found.value) for found in values["provider"]
            ]
        exact, spelled = _identities(document)
        also = {
            "alias": exact[1:],
            "provider": elsewhere,
            "severity": _terms(values["severity"]),
            "sector": _terms(values["sector"]),
        }
        also["modality"] = _terms(values["modality"])
        also["actor"] = [
            text.key(name)
            for actor in _dicts(content.get("actors"))
            for name in _listed(actor.get("aliases"))
        ]
        also["system"] = [
            text.key(f"{system['name']} {system['version']}")
            for system in _dicts(document.get("systems"))
            if system.get("name") and system.get("version")
        ]
        occurred = _occurred(content)
        published = _moment(document.get("published"))
        when = occurred[0] if occurred else _source_time(document) or published
        rest: list[str] = []
        for name, item in document.items():
            if name not in _APART:
                _collect(item, rest)
        for tag in tags:
            rest += tag.wider
        return Projection(
            origin=document.get("origin", ""),
            id=document.get("id", ""),
            title=document.get("title", ""),
            names=tuple(dict.fromkeys((*spelled, *_names(document, content)))),
            summary=document.get("summary", ""),
            labels=tuple(dict.fromkeys(tag.label for tag in tags)),
            rest=tuple(dict.fromkeys(rest)),
            values={name: _distinct(found) for name, found in values.items() if found},
            also={name: tuple(found) for name, found in also.items() if found},
            exact=tuple(exact),
            occurred=occurred,
            published=published,
            updated=_moment(document.get("updated")),
            month=_month(when),
            severity=max((self._severities.get(tag.value, 0) for tag in values["severity"]), default=0),
            document=stored,
            version=_number(document.get("version")),
            traits=tuple(trait_key(trait) for trait in traits(document)),
        )

    def _termed(self, found: Value) -> Value:
        """A value that is or may be a tag, with what its term is called."""
        term = self.vocabulary.term(found.value)
        return value(found.value, term.label) if term and not found.label else found

    def _tag(self, tag: str) -> _Tag:
        found = self._tags.get(tag)
        if found is None:
            wider = self.vocabulary.ancestors(tag)
            term = self.vocabulary.term(tag)
            found = _Tag(
                values=tuple(self._termed(value(other)) for other in (tag, *wider)),
                label=f"{tag} {term.label}" if term else tag,
                wider=(
                    *(term.alt_labels if term else ()),
                    *(self.vocabulary.label(other) for other in wider),
                ),
            )
            if term is not None:
                self._tags[tag] = found  # unknown tags come from outside without end and are not remembered
        return found


def _number(found: Any) -> int:
    return found if type(found) is int else 0


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _listed(value: Any) -> list[str]:
    """A text or a list of texts, as a list. Documents from peers may hold anything."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _text(found: Any) -> str | None:
    return found if isinstance(found, str) else None


def _plain(found: Any) -> list[Value]:
    return [value(item) for item in _listed(found)]


def _named(item: Mapping[str, Any], field: str, ref: str) -> list[Value]:
    """A name, or the term that stands for it, so that "AWS" and "aws" can be one."""
    name, term = item.get(field), item.get(ref)
    if isinstance(term, str):
        return [value(term, name if isinstance(name, str) else None)]
    return _plain(name)


def _values(document: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, list[Value]]:
    systems = _dicts(document.get("systems"))
    actors = _dicts(content.get("actors"))
    publishers = [document.get("provider"), *_dicts(document.get("co_providers"))]
    languages = [
        document.get("language"),
        *(item.get("language") for item in _dicts(document.get("translations"))),
    ]
    return {
        "kind": _plain(document.get("kind")),
        "origin": _plain(document.get("origin")),
        "basis": _plain(document.get("basis")),
        "provider": [
            value(item["slug"], _text(item.get("name")))
            for item in publishers
            if isinstance(item, dict) and isinstance(item.get("slug"), str)
        ],
        "language": [
            value(part, labels.language(part)) for language in languages for part in _widening(language)
        ],
        "severity": _plain(content.get("severity")),
        "nature": _plain(content.get("nature")),
        # An evaluation describes its own in a sentence, which nobody filters by.
        "setting": _plain(content.get("setting")) if document.get("kind") == "incident" else [],
        "status": _plain(content.get("status")),
        "country": [
            value(part, labels.country(part))
            for country in _listed(content.get("countries"))
            for part in _widening(country)
        ],
        "sector": _plain(content.get("sectors")),
        "system": [name for system in systems for name in _named(system, "name", "ref")],
        "developer": [name for system in systems for name in _named(system, "developer", "developer_ref")],
        "deployer": [name for system in systems for name in _named(system, "deployer", "deployer_ref")],
        "modality": [tag for system in systems for tag in _plain(system.get("modality"))],
        "actor": [name for actor in actors for name in _named(actor, "name", "ref")],
    }


def _widening(code: Any) -> list[str]:
    """`US-CA` is in `US`, and `pt-BR` is `pt`."""
    return [code, code.split("-")[0]] if isinstance(code, str) else []


def _distinct(found: Iterable[Value]) -> tuple[Value, ...]:
    """One value for each key: the first spelling that the record uses."""
    values: dict[str, Value] = {}
    for item in found:
        values.setdefault(item.key, item)
    values.pop("", None)
    return tuple(values.values())


def _terms(tags: Iterable[Value]) -> list[str]:
    """The terms without their namespace, so that `severity=high` finds `severity:high`."""
    return [text.key(tag.value.partition(":")[2]) for tag in tags if ":" in tag.value]


def _identities(document: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Keys under which the record is known, its own id first, and the same as text to search in."""
    id = document.get("id", "")
    exact, spelled = [text.key(id)], [id]
    source = document.get("source")
    for item in (*_dicts(document.get("aliases")), *([source] if isinstance(source, dict) else [])):
        scheme, other = item.get("scheme"), item.get("id")
        if isinstance(scheme, str) and isinstance(other, str):
            exact += [text.key(f"{scheme}:{other}"[:_MAX_VALUE]), text.key(other[:_MAX_VALUE])]
            spelled.append(f"{scheme} {other}")
    return list(dict.fromkeys(exact)), spelled


def _names(document: Mapping[str, Any], content: Mapping[str, Any]) -> Iterable[str]:
    for system in _dicts(document.get("systems")):
        yield " ".join(part for name in ("name", "version") for part in _listed(system.get(name)))
        for name in ("developer", "deployer"):
            yield from _listed(system.get(name))
    for actor in _dicts(content.get("actors")):
        yield from _listed(actor.get("name"))
        yield from _listed(actor.get("aliases"))
    for publisher in (document.get("provider"), *_dicts(document.get("co_providers"))):
        if isinstance(publisher, dict):
            yield from _listed(publisher.get("name"))


def _collect(value: Any, into: list[str], field: str = "") -> None:
    if isinstance(value, str):
        if field not in _NOT_TEXT and len(value) > 1:
            into.append(value)
    elif isinstance(value, list):
        for item in value:
            _collect(item, into, field)
    elif isinstance(value, dict):
        for name, item in value.items():
            _collect(item, into, name)


def _partial(value: Any) -> PartialDate | None:
    try:
        return PartialDate.parse(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _occurred(content: Mapping[str, Any]) -> tuple[int, int] | None:
    """From when to when it happened; for what only came to light, when it did.

    Reports and disclosures are no occurrences, and what is still going on has no end to guess.
    """
    times = content.get("times")
    if not isinstance(times, dict):
        return None
    for names in (("started", "ended"), ("detected", "discovered")):
        dates = [date for name in names if (date := _partial(times.get(name)))]
        if dates:
            first = min(date.earliest() for date in dates)
            last = max(date.latest() for date in dates)
            return _seconds(first), _seconds(last)
    return None


def _source_time(document: Mapping[str, Any]) -> int | None:
    source = document.get("source")
    date = _partial(source.get("published")) if isinstance(source, dict) else None
    return _seconds(date.earliest()) if date else None


def _moment(value: Any) -> int:
    date = _partial(value)
    return _seconds(date.earliest()) if date else 0


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp() // 1)


def _month(seconds: int) -> int:
    days = seconds // 86_400
    civil = datetime.fromordinal(719_163 + days)  # day 1 is 0001-01-01, and 1970-01-01 is day 719,163
    return civil.year * 12 + civil.month - 1
