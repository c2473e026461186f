"""Candor's own vocabularies: one TOML file a namespace in the folder `own`, in our own words.

version = "1"
name = "…"
definition = "…"
open = [""]                          # only where any term counts as known

[terms."fraud/voice-clone"]          # the order of the file is the order of the terms
label = "…"
definition = "…"
alt_labels = ["…"]
labels = { de = "…" }
exact = ["atlas:AML.T0088"]          # crosswalks, also close, broad and narrow, seen from this term
"""

import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from registry.taxonomies.vocabulary import MATCHES, Crosswalk, Taxonomy, Term

PUBLISHER = "Candor"
LICENCE = "CC0-1.0"


@cache
def load_own() -> tuple[Taxonomy, ...]:
    """Every vocabulary that Candor ships, in order of namespaces."""
    folder = files("registry.taxonomies") / "own"
    found = {
        entry.name.removesuffix(".toml"): tomllib.loads(entry.read_text("utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
    return tuple(_taxonomy(namespace, found[namespace]) for namespace in sorted(found))


def _taxonomy(namespace: str, source: dict[str, Any]) -> Taxonomy:
    terms: dict[str, dict[str, Any]] = source.get("terms", {})
    return Taxonomy(
        namespace=namespace,
        version=source["version"],
        name=source["name"],
        publisher=PUBLISHER,
        licence=LICENCE,
        definition=source["definition"],
        open=tuple(source.get("open", ())),
        terms=tuple(_term(id, entry) for id, entry in terms.items()),
        crosswalks=tuple(
            Crosswalk(f"{namespace}:{id}", target, match)
            for id, entry in terms.items()
            for match in MATCHES
            for target in entry.get(match, ())
        ),
    )


def _term(id: str, entry: dict[str, Any]) -> Term:
    return Term(
        id=id,
        label=entry["label"],
        definition=entry["definition"],
        parents=tuple(entry.get("parents", ())),
        labels=MappingProxyType(dict(entry.get("labels", {}))),
        alt_labels=tuple(entry.get("alt_labels", ())),
        deprecated_by=entry.get("deprecated_by"),
        refs=tuple(entry.get("refs", ())),
    )
