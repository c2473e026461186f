"""Records like one: by what few others have as well, and by the tags and words that tell it from others."""

import math
from collections.abc import Iterable, Sequence

from tantivy import Occur, Query, Schema, Searcher

from search.alike.likeness import Likeness
from search.document import Key
from search.embedded.fields import BODY, COPY, KEY, LIVE, TRAIT, filter_field, join_key
from search.embedded.states import Snapshot

_WORDS = 20
_TAGS = 10
_TRAITS = 100
# Of so many, the rarest are looked for.
_LOOK = 2000
# What more than so many of all records have tells nothing, and going through them costs most of the time. In
# a handful of records, everything is in a third.
_COMMON, _COMMON_OF_MANY = 1 / 3, 1 / 20
_FEW, _MANY = 20, 600
_TAG_WEIGHT = 1.5
# More than all words and tags together, and the more of them, and the rarer, the better.
_TRAIT_WEIGHT = 1000.0


def query(snapshot: Snapshot, likeness: Likeness, hidden: frozenset[Key]) -> Query | None:
    """What finds records that have something of this; None when nothing could."""
    searcher, schema = snapshot.searcher, snapshot.schema
    live = snapshot.count(Query.term_query(schema, LIVE, "1"))
    itself = [join_key(likeness.of)] if likeness.of is not None else []
    # What no other record has finds none.
    least = 1 + any(searcher.doc_freq(KEY, key) for key in itself)
    clauses = [
        (Occur.Should, Query.boost_query(Query.term_query(schema, BODY, word), weight))
        for word, weight in _telling_words(searcher, likeness.words, live, least)
    ]
    for name, values in (("tag", likeness.tags), ("system", likeness.systems)):
        field = filter_field(name)
        clauses += [
            (Occur.Should, _worth(schema, field, value, _TAG_WEIGHT * _rarity(held, live)))
            for value, held in _rarest(searcher, field, values, _TAGS, least)
            if held <= _most_held(live)
        ]
    alike = [
        (Occur.Should, _worth(schema, TRAIT, trait, _TRAIT_WEIGHT * (1 + _rarity(held, live))))
        for trait, held in _rarest(searcher, TRAIT, likeness.traits, _TRAITS, least)
    ]
    if clauses:
        enough = max(1, len(clauses) // 6)
        alike.append((Occur.Should, Query.boolean_query(clauses, minimum_number_should_match=enough)))
    if not alike:
        return None
    return Query.boolean_query(
        [
            (Occur.Must, Query.boolean_query(alike)),
            (Occur.Must, Query.const_score_query(Query.term_query(schema, LIVE, "1"), 0.0)),
            (Occur.MustNot, Query.term_query(schema, COPY, "1")),
            (Occur.MustNot, Query.term_set_query(schema, KEY, [*itself, *map(join_key, hidden)])),
        ]
    )


def _worth(schema: Schema, field: str, term: str, weight: float) -> Query:
    return Query.const_score_query(Query.term_query(schema, field, term), weight)


def _rarest(
    searcher: Searcher, field: str, terms: Iterable[str], most: int, least: int
) -> list[tuple[str, int]]:
    """The terms that fewest records have, with how many do; without those that fewer than `least` have."""
    counted = ((term, searcher.doc_freq(field, term)) for term in list(terms)[:_LOOK])
    held = [(term, count) for term, count in counted if count >= least]
    return sorted(held, key=lambda one: (one[1], one[0]))[:most]


def _telling_words(
    searcher: Searcher, words: Sequence[tuple[str, int]], live: int, least: int
) -> list[tuple[str, float]]:
    weighed: list[tuple[float, str]] = []
    for word, count in words:
        held = searcher.doc_freq(BODY, word)
        if least <= held <= _most_held(live):
            weighed.append((math.sqrt(count) * _rarity(held, live), word))
    weighed.sort(reverse=True)
    top = weighed[0][0] if weighed else 1.0
    return [(word, weight / top) for weight, word in weighed[:_WORDS]]


def _most_held(live: int) -> float:
    if live <= _FEW:
        return live
    return live * _COMMON if live <= _MANY else max(_MANY * _COMMON, live * _COMMON_OF_MANY)


def _rarity(held: int, live: int) -> float:
    return math.log1p(live / (held + 1))
