"""MITRE ATLAS: mitigations and case studies out of `ATLAS.yaml`, Apache-2.0; tactics and techniques as a
taxonomy.

The file is `dist/ATLAS.yaml` of atlas-data, format of version 5. A mitigation becomes a `mitigation` with
what it is used for against each technique; a case study becomes an `incident` with its steps in order, whose
`setting` tells an exercise from what happened in the wild.

Traps:
- two mitigations (AML.M0018, AML.M0034) hold a technique inside `ml-lifecycle`; it is moved to where it
  belongs;
- links in texts start at the root of the site;
- a date is always written as a day; `incident-date-granularity` says how much of it is meant;
- `target` is at times a group of people, not a system.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from registry.errors import Finding, Malformed
from registry.exchange import files
from registry.exchange.equivalents import own_terms
from registry.exchange.item import Format, Item, Options, refused, warning
from registry.exchange.pieces import (
    absolute_links,
    classification,
    filled,
    line,
    mapping,
    mappings,
    once,
    strings,
    summary,
    web_address,
)
from registry.taxonomies import sources
from registry.taxonomies.sources.loaded import slug
from registry.taxonomies.vocabulary import Taxonomy, Term
from registry.yaml import Limits, read_yaml

SCHEME = "atlas"
PUBLISHER = "MITRE ATLAS"
SITE = "https://atlas.mitre.org"
FILE = "ATLAS.yaml"
_AIID = re.compile(r"https?://incidentdatabase\.ai/cite/(\d+)")
_PEOPLE = re.compile(r"\b(users|sector|department|customers|employees)\b", re.IGNORECASE)
_LIMITS = Limits(bytes=files.MAX_WHOLE_FILE, values=2_000_000)
_PRECISION = {"DATE": 10, "MONTH": 7, "YEAR": 4}
_LIFECYCLE = {
    "Business and Data Understanding": ("lifecycle:business-understanding", "lifecycle:data-understanding"),
    "Data Preparation": ("lifecycle:data-preparation",),
    "ML Model Engineering": ("lifecycle:development",),
    "ML Model Evaluation": ("lifecycle:evaluation",),
    "Deployment": ("lifecycle:deployment",),
    "Monitoring and Maintenance": ("lifecycle:operation",),
}


def read(path: Path, options: Options) -> Iterator[Item]:
    """Mitigations, then case studies, in the order of the file. Raises `Malformed` for another file."""
    document = _document(path)
    version = str(document.get("version") or "")
    groups: list[tuple[str, list[Any]]] = [
        (f"/matrices/{index}/mitigations", _list(matrix.get("mitigations")))
        for index, matrix in enumerate(mappings(document.get("matrices")))
    ]
    groups.append(("/case-studies", _list(document.get("case-studies"))))
    for place, entries in groups:
        for index, entry in enumerate(entries):
            yield _item(f"{FILE}#{place}/{index}", entry, version, options)


def taxonomies(path: Path) -> tuple[Taxonomy, ...]:
    """What the records are tagged with: tactics, techniques, mitigations, and categories of mitigations."""
    data = files.read_whole(files.member(path, FILE))
    found = sources.FORMATS[SCHEME](data, sources.Options()).taxonomies
    document = _document(path)
    names = dict.fromkeys(
        name
        for matrix in mappings(document.get("matrices"))
        for mitigation in mappings(matrix.get("mitigations"))
        for name in strings(mitigation.get("category"))
    )
    categories = Taxonomy(
        namespace="atlas-category",
        version=str(document.get("version") or "1"),
        name=f"{PUBLISHER}: categories of mitigations",
        publisher="MITRE",
        licence="Apache-2.0",
        url=f"{SITE}/mitigations/",
        terms=tuple(Term(id=slug(name), label=name) for name in names if slug(name)),
    )
    return (*found, categories) if categories.terms else found


def count(path: Path, options: Options) -> int:
    file = files.member(path, FILE)
    return len(re.findall(rb"object-type: (?:mitigation|case-study)\b", files.read_whole(file)))


def _document(path: Path) -> Mapping[str, Any]:
    file = files.member(path, FILE)
    document = read_yaml(files.read_whole(file), _LIMITS)
    if not isinstance(document, Mapping) or document.get("id") != "ATLAS":
        raise Malformed(f"{file} is not ATLAS data: its top-level id is not ATLAS.")
    return document


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _item(name: str, entry: Any, version: str, options: Options) -> Item:
    if not isinstance(entry, Mapping):
        return refused(name, Finding("not-an-object", "", "An ATLAS entry is an object."))
    number, title = entry.get("id"), entry.get("name")
    if not isinstance(number, str) or not re.fullmatch(r"AML\.(M|CS)\d{4}", number):
        return refused(
            name, Finding("missing-id", "/id", "The entry has no ATLAS id.", "AML.M0000 or AML.CS0000.")
        )
    if not isinstance(title, str) or not title.strip():
        return refused(name, Finding("missing", "/name", f"{number} has no name."), (SCHEME, number))
    findings: list[Finding] = []
    study = number.startswith("AML.CS")
    page = f"{SITE}/{'studies' if study else 'mitigations'}/{number}"
    make = _case_study if study else _mitigation
    submission = {
        "basis": "imported",
        "title": line(title),
        "language": "en",
        "license": "Apache-2.0",
        **make(entry, number, version, page, findings),
        "source": filled(
            scheme=SCHEME,
            id=number,
            url=page,
            retrieved=options.retrieved,
            sha256=hashlib.sha256(json.dumps(entry, sort_keys=True, default=str).encode()).hexdigest(),
            published=_day(entry.get("modified_date") or entry.get("created_date")),
        ),
    }
    return Item(f"{name} ({number})", (SCHEME, number), submission, tuple(findings))


def _day(value: Any) -> str | None:
    """YAML readers may give a date; partial ones stay text."""
    text = str(value or "")
    return text if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None


def _prose(value: Any) -> str:
    return absolute_links(value.strip(), SITE) if isinstance(value, str) else ""


# --- case studies


def _case_study(
    entry: Mapping[str, Any], number: str, version: str, page: str, findings: list[Finding]
) -> dict[str, Any]:
    exercise = entry.get("case-study-type") == "exercise"
    reporter = line(str(entry.get("reporter") or ""))
    claim = None if exercise else {"status": "alleged", "by": reporter or PUBLISHER}
    account = _prose(entry.get("summary"))
    references = _references(entry.get("references"), findings)
    chain = [
        filled(
            tags=[
                f"atlas:{step[part]}" for part in ("tactic", "technique") if isinstance(step.get(part), str)
            ],
            text=_prose(step.get("description")),
        )
        for step in mappings(entry.get("procedure"))
    ]
    target = line(str(entry.get("target") or ""))
    group = bool(_PEOPLE.search(target))
    return filled(
        kind="incident",
        summary=summary(account),
        narrative=f"*As {PUBLISHER} gives it in case study {number}:*\n\n{account}",
        credits=_credits(reporter),
        stated_by=[
            *([{"name": reporter, "role": "reporter", "reference": page}] if reporter else []),
            {"name": PUBLISHER, "role": "catalogue that published it", "reference": page},
        ],
        classifications=once(
            (classification(tag, PUBLISHER, version) for step in chain for tag in step.get("tags", ())), "tag"
        ),
        systems=[filled(name=target, role="system-role:target", assertion=claim)]
        if target and not group
        else [],
        aliases=_aliases(references),
        references=[{"url": page, "title": f"{PUBLISHER}: {number}", "type": "catalogue"}, *references],
        absent=[{"pointer": "/content/nature", "reason": "not-assessed"}],
        content=filled(
            assertion=claim,
            setting="exercise" if exercise else "in-the-wild",
            times=_times(entry, findings),
            actors=_actors(entry, exercise=exercise, claim=claim),
            affected=[{"group": line(target, 300)}] if target and group else [],
            chain=chain,
        ),
    )


def _times(entry: Mapping[str, Any], findings: list[Finding]) -> dict[str, Any]:
    day = _day(entry.get("incident-date"))
    if day is None:
        findings.append(warning("no-date", "/incident-date", "The date cannot be read; the record has none."))
        return {"date_unspecified": True}
    return {"started": day[: _PRECISION.get(str(entry.get("incident-date-granularity")), 10)]}


def _actors(
    entry: Mapping[str, Any], *, exercise: bool, claim: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    name = line(str(entry.get("actor") or ""))
    if not name:
        return []
    unknown = name.lower().startswith("unknown")
    kind = "actor:researcher" if exercise else "actor:unknown" if unknown else None
    return [filled(name=None if unknown else name, type=kind, assertion=claim)]


def _references(value: Any, findings: list[Finding]) -> list[dict[str, Any]]:
    references = []
    for index, reference in enumerate(mappings(value)):
        url = web_address(reference.get("url"))
        if url is None:
            findings.append(
                warning(
                    "not-a-web-address", f"/references/{index}/url", "The reference has no address; left out."
                )
            )
        else:
            references.append(filled(url=url, title=line(str(reference.get("title") or ""))))
    return once(references, "url")


def _aliases(references: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Incidents of the AI Incident Database that the study refers to; the same when it is the only one."""
    named = [
        (found[1], reference["url"]) for reference in references if (found := _AIID.match(reference["url"]))
    ]
    return [
        filled(scheme="aiid", id=id, url=url, type="same" if len(named) == 1 else "covers")
        for id, url in named
    ]


