"""What stands beside the results: the filters with their values, and what a term finds besides itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from frontend.asked import NAMES, Asked, called
from frontend.terms import Terms
from frontend.urls import Urls
from search.meanings import Equivalent
from search.results import Answer, FacetValue

# In the order in which they stand; the first few are open.
FACETS = (
    "kind",
    "severity",
    "nature",
    "basis",
    "setting",
    "provider",
    "developer",
    "system",
    "country",
    "sector",
    "modality",
    "language",
    "status",
    "origin",
)
# The vocabularies whose terms come first, in this order; what other filters hold is not said twice.
VOCABULARIES = ("misuse", "harm", "safeguard", "weakness", "principle", "cause", "affected")
_SAID = frozenset({"severity", "sector", "modality", "system", "org", "actor"})
OPEN = 5
VALUES = 8
MOST_VALUES = 60
_NAMED = 4

Ask = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a facet: how many records it would leave, and the address that sets or clears it.
    `depth` tells how many broader terms of the same list it stands under.
    """

    label: str
    count: int
    url: str
    chosen: bool
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Facet:
    """A filter with its values: those that are shown at once, and the rest."""

    name: str
    label: str
    open: bool
    first: Sequence[Choice]
    rest: Sequence[Choice]


@dataclass(frozen=True, slots=True)
class Widened:
    """A term that was asked for, and what it finds besides: (label, vocabulary, address, how it is meant)."""

    label: str
    named: Sequence[tuple[str, str, str, str]]
    rest: Sequence[tuple[str, str, str, str]]


def facets(urls: Urls, asked: Asked, terms: Terms, answer: Answer) -> Sequence[Facet]:
    """The filters that would narrow the list. Terms stand under their vocabulary, narrower under broader."""
    groups = [(name, name, NAMES[name], answer.facets.get(name, ())) for name in FACETS]
    by_space: dict[str, list[FacetValue]] = {}
    for one in answer.facets.get("tag", ()):
        space = one.value.partition(":")[0]
        if space not in _SAID:
            by_space.setdefault(space, []).append(one)
    spaces = sorted(by_space, key=lambda space: (_place(space), terms.title(space)))
    borne = [(space, "tag", terms.title(space), by_space[space]) for space in spaces]
    ours = [group for group in borne if group[0] in VOCABULARIES]
    others = [group for group in borne if group[0] not in VOCABULARIES]
    made: list[Facet] = []
    for id, name, label, values in (*groups[:3], *ours, *groups[3:], *others):
        choices = _choices(urls, asked, terms, name, values[:MOST_VALUES])
        chosen = any(choice.chosen for choice in choices)
        # One value that every record has tells nothing and narrows nothing.
        if len(choices) > 1 or chosen:
            first = [one for place, one in enumerate(choices) if place < VALUES or one.chosen]
            rest = [one for one in choices if one not in first]
            made.append(Facet(id, label, chosen or len(made) < OPEN, first, rest))
    return made


def _place(space: str) -> int:
    return VOCABULARIES.index(space) if space in VOCABULARIES else len(VOCABULARIES)


def _choices(urls: Urls, asked: Asked, terms: Terms, name: str, values: Sequence[FacetValue]) -> list[Choice]:
    if name == "tag":
        return [
            replace(_choice(urls, asked, terms, name, value), depth=depth)
            for value, depth in _tree(terms, values)
        ]
    choices = [_choice(urls, asked, terms, name, value) for value in values]
    return sorted(choices, key=lambda choice: not choice.chosen)


def _tree(terms: Terms, values: Sequence[FacetValue]) -> list[tuple[FacetValue, int]]:
    """Terms with those that are narrower behind them, and how deep they stand; each once."""
    held = {value.value: value for value in values}
    below: dict[str, list[FacetValue]] = {}
    for value in values:
        broader = (tag for tag in terms.vocabulary.ancestors(value.value) if tag in held)
        below.setdefault(next(broader, ""), []).append(value)
    placed: dict[str, tuple[FacetValue, int]] = {}

    def place(over: str, depth: int) -> None:
        for value in below.get(over, ()):
            if value.value not in placed:
                placed[value.value] = value, depth
                place(value.value, depth + 1)

    place("", 0)
    # In a loop every term is the broader of another, so that none is at the top.
    return [*placed.values(), *((value, 0) for value in values if value.value not in placed)]


def _choice(urls: Urls, asked: Asked, terms: Terms, name: str, found: FacetValue) -> Choice:
    value = _spelled(asked, name, found.value)
    return Choice(
        found.label or called(name, found.value, terms.label),
        found.count,
        urls.records(asked.toggled(name, value)),
        asked.holds(name, value),
    )


def _spelled(asked: Asked, name: str, value: str) -> str:
    """The value as the address spells it, which may differ in case."""
    return next((one for one in asked.all(name) if one.casefold() == value.casefold()), value)


def widened(terms: Terms, answer: Answer) -> Sequence[Widened]:
    """What the terms that were asked for find besides themselves."""
    made = []
    for tag, equivalents in answer.request.equivalents.items():
        told = [_told(terms, one) for one in equivalents]
        made.append(Widened(terms.label(tag), told[:_NAMED], told[_NAMED:]))
    return made


def _told(terms: Terms, one: Equivalent) -> tuple[str, str, str, str]:
    how = "means the same" if one.match == "exact" else "means nearly the same"
    if one.through:
        how = f"means the same as {terms.label(one.through)}, which is narrower"
    return one.label, terms.namespace(one.tag), terms.url(one.tag), how
