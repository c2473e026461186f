"""From reports to a ranking of what was reported to work. Pure; how it counts is said in `COUNTING`.

Nothing is netted: what was reported as failing stands beside what was reported as working. There is no score:
the order is that of `ORDER`, criterion by criterion, and every entry tells its values.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from registry.records.outcomes.claims import GROUPS, PARTLY, UNKNOWN, WORKING, Key

BELIEF, MEASURED, INDEPENDENT = "belief", "measured", "independent"
BASES = (BELIEF, MEASURED, INDEPENDENT)
UNNAMED = "unnamed"
_PROVEN = "domain "

COUNTING: Mapping[str, str] = {
    "reports": (
        "A report is one outcome in one public record: an entry of `safeguards` in an incident, of "
        "`effectiveness` in a mitigation, or the effect in a response that evaluates a mitigation. Newest "
        "versions count; what is withdrawn, withheld or shared below TLP:CLEAR does not."
    ),
    "against": (
        "A report counts against the tags that it names, and against all broader ones. Where it names none, "
        "an incident's own tags count, and of an effect what its mitigation applies to."
    ),
    "entries": (
        "A report that names a mitigation record counts for that record and for the safeguard term that the "
        "record bears; one that names a term alone, for the term."
    ),
    "organisations": (
        "An organisation is counted once, by its proven domain, wherever it published. Another registry's "
        "word for a domain proves nothing; a key of that domain that signed the record does. Where no domain "
        "is proven, it is the account at its registry."
    ),
    "unnamed": "All who filed without their name count as one organisation at most: they may all be one.",
    "belief": "Said without a measurement. Outcomes in incidents are: something happened once.",
    "measured": "With numbers, or with the evidence that it was measured by.",
    "independent": (
        "Measured by an organisation that is not the owner of the mitigation and not of its domain. Who is "
        "not named is not known to be another; and where the owner is not known, nobody is."
    ),
    "copies": "What several registries imported from one source counts once.",
    "imported": "What was imported is counted with the rest, told in `imported`, and left out on request.",
}
"""How it is counted, by stable ids."""


@dataclass(frozen=True, slots=True)
class Report:
    """One outcome in one record. `by` are the organisations that published it, `owners` those that own the
    mitigation it speaks of, where that can be read here. `seq` is the public number of its record.
    """

    record: int
    number: int
    kind: str
    outcome: str
    measured: bool
    by: frozenset[str]
    safeguard: str | None = None
    target: Key | None = None
    owners: frozenset[str] = frozenset()
    imported: bool = False
    seq: int = 0

    @property
    def basis(self) -> str:
        if not self.measured:
            return BELIEF
        known = self.owners and UNNAMED not in self.owners and UNNAMED not in self.by
        return INDEPENDENT if known and self.by.isdisjoint(self.owners) else MEASURED


@dataclass(frozen=True, slots=True)
class Count:
    """So many reports by so many organisations, of which so many by a proven domain. `unnamed` is whether
    one of them is whoever was not named.
    """

    reports: int = 0
    organisations: int = 0
    proven: int = 0
    unnamed: bool = False


@dataclass(frozen=True)
class Entry:
    """A safeguard's term, or a mitigation's record, with what was reported of it, the newest first."""

    safeguard: str | None
    target: Key | None
    reports: Sequence[Report] = field(default_factory=tuple)

    @property
    def name(self) -> str:
        return self.safeguard or " ".join(reversed(self.target or ("", "")))

    @cached_property
    def total(self) -> Count:
        return count(self.reports)

    @cached_property
    def outcomes(self) -> Mapping[str, Mapping[str, Count]]:
        """By outcome, then by basis, with the whole of an outcome under the empty name."""
        found: dict[str, Mapping[str, Count]] = {}
        for outcome in GROUPS:
            said = [one for one in self.reports if one.outcome == outcome]
            if said:
                split = {basis: count(one for one in said if one.basis == basis) for basis in BASES}
                found[outcome] = {"": count(said), **split}
        return found

    @cached_property
    def groups(self) -> Mapping[str, Mapping[str, Count]]:
        """The same by what outcomes are counted among."""
        found: dict[str, Mapping[str, Count]] = {}
        for group in dict.fromkeys(GROUPS.values()):
            said = [one for one in self.reports if GROUPS[one.outcome] == group]
            split = {basis: count(one for one in said if one.basis == basis) for basis in BASES}
            found[group] = {"": count(said), **split}
        return found

    @cached_property
    def kinds(self) -> Mapping[str, int]:
        return Counter(one.kind for one in self.reports)

    @property
    def imported(self) -> int:
        return sum(one.imported for one in self.reports)

    @cached_property
    def order(self) -> Mapping[str, int]:
        """The values by which it is ranked, by the ids of `ORDER`."""
        return {id: value(self) for id, (_, value) in ORDER.items()}


def count(reports: Iterable[Report]) -> Count:
    reports = list(reports)
    by = frozenset[str]().union(*(one.by for one in reports))
    proven = sum(one.startswith(_PROVEN) for one in by)
    return Count(len(reports), len(by), proven, UNNAMED in by)


def _measured(entry: Entry) -> Count:
    return count(one for one in entry.reports if GROUPS[one.outcome] == WORKING and one.basis != BELIEF)


ORDER: Mapping[str, tuple[str, Callable[[Entry], int]]] = {
    "independent_proven": (
        "organisations of a proven domain that measured it as working and do not own it",
        lambda entry: entry.groups[WORKING][INDEPENDENT].proven,
    ),
    "measured_proven": (
        "organisations of a proven domain that measured it as working",
        lambda entry: _measured(entry).proven,
    ),
    "working_proven": (
        "organisations of a proven domain that reported it as working",
        lambda entry: entry.groups[WORKING][""].proven,
    ),
    "independent": (
        "organisations that measured it as working and do not own it",
        lambda entry: entry.groups[WORKING][INDEPENDENT].organisations,
    ),
    "measured": (
        "organisations that measured it as working",
        lambda entry: _measured(entry).organisations,
    ),
    "working": (
        "organisations that reported it as working",
        lambda entry: entry.groups[WORKING][""].organisations,
    ),
    "partly": (
        "organisations that reported it as working in part",
        lambda entry: entry.groups[PARTLY][""].organisations,
    ),
    "organisations": (
        "organisations that reported anything but an unknown outcome",
        lambda entry: count(one for one in entry.reports if GROUPS[one.outcome] != UNKNOWN).organisations,
    ),
    "reports": ("reports", lambda entry: entry.total.reports),
}
"""The criteria of the ranking, the first first: more stands before less. What is equal in all of them is in
order of names. Failures are no criterion: they are told beside.
"""


def rank(reports: Iterable[Report]) -> list[Entry]:
    """What reports speak of, in `ORDER`."""
    found: dict[tuple[str | None, Key | None], list[Report]] = {}
    for report in sorted(reports, key=lambda one: (-one.seq, one.record, one.number)):
        if report.safeguard is not None:
            found.setdefault((report.safeguard, None), []).append(report)
        if report.target is not None:
            found.setdefault((None, report.target), []).append(report)
    entries = [Entry(safeguard, target, said) for (safeguard, target), said in found.items()]
    return sorted(entries, key=lambda entry: (*(-value for value in entry.order.values()), entry.name))
