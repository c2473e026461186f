"""The rules of unusual activity: pure functions over counts. One list, at the end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

WRITES_FLOOR = 60
"""Writes in an hour that are never unusual."""
PUBLICATIONS_FLOOR = 20
TIMES_USUAL = 5
"""How many times the usual is unusual."""
WITHDRAWALS_FLOOR = 3
"""Withdrawals in a day that are never unusual."""
WITHDRAWN_SHARE = 0.1
SETTLED = 5
"""Publications from which on an organisation has a pattern."""
OFF_PATTERN = 10
"""Publications of a kind that is new to the organisation, in a day."""


@dataclass(frozen=True, slots=True)
class Activity:
    """What one organisation did. `writes` and `publications` are those of the last hour; `usual_writes` and
    `usual_publications` the medians of the hours in which there were any, of the last 30 days before it.
    `withdrawals` are the last day's, `listed` what it had published and not withdrawn before them. `kinds`
    counts the last day's publications by kind, `kinds_before` those of the 30 days before. `new_networks` are
    the marks of networks that one of its clients or people acts from for the first time, though not from the
    first at all.
    """

    writes: int = 0
    usual_writes: float = 0
    publications: int = 0
    usual_publications: float = 0
    withdrawals: int = 0
    listed: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)
    kinds_before: Mapping[str, int] = field(default_factory=dict)
    new_networks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unusual:
    """What a rule says, in numbers; `about` tells two cases of one hour or day apart."""

    detail: Mapping[str, Any]
    about: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. A case is told once in each `hour` or `day`; one that is about something, once and for all
    of it.
    """

    name: str
    about: str
    span: str
    find: Callable[[Activity], list[Unusual]]


def _writes(activity: Activity) -> list[Unusual]:
    if activity.writes <= max(WRITES_FLOOR, TIMES_USUAL * activity.usual_writes):
        return []
    return [Unusual({"writes": activity.writes, "usual": activity.usual_writes})]


def _publications(activity: Activity) -> list[Unusual]:
    if activity.publications <= max(PUBLICATIONS_FLOOR, TIMES_USUAL * activity.usual_publications):
        return []
    return [Unusual({"publications": activity.publications, "usual": activity.usual_publications})]


def _withdrawals(activity: Activity) -> list[Unusual]:
    if activity.withdrawals <= max(WITHDRAWALS_FLOOR, WITHDRAWN_SHARE * activity.listed):
        return []
    return [Unusual({"withdrawals": activity.withdrawals, "of": activity.listed})]


def _kinds(activity: Activity) -> list[Unusual]:
    if sum(activity.kinds_before.values()) < SETTLED:
        return []
    return [
        Unusual({"kind": kind, "publications": count, "before": dict(activity.kinds_before)}, kind)
        for kind, count in sorted(activity.kinds.items())
        if count >= OFF_PATTERN and not activity.kinds_before.get(kind)
    ]


def _networks(activity: Activity) -> list[Unusual]:
    return [Unusual({"network": mark[:8]}, mark) for mark in activity.new_networks]


RULES: tuple[Rule, ...] = (
    Rule("burst-of-writes", "far more writes in an hour than is usual for the organisation", "hour", _writes),
    Rule("burst-of-publications", "far more publications in an hour than is usual", "hour", _publications),
    Rule("mass-withdrawal", "a large share of what it had published withdrawn in a day", "day", _withdrawals),
    Rule("off-pattern-kind", "many records in a day of a kind that it never published", "day", _kinds),
    Rule("new-network", "a client or person acts from a network never seen for it before", "ever", _networks),
)
