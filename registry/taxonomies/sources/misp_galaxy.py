"""MISP galaxy clusters, as in https://github.com/MISP/misp-galaxy: one file, one taxonomy.

A cluster is known by the id that its own publisher gave it (`meta.external_id`), else by a slug of its name.
MISP's ATLAS clusters run years behind ATLAS, so they are joined with it by that id and never replace it.
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
    own_id,
    slug,
    taxonomy,
    text_of,
    texts_of,
    unversioned,
)
from registry.taxonomies.vocabulary import Crosswalk, Match, is_namespace

LICENCE = "CC0-1.0 OR BSD-2-Clause"
_ATLAS = re.compile(r"AML\.(?:TA|T|M)\d{4}(?:\.\d{3})?")
_MATCHES: dict[str, Match] = {"similar": "close", "similar-to": "close", "related-to": "related"}


def read(data: bytes, options: Options) -> Loaded:
    """One taxonomy. Raises `Malformed` for a file without `type` and `values`."""
    source = read_json(data, limit=MAX_BYTES)
    if not isinstance(source, dict) or not isinstance(source.get("values"), list):
        raise Malformed("Not a MISP galaxy cluster: an object with `type` and a list `values` is expected.")
    namespace = options.namespace or text_of(source.get("type"))
    if not is_namespace(namespace):
        raise Malformed(f"The type {namespace[:40]!r} cannot be a namespace. Give another one.")
    findings: list[Finding] = []
    named: list[tuple[str, dict[str, Any], str]] = []
    for here, value in dicts_of(source["values"], "/values", findings):
        if not text_of(value.get("value")):
            findings.append(
                Finding("missing", f"{here}/value", "This cluster has no `value`, which is its name.")
            )
            continue
        named.append((here, value, _id(value)))
    by_uuid = {text_of(value.get("uuid")): id for _, value, id in named if text_of(value.get("uuid"))}
    ids = {id for _, _, id in named}
    terms = TermList(namespace, findings)
    crosswalks: list[Crosswalk] = []
    for here, value, id in named:
        relations = [relation for relation in value.get("related") or [] if isinstance(relation, dict)]
        meta = _meta(value)
        parents = [
            by_uuid[text_of(relation.get("dest-uuid"))]
            for relation in relations
            if relation.get("type") == "subtechnique-of" and text_of(relation.get("dest-uuid")) in by_uuid
        ]
        if not parents and (stem := id.rpartition(".")[0]) in ids:
            parents = [stem]
        taken = terms.add(
            here,
            id=id,
            label=text_of(value["value"]),
            definition=text_of(value.get("description")),
            parents=parents,
            alt_labels=texts_of(meta.get("synonyms")),
            refs=texts_of(meta.get("refs")),
        )
        if not taken:
            continue
        if _ATLAS.fullmatch(id):
            crosswalks.append(Crosswalk(f"{namespace}:{id}", f"atlas:{id}", "exact"))
        for relation in relations:
            match = _MATCHES.get(text_of(relation.get("type")))
            target = by_uuid.get(text_of(relation.get("dest-uuid")))
            if match and target and target != id:
                crosswalks.append(Crosswalk(f"{namespace}:{id}", f"{namespace}:{target}", match))
    return finished(
        [
            taxonomy(
                options,
                namespace=namespace,
                version=text_of(source.get("version")) or unversioned(data),
                name=options.name or text_of(source.get("name")) or namespace,
                publisher=", ".join(texts_of(source.get("authors"))) or "MISP Project",
                licence=LICENCE,
                url=_url(source.get("source")),
                terms=terms.finish(),
                crosswalks=crosswalks,
                definition=text_of(source.get("description")),
            )
        ],
        findings,
    )


def _meta(value: dict[str, Any]) -> dict[str, Any]:
    meta = value.get("meta")
    return meta if isinstance(meta, dict) else {}


def _id(value: dict[str, Any]) -> str:
    external = texts_of(_meta(value).get("external_id"))
    return own_id(external[0]) if external else slug(text_of(value["value"]))


def _url(source: Any) -> str | None:
    text = text_of(source)
    return text if text.startswith(("https://", "http://")) else None
