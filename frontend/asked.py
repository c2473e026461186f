"""The question in the address of a list of records: read, narrowed, widened, written back. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from frontend import words
from frontend.templating import shortened
from frontend.urls import Pairs, Urls
from registry.feeds.selection import Selection, Topic, question
from registry.records.content.submission import KINDS
from registry.taxonomies.vocabulary import split_tag
from search.labels import country, language
from search.request import PARAMETERS

BROWSABLE = ("kind", "provider", "origin", "tag")
"""The filters that lists can do without a search."""
LONGEST_QUESTION = 80
"""In characters, as headings and tabs repeat it."""
_NOT_ASKED = frozenset({"limit", "offset", "facets"})
# How the question is answered, and no filter of its own.
_MANNER = frozenset({"sort", "crosswalks"})

NAMES = {
    "kind": "Kind",
    "severity": "Severity",
    "nature": "Nature",
    "setting": "Setting",
    "tag": "Term",
    "basis": "Basis",
    "provider": "Published by",
    "developer": "Developer",
    "deployer": "Deployer",
    "system": "System",
    "actor": "Actor",
    "country": "Country",
    "sector": "Sector",
    "modality": "Modality",
    "status": "Status",
    "language": "Language",
    "origin": "Registry",
    "alias": "Known elsewhere as",
    "occurred_from": "Happened from",
    "occurred_to": "Happened until",
    "published_from": "Published from",
    "published_to": "Published until",
    "as_of": "As it stood",
    "crosswalks": "Other vocabularies",
}
_FOLLOWED = MappingProxyType(
    {"off": "not looked at", "exact": "same meaning only", "close": "same or nearly same meaning"}
)
SORTS = MappingProxyType(
    {
        "relevance": "Best match",
        "newest": "Newest first",
        "oldest": "Oldest first",
        "updated": "Last changed first",
        "severity": "Gravest first",
    }
)


def _ordered(pairs: Pairs) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(set(pairs), key=lambda pair: (PARAMETERS.index(pair[0]), pair[1])))


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of one list, without those that say which page of it.

    They stand in one order, so that one question has one address.
    """

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, given: Pairs) -> "Asked":
        """Parameters that no search has are passed over: mail programs and social networks add theirs to
        every link.
        """
        kept = ((name, " ".join(value.split())) for name, value in given if name in PARAMETERS)
        return cls(_ordered((name, value) for name, value in kept if value and name not in _NOT_ASKED))

    def spelled(self, spell: Callable[[str], str]) -> "Asked":
        """The question with tags as their taxonomies write them: a canonical address has no capitals."""
        return Asked(_ordered((name, spell(value) if name == "tag" else value) for name, value in self.pairs))

    def one(self, name: str) -> str:
        return next((value for key, value in self.pairs if key == name), "")

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.pairs if key == name)

    @property
    def filters(self) -> tuple[tuple[str, str], ...]:
        return tuple(pair for pair in self.pairs if pair[0] not in ("q", "sort"))

    @property
    def browsable(self) -> bool:
        """Whether a list without a search can answer it."""
        return all(name in BROWSABLE or name in _MANNER for name, _ in self.pairs)

    def browsed(self) -> "Asked":
        """What is left of the question where there is no search."""
        return Asked(tuple(pair for pair in self.pairs if pair[0] in BROWSABLE))

    def not_browsed(self, label: Callable[[str], str]) -> Sequence[str]:
        """In words, what of the question only a search can answer."""
        quoted = [f"“{shortened(self.one('q'), LONGEST_QUESTION)}”"] if self.one("q") else []
        return quoted + [
            f"{NAMES.get(name, name)} {called(name, value, label)}"
            for name, value in self.filters
            if name not in BROWSABLE and name not in _MANNER
        ]

    def holds(self, name: str, value: str) -> bool:
        return (name, value) in self.pairs

    def toggled(self, name: str, value: str) -> tuple[tuple[str, str], ...]:
        """The question with one filter more, or without it where it is there."""
        if self.holds(name, value):
            return tuple(pair for pair in self.pairs if pair != (name, value))
        return _ordered((*self.pairs, (name, value)))

    def without(self, *names: str) -> tuple[tuple[str, str], ...]:
        """The question without everything that it says of these."""
        return tuple(pair for pair in self.pairs if pair[0] not in names)

    def unwidened(self) -> tuple[tuple[str, str], ...]:
        """The question with its terms taken as themselves alone."""
        return _ordered((*self.without("crosswalks"), ("crosswalks", "off")))

    def parameters(self) -> dict[str, list[str]]:
        """As `registry.finder` and `search.request` take it."""
        found: dict[str, list[str]] = {}
        for name, value in self.pairs:
            found.setdefault(name, []).append(value)
        return found

    def selection(self, *, widened: bool = False) -> Selection:
        """The feed of the same question: the narrowest there is. `widened` tells that a search finds more by
        its terms than what bears them.
        """
        # What was public once has no news: a feed follows what is.
        asked = question(self.without("as_of"))
        if widened:
            return Selection(Topic.SEARCH, parameters=asked)
        # A term taken as itself alone is what its feed holds.
        match tuple(pair for pair in asked if pair != ("crosswalks", "off")):
            case ():
                return Selection(Topic.ALL)
            case (("kind", kind),) if kind in KINDS:
                return Selection(Topic.KIND, kind)
            case (("provider", slug),):
                return Selection(Topic.PROVIDER, slug)
            case (("tag", tag),) if ":" in tag:
                return Selection(Topic.TAG, tag)
            case _:
                return Selection(Topic.SEARCH, parameters=asked)

    def title(self, label: Callable[[str], str]) -> str:
        """The question in words, for a heading and a tab; `label` names tags."""
        kinds = [words.kind_of(kind).many for kind in self.all("kind")]
        asked = [f"“{shortened(self.one('q'), LONGEST_QUESTION)}”"] if self.one("q") else []
        asked += [
            called(name, value, label) for name, value in self.filters if name not in ("kind", "crosswalks")
        ]
        what = " and ".join(kinds) if kinds else "Records"
        return shortened(f"{what}: {', '.join(asked)}", 2 * LONGEST_QUESTION) if asked else what


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that is set, and the address of the list without it."""

    name: str
    value: str
    without: str


def set_filters(urls: Urls, asked: Asked, label: Callable[[str], str]) -> Sequence[Filter]:
    return [
        Filter(NAMES.get(name, name), called(name, value, label), urls.records(asked.toggled(name, value)))
        for name, value in asked.filters
    ]


def called(name: str, value: str, label: Callable[[str], str]) -> str:
    """What a value of a filter is called; `label` names tags."""
    match name:
        case "kind":
            return words.kind_of(value).one
        case "basis" if value in words.BASIS:
            return words.BASIS[value][0]
        case "nature" | "setting" | "status":
            return words.word(value)
        case "crosswalks" if value in _FOLLOWED:
            return _FOLLOWED[value]
        case "as_of" if value.isdigit():
            return f"at position {value}"
        case "country":
            return country(value) or value
        case "language":
            return language(value) or value
        case _:
            return label(value) if split_tag(value) else value
