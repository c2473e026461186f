"""MISP taxonomies: `machinetag.json`, as in https://github.com/MISP/misp-taxonomies.

A predicate becomes a term and its values become terms below it: `ns:predicate="value"` is the tag
`ns:predicate/value`. The published schema lets a predicate without `value` pass; here it is a finding.
"""

from typing import Any

from registry.canonical import read_json
from registry.errors import Finding, Malformed
from registry.taxonomies.sources.loaded import (
    MAX_BYTES,
    Loaded,
    Options,
    TermList,
    dicts_of,
    finished,
    own_id,
    taxonomy,
    text_of,
    texts_of,
    unversioned,
)
from registry.taxonomies.vocabulary import is_namespace

PUBLISHER = "MISP Project"
LICENCE = "CC0-1.0 OR BSD-2-Clause"


def read(data: bytes, options: Options) -> Loaded:
    """One taxonomy. Raises `Malformed` for a file without predicates."""
    source = read_json(data, limit=MAX_BYTES)
    if not isinstance(source, dict) or not isinstance(source.get("predicates"), list):
        raise Malformed("Not a MISP taxonomy: an object with a list `predicates` is expected.")
    namespace = options.namespace or text_of(source.get("namespace"))
    if not is_namespace(namespace):
        raise Malformed(f"The namespace {namespace[:40]!r} cannot stand in a tag. Give another one.")
    findings: list[Finding] = []
    terms = TermList(namespace, findings)
    predicates: dict[str, str] = {}
    for here, predicate in dicts_of(source["predicates"], "/predicates", findings):
        value = _value(predicate, here, findings, "predicate")
        if value and _add(terms, here, predicate, own_id(value), value):
            predicates[value] = own_id(value)
    for here, group in dicts_of(source.get("values"), "/values", findings):
        name = text_of(group.get("predicate"))
        if name not in predicates:
            findings.append(
                Finding(
                    "unknown-predicate",
                    f"{here}/predicate",
                    f"Values of {name[:60]!r}, which is not among the predicates.",
                    "Add the predicate or correct its name.",
                )
            )
            continue
        for place, entry in dicts_of(group.get("entry"), f"{here}/entry", findings):
            if value := _value(entry, place, findings, "entry"):
                _add(terms, place, entry, f"{predicates[name]}/{own_id(value)}", value)
    description = text_of(source.get("description"))
    return finished(
        [
            taxonomy(
                options,
                namespace=namespace,
                version=text_of(source.get("version")) or unversioned(data),
                name=options.name or text_of(source.get("expanded")) or namespace,
                publisher=PUBLISHER,
                licence=LICENCE,
                url=next(iter(texts_of(source.get("refs"))), None),
                terms=terms.finish(),
                definition=description,
            )
        ],
        findings,
    )


def _value(entry: dict[str, Any], here: str, findings: list[Finding], what: str) -> str:
    value = text_of(entry.get("value"))
    if not value:
        findings.append(
            Finding(
                "missing",
                f"{here}/value",
                f"This {what} has no `value`, so no tag can name it.",
                "Give it one.",
            )
        )
    return value


def _add(terms: TermList, here: str, entry: dict[str, Any], id: str, value: str) -> bool:
    expanded = text_of(entry.get("expanded"))
    return terms.add(
        here,
        id=id,
        label=expanded or value,
        definition=text_of(entry.get("description")),
        alt_labels=(value,) if value != id.rpartition("/")[2] else (),
    )
