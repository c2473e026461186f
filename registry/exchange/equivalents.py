"""Which of the registry's own terms stands for a term of somebody else, by the crosswalks that the own terms
carry.
"""

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from registry.taxonomies.own import load_own


@lru_cache(maxsize=16)
def own_terms(namespace: str) -> Mapping[str, str]:
    """Outside tag -> own tag of `namespace`, where one own term alone matches exactly or, failing that,
    closely.
    """
    exact: dict[str, set[str]] = defaultdict(set)
    close: dict[str, set[str]] = defaultdict(set)
    for taxonomy in load_own():
        if taxonomy.namespace == namespace:
            for crosswalk in taxonomy.crosswalks:
                if crosswalk.match in ("exact", "close"):
                    (exact if crosswalk.match == "exact" else close)[crosswalk.target].add(crosswalk.source)
    # An outside term that stands for several own ones names none of them.
    clear = {tag: found for found_by in (close, exact) for tag, found in found_by.items()}
    return MappingProxyType({tag: next(iter(found)) for tag, found in clear.items() if len(found) == 1})


@lru_cache(maxsize=16)
def own_words(namespace: str) -> Mapping[str, str]:
    """Id, label or other name, in lower case -> own tag of `namespace`, where one term alone bears it."""
    named: dict[str, set[str]] = defaultdict(set)
    for taxonomy in load_own():
        if taxonomy.namespace == namespace:
            for term in taxonomy.terms:
                for name in (term.id, term.label, *term.alt_labels):
                    named[name.casefold()].add(f"{namespace}:{term.id}")
    return MappingProxyType({name: next(iter(tags)) for name, tags in named.items() if len(tags) == 1})
