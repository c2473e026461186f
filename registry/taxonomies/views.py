"""What leaves the registry of a taxonomy, as JSON objects, built field by field."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from registry.clock import instant
from registry.taxonomies.queries import StoredVersion
from registry.taxonomies.vocabulary import Taxonomy, Term, Vocabulary


def summary(taxonomy: Taxonomy, loaded_at: datetime) -> dict[str, Any]:
    """One line of the list of taxonomies."""
    value = {
        "namespace": taxonomy.namespace,
        "version": taxonomy.version,
        "name": taxonomy.name,
        "publisher": taxonomy.publisher,
        "licence": taxonomy.licence,
        "url": taxonomy.url,
        "definition": taxonomy.definition,
        "open": list(taxonomy.open),
        "loaded_at": instant(loaded_at),
    }
    counts = {"terms": len(taxonomy.terms), "crosswalks": len(taxonomy.crosswalks)}
    return {key: item for key, item in value.items() if item} | counts


def whole(taxonomy: Taxonomy, loaded_at: datetime, versions: Sequence[StoredVersion]) -> dict[str, Any]:
    """One version of a taxonomy with all its terms, and what other versions are kept, newest first."""
    return summary(taxonomy, loaded_at) | {
        "versions": [{"version": one.version, "loaded_at": instant(one.loaded_at)} for one in versions],
        "terms": [{"tag": f"{taxonomy.namespace}:{term.id}", **term.as_json()} for term in taxonomy.terms],
        "crosswalks": [crosswalk.as_json() for crosswalk in taxonomy.crosswalks],
    }


def one_term(vocabulary: Vocabulary, tag: str, term: Term) -> dict[str, Any]:
    """A term with what lies around it: its paths up and down, and what other taxonomies call it."""
    namespace = tag.partition(":")[0]
    replaced = {"deprecated_by": f"{namespace}:{term.deprecated_by}"} if term.deprecated_by else {}
    return {
        "tag": tag,
        "namespace": namespace,
        "version": vocabulary.version(namespace),
        **{key: value for key, value in term.as_json().items() if key != "parents"},
        **replaced,
        "broader": _links(vocabulary, vocabulary.parents(tag)),
        "ancestors": _links(vocabulary, vocabulary.ancestors(tag)),
        "narrower": _links(vocabulary, vocabulary.children(tag)),
        "crosswalks": [
            {
                "tag": crosswalk.target,
                "label": vocabulary.label(crosswalk.target),
                "match": crosswalk.match,
                "known": vocabulary.known(crosswalk.target),
            }
            for crosswalk in vocabulary.crosswalks(tag)
        ],
    }


def _links(vocabulary: Vocabulary, tags: Sequence[str]) -> list[dict[str, str]]:
    return [{"tag": tag, "label": vocabulary.label(tag)} for tag in tags]
