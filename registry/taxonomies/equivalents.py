"""Which terms of other taxonomies stand for one, where crosswalks are followed. Pure.

Search and evidence ask here, so that one word (`crosswalks=close`) means the same everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.taxonomies.vocabulary import Vocabulary

CROSSWALKS = ("close", "exact", "off")
"""How far crosswalks are followed: to terms that mean the same or nearly so, only the same, or not at all."""
FOLLOWED = "close"
"""Unless it is said otherwise."""
MATCHES: Mapping[str, tuple[str, ...]] = {"close": ("exact", "close"), "exact": ("exact",), "off": ()}
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


def equivalents(vocabulary: Vocabulary, tag: str, matches: Sequence[str]) -> tuple[Equivalent, ...]:
    """What means the same as a term or, by `matches`, nearly so, and what means the same as a term below it.

    What lies below an equivalent is not told: it is found as everything below a term is. Only what means
    the same is taken from below: of what is close to a part, most may lie outside of the whole.
    """
    if not matches:
        return ()
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
