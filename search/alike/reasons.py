"""Why two records are alike, from their documents alone: the same whichever engine brought them together.
Pure.
"""

import math
from collections.abc import Mapping
from typing import Any

from registry.finder import Reason
from registry.moderation.screening.traits import ACTOR, ALIAS, HOST, INDICATOR, host_of, traits
from registry.records.documents import tags_of
from registry.taxonomies.vocabulary import Vocabulary
from search import text
from search.alike.likeness import spoken, systems

SYSTEM, TAG, WORDS = "system", "tag", "words"
MOST_OF_A_KIND = 5
# Every incident has one of these.
_EVERYWHERE = frozenset({"severity"})
# What records are about, before how it was.
_SUBJECTS = frozenset({"misuse", "weakness", "safeguard"})
MOST_WORDS = 8
# Fewer words in common are chance, unless both titles hold them.
_LEAST_WORDS, _LEAST_IN_TITLES = 4, 2


def reasons(one: Mapping[str, Any], other: Mapping[str, Any], vocabulary: Vocabulary) -> tuple[Reason, ...]:
    """What `other` has in common with `one`, what says most first, as `other` writes it."""
    mine, theirs = traits(one), traits(other)
    shared = [trait for trait in theirs if trait in mine]
    hosts = {host_of(trait.value) for trait in shared if trait.kind == INDICATOR}
    found: list[Reason] = []
    for kind in (INDICATOR, HOST, ALIAS, ACTOR):
        of_kind = {
            theirs[trait]: Reason(kind, theirs[trait])
            for trait in shared
            # A shared indicator says where it lies.
            if trait.kind == kind and not (kind == HOST and trait.value in hosts)
        }
        found += list(of_kind.values())[:MOST_OF_A_KIND]
    named = systems(one)
    found += [Reason(SYSTEM, shown) for key, shown in systems(other).items() if key in named][:MOST_OF_A_KIND]
    found += _tags(one, other, vocabulary)
    if said := _words(one, other):
        found.append(said)
    return tuple(found)


def _tags(one: Mapping[str, Any], other: Mapping[str, Any], vocabulary: Vocabulary) -> list[Reason]:
    mine = set(tags_of(one))
    apart = systems(one)
    shared = [
        tag
        for tag in tags_of(other)
        if tag in mine
        and text.key(tag) not in apart
        and tag.partition(":")[0] not in _EVERYWHERE
        and not tag.startswith("actor:named/")
    ]
    # A narrow term says more than a broad one, and what stands under a shared one says it with it.
    broader = {wider for tag in shared for wider in vocabulary.ancestors(tag)}
    shared = [tag for tag in shared if tag not in broader]
    shared.sort(key=lambda tag: (tag.partition(":")[0] not in _SUBJECTS, -len(vocabulary.ancestors(tag))))
    return [Reason(TAG, tag, vocabulary.label(tag)) for tag in shared[:MOST_OF_A_KIND]]


def _words(one: Mapping[str, Any], other: Mapping[str, Any]) -> Reason | None:
    (mine, my_title), (theirs, their_title) = spoken(one), spoken(other)
    shared = mine.keys() & theirs.keys()
    if len(shared) < _LEAST_WORDS and len(my_title & their_title) < _LEAST_IN_TITLES:
        return None

    def weight(word: str) -> float:
        return math.sqrt(mine[word] * theirs[word]) * math.log(1 + len(word))

    telling = sorted(shared, key=lambda word: (-weight(word), word))
    return Reason(WORDS, " ".join(telling[:MOST_WORDS]))
