"""What a vocabulary says that questions mean: the terms of other taxonomies that stand for those asked for,
and names that mean the same. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from registry.taxonomies.vocabulary import Vocabulary
from search import relevance, text

CROSSWALKS = ("close", "exact", "off")
"""How far crosswalks are followed: to terms that mean the same or nearly so, only the same, or not at all."""
FOLLOWED = "close"
"""Unless it is said otherwise."""
_MATCHES: Mapping[str, tuple[str, ...]] = {"close": ("exact", "close"), "exact": ("exact",), "off": ()}
# A term at the top of a large taxonomy has hundreds below it. A filter takes any number; an answer repeats
# them.
MOST = 200


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A term of another taxonomy that stands for one that was asked for. `match` is `exact` or `close`;
    `through` is the narrower term that it means, where it does not mean the one asked for as a whole.
    """

    tag: str
    label: str
    match: str
    through: str | None = None

    def as_json(self) -> dict[str, str]:
        told = {"tag": self.tag, "label": self.label, "match": self.match}
        return told | ({"through": self.through} if self.through else {})


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
        """What else a filter on `tag`, written in any case, finds: what means the same or, by `crosswalks`,
        nearly so, and what means the same as a term below it.

        What lies below an equivalent is not told: it is found as everything below a term is. Only what means
        the same is taken from below: of what is close to a part, most may lie outside of the whole.
        """
        key = text.key(tag)
        found = self._kept.get((key, crosswalks))
        if found is None:
            found = self._find(key, _MATCHES[crosswalks])
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
        if tag is None or not matches:
            return ()
        vocabulary = self.vocabulary
        below = vocabulary.descendants(tag)
        held, above = {tag, *below}, frozenset(vocabulary.ancestors(tag))
        found: dict[str, Equivalent] = {}
        for through, followed in ((None, matches), *((other, ("exact",)) for other in below)):
            exact = set(vocabulary.crosswalked(through or tag, ("exact",)))
            for other in vocabulary.crosswalked(through or tag, followed):
                within = {other, *vocabulary.ancestors(other)}
                if other in above:
                    continue  # a loop in the data must not make a term mean what is broader
                if held.isdisjoint(within) and (through is None or found.keys().isdisjoint(within)):
                    match = "exact" if other in exact else "close"
                    found[other] = Equivalent(other, vocabulary.label(other), match, through)
        return tuple(list(found.values())[:MOST])
