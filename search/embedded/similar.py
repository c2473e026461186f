"""Records like one: by the words that tell it from others, by its tags, and by the aliases that it shares."""

import math
from collections import Counter

import msgspec
from tantivy import Occur, Query, Searcher

from registry.records.documents import tags_of
from search import text
from search.document import Key
from search.embedded.fields import BODY, EXACT, KEY, LIVE, filter_field, join_key
from search.embedded.store import Snapshot

_WORDS = 25
_TAGS = 15
_LOOK = 20_000
_LEAST_LETTERS = 3
# A word in more than a third of all records tells nothing; in a handful of records, everything is in a third.
_COMMON = 1 / 3
_FEW = 20
_TITLE = 3
_TAG_WEIGHT = 1.5
_ALIAS_WEIGHT = 30.0


def query(snapshot: Snapshot, key: Key, hidden: frozenset[Key]) -> Query | None:
    """What finds records like the one under `key`, without it; None when the index does not hold it."""
    searcher: Searcher = snapshot.searcher
    schema = snapshot.schema
    _, held = snapshot.top(Query.term_query(schema, KEY, join_key(key)), 1)
    if not held:
        return None
    document = msgspec.json.decode(snapshot.record(held[0])[1])
    live = snapshot.count(Query.term_query(schema, LIVE, "1"))
    clauses = [
        (Occur.Should, Query.boost_query(Query.term_query(schema, BODY, word), weight))
        for word, weight in _telling_words(searcher, document, live)
    ]
    by_tag = filter_field("tag")
    tags = {text.key(tag) for tag in tags_of(document)}
    rarities = [(tag, _rarity(searcher.doc_freq(by_tag, tag), live)) for tag in tags]
    for tag, weight in sorted(rarities, key=lambda item: (-item[1], item[0]))[:_TAGS]:
        found = Query.term_query(schema, by_tag, tag)
        clauses.append((Occur.Should, Query.const_score_query(found, _TAG_WEIGHT * weight)))
    aliases = [
        text.key(f"{alias['scheme']}:{alias['id']}")
        for alias in document.get("aliases", ())
        if isinstance(alias, dict) and "scheme" in alias and "id" in alias
    ]
    least = max(1, len(clauses) // 6)
    alike = []
    if clauses:
        alike.append((Occur.Should, Query.boolean_query(clauses, minimum_number_should_match=least)))
    if aliases:
        shared = Query.term_set_query(schema, EXACT, aliases)
        alike.append((Occur.Should, Query.const_score_query(shared, _ALIAS_WEIGHT)))
    if not alike:
        return None
    without = [join_key(other) for other in {key, *hidden}]
    return Query.boolean_query(
        [
            (Occur.Must, Query.boolean_query(alike)),
            (Occur.MustNot, Query.term_set_query(schema, KEY, without)),
        ]
    )


def _telling_words(searcher: Searcher, document: dict[str, object], live: int) -> list[tuple[str, float]]:
    counts: Counter[str] = Counter()
    for field, times in (("title", _TITLE), ("summary", 1), ("narrative", 1)):
        value = document.get(field)
        if isinstance(value, str):
            for word in text.words(value[:_LOOK]):
                counts[word] += times
    weighed: list[tuple[float, str]] = []
    for word, count in counts.items():
        if (len(word) < _LEAST_LETTERS and not text.alone(word)) or word.isdigit():
            continue
        held = searcher.doc_freq(BODY, word)
        if held >= 2 and (held <= live * _COMMON or live <= _FEW):
            weighed.append((math.sqrt(count) * _rarity(held, live), word))
    weighed.sort(reverse=True)
    top = weighed[0][0] if weighed else 1.0
    return [(word, weight / top) for weight, word in weighed[:_WORDS]]


def _rarity(held: int, live: int) -> float:
    return math.log1p(live / (held + 1))
