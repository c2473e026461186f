"""What reports and vulnerabilities have in common: names, tags, references, systems, relations."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from registry.errors import Finding
from registry.exchange.avid.links import Links
from registry.exchange.item import warning
from registry.exchange.pieces import (
    classification,
    filled,
    line,
    literal,
    mapping,
    mappings,
    once,
    strings,
    web_address,
)
from registry.taxonomies.sources.loaded import slug

SCHEME = "avid"
PUBLISHER = "AI Vulnerability Database"
SITE = "https://avidml.org"
_CODE = re.compile(r"\s*([SEPL]\d{2,4})\s*:")
_CVE = re.compile(r"CVE-\d{4}-\d{4,}")
_AIID = re.compile(r"https?://incidentdatabase\.ai/cite/(\d+)")
_ATLAS = re.compile(r"https?://atlas\.mitre\.org/studies/(AML\.CS\d{4})")
REASON = "Reason for inclusion in AVID:"
_NOBODY = frozenset(("", "n/a", "na", "none", "unknown", "-"))
_DOMAINS = {"Security": "S", "Ethics": "E", "Performance": "P"}
_CLASSES = {
    "AIID Incident": "avid-class:aiid",
    "ATLAS Case Study": "avid-class:atlas",
    "CVE Entry": "avid-class:cve",
    "LLM Evaluation": "avid-class:llm",
    "Third-party Report": "avid-class:third_party",
}


def text(value: Any) -> str:
    """The text of `{lang, value}`."""
    given = value.get("value") if isinstance(value, Mapping) else value
    return given.strip() if isinstance(given, str) else ""


def date(value: Any) -> str | None:
    """A partial date as it stands; None for anything else."""
    return value if isinstance(value, str) and re.fullmatch(r"\d{4}(-\d\d){0,2}", value) else None


def named(names: Any) -> list[str]:
    """The names in a list, without those that say that there is none."""
    return [name for name in strings(names) if name.lower() not in _NOBODY]


def narrative_of(number: str, about: str, entry: Mapping[str, Any], *, plain: bool) -> str:
    """The account as AVID gives it, marked as theirs. CVE texts are plain text, the others Markdown."""
    account, _, reason = about.partition(REASON)
    write = literal if plain else str
    affects = mapping(entry.get("affects"))
    parts = [f"*As the {PUBLISHER} gives it in {number}:*", write(account.strip())]
    if reason.strip():
        parts.append(f"**Why the {PUBLISHER} lists it:** {write(reason.strip())}")
    roles = [
        f"{role}: {'; '.join(literal(name) for name in names)}"
        for role, names in (
            ("developer", named(affects.get("developer"))),
            ("deployer", named(affects.get("deployer"))),
        )
        if names
    ]
    if roles:
        parts.append(f"The {PUBLISHER} names as {'; as '.join(roles)}.")
    return "\n\n".join(part for part in parts if part)


def credits_of(entry: Mapping[str, Any], *, is_cve: bool) -> list[dict[str, Any]]:
    credits = []
    for credit in mappings(entry.get("credit")):
        name, _, organisation = line(text(credit)).rpartition(", ")
        if not name:
            name, organisation = organisation, ""
        if name.lower() not in _NOBODY:
            credits.append(
                filled(
                    name=name,
                    role="reporter",
                    organisation="" if organisation.lower() in _NOBODY else organisation,
                )
            )
    credits.append({"name": PUBLISHER, "role": "database", "url": SITE})
    if is_cve:
        credits.append({"name": "CVE Program", "role": "description", "url": "https://www.cve.org"})
    return once(credits, "name", "role")


def stated_by_of(entry: Mapping[str, Any], page: str) -> list[dict[str, Any]]:
    people = [credit for credit in credits_of(entry, is_cve=False) if credit.get("role") == "reporter"]
    return [
        *({**person, "reference": page} for person in people),
        {"name": PUBLISHER, "role": "database that published it", "reference": page},
    ]


def codes_of(values: Any) -> list[str]:
    return [found[1] for value in strings(values) if (found := _CODE.match(value))]


def classifications_of(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    impact = mapping(entry.get("impact"))
    avid = mapping(impact.get("avid"))
    version = avid.get("taxonomy_version") or None
    problem = mapping(entry.get("problemtype"))
    given: list[dict[str, Any]] = []
    for namespace, codes in (
        ("avid-effect", codes_of(avid.get("sep_view"))),
        ("avid-lifecycle", codes_of(avid.get("lifecycle_view"))),
        (
            "avid-effect",
            [_DOMAINS[domain] for domain in strings(avid.get("risk_domain")) if domain in _DOMAINS],
        ),
    ):
        given += [classification(f"{namespace}:{code}", PUBLISHER, version) for code in codes]
    if problem.get("classof") in _CLASSES:
        given.append(classification(_CLASSES[problem["classof"]], PUBLISHER))
    if isinstance(problem.get("type"), str) and problem["type"]:
        given.append(classification(f"avid-type:{slug(problem['type'])}", PUBLISHER))
    given += [
        classification(f"avid-artifact:{slug(kind)}", PUBLISHER)
        for artifact in mappings(mapping(entry.get("affects")).get("artifacts"))
        if isinstance(kind := artifact.get("type"), str) and slug(kind)
    ]
    given += [
        classification(
            f"cwe:{weakness['cweId']}", PUBLISHER, note=line(text(weakness.get("description"))) or None
        )
        for weakness in mappings(impact.get("cwe"))
        if isinstance(weakness.get("cweId"), str) and re.fullmatch(r"CWE-\d+", weakness["cweId"])
    ]
    given += [
        classification(tag, "0DIN")
        for technique in mappings(mapping(impact.get("odin")).get("JailbreakTaxonomy"))
        if (tag := _jailbreak_tag(technique))
    ]
    return once(given, "tag")


def _jailbreak_tag(technique: Mapping[str, Any]) -> str | None:
    """0DIN's category, strategy and technique as one path."""
    steps = [slug(str(technique.get(step) or "")) for step in ("Category", "Strategy", "Technique")]
    return "odin-jailbreak:" + "/".join(step for step in steps if step) if steps[0] else None


