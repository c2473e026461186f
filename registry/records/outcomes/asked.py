"""What is asked about outcomes, read from the parameters of a request, a page or a command. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rapidfuzz import process

from registry.clock import read_instant
from registry.errors import Finding, Malformed
from registry.ids import PREFIX, parse_id
from registry.taxonomies.equivalents import CROSSWALKS, FOLLOWED
from registry.taxonomies.vocabulary import MAX_TAG, Vocabulary, split_tag

Parameters = Mapping[str, Sequence[str]]

KINDS = ("incident", "mitigation", "response")
SHOWN = ("all", "safeguards", "mitigations")
SOURCES, MOST_SOURCES = 5, 200
LIMIT, MOST = 20, 100
MOST_OFFSET = 10_000
MOST_DEPTH = 6
LINES, MOST_LINES = 60, 200
_MOST_ORIGINS = 20
_LONGEST_ORIGIN = 255


@dataclass(frozen=True)
class Asked:
    """A question about what works against something. `tag` or `record` is there, never both. `since` is the
    time from which on records were first published.
    """

    tag: str | None = None
    record: str | None = None
    record_origin: str | None = None
    crosswalks: str = FOLLOWED
    kinds: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    since: datetime | None = None
    imported: bool = True
    show: str = "all"
    safeguard: str | None = None
    mitigation: str | None = None
    limit: int = LIMIT
    offset: int = 0
    sources: int = SOURCES

    @property
    def against(self) -> str:
        return self.tag or self.record or ""


@dataclass(frozen=True)
class Table:
    """A question for a matrix. `rows` and `columns` are namespaces, or tags whose narrower terms are
    wanted.
    """

    rows: str = "misuse"
    columns: str = "safeguard"
    depth: int = 1
    origins: tuple[str, ...] = ()
    since: datetime | None = None
    imported: bool = True
    limit: int = LINES


EVIDENCE = (
    "against",
    "against_origin",
    "crosswalks",
    "kind",
    "origin",
    "since",
    "imported",
    "show",
    "safeguard",
    "mitigation",
    "limit",
    "offset",
    "sources",
)
MATRIX = ("rows", "columns", "depth", "origin", "since", "imported", "limit")


def read_evidence(parameters: Parameters, vocabulary: Vocabulary) -> Asked:
    """Raises `Malformed` with every finding at once."""
    reading = _Reading(parameters, EVIDENCE)
    tag, record = _subject(reading, vocabulary)
    safeguard = reading.one("safeguard") or None
    if safeguard is not None and not vocabulary.known(safeguard) and split_tag(safeguard) is None:
        reading.wrong(
            "wrong-tag", "safeguard", f"{safeguard[:60]!r} is not a tag.", _near(vocabulary, safeguard)
        )
    asked = Asked(
        tag,
        record,
        reading.one("against_origin")[:_LONGEST_ORIGIN] or None,
        reading.choice("crosswalks", CROSSWALKS, FOLLOWED),
        reading.choices("kind", KINDS),
        reading.origins(),
        reading.moment("since"),
        reading.yes("imported"),
        reading.choice("show", SHOWN, "all"),
        safeguard,
        reading.record("mitigation"),
        reading.number("limit", LIMIT, 1, MOST),
        reading.number("offset", 0, 0, MOST_OFFSET),
        reading.number("sources", SOURCES, 0, MOST_SOURCES),
    )
    reading.done()
    return asked


def _subject(reading: "_Reading", vocabulary: Vocabulary) -> tuple[str | None, str | None]:
    value = reading.one("against")
    if not value:
        hint = "Such as against=misuse:fraud, or the id of a record."
        reading.wrong("missing", "against", "Say against what.", hint)
        return None, None
    if value.upper().startswith(PREFIX):
        return None, reading.record("against")
    if len(value) > MAX_TAG or split_tag(value) is None:
        reading.wrong(
            "wrong-tag",
            "against",
            f"{value[:60]!r} is neither a tag nor a record's id.",
            _near(vocabulary, value),
        )
    elif not vocabulary.known(value) and value.partition(":")[0] in vocabulary.namespaces:
        # What a peer with a newer vocabulary calls by it may be here: below a term that is known.
        above = [one for one in vocabulary.ancestors(value) if vocabulary.known(one)]
        if not above:
            reading.wrong(
                "unknown-tag", "against", f"There is no term {value[:60]!r} here.", _near(vocabulary, value)
            )
    return value, None


def _near(vocabulary: Vocabulary, value: str) -> str | None:
    near = vocabulary.nearest(value[:MAX_TAG])
    return f"Did you mean {' or '.join(near)}?" if near else None


def read_matrix(parameters: Parameters, vocabulary: Vocabulary) -> Table:
    """Raises `Malformed` with every finding at once."""
    reading = _Reading(parameters, MATRIX)
    table = Table(
        reading.axis("rows", "misuse", vocabulary),
        reading.axis("columns", "safeguard", vocabulary),
        reading.number("depth", 1, 1, MOST_DEPTH),
        reading.origins(),
        reading.moment("since"),
        reading.yes("imported"),
        reading.number("limit", LINES, 1, MOST_LINES),
    )
    if table.rows.partition(":")[0] == table.columns.partition(":")[0] and not reading.findings:
        reading.wrong(
            "same-axis", "columns", "Rows and columns are of the same vocabulary.", "Choose another one."
        )
    reading.done()
    return table


class _Reading:
    """Reads parameters one by one and gathers what is wrong with them."""

    def __init__(self, parameters: Parameters, known: Sequence[str]) -> None:
        self.given = {
            name: given
            for name, values in parameters.items()
            if (given := [value.strip() for value in values if value.strip()])
        }
        self.findings: list[Finding] = []
        for name in self.given:
            if name not in known:
                near = process.extractOne(name, known, score_cutoff=60)
                hint = f"Write {near[0]}." if near else f"There are: {', '.join(known)}."
                self.wrong("unknown-parameter", name, f"{name[:40]!r} is not a parameter here.", hint)

    def wrong(self, code: str, name: str, message: str, suggestion: str | None = None) -> None:
        pointer = "/" + name[:80].replace("~", "~0").replace("/", "~1")
        self.findings.append(Finding(code, pointer, message, suggestion))

    def done(self) -> None:
        if self.findings:
            raise Malformed("The request has parameters that cannot be read.", findings=self.findings)

    def one(self, name: str) -> str:
        values = self.given.get(name, ())
        if len(values) > 1:
            self.wrong("given-twice", name, f"{name} was given {len(values)} times.", "Give it once.")
        return values[0] if values else ""

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        value = self.one(name).lower() or default
        if value not in choices:
            self._not_among(name, value, choices)
        return value

    def choices(self, name: str, choices: Sequence[str]) -> tuple[str, ...]:
        values = tuple(dict.fromkeys(value.lower() for value in self.given.get(name, ())))
        for value in values[:MOST]:
            if value not in choices:
                self._not_among(name, value, choices)
        return tuple(value for value in choices if value in values)

    def yes(self, name: str) -> bool:
        return self.choice(name, ("true", "false"), "true") == "true"

    def _not_among(self, name: str, value: str, choices: Sequence[str]) -> None:
        near = process.extractOne(value, choices, score_cutoff=60)
        hint = f"Write {near[0]}." if near else f"There are: {', '.join(choices)}."
        self.wrong("unknown-value", name, f"{value[:40]!r} is not a value of {name}.", hint)

    def number(self, name: str, default: int, least: int, most: int) -> int:
        value = self.one(name)
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and len(value) <= 12 and least <= int(value) <= most):
            hint = f"Write {least} to {most:,}."
            self.wrong("wrong-number", name, f"{value[:40]!r} is no number that {name} may have.", hint)
            return default
        return int(value)

    def moment(self, name: str) -> datetime | None:
        value = self.one(name)
        if not value:
            return None
        try:
            moment = read_instant(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            self.wrong("wrong-date", name, f"{value[:40]!r} is not a date or a time.", "Such as 2026-05-01.")
            return None

    def origins(self) -> tuple[str, ...]:
        values = tuple(dict.fromkeys(self.given.get("origin", ())))
        if len(values) > _MOST_ORIGINS or any(len(value) > _LONGEST_ORIGIN for value in values):
            self.wrong("too-many-values", "origin", f"More than {_MOST_ORIGINS} origins, or a name too long.")
        return values[:_MOST_ORIGINS]

    def record(self, name: str) -> str | None:
        value = self.one(name)
        if not value:
            return None
        try:
            return parse_id(value)
        except Malformed as error:
            self.wrong("wrong-record-id", name, error.detail, "Copy the id from the record's page.")
            return None

    def axis(self, name: str, default: str, vocabulary: Vocabulary) -> str:
        value = self.one(name) or default
        if ":" in value:
            if vocabulary.term(value) is None:
                self.wrong(
                    "unknown-tag", name, f"There is no term {value[:60]!r} here.", _near(vocabulary, value)
                )
        elif value not in vocabulary.namespaces:
            near = process.extractOne(value.lower(), vocabulary.namespaces, score_cutoff=50)
            hint = f"Write {near[0]}." if near else f"There are: {', '.join(vocabulary.namespaces)}."
            self.wrong("unknown-namespace", name, f"There is no vocabulary {value[:40]!r} here.", hint)
        return value
