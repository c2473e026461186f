"""The parts of a record's page, in the order in which they are read, and which of them a record has. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.records.content.outline import DOCUMENT_OUTLINES


@dataclass(frozen=True, slots=True)
class Section:
    """One part. It is there when any of `paths` holds something; `template` lays it out.

    `field` is the field of `content` that a template for several fields is to show.
    """

    id: str
    title: str
    template: str
    paths: tuple[str, ...]
    field: str = ""


def _own(field: str, title: str, template: str = "") -> Section:
    return Section(field.replace("_", "-"), title, template or field, (f"content.{field}",), field)


_LINKS = ("relations", "content.derived_from", "content.exploits")

SECTIONS: tuple[Section, ...] = (
    _own("what_happened", "What happened"),
    Section("statement", "Statement", "statement", ("content.text",)),
    Section("account", "Account", "account", ("narrative",)),
    _own("prohibited_uses", "Prohibited uses", "clauses"),
    _own("scrutinised_domains", "Domains that need extra scrutiny", "clauses"),
    _own("chain", "Chain of events"),
    Section("systems", "Systems", "systems", ("systems",)),
    _own("actors", "Actors"),
    _own("affected", "Who was affected"),
    _own("harms", "Harms"),
    _own("safeguards", "Safeguards and what became of them"),
    Section("metrics", "Figures", "metrics", ("metrics", "content.metrics")),
    Section("causes", "Causes", "causes", ("content.causes", "content.causal_link")),
    _own("actions", "What was done about it"),
    _own("applies_to", "Applies to"),
    _own("results", "Results"),
    _own("effectiveness", "Effectiveness"),
    _own("remediation", "Remediation"),
    _own("recommendations", "Recommendations"),
    _own("enforcement", "Enforcement"),
    _own("limitations", "Limitations", "notes"),
    _own("side_effects", "Side effects", "notes"),
    _own("prerequisites", "Prerequisites", "notes"),
    _own("cost", "Cost"),
    _own("open_questions", "Open questions", "notes"),
    _own("reproduction", "Reproduction"),
    _own("evidence", "Evidence"),
    _own("indicators", "Indicators"),
    _own("filings", "Reports to authorities"),
    _own("contacts", "Contacts"),
    _own("proposes", "What it proposes"),
    Section("said", "Who said what", "said", ("stated_by", "source", "classifications")),
    Section("absent", "What is not stated", "absent", ("absent",)),
    Section("relations", "Related records", "relations", _LINKS),
    Section("responses", "Responses", "responses", ("+responses",)),
    Section("backlinks", "Referred to by", "backlinks", ("+backlinks",)),
    Section("others", "The same, recorded elsewhere", "others", ("+others",)),
    Section("campaign", "Looks like one campaign", "campaign", ("+campaign",)),
    Section("alike", "Similar records", "alike", ("+alike",)),
    Section("references", "References", "references", ("references",)),
    Section("aliases", "Names elsewhere", "aliases", ("aliases",)),
    Section("translations", "Translations", "translations", ("translations",)),
    Section("versions", "Versions", "versions", ("+versions",)),
    Section("cite", "Cite and reuse", "cite", ("id",)),
)

# Laid out in the head of the page or beside it.
_IN_FACTS = frozenset(
    {
        "breadth",
        "business_functions",
        "class",
        "countries",
        "critical_infrastructure",
        "detection",
        "effective",
        "event_class",
        "exploitability",
        "exploited",
        "extent",
        "instrument",
        "lifecycle",
        "nature",
        "platforms",
        "rights",
        "safeguard",
        "scores",
        "sectors",
        "setting",
        "status",
        "target_tags",
        "times",
    }
)
_IN_HEAD = frozenset({"about", "assertion", "severity", "stance", "url"})
_LAID_OUT = {path.removeprefix("content.") for section in SECTIONS for path in section.paths}
_SHOWN = _IN_FACTS | _IN_HEAD | _LAID_OUT


def present(document: Mapping[str, Any], more: Mapping[str, Any]) -> Sequence[Section]:
    """The sections that a document has.

    `more` is what lies outside it, under names that paths write with a plus.
    """
    return [section for section in SECTIONS if any(_at(document, more, path) for path in section.paths)]


def has_facts(document: Mapping[str, Any]) -> bool:
    content = document.get("content")
    if document.get("language") not in (None, "en"):
        return True
    return isinstance(content, Mapping) and not _IN_FACTS.isdisjoint(content)


def further(document: Mapping[str, Any]) -> Sequence[str]:
    """The fields of its kind's own content that the page does not lay out: what a newer registry may have
    added.
    """
    content = document.get("content")
    outline = DOCUMENT_OUTLINES.get(str(document.get("kind")))
    known = frozenset(outline.fields) if outline else frozenset()
    own = [name for name in document if name not in known]
    return own + [name for name in (content if isinstance(content, Mapping) else ()) if name not in _SHOWN]


def _at(document: Mapping[str, Any], more: Mapping[str, Any], path: str) -> Any:
    if path.startswith("+"):
        return more.get(path[1:])
    found: Any = document
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
