"""AVID's taxonomy enums: effects (security, ethics, performance), lifecycle, and what reports are made of.

The file is one object of enums, each an object of codes: `{"SepEnum": {"S0403": "S0403: Adversarial
Example"}}`.
"""

import re

from registry.canonical import escape, read_json
from registry.errors import Finding, Malformed
from registry.taxonomies.sources.loaded import (
    MAX_BYTES,
    Loaded,
    Options,
    TermList,
    finished,
    own_id,
    taxonomy,
    text_of,
    unversioned,
    warning,
)
from registry.taxonomies.vocabulary import Taxonomy

ENUMS = {
    "SepEnum": ("avid-effect", "AVID effects: security, ethics, performance"),
    "LifecycleEnum": ("avid-lifecycle", "AVID lifecycle stages"),
    "ArtifactTypeEnum": ("avid-artifact", "AVID types of artifact"),
    "ClassEnum": ("avid-class", "AVID classes of report"),
    "TypeEnum": ("avid-type", "AVID types of report"),
    "MethodEnum": ("avid-method", "AVID methods of detection"),
}
_DOMAINS = {"S": "Security", "E": "Ethics", "P": "Performance"}
_EFFECT = re.compile(r"([SEP])(\d\d)(\d\d)")


def read(data: bytes, options: Options) -> Loaded:
    """A taxonomy for each enum. Raises `Malformed` when there is none that AVID has."""
    source = read_json(data, limit=MAX_BYTES)
    if not isinstance(source, dict) or not any(enum in source for enum in ENUMS):
        raise Malformed(f"Not AVID's enums: an object with some of {', '.join(ENUMS)} is expected.")
    findings: list[Finding] = []
    taxonomies: list[Taxonomy] = []
    for enum, codes in source.items():
        if enum not in ENUMS:
            findings.append(
                warning("unknown-enum", f"/{escape(enum)}", f"{enum[:60]!r} is not known here and left out.")
            )
        elif not isinstance(codes, dict):
            findings.append(Finding("not-an-object", f"/{enum}", "Codes and their labels are expected here."))
        else:
            namespace, name = ENUMS[enum]
            terms = TermList(namespace, findings)
            if enum == "SepEnum":
                for letter, label in _DOMAINS.items():
                    terms.add(f"/{enum}", id=letter, label=label)
            for code, label in codes.items():
                _add(terms, f"/{enum}/{escape(code)}", code, text_of(label), effects=enum == "SepEnum")
            taxonomies.append(
                taxonomy(
                    options,
                    namespace=namespace,
                    version=unversioned(data),
                    name=name,
                    publisher="AI Risk and Vulnerability Alliance",
                    licence="Apache-2.0",
                    url="https://avidml.org/taxonomy/",
                    terms=terms.finish(),
                )
            )
    return finished(taxonomies, findings)


def _add(terms: TermList, here: str, code: str, label: str, *, effects: bool) -> None:
    if not label:
        terms.findings.append(Finding("missing", here, f"The code {code[:40]!r} has no label."))
        return
    name = label.removeprefix(f"{code}:").strip()
    parents: list[str] = []
    if effects:
        match = _EFFECT.fullmatch(code)
        if match is None:
            terms.findings.append(Finding("bad-code", here, f"{code[:40]!r} is not a code such as S0403."))
            return
        letter, group, detail = match.groups()
        parents = [letter if detail == "00" else f"{letter}{group}00"]
    terms.add(here, id=own_id(code), label=name, parents=parents)
