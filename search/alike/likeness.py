"""What a record is recognised by, in plain words and keys that any engine can look for. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from registry.moderation.screening.traits import Trait, traits
from registry.records.documents import tags_of
from search import text
from search.relevance import STOP_WORDS

_TEXTS = (("title", 3), ("summary", 1), ("narrative", 1))
"""The texts that a record is known by, and how often each of their words counts."""
_LOOK = 20_000
_MOST_WORDS = 300
_LEAST_LETTERS = 3
_MOST_SYSTEMS = 50
# What stands in every text, in the languages that most records are written in. An engine weighs words by
# rarity besides; this also keeps them from being shown as a reason.
_EVERYWHERE = STOP_WORDS | frozenset(
    """
    about above after again against all already also although among and another any are around because been
    before being between both but can cannot could did does doing done down during each either even ever every
    few first for from further had has have having her here hers him his how however into its itself just
    least less like made make makes many may might more most much must near never nor not now off often once
    one only other others our out over own per rather same say says said see seen several she should since
    some still such than that the their them then there these they this those though three through thus too
    two under until upon use used user users uses using very via was way were what when where whether which
    while who whom whose why will with within without would yet you your
    auch auf aus bei das dem den der des die ein eine einem einen einer eines für hat ist mit nach nicht noch
    oder sich sie sind ueber und von war wie wird wurde zum zur
    aux avec ces cette dans des est les leur mais par pas plus pour que qui sont sur une
    como con del desde entre era fue las los mas para por que sin sobre son sus una
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Likeness:
    """What is looked for in records that are like one.

    `words` are those of its texts with how often each counts, the most counted first: the rarer ones among
    all records tell more. `tags` and `systems` are values of those filters, as filters compare them. `traits`
    are keys of `trait_key`; sharing one says more than all words and tags. `of` is the record itself, which
    an index may hold and which is not looked for.
    """

    words: tuple[tuple[str, int], ...] = ()
    tags: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    of: tuple[str, str] | None = None


def trait_key(trait: Trait) -> str:
    """A trait as one term of an index."""
    return f"{trait.kind}:{trait.value}"


def likeness(document: Mapping[str, Any]) -> Likeness:
    """What a document is recognised by."""
    counts: Counter[str] = Counter()
    for name, times in _TEXTS:
        for word in _words_of(document, name):
            counts[word] += times
    telling = sorted(((word, count) for word, count in counts.items() if _tells(word)), key=_most_first)
    return Likeness(
        tuple(telling[:_MOST_WORDS]),
        tuple(dict.fromkeys(text.key(tag) for tag in tags_of(document))),
        tuple(systems(document)),
        tuple(trait_key(trait) for trait in traits(document)),
        (str(document.get("origin", "")), str(document.get("id", ""))),
    )


def systems(document: Mapping[str, Any]) -> dict[str, str]:
    """The systems that a document names, as they are compared, each as it is written."""
    found: dict[str, str] = {}
    listed = document.get("systems")
    for system in listed[:_MOST_SYSTEMS] if isinstance(listed, list) else ():
        if isinstance(system, Mapping):
            name, ref = system.get("name"), system.get("ref")
            shown = name if isinstance(name, str) else ref
            value = ref if isinstance(ref, str) else name
            if isinstance(value, str) and isinstance(shown, str):
                found.setdefault(text.key(value), shown)
    return found


def spoken(document: Mapping[str, Any]) -> tuple[Counter[str], frozenset[str]]:
    """The telling words of a document with how often each counts, and those of its title. Scripts without
    spaces come as pairs of neighbouring characters: one alone says nothing to a reader.
    """
    counts: Counter[str] = Counter()
    title: set[str] = set()
    for name, times in _TEXTS:
        told = [word for word in _paired(_words_of(document, name)) if _tells(word)]
        if name == "title":
            title.update(told)
        for word in told:
            counts[word] += times
    return counts, frozenset(title)


def _words_of(document: Mapping[str, Any], name: str) -> list[str]:
    value = document.get(name)
    return text.words(value[:_LOOK]) if isinstance(value, str) else []


def _paired(words: list[str]) -> Iterable[str]:
    for run in text.runs(words):
        if text.alone(run[0]):
            yield from (one + other for one, other in pairwise(run))
        else:
            yield from run


def _tells(word: str) -> bool:
    return (
        (len(word) >= _LEAST_LETTERS or text.alone(word)) and not word.isdigit() and word not in _EVERYWHERE
    )


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
