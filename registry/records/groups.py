"""Which records are the same one: groups over pairs that somebody who may say so has accepted. Pure.

A `same-as` is a claim until the owners of both records make it, or a steward here accepts it. Pairs are taken
in an order of trust: what a steward here accepted, then what owners here and elsewhere agree on, then what
other registries agree on among themselves. Those last never join two groups that both hold a record of ours,
or strangers could say what our records are; and nothing makes a group of more than `MOST`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Key = tuple[str, str]
"""(origin, id) of a record."""

MOST = 32


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records that are accepted to be the same; `decided` by a steward here."""

    first: Key
    second: Key
    decided: bool = False

    @classmethod
    def of(cls, one: Key, other: Key, *, decided: bool = False) -> "Pair":
        """The pair, whichever of the two is named first."""
        return cls(min(one, other), max(one, other), decided)


@dataclass(frozen=True, slots=True)
class Groups:
    """Each record with those that are the same, itself among them. `left_out` are the pairs that would have
    made a group too large, or joined what strangers may not join.
    """

    of: Mapping[Key, frozenset[Key]]
    left_out: tuple[Pair, ...]


def group(pairs: Iterable[Pair], home: str) -> Groups:
    """The groups that accepted pairs make at the registry `home`; the same whatever order they come in."""
    groups: dict[Key, set[Key]] = {}
    left_out: list[Pair] = []

    def trust(pair: Pair) -> tuple[int, Pair]:
        of_ours = home in (pair.first[0], pair.second[0])
        return (0 if pair.decided else 1 if of_ours else 2), pair

    for rank, pair in sorted(map(trust, set(pairs)), key=lambda one: (one[0], one[1].first, one[1].second)):
        one = groups.setdefault(pair.first, {pair.first})
        other = groups.setdefault(pair.second, {pair.second})
        if one is other:
            continue
        strangers = rank == 2 and _holds(one, home) and _holds(other, home)
        if strangers or len(one) + len(other) > MOST:
            left_out.append(pair)
            continue
        one |= other
        groups.update(dict.fromkeys(other, one))
    return Groups({key: frozenset(members) for key, members in groups.items()}, tuple(left_out))


def _holds(members: Iterable[Key], home: str) -> bool:
    return any(origin == home for origin, _ in members)