def systems_of(entry: Mapping[str, Any], *, measured: bool) -> list[dict[str, Any]]:
    affects = mapping(entry.get("affects"))
    artifacts = [
        line(artifact["name"])
        for artifact in mappings(affects.get("artifacts"))
        if isinstance(artifact.get("name"), str) and artifact["name"].strip().lower() not in _NOBODY
    ]
    developers, deployers = (named(affects.get("developer")), named(affects.get("deployer")))
    if not artifacts:
        # A vendor without a product: what is affected is some system of theirs.
        artifacts = [f"unnamed system of {(developers + deployers)[0]}"] if developers + deployers else []
    claimed = mapping(entry.get("problemtype")).get("classof") in ("Third-party Report", "AIID Incident", "")
    return [
        filled(
            name=name,
            developer=_maker(name, developers, artifacts),
            deployer=_maker(name, deployers, artifacts),
            role="system-role:subject" if measured else None,
            assertion={"status": "alleged", "by": PUBLISHER} if claimed else None,
        )
        for name in dict.fromkeys(artifacts)
    ]


def _maker(system: str, makers: list[str], systems: list[str]) -> str | None:
    """Whose a system is, where that is clear: of the one it is named after, or of the only one there is.

    0DIN's reports name one developer beside systems of several; a name that begins another system's tells
    which.
    """
    makers = [maker for maker in makers if maker != system]
    after = [maker for maker in makers if system.lower().startswith(maker.lower())]
    if after:
        return after[0]
    if len(systems) == 1:
        return line(", ".join(makers)) or None
    others = any(other.lower().startswith(maker.lower()) for maker in makers for other in systems)
    return makers[0] if len(makers) == 1 and not others else None


def references_of(entry: Mapping[str, Any], findings: list[Finding]) -> list[dict[str, Any]]:
    references = []
    for index, reference in enumerate(mappings(entry.get("references"))):
        url = web_address(reference.get("url"))
        label = line(str(reference.get("label") or ""))
        if url is None:
            findings.append(
                warning(
                    "not-a-web-address",
                    f"/references/{index}/url",
                    f"{line(str(reference.get('url')), 80)!r} leads nowhere from here; it is left out.",
                )
            )
            continue
        references.append(filled(url=url, title="" if label == url else label, type=reference.get("type")))
    return once(references, "url")


def aliases_of(title: str, classof: Any, references: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same matter elsewhere. What is only referred to is a part of, or lies around, this one."""
    aliases = []
    named = list(dict.fromkeys(_CVE.findall(title)))
    for cve in named:
        same = classof == "CVE Entry" and len(named) == 1
        aliases.append(
            _alias("cve", cve, f"https://www.cve.org/CVERecord?id={cve}", "same" if same else "covers")
        )
    first = True
    for reference in references:
        url = reference["url"]
        if found := _AIID.match(url):
            same = classof == "AIID Incident" and first
            aliases.append(_alias("aiid", found[1], url, "same" if same else "part-of"))
        elif found := _ATLAS.match(url):
            same = classof == "ATLAS Case Study" and first
            aliases.append(_alias("atlas", found[1], url, "same" if same else "part-of"))
        elif classof != "CVE Entry" and (found := _CVE.search(url)):
            aliases.append(_alias("cve", found[0], url, "covers"))
            continue
        else:
            continue
        first = False
    return once(aliases, "scheme", "id")


def _alias(scheme: str, id: str, url: str, type: str) -> dict[str, Any]:
    return {"scheme": scheme, "id": id, "url": url, "type": type}


def relations_of(
    number: str, impact: Mapping[str, Any], links: Links, findings: list[Finding]
) -> list[dict[str, Any]]:
    targets = list(links.reports.get(number, ())) + list(links.vulnerabilities.get(number, ()))
    for named, target in links.moved.get(number, ()):
        findings.append(
            warning(
                "number-moved",
                "/reports",
                f"{number} names {named}, whose title is another; {target} bears the title that it gives.",
            )
        )
    claimed = mapping(impact.get("avid")).get("vuln_id")
    if isinstance(claimed, str) and claimed and claimed not in targets:
        if claimed in links.known:
            findings.append(
                warning(
                    "one-sided-link",
                    "/impact/avid/vuln_id",
                    f"{number} names {claimed}, which does not name it; the relation is left out.",
                )
            )
        else:
            targets.append(claimed)
    return [
        {"type": "related", "target": {"id": f"source:{SCHEME}:{target}"}}
        for target in dict.fromkeys(targets)
    ]
