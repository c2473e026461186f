"""What a vocabulary says that questions mean: the terms of other taxonomies that stand for those asked for,
and names that mean the same. Pure.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property

from registry.taxonomies.equivalents import CROSSWALKS, FOLLOWED, MATCHES, Equivalent, equivalents
from registry.taxonomies.vocabulary import Vocabulary
from search import relevance, text

__all__ = ["CROSSWALKS", "FOLLOWED", "Equivalent", "Meanings"]


class Meanings:
    """Made once for a vocabulary. What was worked out is kept."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._kept: dict[tuple[str, str], tuple[Equivalent, ...]] = {}

    @cached_property
    def synonyms(self) -> Mapping[str, tuple[str, ...]]:
        """As `relevance.synonyms`."""
        return relevance.synonyms(self.vocabulary)

    @cached_property
    def _written(self) -> Mapping[str, str]:
        return {text.key(tag): tag for tag in self.vocabulary.crosswalked_tags}

    def equivalents(self, tag: str, crosswalks: str = FOLLOWED) -> tuple[Equivalent, ...]:
        """What else a filter on `tag`, written in any case, finds (`registry.taxonomies.equivalents`)."""
        key = text.key(tag)
        found = self._kept.get((key, crosswalks))
        if found is None:
            found = self._find(key, MATCHES[crosswalks])
            if key in self._written:  # any text may be asked for: remember only what is bounded
                self._kept[key, crosswalks] = found
        return found

    def titles(self, tags: Iterable[str]) -> Mapping[str, str]:
        """The names of the taxonomies that the tags belong to, by namespace; of those that are here."""
        spaces = sorted({tag.partition(":")[0] for tag in tags})
        return {
            space: taxonomy.name
            for space in spaces
            if (taxonomy := self.vocabulary.taxonomy(space)) is not None
        }

    def _find(self, key: str, matches: tuple[str, ...]) -> tuple[Equivalent, ...]:
        tag = self._written.get(key)
        if tag is None:
            return ()
        return equivalents(self.vocabulary, tag, matches)
