"""Which records a feed is about: its address, read and written. Pure.

An address is `/feeds/` + path + `.` + suffix + query. Tags hold dots, colons and slashes, so that the path is
split by hand at its last dot. Parameters have one canonical order, so that one question has one address, one
id and one place in every cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from rapidfuzz import process

from registry.canonical import forbidden_characters
from registry.errors import Malformed, NotFound
from registry.feeds.formats import BY_SUFFIX, Format
from registry.ids import parse_id
from registry.records.content.submission import KINDS

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_PARAMETERS = 64
MAX_PARAMETER_LENGTH = 1000
MAX_TAG_LENGTH = 200

_FORMATS = " or ".join(f".{suffix}" for suffix in BY_SUFFIX)
# Those of a search that say how an answer is cut and shown, not what it holds; and those of feeds.
_NOT_THE_QUESTION = frozenset({"sort", "limit", "offset", "facets", "cursor", "content", "imported"})

Pairs = Sequence[tuple[str, str]]


class Topic(StrEnum):
    ALL = "all"
    KIND = "kind"
    PROVIDER = "provider"
    TAG = "tag"
    RECORD = "record"
    SEARCH = "search"


@dataclass(frozen=True, slots=True)
class Selection:
    """What a feed holds.

    `imported` counts only for all and kind, which leave imported records out so that an import floods nobody.
    `parameters` are those of a search, in canonical order, or the `origin` whose records alone are meant.
    """

    topic: Topic
    value: str = ""
    imported: bool = False
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> str:
        """As it stands between `/feeds/` and the suffix."""
        match self.topic:
            case Topic.ALL | Topic.SEARCH:
                return self.topic.value
            case Topic.KIND:
                return self.value
            case _:
                return f"{self.topic}/{self.value}"

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The parameters that make this another feed than the one without them, in canonical order."""
        return ((("imported", "true"),) if self.imported else ()) + self.parameters

    @property
    def origin(self) -> str | None:
        """Whose records alone are meant, where one registry is named; a search has filters of its own."""
        return None if self.topic is Topic.SEARCH else dict(self.parameters).get("origin")

    @property
    def address(self) -> str:
        """Path and query, the same for all formats: what the feed's id is made from."""
        # A space ends a part there and belongs to no address; parameters are free text.
        pairs = "&".join(f"{_quote(key)}={_quote(value)}" for key, value in self.query)
        return f"{self.path}?{pairs}" if pairs else self.path

    @property
    def holds_imports(self) -> bool:
        return self.imported or self.topic not in (Topic.ALL, Topic.KIND)


def _quote(text: str) -> str:
    return quote(text, safe=":/")


@dataclass(frozen=True, slots=True)
class Options:
    """How much of a feed is asked for: so many entries, in full or as summaries."""

    limit: int = DEFAULT_LIMIT
    full: bool = True

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """In canonical order, without what is the default."""
        asked = []
        if not self.full:
            asked.append(("content", "summary"))
        if self.limit != DEFAULT_LIMIT:
            asked.append(("limit", str(self.limit)))
        return tuple(asked)


def read_address(name: str, query: Pairs) -> tuple[Selection, Options, Format]:
    """What `/feeds/<name>?<query>` asks for.

    Parameters that no feed has are passed over, as long as the feed is no search: mail programs and social
    networks add theirs to every link. Raises `NotFound` for an unknown suffix or path, with the nearest one
    there is, and `Malformed` for a wrong id or parameter.
    """
    if len(query) > MAX_PARAMETERS:
        raise Malformed(f"A feed takes at most {MAX_PARAMETERS} parameters.")
    if long := next((key for key, value in query if len(key) + len(value) > MAX_PARAMETER_LENGTH), None):
        raise Malformed(f"The parameter {long[:40]!r} is longer than {MAX_PARAMETER_LENGTH} characters.")
    # PostgreSQL takes no NUL in a text, and nothing that is stored here holds the others.
    if forbidden_characters(name) or any(forbidden_characters(key + value) for key, value in query):
        raise Malformed("The address of a feed holds no control characters.")
    path, dot, suffix = name.strip("/").rpartition(".")
    format = BY_SUFFIX.get(suffix.lower()) if dot and path else None
    if format is None:
        raise NotFound(
            f"There is no feed {name.strip('/')[:80]!r}. The address of a feed ends in {_FORMATS}."
        )
    return _selection(path, query), read_options(query), format


def read_options(query: Pairs) -> Options:
    """`limit` (1 to 200) and `content` (full or summary). Raises `Malformed`."""
    limit, content = _one(query, "limit"), _one(query, "content") or "full"
    if content not in ("full", "summary"):
        raise Malformed(f"content={content[:40]!r} is neither 'full' nor 'summary'.")
    if limit is None:
        return Options(full=content == "full")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 9 and int(limit) > 0):
        raise Malformed(f"limit={limit[:40]!r} is not a number from 1 to {MAX_LIMIT}.")
    return Options(min(int(limit), MAX_LIMIT), content == "full")


def _selection(path: str, query: Pairs) -> Selection:
    topic, slash, value = path.partition("/")
    if topic == Topic.SEARCH and not slash:
        return Selection(Topic.SEARCH, parameters=question(query))
    origin = _one(query, "origin")
    of = (("origin", origin),) if origin else ()
    match topic:
        case Topic.PROVIDER if value and "/" not in value:
            return Selection(Topic.PROVIDER, value.lower(), parameters=of)
        case Topic.TAG if value:
            if ":" not in value or len(value) > MAX_TAG_LENGTH:
                raise NotFound(f"{value[:80]!r} is no tag. A tag is namespace:term, such as misuse:fraud.")
            return Selection(Topic.TAG, value, parameters=of)
        case Topic.RECORD if value:
            return Selection(Topic.RECORD, parse_id(value), parameters=of)
        case Topic.ALL if not slash:
            return Selection(Topic.ALL, imported=_imported(query), parameters=of)
        case kind if kind in KINDS and not slash:
            return Selection(Topic.KIND, kind, imported=_imported(query), parameters=of)
    near = process.extractOne(topic, [Topic.ALL, Topic.SEARCH, *KINDS], score_cutoff=60)
    hint = f" Did you mean {near[0]!s}?" if near else ""
    raise NotFound(
        f"There is no feed {path[:80]!r}.{hint} There are: all, {', '.join(KINDS)}, provider/<slug>, "
        "tag/<tag>, record/<id>, search?<search parameters>."
    )


def question(query: Pairs) -> tuple[tuple[str, str], ...]:
    """The parameters of a search in canonical order.

    Without repeats, empty ones and those that only say how to show.
    """
    asked = {(key, " ".join(value.split())) for key, value in query if key not in _NOT_THE_QUESTION}
    return tuple(sorted((key, value) for key, value in asked if value))


def _imported(query: Pairs) -> bool:
    value = (_one(query, "imported") or "false").lower()
    if value not in ("true", "false", "1", "0"):
        raise Malformed(f"imported={value[:40]!r} is neither 'true' nor 'false'.")
    return value in ("true", "1")


def _one(query: Pairs, name: str) -> str | None:
    values = {value for key, value in query if key == name and value}
    if len(values) > 1:
        raise Malformed(f"The parameter {name!r} stands there twice, with different values.")
    return next(iter(values), None)
