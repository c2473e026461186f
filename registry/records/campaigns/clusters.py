"""Which records a few rare traits join. Pure.

A trait joins the records that have it while they are few: what many have says nothing about any two of them.
The rarest traits join first, and a cluster that is full takes no more, so that neither a list of everybody's
indicators nor a long chain of chances joins the world.
"""

from collections import defaultdict
from collections.abc import Mapping, Set
from itertools import pairwise
from typing import Any

from registry.moderation.screening.traits import ACTOR, ALIAS, HOST, INDICATOR, Trait, traits

MOST_HOLDERS = 25
"""Of as many records a trait still joins them."""
MOST_MEMBERS = 200
"""Records in one cluster."""
MOST_TRAITS = 100
"""Of one kind in one record. More is a list of what was seen anywhere, and joins nothing."""


def joining(document: Mapping[str, Any]) -> frozenset[Trait]:
    """The traits of a document that may join it to others."""
    found: dict[str, list[Trait]] = {INDICATOR: [], HOST: [], ALIAS: [], ACTOR: []}
    # Where it was made from is what `identity` tells of: there it is the same, and not of the same campaign.
    document = {name: value for name, value in document.items() if name != "source"}
    for trait in traits(document):
        found[trait.kind].append(trait)
    return frozenset(trait for of_kind in found.values() if len(of_kind) <= MOST_TRAITS for trait in of_kind)


def clusters(held: Mapping[int, Set[Trait]], holders: Mapping[Trait, int]) -> list[list[int]]:
    """The clusters of these records, each in order; records that nothing joins are in none. `holders` is how
    many records have a trait in all, these or others.
    """
    of_trait: dict[Trait, list[int]] = defaultdict(list)
    for record in sorted(held):
        for trait in held[record]:
            if 1 < holders.get(trait, 0) <= MOST_HOLDERS:
                of_trait[trait].append(record)
    group: dict[int, list[int]] = {}
    for trait in sorted(of_trait, key=lambda one: (holders[one], one)):
        records = of_trait[trait]
        for first, other in pairwise(records):
            _join(group, first, other)
    found = {id(members): members for members in group.values()}
    return sorted(sorted(members) for members in found.values() if len(members) > 1)


def _join(group: dict[int, list[int]], first: int, other: int) -> None:
    one, two = group.setdefault(first, [first]), group.setdefault(other, [other])
    if one is two or len(one) + len(two) > MOST_MEMBERS:
        return
    larger, smaller = (one, two) if len(one) >= len(two) else (two, one)
    larger += smaller
    for record in smaller:
        group[record] = larger
