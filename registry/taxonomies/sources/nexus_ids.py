"""How the ids of the AI Atlas Nexus become tags.

Its mapping files name entries of other files by bare ids, so that the id alone has to tell the taxonomy.
Where the publisher of a taxonomy has codes of its own, the code is the term (`llm022025-…` is
`owasp-llm:LLM02`).
"""

import re
from dataclasses import dataclass

from registry.taxonomies.sources.loaded import own_id


@dataclass(frozen=True, slots=True)
class Scheme:
    """Ids of one shape, the namespace that they belong to, and the term that each stands for."""

    pattern: re.Pattern[str]
    namespace: str
    term: str = r"\g<0>"


def _scheme(pattern: str, namespace: str, term: str = r"\g<0>") -> Scheme:
    return Scheme(re.compile(pattern), namespace, term)


SCHEMES = (
    _scheme(r"llm(\d\d)(?:2025)?-.+", "owasp-llm", r"LLM\1"),
    _scheme(r"asi(\d\d)-.+", "owasp-asi", r"ASI\1"),
    _scheme(r"mit-ai-risk-(?:sub)?domain-([\d.]+)", "mit-risk", r"\1"),
    _scheme(r"mit-ai-risk-repository-causal-(entity|intent|timing)", "mit-causal", r"\1"),
    _scheme(r"mit-ai-causal-risk-(entity|intent|timing)-(.+)", "mit-causal", r"\1/\2"),
    _scheme(r"mit-draft-ai-risk-mitigation-group-([\d.]+)", "mit-mitigation", r"\1"),
    _scheme(r"A\d{4}_.+", "mit-mitigation-action"),
    _scheme(r"ail-(.+)", "mlcommons", r"\1"),
    _scheme(r"ai-risk-taxonomy-(.+)", "air-2024", r"\1"),
    _scheme(r"aiuc-?1-(.+)", "aiuc1", r"\1"),
    _scheme(r"credo-.+", "credo-ucf"),
    _scheme(r"csiro-.+", "csiro-rai"),
    _scheme(r"(?:granite|gg)-.+", "ibm-granite-guardian"),
    _scheme(r"(?:ibm-risk-)?atlas-.+", "ibm-risk-atlas"),
    _scheme(r"nist-.+", "nist-ai-rmf"),
    _scheme(r"(?:GV|MP|MS|MG)-[\d.]+-\d+", "nist-ai-rmf-action"),
    _scheme(r"shieldgemma-.+", "shieldgemma"),
    _scheme(r"principle-oecd-(.+)", "oecd-ai-principles", r"\1"),
)


def tag_parts(id: str) -> tuple[str, str] | None:
    """`(namespace, term)` of an id, None of one that belongs to no taxonomy known here."""
    for scheme in SCHEMES:
        if match := scheme.pattern.fullmatch(id):
            term = match.expand(scheme.term)
            return scheme.namespace, term if scheme.namespace == "mit-causal" else own_id(term)
    return None
