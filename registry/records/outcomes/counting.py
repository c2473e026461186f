"""From reports to a ranking of what was reported to work. Pure; how it counts is said in `COUNTING`.

Nothing is netted: what was reported as failing stands beside what was reported as working. There is no score:
the order is that of `ORDER`, criterion by criterion, and every entry tells its values.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
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


@dataclass(slots=True)
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


@dataclass
class Entry:
    """A safeguard's term, or a mitigation's record, with what was reported of it, the newest first.

    `tally` has, by outcome and basis, the organisations that reported it, once for each report.
    """

    safeguard: str | None
    target: Key | None
    reports: list[Report] = field(default_factory=list)
    tally: dict[tuple[str, str], list[frozenset[str]]] = field(default_factory=dict)

    def add(self, report: Report, basis: str) -> None:
        self.reports.append(report)
        self.tally.setdefault((report.outcome, basis), []).append(report.by)

    @property
    def name(self) -> str:
        return self.safeguard or " ".join(reversed(self.target or ("", "")))

    def count(
        self, *, outcomes: Collection[str] = GROUPS.keys(), bases: Collection[str] = BASES, but: str = ""
    ) -> Count:
        """Reports of these outcomes, made on these bases."""
        return count(
            by
            for (outcome, basis), said in self.tally.items()
            if outcome in outcomes and basis in bases and GROUPS[outcome] != but
            for by in said
        )

    @property
    def total(self) -> Count:
        return self.count()

    @cached_property
    def outcomes(self) -> Mapping[str, Mapping[str, Count]]:
        """By outcome, then by basis, with the whole of an outcome under the empty name."""
        reported = {outcome for outcome, _ in self.tally}
        return {outcome: self._split((outcome,)) for outcome in GROUPS if outcome in reported}

    @cached_property
    def groups(self) -> Mapping[str, Mapping[str, Count]]:
        """The same by what outcomes are counted among."""
        return {group: self._split(outcomes) for group, outcomes in _MEMBERS.items()}

    def _split(self, outcomes: Collection[str]) -> Mapping[str, Count]:
        split = {basis: self.count(outcomes=outcomes, bases=(basis,)) for basis in BASES}
        return {"": self.count(outcomes=outcomes), **split}

    @cached_property
    def kinds(self) -> Mapping[str, int]:
        return Counter(one.kind for one in self.reports)

    @property
    def imported(self) -> int:
        return sum(one.imported for one in self.reports)

    @cached_property
    def order(self) -> Mapping[str, int]:
        """The values by which it is ranked, by the ids of `ORDER`."""
        works = _MEMBERS[WORKING]
        independent = self.count(outcomes=works, bases=(INDEPENDENT,))
        measured = self.count(outcomes=works, bases=(MEASURED, INDEPENDENT))
        working = self.count(outcomes=works)
        values = (
            *(each.proven for each in (independent, measured, working)),
            *(each.organisations for each in (independent, measured, working)),
            self.count(outcomes=_MEMBERS[PARTLY]).organisations,
            self.count(but=UNKNOWN).organisations,
            len(self.reports),
        )
        return dict(zip(ORDER, values, strict=True))


_MEMBERS: Mapping[str, frozenset[str]] = {
    group: frozenset(outcome for outcome, among in GROUPS.items() if among == group)
    for group in dict.fromkeys(GROUPS.values())
}


def count(said: Iterable[frozenset[str]]) -> Count:
    """Reports by who made each."""
    each = list(said)
    by = frozenset[str]().union(*each)
    return Count(len(each), len(by), sum(one.startswith(_PROVEN) for one in by), UNNAMED in by)


ORDER: Mapping[str, str] = {
    "independent_proven": "organisations of a proven domain that measured it as working and do not own it",
    "measured_proven": "organisations of a proven domain that measured it as working",
    "working_proven": "organisations of a proven domain that reported it as working",
    "independent": "organisations that measured it as working and do not own it",
    "measured": "organisations that measured it as working",
    "working": "organisations that reported it as working",
    "partly": "organisations that reported it as working in part",
    "organisations": "organisations that reported anything but an unknown outcome",
    "reports": "reports",
}
"""The criteria of the ranking, the first first: more stands before less. What is equal in all of them is in
order of names. Failures are no criterion: they are told beside.
"""


def rank(reports: Iterable[Report]) -> list[Entry]:
    """What reports speak of, in `ORDER`."""
    found: dict[str | Key, Entry] = {}
    for report in sorted(reports, key=lambda one: (-one.seq, one.record, one.number)):
        basis = report.basis
        if (tag := report.safeguard) is not None:
            if (entry := found.get(tag)) is None:
                entry = found[tag] = Entry(tag, None)
            entry.add(report, basis)
        if (target := report.target) is not None:
            if (entry := found.get(target)) is None:
                entry = found[target] = Entry(None, target)
            entry.add(report, basis)
    return sorted(found.values(), key=lambda one: (*(-value for value in one.order.values()), one.name))
