"""Which words stand for others in questions that forgive: names that mean the same, and a word as it is bent
otherwise. Meilisearch looks for a word's synonyms where the word stands without quotes.

They are no part of the settings that an index is built anew for: they follow from what is in it.
"""

from collections.abc import Collection, Iterable, Mapping

from search.meili.asking import Asker
from search.meili.queries import word_is_held
from search.relevance import forms

Synonyms = dict[str, list[str]]

_AT_ONCE = 100


def made(held: Collection[str], names: Mapping[str, tuple[str, ...]]) -> Synonyms:
    """The synonyms of an index that holds these words, under a vocabulary with these names."""
    found: Synonyms = {name: list(others) for name, others in names.items()}
    return joined(found, held, held)


def joined(synonyms: Synonyms, new: Iterable[str], held: Collection[str]) -> Synonyms:
    """The synonyms with those of some new words besides, each way: `held` are the words that are there."""
    for word in new:
        for other in forms(word):
            if other in held:
                _add(synonyms, word, other)
                if word in forms(other):
                    _add(synonyms, other, word)
    return synonyms


def _add(synonyms: Synonyms, word: str, other: str) -> None:
    others = synonyms.setdefault(word, [])
    if other not in others:
        others.append(other)


async def which_are_held(asker: Asker, words: Collection[str]) -> set[str]:
    """Those of the words that some record holds."""
    wanted = sorted(words)
    held: set[str] = set()
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        _, found = await asker.ask([word_is_held(word) for word in some])
        held.update(word for word, result in zip(some, found, strict=True) if result.total)
    return held
