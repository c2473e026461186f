"""The parameters of one search, checked: what `GET /api/v1/search` and everything that keeps a question
understands.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlencode

from rapidfuzz import process

from registry.errors import Finding, Malformed, Severity
from registry.finder import Parameters
from registry.records.content.partial import FORMS, PartialDate
from registry.records.content.submission import KINDS
from search import text
from search.document import FACETS, FILTERS
from search.meanings import CROSSWALKS, FOLLOWED, Equivalent, Meanings
from search.question import MAX_CHARACTERS, MAX_WORDS, Question, understand

AS_OF_FORMS = (
    "Write a position, such as the position of an answer, or the end of which month, day or moment is meant: "
    "2024-12, 2024-05-17 or 2024-05-17T09:30:00Z."
)
SORTS = ("relevance", "newest", "oldest", "updated", "severity")
RANGES = ("occurred_from", "occurred_to", "published_from", "published_to")
PARAMETERS = ("q", *FILTERS, *RANGES, "crosswalks", "as_of", "sort", "limit", "offset", "facets")

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_OFFSET = 10_000
MAX_VALUES = 50
MAX_VALUE = 300
DEFAULT_SUGGESTIONS = 8
MAX_SUGGESTIONS = 20
EVERY_FACET = "*"

_CLOSED: Mapping[str, tuple[str, ...]] = {
    "kind": KINDS,
    "basis": ("first-party", "on-behalf", "third-party", "imported"),
}

_MAX_DIGITS = 15

Range = tuple[int | None, int | None]
"""From and to, in seconds since 1970, both included; None is open."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """The state that is asked for: that after a public change, or at the end of a date.

    `asked` is what was given, a public sequence number or a (partial) date. `position` is the public sequence
    number that it means, and `at` the moment; both are None until somebody looked them up
    (`search.asof`), `at` also of position 0, when nothing was published.
    """

    asked: int | PartialDate
    position: int | None = None
    at: datetime | None = None

    def __str__(self) -> str:
        return str(self.asked if self.position is None else self.position)


@dataclass(frozen=True)
class Request:
    """One question with its filters, order and page.

    `filters` holds the values as they were given, once each: a record passes one filter with any of its
    values, and has to pass all filters. `meant` are values that stand for those of a filter where it is
    compared. `equivalents` are the terms that `meant` adds to tags, by the tag as it was given, and
    `synonyms` the names that mean the same in a question that forgives: both are what a vocabulary says.
    `notes` are warnings for whoever asked. `audience` is whom a question to the restricted index is asked
    for, by any of which a record has to be meant; nobody asks for it by a parameter.
    """

    q: str = ""
    question: Question = field(default_factory=Question)
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dates: Mapping[str, PartialDate] = field(default_factory=dict)
    sort: str = "relevance"
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    facets: tuple[str, ...] = ()
    notes: tuple[Finding, ...] = ()
    meant: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    crosswalks: str = FOLLOWED
    equivalents: Mapping[str, tuple[Equivalent, ...]] = field(default_factory=dict)
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    as_of: AsOf | None = None
    audience: frozenset[str] | None = None

    @property
    def position(self) -> int | None:
        """The public sequence number to answer as of; None for what is listed now. Raises `RuntimeError`
        where nobody looked it up: answered otherwise, the question would get an answer to another one.
        """
        if self.as_of is None:
            return None
        if self.as_of.position is None:
            raise RuntimeError("as_of was not resolved to a position")
        return self.as_of.position

    def pinned(self, position: int) -> "Request":
        """The same question as of a position, unless it asks for an earlier one already."""
        if self.as_of is not None and self.as_of.position is not None:
            return self
        return replace(self, as_of=AsOf(position, position))

    @cached_property
    def keys(self) -> Mapping[str, frozenset[str]]:
        """What the filters compare."""
        return {
            name: frozenset(map(text.key, self.meant.get(name, values)))
            for name, values in self.filters.items()
        }

    def with_providers(self, here: Collection[str]) -> "Request":
        """The same question, with the organisations that it means: one of ours where `here` has the slug,
        otherwise those of other registries. Where origins are named, theirs.
        """
        slugs = self.filters.get("provider", ())
        if not slugs:
            return self
        origins = self.filters.get("origin", ())
        meant: dict[str, None] = {}
        for slug in slugs:
            meant[slug] = None
            if "@" not in slug and origins:
                meant.update(dict.fromkeys(f"{slug}@{origin}" for origin in origins))
            elif "@" not in slug and slug.lower() not in here:
                meant[f"{slug}@"] = None
        return replace(self, meant={**self.meant, "provider": tuple(meant)})

    def with_meanings(self, meanings: Meanings) -> "Request":
        """The same question, with what the vocabulary says that it means."""
        tags = self.filters.get("tag", ())
        equivalents = {tag: found for tag in tags if (found := meanings.equivalents(tag, self.crosswalks))}
        meant = dict(self.meant)
        if equivalents:
            others = (other.tag for found in equivalents.values() for other in found)
            meant["tag"] = tuple(dict.fromkeys((*tags, *others)))
        synonyms = meanings.synonyms if self.question.wanted else {}
        return replace(self, meant=meant, equivalents=equivalents, synonyms=synonyms)

    @cached_property
    def occurred(self) -> Range:
        return self._range("occurred")

    @cached_property
    def published(self) -> Range:
        return self._range("published")

    def _range(self, name: str) -> Range:
        first, last = self.dates.get(f"{name}_from"), self.dates.get(f"{name}_to")
        return (
            _seconds(first.earliest()) if first is not None else None,
            _seconds(last.latest()) if last is not None else None,
        )

    @cached_property
    def canonical(self) -> str:
        """The question as a query string: one address for one question, whatever order it was asked in.

        Without page and facets, which change what is shown of the answer and not the answer. A date to answer
        as of is its position, once that was looked up: that is the same for good.
        """
        pairs: list[tuple[str, str]] = []
        if self.q.strip():
            pairs.append(("q", " ".join(self.q.split())))
        for name in FILTERS:
            pairs += [(name, value) for value in sorted(map(text.key, self.filters.get(name, ())))]
        pairs += [(name, str(self.dates[name])) for name in RANGES if name in self.dates]
        if self.crosswalks != FOLLOWED and "tag" in self.filters:
            pairs.append(("crosswalks", self.crosswalks))
        if self.as_of is not None:
            pairs.append(("as_of", str(self.as_of)))
        # Where no word is asked for nothing is more relevant than another, and the newest come first.
        usual = "relevance" if self.question.wanted else "newest"
        if self.sort not in (usual, "relevance"):
            pairs.append(("sort", self.sort))
        return urlencode(pairs)

    def parameters(self) -> dict[str, list[str]]:
        """The question as it is kept, canonically."""
        found: dict[str, list[str]] = {}
        for name, value in parse_qsl(self.canonical):
            found.setdefault(name, []).append(value)
        return found

    def as_json(self) -> dict[str, Any]:
        """What the answer repeats of the question, and which terms it took to be meant too."""
        equivalents = {tag: [one.as_json() for one in found] for tag, found in self.equivalents.items()}
        return {
            "q": self.q,
            "filters": {name: list(values) for name, values in self.filters.items()},
            **{name: str(date) for name, date in self.dates.items()},
            "crosswalks": self.crosswalks,
            **({"equivalents": equivalents} if equivalents else {}),
            **({"as_of": str(self.as_of.asked)} if self.as_of is not None else {}),
            "sort": self.sort,
            "limit": self.limit,
            "offset": self.offset,
            "facets": list(self.facets),
            "canonical": self.canonical,
        }


def parse(parameters: Parameters) -> Request:
    """Read the parameters of a search. Raises `Malformed` with every finding at once.

    A parameter without a value is one that was not given: forms send those.
    """
    reading = _Reading(parameters)
    reading.only(PARAMETERS)
    q = reading.text("q")
    question = understand(q)
    if question.shortened:
        reading.note("question-shortened", f"Only the first {MAX_WORDS} words were looked for.")
    if q and question.empty:
        reading.note("no-words", "The question holds no word to look for, so it leaves nothing out.")
    request = Request(
        q=q,
        question=question,
        filters={name: values for name in FILTERS if (values := reading.values(name))},
        dates=reading.dates(),
        sort=reading.choice("sort", SORTS, "relevance"),
        crosswalks=reading.choice("crosswalks", CROSSWALKS, FOLLOWED),
        limit=reading.number("limit", DEFAULT_LIMIT, 0, MAX_LIMIT),
        offset=reading.number("offset", 0, 0, MAX_OFFSET),
        facets=reading.facets(),
        as_of=reading.as_of(),
        notes=tuple(reading.notes),
    )
    if reading.findings:
        raise Malformed("The search has parameters that cannot be read.", findings=reading.findings)
    return request


def for_now(request: Request) -> Request:
    """The request, where it asks for what is there now. Raises `Malformed` for one as of an earlier time."""
    if request.as_of is None:
        return request
    text = "What is shared is not searched as of an earlier time."
    finding = Finding("not-here", "/as_of", text, "Leave as_of out.")
    raise Malformed("The search has parameters that cannot be read.", findings=[finding])


def read_suggest(parameters: Parameters) -> tuple[str, int]:
    """What was typed, and how many suggestions are wanted. Raises `Malformed` with every finding at once."""
    reading = _Reading(parameters)
    reading.only(("q", "limit"))
    typed, limit = reading.text("q"), reading.number("limit", DEFAULT_SUGGESTIONS, 1, MAX_SUGGESTIONS)
    if reading.findings:
        raise Malformed("The request has parameters that cannot be read.", findings=reading.findings)
    return typed, limit


class _Reading:
    """Reads parameters one by one and gathers what is wrong with them."""

    def __init__(self, parameters: Parameters) -> None:
        self.given = {
            name: given
            for name, values in parameters.items()
            if (given := [value for value in values if value.strip()])
        }
        self.findings: list[Finding] = []
        self.notes: list[Finding] = []

    def wrong(self, code: str, name: str, message: str, suggestion: str | None = None) -> None:
        pointer = "/" + name[:80].replace("~", "~0").replace("/", "~1")
        self.findings.append(Finding(code, pointer, message, suggestion))

    def note(self, code: str, message: str) -> None:
        self.notes.append(Finding(code, "/q", message, severity=Severity.WARNING))

    def only(self, known: Sequence[str]) -> None:
        for name in self.given:
            if name not in known:
                near = process.extractOne(name, known, score_cutoff=60)
                suggestion = f"Write {near[0]}." if near else None
                self.wrong("unknown-parameter", name, f"{name[:40]!r} is not a parameter here.", suggestion)

    def text(self, name: str) -> str:
        value = self.one(name)
        if len(value) > MAX_CHARACTERS:
            self.wrong("too-long", name, f"More than {MAX_CHARACTERS:,} characters.", "Ask for less.")
        return value

    def one(self, name: str) -> str:
        values = self.given.get(name, ())
        if len(values) > 1:
            self.wrong("given-twice", name, f"{name} was given {len(values)} times.", "Give it once.")
        return values[0] if values else ""

    def values(self, name: str) -> tuple[str, ...]:
        values = [value.strip() for value in self.given.get(name, ())]
        if len(values) > MAX_VALUES:
            self.wrong(
                "too-many-values", name, f"{name} has {len(values)} values; {MAX_VALUES} are read at most."
            )
        distinct: dict[str, str] = {}
        for value in values[:MAX_VALUES]:
            if len(value) > MAX_VALUE:
                self.wrong("too-long", name, f"A value of {name} has more than {MAX_VALUE} characters.")
            elif name in _CLOSED and text.key(value) not in _CLOSED[name]:
                self._not_among(name, value, _CLOSED[name])
            else:
                distinct.setdefault(text.key(value), value)
        return tuple(distinct.values())

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        value = self.one(name).strip().lower() or default
        if value not in choices:
            self._not_among(name, value, choices)
        return value

    def number(self, name: str, default: int, least: int, most: int) -> int:
        value = self.one(name).strip()
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and len(value) <= 12):
            self.wrong(
                "wrong-number", name, f"{value[:40]!r} is not a whole number.", f"Write {least} to {most:,}."
            )
            return default
        if not least <= int(value) <= most:
            suggestion = f"Write {least} to {most:,}."
            if name == "offset":
                suggestion += " Narrow the question to see what lies further down."
            self.wrong("out-of-range", name, f"{name} is {int(value):,}.", suggestion)
            return default
        return int(value)

    def dates(self) -> dict[str, PartialDate]:
        found: dict[str, PartialDate] = {}
        for name in RANGES:
            if value := self.one(name).strip():
                try:
                    found[name] = PartialDate.parse(value)
                except ValueError as error:
                    self.wrong("wrong-date", name, str(error), FORMS)
        for name in ("occurred", "published"):
            first, last = found.get(f"{name}_from"), found.get(f"{name}_to")
            if first is not None and last is not None and first.earliest() > last.latest():
                self.wrong("empty-range", f"{name}_to", f"{last} is before {first}.", "Swap the two.")
        return found

    def as_of(self) -> AsOf | None:
        """Digits alone are a position, as answers and `/changes` tell it: a year would look the same."""
        value = self.one("as_of").strip()
        if not value:
            return None
        if value.isascii() and value.isdigit():
            if len(value) <= _MAX_DIGITS:
                return AsOf(int(value))
            self.wrong("out-of-range", "as_of", f"There is no position {value[:40]} yet.", AS_OF_FORMS)
            return None
        try:
            date = PartialDate.parse(value)
        except ValueError as error:
            self.wrong("wrong-date", "as_of", str(error), AS_OF_FORMS)
            return None
        if date.uncertain:
            self.wrong("wrong-date", "as_of", f"{value[:40]!r} is not one moment.", AS_OF_FORMS)
            return None
        return AsOf(date)

    def facets(self) -> tuple[str, ...]:
        names = [name.strip() for value in self.given.get("facets", ()) for name in value.split(",")]
        if EVERY_FACET in names:
            return FACETS
        wanted = [name for name in dict.fromkeys(names) if name]
        for name in wanted[:MAX_VALUES]:
            if name not in FACETS:
                self._not_among("facets", name, (*FACETS, EVERY_FACET))
        return tuple(name for name in FACETS if name in wanted)

    def _not_among(self, name: str, value: str, choices: Sequence[str]) -> None:
        near = process.extractOne(value, choices, score_cutoff=60)
        suggestion = f"Write {near[0]}." if near else f"There are: {', '.join(choices)}."
        self.wrong("unknown-value", name, f"{value[:40]!r} is not a value of {name}.", suggestion)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp() // 1)
