"""What may be meant by what is typed so far: a record's id or title, or a value that records can be filtered
by.
"""

import msgspec
from tantivy import Occur, Query, Searcher

from search import text
from search.document import Key
from search.embedded.counts import facet_values
from search.embedded.fields import KEY, LIVE, facet_field, join_key
from search.embedded.queries import known_as
from search.embedded.states import Snapshot
from search.names import NAMES, Named, begun, chosen, named
from search.question import MAX_WORDS
from search.results import Suggestion

# Of each filter, the values that most records bear: looking through them has to take no time.
_MOST = 2_000
_EVERY = 65_000


class _Title(msgspec.Struct):
    title: str = ""


_read = msgspec.json.Decoder(_Title).decode


def suggest(snapshot: Snapshot, typed: str, limit: int, hidden: frozenset[Key]) -> list[Suggestion]:
    """At most `limit`, half of them records where there are enough names."""
    wanted = text.words(typed)[:MAX_WORDS]
    if not wanted:
        return []
    names = _names(snapshot, hidden) if hidden else snapshot.keep("names", lambda: _names(snapshot, hidden))
    records = _records(snapshot, typed, wanted, limit, hidden)
    return chosen(begun(names, wanted), records, limit)


def _names(snapshot: Snapshot, hidden: frozenset[Key]) -> list[Named]:
    searcher: Searcher = snapshot.searcher
    query = _visible(snapshot, hidden, [])
    asked = {
        name: {"terms": {"field": facet_field(name), "size": _MOST, "segment_size": _EVERY}} for name in NAMES
    }
    answers = searcher.aggregate(query, asked)
    return [
        found
        for name in NAMES
        for found in named(name, facet_values(answers[name]["buckets"], (), most=_MOST))
    ]


def _records(
    snapshot: Snapshot, typed: str, wanted: list[str], limit: int, hidden: frozenset[Key]
) -> list[Suggestion]:
    schema = snapshot.schema
    beginning = [
        Query.term_query(schema, "title", wanted[-1]),
        Query.const_score_query(
            Query.fuzzy_term_query(schema, "title", wanted[-1], distance=0, prefix=True), 0.5
        ),
    ]
    titled = [(Occur.Must, Query.term_query(schema, "title", word)) for word in wanted[:-1]]
    titled.append((Occur.Must, Query.boolean_query([(Occur.Should, query) for query in beginning])))
    either = [(Occur.Should, known_as(schema, typed)), (Occur.Should, Query.boolean_query(titled))]
    query = _visible(snapshot, hidden, [(Occur.Must, Query.boolean_query(either))])
    records = []
    for address in snapshot.top(query, limit)[1]:
        (origin, id), document = snapshot.record(address)
        records.append(Suggestion("record", id, _read(document).title or id, origin=origin))
    return records


def _visible(snapshot: Snapshot, hidden: frozenset[Key], clauses: list[tuple[Occur, Query]]) -> Query:
    live = Query.const_score_query(Query.term_query(snapshot.schema, LIVE, "1"), 0.0)
    without = [join_key(key) for key in hidden]
    if without:
        clauses = [*clauses, (Occur.MustNot, Query.term_set_query(snapshot.schema, KEY, without))]
    return Query.boolean_query([(Occur.Must, live), *clauses])
