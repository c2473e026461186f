"""The settings of an index, as code. An index that was made by others is built anew (`digest`)."""

from functools import cache
from typing import Any

import msgspec

from registry.canonical import digest as digest_of
from search.document import FACETS, FILTERS
from search.meili import fields
from search.meili.fields import facet_field, filter_field

MOST_VALUES = 2_000
"""Of one count, the values that most records have. It has to hold every month that anything happened in."""
MOST_HITS = 100_000_000
"""Results are not cut off: whoever asks says how many are wanted."""

_COMPARED = (fields.FIRST, fields.LAST, fields.PUBLISHED, fields.SINCE, fields.UNTIL)
_SORTED = (fields.PUBLISHED, fields.UPDATED, fields.SEVERITY, fields.TIE)
_SHOWN = (fields.ID, fields.RECORD, fields.KEY, fields.VERSION, fields.DOCUMENT, fields.PLACE, *fields.WORDS)
# Names of a language that Meilisearch has no rules for: what is put in is cut and folded already.
LOCALES = ["eng"]


@cache
def settings() -> dict[str, Any]:
    """What `PATCH /indexes/{uid}/settings` is sent."""
    equal = [
        fields.RECORD,
        fields.LIVE,
        fields.COPY,
        fields.SHOWN,
        fields.GONE,
        fields.EXACT,
        fields.TRAIT,
        fields.AUDIENCE,
        fields.MONTH,
        fields.IS_PLACE,
        *map(filter_field, FILTERS),
        *map(facet_field, FACETS),
    ]
    return {
        "searchableAttributes": [*fields.WORDS, fields.NEAR],
        "displayedAttributes": list(_SHOWN),
        "filterableAttributes": [_filterable(equal, compared=False), _filterable(_COMPARED, compared=True)],
        "sortableAttributes": list(_SORTED),
        # An order that is asked for goes before everything. Whole words go before begun ones, titles before
        # texts, words in a row before scattered ones; the newest first where nothing else tells.
        "rankingRules": [
            "sort",
            "words",
            "typo",
            "exactness",
            "attributeRank",
            "proximity",
            "wordPosition",
            f"{fields.PUBLISHED}:desc",
            f"{fields.TIE}:desc",
        ],
        # None: who asks for all words gets what holds them all. The digest would change with them.
        "stopWords": [],
        "synonyms": {},
        # Of what is searched, typing errors are forgiven in one attribute alone, and only where a question
        # leaves words open (`search.meili.queries`).
        "typoTolerance": {
            "enabled": True,
            "minWordSizeForTypos": {"oneTypo": 4, "twoTypos": 8},
            "disableOnAttributes": list(fields.WORDS),
        },
        "separatorTokens": [],
        "nonSeparatorTokens": [],
        "dictionary": [],
        "localizedAttributes": [{"attributePatterns": ["*"], "locales": LOCALES}],
        "proximityPrecision": "byWord",
        "prefixSearch": "indexingTime",
        "facetSearch": False,
        "faceting": {"maxValuesPerFacet": MOST_VALUES, "sortFacetValuesBy": {"*": "count"}},
        "pagination": {"maxTotalHits": MOST_HITS},
    }


def _filterable(attributes: Any, *, compared: bool) -> dict[str, Any]:
    return {
        "attributePatterns": list(attributes),
        "features": {"facetSearch": False, "filter": {"equality": True, "comparison": compared}},
    }


@cache
def digest() -> str:
    """Changes when an index has to be built anew because its settings would be others."""
    return digest_of(msgspec.json.encode(settings()))[:16]
