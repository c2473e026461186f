"""The AI Incident Database: `incidents.csv` of a weekly snapshot, CC BY-SA 4.0, with its classifications.

Beside `incidents.csv` are read `duplicates.csv` and `classifications_{CSETv0,CSETv1,GMF,MIT}.csv`, each where
there is one. An incident becomes an `incident`. All of it is allegation, and the record says so.

A duplicate becomes no record: the incident that it repeats carries its number as an alias, so that links to
it still lead somewhere. Deployers that are scammers, hackers or unknown become actors (`names`).
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.errors import Finding, Malformed
from registry.exchange import files
from registry.exchange.aiid import cset, names, tags
from registry.exchange.delimited import Record, read_table
from registry.exchange.equivalents import own_words
from registry.exchange.item import Format, Item, Options, Row, left_out, refused, warning
from registry.exchange.pieces import filled, line, literal, once, summary

SCHEME = "aiid"
PUBLISHER = "AI Incident Database"
SITE = "https://incidentdatabase.ai"
FILE = "incidents.csv"
_DEPLOYER = "Alleged deployer of AI system"
_DEVELOPER = "Alleged developer of AI system"
_HARMED = "Alleged harmed or nearly harmed parties"
_COLUMNS = ("incident_id", "date", "reports", _DEPLOYER, _DEVELOPER, _HARMED, "description", "title")


@dataclass(frozen=True, slots=True)
class _Beside:
    """What stands in the other files, by incident."""

    classified: Mapping[str, Mapping[str, Row]]
    unpublished: Mapping[str, Sequence[str]]
    true_of: Mapping[str, str]
    duplicates_of: Mapping[str, Sequence[str]]


def read(path: Path, options: Options) -> Iterator[Item]:
    """Trouble in the files beside comes first, then the incidents in the order of their file.

    Raises `NotFound` without `incidents.csv`, `Malformed` when a column is missing.
    """
    file = files.member(path, FILE)
    trouble: list[Item] = []
    beside = _beside(file.parent, trouble)
    yield from trouble
    for record, row in _rows(file, _COLUMNS):
        name = f"{FILE}:{record.line}"
        yield (
            Item(name, None, None, record.findings) if record.findings else _item(name, row, beside, options)
        )


def count(path: Path, options: Options) -> int:
    file = files.member(path, FILE)
    return sum(1 for _ in read_table(file).rows)


def _rows(file: Path, needed: Sequence[str]) -> Iterator[tuple[Record, Row]]:
    table = read_table(file)
    if missing := [column for column in needed if column not in table.columns]:
        raise Malformed(f"{file.name} has no column {missing[0]!r}; it is not a snapshot of the {PUBLISHER}.")
    for record in table.rows:
        if not record.findings and len(record.cells) != len(table.columns):
            message = (
                f"Row at line {record.line}: {len(record.cells)} cells under {len(table.columns)} headings."
            )
            record = Record(record.line, record.cells, (Finding("ragged-row", "", message),))
        yield record, dict(zip(table.columns, record.cells, strict=False))


def _beside(folder: Path, trouble: list[Item]) -> _Beside:
    classified: dict[str, dict[str, Row]] = {}
    unpublished: dict[str, list[str]] = {}
    for namespace in tags.NAMESPACES:
        file = files.member_if_any(folder, f"classifications_{namespace}.csv")
        if file is None:
            continue
        for record, row in _rows(file, ("Incident ID", "Published")):
            if record.findings:
                trouble.append(Item(f"{file.name}:{record.line}", None, None, record.findings))
            elif row["Published"].strip().casefold() == "true":
                classified.setdefault(row["Incident ID"].strip(), {})[namespace] = row
            else:
                unpublished.setdefault(row["Incident ID"].strip(), []).append(namespace)
    named: dict[str, str] = {}
    file = files.member_if_any(folder, "duplicates.csv")
    if file is not None:
        for record, row in _rows(file, ("duplicate_incident_number", "true_incident_number")):
            if record.findings:
                trouble.append(Item(f"{file.name}:{record.line}", None, None, record.findings))
            else:
                named[row["duplicate_incident_number"].strip()] = row["true_incident_number"].strip()
    true_of = {number: _true(number, named) for number in named}
    duplicates_of: dict[str, list[str]] = {}
    for number, true in true_of.items():
        if number != true:
            duplicates_of.setdefault(true, []).append(number)
    return _Beside(classified, unpublished, true_of, duplicates_of)


def _true(number: str, named: Mapping[str, str]) -> str:
    """The incident at the end of a chain of duplicates. One that leads back into itself leads nowhere."""
    seen = [number]
    while (following := named.get(seen[-1])) is not None:
        if following in seen:
            return number
        seen.append(following)
    return seen[-1]


def _item(name: str, row: Row, beside: _Beside, options: Options) -> Item:
    number, title = row["incident_id"].strip(), line(row["title"])
    if not re.fullmatch(r"[1-9]\d{0,7}", number):
        return refused(name, Finding("missing-id", "/incident_id", f"{number[:40]!r} is no incident number."))
    key = (SCHEME, number)
    true = beside.true_of.get(number, number)
    if true != number:
        message = f"Incident {number} repeats incident {true}, whose record carries it as an alias."
        return left_out(name, "duplicate", message, key)
    if not title:
        return refused(name, Finding("missing", "/title", f"Incident {number} has no title."), key)
    findings: list[Finding] = []
    entities: dict[str, list[str]] = {}
    for column in (_DEPLOYER, _DEVELOPER, _HARMED):
        entities[column] = _list(row[column], column, findings)
    reports = _list(row["reports"], "reports", findings)
    if any(finding.code == "half-written" for finding in findings):
        return Item(name, key, None, tuple(findings))
    rows = beside.classified.get(number, {})
    for namespace in beside.unpublished.get(number, ()):
        message = f"The {PUBLISHER} has not published its {namespace} classification; it is left out."
        findings.append(warning("unpublished-classification", "/classifications", message))
    submission = _submission(
        number, title, row, entities, rows, beside.duplicates_of.get(number, ()), len(reports)
    )
    whole = {"row": row, "rows": rows, "duplicates": beside.duplicates_of.get(number, ())}
    submission["source"] = filled(
        scheme=SCHEME,
        id=number,
        url=_page(number),
        retrieved=options.retrieved,
        sha256=hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest(),
    )
    return Item(name, key, submission, tuple(findings))


def _page(number: str) -> str:
    return f"{SITE}/cite/{number}"


def _list(cell: str, column: str, findings: list[Finding]) -> list[str]:
    """The texts or numbers of a JSON list in a cell."""
    if not cell.strip():
        return []
    try:
        value = json.loads(cell)
    except ValueError:
        value = None
    if not isinstance(value, list):
        findings.append(Finding("half-written", f"/{column}", f"{cell[:60]!r} is not a list in JSON."))
        return []
    return list(dict.fromkeys(str(element).strip() for element in value if isinstance(element, str | int)))


def _submission(
    number: str,
    title: str,
    row: Row,
    entities: Mapping[str, list[str]],
    rows: Mapping[str, Row],
    duplicates: Sequence[str],
    reports: int,
) -> dict[str, Any]:
    claim = {"status": "alleged", "by": PUBLISHER}
    about = row["description"].strip()
    v0, v1, mit = rows.get("CSETv0"), rows.get("CSETv1"), rows.get("MIT")
    deployers, developers = entities[_DEPLOYER], entities[_DEVELOPER]
    systems = names.systems_of(deployers, developers, PUBLISHER)
    tasks = cset.values((v1 or {}).get("AI Task", ""))
    if len(systems) == 1 and tasks:
        systems[0]["tasks"] = [own_words("task").get(task.casefold()) or line(task, 300) for task in tasks]
    return filled(
        kind="incident",
        basis="imported",
        title=title,
        summary=summary(literal(about)),
        narrative=_narrative(number, about, entities, reports, v0, v1),
        language="en",
        license="CC-BY-SA-4.0",
        credits=_credits(rows),
        stated_by=[{"name": PUBLISHER, "role": "database that published it", "reference": _page(number)}],
        classifications=once(
            (
                tag
                for namespace in tags.NAMESPACES
                if namespace in rows
                for tag in tags.tags_of(namespace, rows[namespace])
            ),
            "tag",
        ),
        systems=systems[:100],
        aliases=[
            {"scheme": SCHEME, "id": duplicate, "url": _page(duplicate), "type": "same"}
            for duplicate in duplicates
        ],
        references=[{"url": _page(number), "title": f"{PUBLISHER}: incident {number}", "type": "database"}],
        content={
            "assertion": claim,
            **filled(
                times=cset.times(row["date"].strip(), v1),
                actors=once(
                    (actor for slug in deployers if (actor := names.actor_of(slug, PUBLISHER))),
                    "name",
                    "type",
                )[:100],
                affected=names.affected_of(entities[_HARMED]),
            ),
            **cset.content(v0, v1, mit),
        },
    )


def _narrative(
    number: str, about: str, entities: Mapping[str, list[str]], reports: int, v0: Row | None, v1: Row | None
) -> str:
    """The database's account, with whom it names and in which part, and CSET's words on the system."""
    lines = []
    for label, column in (
        ("Alleged deployer", _DEPLOYER),
        ("Alleged developer", _DEVELOPER),
        ("Alleged to be harmed, or nearly", _HARMED),
    ):
        who = [names.display(slug) for slug in entities[column] if not names.is_nobody(slug)]
        if who:
            lines.append(f"- {label}: {literal('; '.join(who))}")
    system = (v1 or {}).get("AI System Description", "").strip() or (v0 or {}).get(
        "AI System Description", ""
    ).strip()
    material = f"{reports} report{'' if reports == 1 else 's'}"
    parts = [
        f"*As the {PUBLISHER} gives it in incident {number}, from {material}:*",
        literal(about),
        "\n".join(lines),
        f"The system, as CSET's annotators describe it: {literal(system)}" if system else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _credits(rows: Mapping[str, Row]) -> list[dict[str, Any]]:
    classifiers = dict.fromkeys(tags.BY[namespace] for namespace in tags.NAMESPACES if namespace in rows)
    return [
        {"name": PUBLISHER, "role": "database", "organisation": "Responsible AI Collaborative", "url": SITE},
        *({"name": by, "role": "classification"} for by in classifiers),
    ]


FORMAT = Format("aiid", "AI Incident Database (CSV snapshot)", read, count)