def _credits(reporter: str = "") -> list[dict[str, Any]]:
    credits = [{"name": reporter, "role": "reporter"}] if reporter else []
    return [*credits, {"name": PUBLISHER, "role": "catalogue", "organisation": "MITRE", "url": SITE}]


# --- mitigations


def _mitigation(
    entry: Mapping[str, Any], number: str, version: str, page: str, findings: list[Finding]
) -> dict[str, Any]:
    phases = _list(entry.get("ml-lifecycle"))
    misplaced = [phase for phase in mappings(phases) if "id" in phase]
    if misplaced:
        findings.append(
            warning(
                "misplaced-technique",
                "/ml-lifecycle",
                f"{number} holds {misplaced[0]['id']} among its lifecycle phases; it is read as a technique.",
            )
        )
    uses = [
        (str(technique["id"]), _prose(technique.get("use")))
        for technique in [*mappings(entry.get("techniques")), *misplaced]
        if re.fullmatch(r"AML\.T\d{4}(\.\d{3})?", str(technique.get("id")))
    ]
    uses = list(dict(reversed(uses)).items())[::-1]
    about = _prose(entry.get("description"))
    use_lines = [
        f"- [{technique}]({SITE}/techniques/{technique}): {line(use, 5000)}" for technique, use in uses
    ]
    tag = f"atlas:{number}"
    outside = mapping(entry.get("ATT&CK-reference"))
    return filled(
        kind="mitigation",
        summary=summary(about),
        narrative="\n\n".join(
            part
            for part in (
                f"*As {PUBLISHER} gives it in {number}:*",
                about,
                "## Use against techniques\n\n" + "\n".join(use_lines) if use_lines else "",
            )
            if part
        ),
        credits=_credits(),
        stated_by=[{"name": PUBLISHER, "role": "catalogue that published it", "reference": page}],
        classifications=[
            classification(tag, PUBLISHER, version),
            *(
                classification(f"atlas-category:{slug(category)}", PUBLISHER, version)
                for category in strings(entry.get("category"))
            ),
        ],
        aliases=[
            filled(
                scheme="mitre-attack", id=str(outside["id"]), url=web_address(outside.get("url")), type="same"
            )
        ]
        if outside.get("id")
        else [],
        references=[{"url": page, "title": f"{PUBLISHER}: {number}", "type": "catalogue"}],
        content=filled(
            safeguard=own_terms("safeguard").get(tag),
            # A catalogue says what could be done. Whether anybody did, and whether it helped, it does not
            # say.
            status="proposed",
            lifecycle=list(
                dict.fromkeys(tag for phase in strings(phases) for tag in _LIFECYCLE.get(phase, ()))
            ),
            applies_to=[filled(tag=f"atlas:{technique}", text=line(use)) for technique, use in uses],
        ),
    )


FORMAT = Format("atlas", "MITRE ATLAS (ATLAS.yaml)", read, count, taxonomies=taxonomies)
