"""The taxonomies of the AI Incident Database: its `taxa` collection as a JSON list.

A field becomes a term and its permitted values become terms below it. Fields that take free lists open that
part of the namespace, since editors fill them with values of their own. Numbers, notes and other free text
are no vocabulary and are left out.
"""

import re
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
    slug,
    taxonomy,
    text_of,
    texts_of,
    unversioned,
)
from registry.taxonomies.vocabulary import Crosswalk, Taxonomy, is_namespace

_MIT_NUMBER = re.compile(r"(\d(?:\.\d)?)\.? ")
_MIT_CAUSES = {"Entity": "entity", "Intent": "intent", "Timing": "timing"}


def read(data: bytes, options: Options) -> Loaded:
    """A taxonomy for each entry. Raises `Malformed` when the file is not a list."""
    source = read_json(data, limit=MAX_BYTES)
    if not isinstance(source, list):
        raise Malformed("Not the taxa of the AI Incident Database: a list of taxonomies is expected.")
    findings: list[Finding] = []
    taxonomies: list[Taxonomy] = []
    for here, entry in dicts_of(source, "", findings):
        namespace = text_of(entry.get("namespace"))
        if not is_namespace(namespace) or not isinstance(entry.get("field_list"), list):
            findings.append(
                Finding(
                    "bad-taxonomy",
                    here,
                    f"A taxonomy needs a namespace, not {namespace[:40]!r}, and a field_list.",
                )
            )
            continue
        taxonomies.append(_taxonomy(namespace, entry, here, findings, options, unversioned(data)))
    return finished(taxonomies, findings)


def _taxonomy(
    namespace: str, entry: dict[str, Any], here: str, findings: list[Finding], options: Options, version: str
) -> Taxonomy:
    terms = TermList(namespace, findings)
    crosswalks: list[Crosswalk] = []
    free: list[str] = []
    for place, field in dicts_of(entry["field_list"], f"{here}/field_list", findings):
        name = text_of(field.get("short_name"))
        values = texts_of(field.get("permitted_values") or [])
        listed = field.get("display_type") == "list"
        if not values and not listed:
            continue
        id = slug(name)
        definition = text_of(field.get("short_description")) or text_of(field.get("long_description"))
        if not terms.add(place, id=id, label=text_of(field.get("long_name")) or name, definition=definition):
            continue
        if listed:
            free.append(id)
        for index, value in enumerate(values):
            added = f"{id}/{slug(value)}"
            if terms.add(f"{place}/permitted_values/{index}", id=added, label=value):
                crosswalks += [
                    Crosswalk(f"{namespace}:{added}", target, "exact")
                    for target in _same(namespace, name, value)
                ]
    return taxonomy(
        options,
        namespace=namespace,
        version=version,
        name=f"AI Incident Database: {namespace}",
        publisher="Responsible AI Collaborative",
        licence="Apache-2.0",
        url=f"https://incidentdatabase.ai/taxonomy/{namespace.lower()}/",
        terms=terms.finish(),
        crosswalks=crosswalks,
        definition=text_of(entry.get("description")),
        open=free,
    )


def _same(namespace: str, field: str, value: str) -> list[str]:
    """What a value of the database's MIT taxonomy is called in MIT's own."""
    if namespace != "MIT":
        return []
    if match := _MIT_NUMBER.match(value):
        return [f"mit-risk:{match[1]}"]
    return [f"mit-causal:{_MIT_CAUSES[field]}/{slug(value)}"] if field in _MIT_CAUSES else []
