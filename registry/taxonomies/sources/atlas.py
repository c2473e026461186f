"""MITRE ATLAS: `ATLAS.yaml`, as in https://github.com/mitre-atlas/atlas-data (format of version 5).

Tactics, techniques and mitigations become terms under their own ids. A technique lies under its tactics, a
sub-technique under its technique, so that a search for a tactic finds what was reported of its techniques.
Case studies and the uses of mitigations are records, not vocabulary; the exchange of records reads them.
"""

import re
from typing import Any

from registry.errors import Finding, Malformed
from registry.taxonomies.sources.loaded import (
    Loaded,
    Options,
    TermList,
    dicts_of,
    finished,
    taxonomy,
    text_of,
    texts_of,
    unversioned,
    warning,
)
from registry.taxonomies.sources.yaml_file import read_mapping

NAMESPACE = "atlas"
SITE = "https://atlas.mitre.org"
_IDS = {
    "tactics": re.compile(r"AML\.TA\d{4}"),
    "techniques": re.compile(r"AML\.T\d{4}(?:\.\d{3})?"),
    "mitigations": re.compile(r"AML\.M\d{4}"),
}
_LINK = re.compile(r"\[([^\]]*)\]\(/[^)]*\)")


def read(data: bytes, options: Options) -> Loaded:
    """One taxonomy with the namespace `atlas`. Raises `Malformed` for a file without matrices."""
    source = read_mapping(data)
    findings: list[Finding] = []
    matrices = dicts_of(source.get("matrices"), "/matrices", findings)
    if not matrices:
        raise Malformed("Not ATLAS: a list `matrices` with tactics and techniques is expected.")
    terms = TermList(NAMESPACE, findings)
    for here, matrix in matrices:
        for sort, shape in _IDS.items():
            for place, entry in dicts_of(matrix.get(sort), f"{here}/{sort}", findings):
                _add(terms, place, entry, sort, shape)
    return finished(
        [
            taxonomy(
                options,
                namespace=NAMESPACE,
                version=text_of(source.get("version")) or unversioned(data),
                name=text_of(source.get("name")) or "ATLAS",
                publisher="MITRE",
                licence="Apache-2.0",
                url=SITE,
                terms=terms.finish(),
            )
        ],
        findings,
    )


def _add(terms: TermList, here: str, entry: dict[str, Any], sort: str, shape: re.Pattern[str]) -> None:
    id = text_of(entry.get("id"))
    name = text_of(entry.get("name"))
    if shape.fullmatch(id) is None or not name:
        terms.findings.append(
            Finding(
                "bad-entry", here, f"One of the {sort} has the id {id[:40]!r} and the name {name[:40]!r}."
            )
        )
        return
    parents = texts_of(entry.get("tactics")) or texts_of(entry.get("subtechnique-of"))
    if sort == "techniques" and not parents:
        terms.findings.append(warning("no-parent", here, f"{id} lies under no tactic and no technique."))
    elsewhere = entry.get("ATT&CK-reference")
    refs = [f"{SITE}/{sort}/{id}"]
    if isinstance(elsewhere, dict):
        refs += texts_of(elsewhere.get("url"))
    terms.add(
        here,
        id=id,
        label=name,
        definition=_LINK.sub(r"\1", text_of(entry.get("description"))),
        parents=parents,
        refs=refs,
    )
