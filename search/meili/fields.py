"""The documents of an index in Meilisearch: what of a projection stands where.

Words are looked for in `WORDS`, the weightiest first; typing errors are forgiven in `near` alone, which holds
the same words once more, without places, so that a question decides whether any are. Each filter has an
attribute of keys to find by and one of values to count. What one index says of how far it has read is a
document of its own, which comes in with what it covers.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from zlib import crc32

from search import text
from search.document import FILTERS, Key, Projection
from search.engine import Place
from search.meili import words
from search.relevance import WEIGHTS

# Raised when documents are written otherwise: an index that was written by another layout is not read.
LAYOUT = 1

WORDS = (*WEIGHTS, "rest")
NEAR = "near"
ID, RECORD, KEY, VERSION, DOCUMENT, PLACE = "id", "record", "key", "version", "document", "place"
LIVE, COPY, SHOWN, GONE, EXACT, MONTH = "live", "copy", "shown", "gone", "exact", "month"
FIRST, LAST, PUBLISHED, UPDATED, SEVERITY, TIE = "first", "last", "published", "updated", "severity", "tie"
SINCE, UNTIL = "since", "until"
TRAIT, AUDIENCE = "trait", "audience"
IS_PLACE = "is_place"

_SEPARATOR = "\x1f"
# Shorter words are not what somebody misspelt.
_LEAST_LETTERS = 3


def filter_field(name: str) -> str:
    return f"by_{name}"


def facet_field(name: str) -> str:
    return f"of_{name}"


def record_id(key: Key) -> str:
    """What Meilisearch knows a record by: letters and digits, whatever its origin holds."""
    return _hashed(_SEPARATOR.join(key))


def document_id(record: Projection) -> str:
    """What it knows an interval by. The live one has the record's own, so that a newer takes its place."""
    return (
        record_id(record.key) if record.live else _hashed(_SEPARATOR.join((*record.key, str(record.since))))
    )


def _hashed(name: str) -> str:
    return sha256(name.encode()).hexdigest()[:40]


def split_key(joined: str) -> Key:
    origin, _, id = joined.partition(_SEPARATOR)
    return origin, id


def make_document(record: Projection) -> dict[str, Any]:
    """A record. Attributes without values are left out: they would be counted as empty ones."""
    near: set[str] = set()

    def spaced(value: str) -> str:
        found = [words.written(word) for word in text.words(value)]
        near.update(found)
        return " ".join(found)

    joined = _SEPARATOR.join(record.key)
    made: dict[str, Any] = {
        ID: document_id(record),
        RECORD: record_id(record.key),
        KEY: joined,
        VERSION: record.version,
        SINCE: record.since,
        UNTIL: record.until,
        EXACT: [words.key(key) for key in record.exact],
        TRAIT: [words.key(trait) for trait in record.traits],
        AUDIENCE: [words.key(one) for one in record.audience],
        "title": spaced(record.title),
        "names": [spaced(name) for name in record.names],
        "summary": spaced(record.summary),
        "labels": [spaced(label) for label in record.labels],
        "rest": [spaced(value) for value in record.rest],
        NEAR: sorted(word for word in near if len(word) >= _LEAST_LETTERS and not word.isdigit()),
        MONTH: record.month,
        PUBLISHED: record.published,
        UPDATED: record.updated,
        SEVERITY: record.severity,
        TIE: crc32(joined.encode()),
        DOCUMENT: record.document.decode(),
    }
    for name, holds in ((LIVE, record.live), (COPY, record.copy), (SHOWN, record.live and not record.copy)):
        if holds:
            made[name] = 1
    if record.occurred is not None:
        made[FIRST], made[LAST] = record.occurred
    keys = {name: record.keys(name) for name in FILTERS}
    for name, values in record.values.items():
        made[facet_field(name)] = [words.joined(held) for held in values]
        # A value that is too long to be counted is found by what is shown of it, too.
        keys[name] |= {text.key(words.cut(held.value)) for held in values}
    for name, found in keys.items():
        if found:
            made[filter_field(name)] = sorted(map(words.key, found))
    return made


def make_tombstone(id: str) -> dict[str, Any]:
    """What stands in place of an interval that is gone, until it is taken out: no question finds it."""
    return {ID: id, GONE: 1}


def make_place(place: Place, settings: str) -> dict[str, Any]:
    """How far the index has read, and by which settings it was made."""
    told = {
        "layout": LAYOUT,
        "settings": settings,
        "position": place.position,
        "seq": place.seq,
        "digest": place.digest,
    }
    return {ID: PLACE, IS_PLACE: 1, PLACE: json.dumps(told)}


def read_place(told: Mapping[str, Any]) -> Place:
    return Place(int(told["position"]), int(told["seq"]), str(told["digest"]))
