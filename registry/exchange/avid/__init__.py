"""AVID, the AI Vulnerability Database: reports and vulnerabilities, MIT licence.

Read are JSON Lines (`reports.jsonl`, `vulnerabilities.jsonl`) and the layout of the database's own repository
(`reports/2023/AVID-2023-R0001.json`), schema versions 0.1 to 0.3.3. Codes are those of `avidtools`' enums:
effects S, E, P (`avid-effect:S0403`), lifecycle L (`avid-lifecycle:L05`).

A measurement by a language-model scanner or benchmark becomes an `evaluation`, whatever its result: a passed
test is no weakness, and a failed one is an observation under stated conditions. Everything else becomes a
`weakness`.

Traps, all present in the database:
- what lies under `review` was never published; it is left out and said so;
- `impact.avid.vuln_id` of early reports is stale, and vulnerabilities name reports by numbers that moved:
  where a report of exactly the given name exists, the name wins over the number (`links.links_of`);
- `n/a` and empty names stand where nothing is known;
- one `developer` stands beside systems of several makers: it is not given to all of them (`fields._maker`).
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from registry.canonical import read_json
from registry.errors import CandorError, Finding, NotFound
from registry.exchange import files
from registry.exchange.avid import fields, links
from registry.exchange.avid.content import evaluation_of, metrics_of, weakness_of
from registry.exchange.item import Format, Item, Key, Options, left_out, refused
from registry.exchange.pieces import filled, line, mapping, summary
from registry.taxonomies import sources
from registry.taxonomies.vocabulary import Taxonomy

ENUMS = "avid_taxonomy_enums.json"
_LANGUAGES = {"eng": "en"}


def read(path: Path, options: Options) -> Iterator[Item]:
    """Every published entry under `path`. Raises `NotFound` when there is none."""
    linked = links.links_of(path)
    found = False
    for file in files.find(path, links.SUFFIXES):
        short = files.short(file, path)
        if links.is_unpublished(short):
            found = True
            yield left_out(
                short,
                "unpublished",
                "AVID has not published what is under review, so it is not imported.",
                suggestion="Import it when AVID has published it.",
            )
    for name, data in links.entries(path):
        found = True
        yield _item(name, data, linked, options)
    if not found:
        raise NotFound(f"There are no AVID reports or vulnerabilities at {path}.")


def _item(name: str, data: bytes | None, linked: links.Links, options: Options) -> Item:
    if data is None:
        return refused(name, Finding("too-large", "", f"The line is longer than {files.MAX_LINE:,} bytes."))
    try:
        entry = read_json(data)
    except CandorError as error:
        return Item(name, None, None, (Finding(error.code, "", error.detail, None), *error.findings))
    if not isinstance(entry, dict):
        return refused(name, Finding("not-an-object", "", "An AVID entry is one JSON object."))
    metadata = mapping(entry.get("metadata"))
    number = metadata.get("report_id") or metadata.get("vuln_id")
    if not isinstance(number, str) or not re.fullmatch(r"AVID-\d{4}-[RV]\d{3,6}", number):
        return refused(
            name,
            Finding(
                "missing-id",
                "/metadata",
                "The entry has no AVID id, so a later import could not find it again.",
                "AVID gives a report_id or vuln_id when it publishes.",
            ),
        )
    key: Key = (fields.SCHEME, number)
    title = (
        line(fields.text(mapping(entry.get("problemtype")).get("description"))).replace("`", "").rstrip(".")
    )
    if not title:
        return refused(
            name, Finding("missing", "/problemtype/description/value", "The entry has no title."), key
        )
    findings: list[Finding] = []
    submission = _submission(entry, number, title, linked, findings)
    submission["source"] = filled(
        scheme=fields.SCHEME,
        id=number,
        url=f"{fields.SITE}/database/{number.lower()}/",
        retrieved=options.retrieved,
        sha256=hashlib.sha256(data).hexdigest(),
        published=fields.date(entry.get("reported_date") or entry.get("published_date")),
    )
    return Item(name, key, submission, tuple(findings))


def _submission(
    entry: Mapping[str, Any], number: str, title: str, linked: links.Links, findings: list[Finding]
) -> dict[str, Any]:
    problem = mapping(entry.get("problemtype"))
    impact = mapping(entry.get("impact"))
    about = fields.text(entry.get("description"))
    is_cve = problem.get("classof") == "CVE Entry"
    measured = problem.get("type") == "Measurement" and problem.get("classof") == "LLM Evaluation"
    references = fields.references_of(entry, findings)
    tags = fields.classifications_of(entry)
    page = f"{fields.SITE}/database/{number.lower()}/"
    language = str(mapping(problem.get("description")).get("lang") or "en")
    return filled(
        kind="evaluation" if measured else "weakness",
        basis="imported",
        title=title,
        summary=summary(about.split(fields.REASON)[0]),
        narrative=fields.narrative_of(number, about, entry, plain=is_cve),
        language=_LANGUAGES.get(language, language),
        license="MIT",
        credits=fields.credits_of(entry, is_cve=is_cve),
        stated_by=fields.stated_by_of(entry, page),
        classifications=tags,
        systems=fields.systems_of(entry, measured=measured),
        metrics=[] if measured else metrics_of(entry),
        aliases=fields.aliases_of(title, problem.get("classof"), references),
        relations=fields.relations_of(number, impact, linked, findings),
        references=references,
        content=evaluation_of(entry, tags) if measured else weakness_of(entry, tags),
    )


def count(path: Path, options: Options) -> int:
    total = 0
    for file in files.find(path, links.SUFFIXES):
        unpublished = links.is_unpublished(files.short(file, path))
        total += 1 if unpublished or file.suffix.lower() != ".jsonl" else files.count_lines(file)
    return total


def taxonomies(path: Path) -> tuple[Taxonomy, ...]:
    """The codes that the reports bear, where the enums of `avidtools` lie beside them."""
    file = files.member_if_any(path, ENUMS)
    return sources.FORMATS["avid"](files.read_whole(file), sources.Options()).taxonomies if file else ()


FORMAT = Format(
    "avid", "AVID reports and vulnerabilities (JSON, JSON Lines)", read, count, taxonomies=taxonomies
)
