"""IBM's AI Atlas Nexus: YAML files of its knowledge graph (https://github.com/IBM/ai-atlas-nexus).

A file holds taxonomies with groups, risks, controls, actions, principles or rules, or it maps entries of such
files onto each other (made from SSSOM tables). Of the former each taxonomy is one namespace; the latter
becomes a taxonomy of crosswalks without terms.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from registry.errors import Finding, Malformed
from registry.taxonomies.sources.loaded import (
    Loaded,
    Options,
    TermList,
    dicts_of,
    finished,
    own_id,
    slug,
    taxonomy,
    text_of,
    texts_of,
    unversioned,
    warning,
)
from registry.taxonomies.sources.nexus_ids import tag_parts
from registry.taxonomies.sources.yaml_file import read_mapping
from registry.taxonomies.vocabulary import Crosswalk, Match, Taxonomy

HOME = "https://github.com/IBM/ai-atlas-nexus"
LICENCE = "Apache-2.0"
TERM_LISTS = (
    "groups",
    "entries",
    "controls",
    "actions",
    "aitasks",
    "rules",
    "stakeholdergroups",
    "stakeholders",
)
_NO_TERMS = {
    "riskincidents": "incidents, which are records",
    "adapters": "software",
    "documents": "",
    "taxonomies": "",
}
_ABOVE = ("isPartOf", "broader", "hasPrinciple", "hasRequirement")
_MAPPINGS: dict[str, Match] = {
    "exact_mappings": "exact",
    "close_mappings": "close",
    "broad_mappings": "broad",
    "narrow_mappings": "narrow",
    "related_mappings": "related",
    "isCategorizedAs": "broad",
}
_PUBLISHERS = {
    "air-2024": "AIR 2024 authors",
    "aiuc1": "AIUC",
    "credo-ucf": "Credo AI",
    "csiro-rai": "CSIRO",
    "ibm-granite-guardian": "IBM",
    "ibm-risk-atlas": "IBM",
    "mit-causal": "MIT AI Risk Repository",
    "mit-mitigation": "MIT AI Risk Repository",
    "mit-mitigation-action": "MIT AI Risk Repository",
    "mit-risk": "MIT AI Risk Repository",
    "mlcommons": "MLCommons",
    "nist-ai-rmf": "NIST",
    "nist-ai-rmf-action": "NIST",
    "oecd-ai-principles": "OECD",
    "owasp-asi": "OWASP",
    "owasp-llm": "OWASP",
    "shieldgemma": "Google",
}


@dataclass(frozen=True, slots=True)
class _Entry:
    here: str
    id: str
    namespace: str
    term: str
    body: dict[str, Any]

    @property
    def tag(self) -> str:
        return f"{self.namespace}:{self.term}"


def read(data: bytes, options: Options) -> Loaded:
    """The taxonomies of one file. Raises `Malformed` when it holds no list that is known here."""
    source = read_mapping(data)
    if not source.keys() & {*TERM_LISTS, *_NO_TERMS}:
        raise Malformed(f"Not a file of AI Atlas Nexus: none of {', '.join(TERM_LISTS)} is in it.")
    findings: list[Finding] = []
    for name, what in _NO_TERMS.items():
        if what and (left := source.get(name)):
            findings.append(
                warning("not-terms", f"/{name}", f"{len(left)} entries are {what}; they are left out.")
            )
    entries = list(_entries(source, findings))
    version = unversioned(data)
    named = [entry for entry in entries if text_of(entry.body.get("name"))]
    if named:
        taxonomies = _taxonomies(named, source, findings, options, version)
    else:
        taxonomies = _mappings(entries, findings, options, version)
    return finished(taxonomies, findings)


def _entries(source: dict[str, Any], findings: list[Finding]) -> Iterator[_Entry]:
    """What has an id that tells its taxonomy. Files without names may name the same entry many times."""
    for name in source:
        if name in _NO_TERMS:
            continue
        if name not in TERM_LISTS:
            findings.append(warning("unknown-list", f"/{name}", "This list is not known here and left out."))
            continue
        for here, body in dicts_of(source[name], f"/{name}", findings):
            id = text_of(body.get("id"))
            home = text_of(body.get("isDefinedByTaxonomy"))
            if not id:
                findings.append(Finding("missing", f"{here}/id", "This entry has no id."))
            elif parts := tag_parts(id):
                yield _Entry(here, id, *parts, body)
            elif home:
                # An id that does not tell its taxonomy by itself, such as an AI task of AIUC-1.
                parts = tag_parts(f"{home}-x")
                yield _Entry(here, id, parts[0] if parts else slug(home), own_id(id), body)
            else:
                findings.append(
                    warning(
                        "unknown-taxonomy", f"{here}/id", f"{id[:60]!r} belongs to no taxonomy known here."
                    )
                )


def _taxonomies(
    entries: list[_Entry], source: dict[str, Any], findings: list[Finding], options: Options, version: str
) -> list[Taxonomy]:
    tags = {entry.id: entry for entry in entries}
    lists: dict[str, TermList] = {}
    above = _above(entries, tags)
    crosswalks: dict[str, list[Crosswalk]] = {}
    within = {entry.tag for entry in entries}
    for entry in entries:
        terms = lists.setdefault(entry.namespace, TermList(entry.namespace, findings))
        taken = terms.add(
            entry.here,
            id=entry.term,
            label=text_of(entry.body["name"]),
            definition=text_of(entry.body.get("description")),
            parents=above.get(entry.id, ()),
            alt_labels=(entry.id,) if entry.id != entry.term else (),
            refs=texts_of(entry.body.get("url")),
        )
        if taken:
            crosswalks.setdefault(entry.namespace, []).extend(
                crosswalk for crosswalk in _mapped(entry, findings) if not _is_parent(crosswalk, within)
            )
    heads = _heads(source, findings)
    return [
        taxonomy(
            options,
            namespace=namespace,
            version=_version(heads.get(namespace, {})) or version,
            name=text_of(heads.get(namespace, {}).get("name")) or namespace,
            publisher=_PUBLISHERS.get(namespace, "AI Atlas Nexus"),
            licence=LICENCE,
            url=text_of(heads.get(namespace, {}).get("url")) or HOME,
            definition=text_of(heads.get(namespace, {}).get("description")),
            terms=terms.finish(),
            crosswalks=crosswalks.get(namespace, ()),
        )
        for namespace, terms in lists.items()
    ]


def _is_parent(crosswalk: Crosswalk, within: set[str]) -> bool:
    """Whether `_above` has made a parent of it."""
    same = crosswalk.source.partition(":")[0] == crosswalk.target.partition(":")[0]
    return same and crosswalk.match in ("broad", "narrow") and crosswalk.target in within


def _above(entries: list[_Entry], tags: dict[str, _Entry]) -> dict[str, list[str]]:
    """The parents of each entry by id. Within one taxonomy a broader entry is a parent."""
    above: dict[str, list[str]] = {}
    for entry in entries:
        for name in (*_ABOVE, "broad_mappings"):
            for id in texts_of(entry.body.get(name)):
                other = tags.get(id)
                if other is None and name == "broad_mappings":
                    continue  # a crosswalk
                if other is None or other.namespace == entry.namespace:
                    parts = tag_parts(id)
                    above.setdefault(entry.id, []).append(other.term if other else parts[1] if parts else id)
        for name in ("narrow_mappings", "narrower", "hasPart"):
            for id in texts_of(entry.body.get(name)):
                other = tags.get(id)
                if other is not None and other.namespace == entry.namespace:
                    above.setdefault(other.id, []).append(entry.term)
    return above


def _mapped(entry: _Entry, findings: list[Finding]) -> Iterator[Crosswalk]:
    for name, match in _MAPPINGS.items():
        for index, id in enumerate(texts_of(entry.body.get(name))):
            parts = tag_parts(id)
            if parts is None:
                findings.append(
                    warning(
                        "unknown-taxonomy",
                        f"{entry.here}/{name}/{index}",
                        f"{id[:60]!r} belongs to no taxonomy known here.",
                    )
                )
            elif (target := ":".join(parts)) != entry.tag:
                yield Crosswalk(entry.tag, target, match)


def _mappings(
    entries: list[_Entry], findings: list[Finding], options: Options, version: str
) -> list[Taxonomy]:
    """One taxonomy of crosswalks. The files say everything twice, once from each side.

    They say it with the same word from both sides, which is right for `close` and wrong for `broad`: two
    terms cannot each be the broader one. The first statement is the table's own, the other was derived from
    it.
    """
    said: dict[tuple[str, str], Match] = {}
    for entry in entries:
        for crosswalk in _mapped(entry, findings):
            forth, back = (crosswalk.source, crosswalk.target), (crosswalk.target, crosswalk.source)
            if back in said:
                if said[back] == crosswalk.match and crosswalk.match in ("broad", "narrow"):
                    findings.append(
                        warning(
                            "contradicting-mapping",
                            entry.here,
                            f"{forth[0]} and {forth[1]} are each called the {crosswalk.match}er one.",
                            "What is said first is kept.",
                        )
                    )
            else:
                said.setdefault(forth, crosswalk.match)
    if not said:
        return []
    name = options.stem.partition(".")[0].removesuffix("_from_tsv_data").removesuffix("_from_tsv_data")
    namespace = options.namespace or f"map-{slug(name) or version.removeprefix('sha256-')}"
    return [
        taxonomy(
            options,
            namespace=namespace,
            version=version,
            name=options.name or f"AI Atlas Nexus: mappings {name}".strip(),
            publisher="AI Atlas Nexus",
            licence=LICENCE,
            url=HOME,
            terms=(),
            crosswalks=[Crosswalk(source, target, match) for (source, target), match in said.items()],
        )
    ]


def _heads(source: dict[str, Any], findings: list[Finding]) -> dict[str, dict[str, Any]]:
    """The taxonomies' own descriptions, by namespace."""
    heads: dict[str, dict[str, Any]] = {}
    for _, head in dicts_of(source.get("taxonomies"), "/taxonomies", findings):
        heads[_NAMESPACES.get(text_of(head.get("id")), slug(text_of(head.get("id"))))] = head
    return heads


def _version(head: dict[str, Any]) -> str:
    return (
        text_of(head.get("version")) or text_of(head.get("dateModified")) or text_of(head.get("dateCreated"))
    )


_NAMESPACES = {
    "ailuminate-v1.0": "mlcommons",
    "ai-risk-taxonomy": "air-2024",
    "csiro-responsible-ai-patterns": "csiro-rai",
    "mit-ai-risk-repository": "mit-risk",
    "mit-ai-risk-repository-causal": "mit-causal",
    "mit-draft-ai-risk-mitigation": "mit-mitigation",
    "owasp-llm-2.0": "owasp-llm",
    "shieldgemma-taxonomy": "shieldgemma",
}
