"""The sheets of the MIT AI Risk Repository, exported as CSV with their title rows: domains and causes.

Domains keep their numbers (`mit-risk:4`, `mit-risk:4.3`); causes are named (`mit-causal:entity/human`). Which
sheet it is, and where the table begins, is told by its header row.
"""

import re

from registry.errors import Finding, Malformed
from registry.taxonomies.sources.loaded import (
    Loaded,
    Options,
    TermList,
    finished,
    slug,
    taxonomy,
    unversioned,
)
from registry.taxonomies.sources.table import rows_of
from registry.taxonomies.vocabulary import Taxonomy

PUBLISHER = "MIT AI Risk Repository"
LICENCE = "CC-BY-4.0"
URL = "https://airisk.mit.edu/"
DOMAINS = ("Domain", "Sub-domain", "Description")
CAUSES = ("Category", "Level", "Description")
_NUMBER = re.compile(r"(\d)(?:\.(\d+))?")
_UPDATED = re.compile(r"Updated: (\d{1,2}) (\w+) (\d{4})")
# Not by `strptime`, which reads the names of months in the operator's language.
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def read(data: bytes, options: Options) -> Loaded:
    """One taxonomy. Raises `Malformed` when neither header is found."""
    rows = [(number, [" ".join(cell.split()) for cell in row]) for number, row in rows_of(data)]
    findings: list[Finding] = []
    version = _version(rows) or unversioned(data)
    for place, (_, row) in enumerate(rows):
        titles = tuple(cell for cell in row if cell)
        if titles == DOMAINS:
            return finished([_domains(rows[place + 1 :], findings, options, version)], findings)
        if titles == CAUSES:
            return finished([_causes(rows[place + 1 :], findings, options, version)], findings)
    raise Malformed(
        f"Not a sheet of the repository: no header row {' | '.join(DOMAINS)} or {' | '.join(CAUSES)}."
    )


def _version(rows: list[tuple[int, list[str]]]) -> str | None:
    """The day in the title rows, such as `Updated: 26 March 2025`."""
    for _, row in rows[:5]:
        for cell in row:
            if (match := _UPDATED.search(cell)) and match[2] in _MONTHS:
                return f"{match[3]}-{_MONTHS.index(match[2]) + 1:02}-{int(match[1]):02}"
    return None


def _domains(
    rows: list[tuple[int, list[str]]], findings: list[Finding], options: Options, version: str
) -> Taxonomy:
    terms = TermList("mit-risk", findings)
    for number, row in rows:
        # Columns: empty, number of the domain, domain, number of the sub-domain, sub-domain, description.
        cells = (row + [""] * 6)[:6]
        _, domain_number, domain, sub_number, sub, description = cells
        if not domain_number and not sub_number:
            if domain or description:
                break  # the notes below the table
            continue
        if domain_number:
            _add_domain(terms, number, domain_number.removesuffix(".0"), domain, "", ())
        if sub_number:
            above = sub_number.partition(".")[0]
            _add_domain(terms, number, sub_number, sub, description, (above,))
    return taxonomy(
        options,
        namespace="mit-risk",
        version=version,
        name="MIT AI Risk Repository: domains",
        publisher=PUBLISHER,
        licence=LICENCE,
        url=URL,
        terms=terms.finish(),
    )


def _add_domain(
    terms: TermList, number: int, id: str, label: str, definition: str, parents: tuple[str, ...]
) -> None:
    if _NUMBER.fullmatch(id) is None or not label:
        terms.findings.append(
            Finding(
                "bad-row",
                f"/{number}",
                f"A number such as 4.3 and a name are expected, not {id!r}, {label[:40]!r}.",
            )
        )
        return
    terms.add(f"/{number}", id=id, label=label, definition=definition, parents=parents)


def _causes(
    rows: list[tuple[int, list[str]]], findings: list[Finding], options: Options, version: str
) -> Taxonomy:
    terms = TermList("mit-causal", findings)
    category = ""
    for number, row in rows:
        _, named, level, description = (row + [""] * 4)[:4]
        if not level:
            if named:
                break  # the notes below the table
            continue
        if named:
            category = slug(named)
            terms.add(f"/{number}", id=category, label=named)
        if not category:
            findings.append(
                Finding("bad-row", f"/{number}", f"The level {level!r} stands under no category.")
            )
            continue
        terms.add(
            f"/{number}",
            id=f"{category}/{slug(level)}",
            label=level.replace("- ", "-"),
            definition=description,
        )
    return taxonomy(
        options,
        namespace="mit-causal",
        version=version,
        name="MIT AI Risk Repository: causes",
        publisher=PUBLISHER,
        licence=LICENCE,
        url=URL,
        terms=terms.finish(),
    )
