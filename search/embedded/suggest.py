"""What may be meant by what is typed so far: a record's id or title, or a value that records can be filtered
by.
"""

from dataclasses import dataclass

import msgspec
from tantivy import Occur, Query, Searcher

from search import text
from search.document import Key
from search.embedded.counts import facet_values
from search.embedded.fields import KEY, LIVE, facet_field, join_key
from search.embedded.queries import known_as
from search.embedded.store import Snapshot
from search.question import MAX_WORDS
from search.results import Suggestion

NAMES = ("tag", "system", "provider", "developer", "actor")
"""The filters whose values are suggested."""
# Of each filter, the values that most records bear: looking through them has to take no time.
_MOST = 2_000
_EVERY = 65_000
_RECORDS_SHARE = 2


@dataclass(frozen=True, slots=True)
class _Name:
    suggestion: Suggestion
    words: tuple[str, ...]


class _Title(msgspec.Struct):
    title: str = ""


_read = msgspec.json.Decoder(_Title).decode


def suggest(snapshot: Snapshot, typed: str, limit: int, hidden: frozenset[Key]) -> list[Suggestion]:
    """At most `limit`, half of them records where there are enough names."""
    wanted = text.words(typed)[:MAX_WORDS]
    if not wanted:
        return []
    names = _names(snapshot, hidden) if hidden else snapshot.keep("names", lambda: _names(snapshot, hidden))
    found = [name for name in names if _begins(name.words, wanted)]
    # What begins as it was typed comes first, then what most records bear.
    found.sort(key=lambda name: (not _begins(name.words[:1], wanted[:1]), -(name.suggestion.count or 0)))
    records = _records(snapshot, typed, wanted, limit, hidden)
    kept = max(limit // _RECORDS_SHARE, limit - len(records))
    chosen = [name.suggestion for name in found[:kept]]
    return chosen + records[: limit - len(chosen)]


def _begins(words: tuple[str, ...], wanted: list[str]) -> bool:
    """Whether all but the last are among the words, and one begins with the last."""
    return all(word in words for word in wanted[:-1]) and any(word.startswith(wanted[-1]) for word in words)


def _names(snapshot: Snapshot, hidden: frozenset[Key]) -> list[_Name]:
    searcher: Searcher = snapshot.searcher
    query = _visible(snapshot, hidden, [])
    asked = {
        name: {"terms": {"field": facet_field(name), "size": _MOST, "segment_size": _EVERY}} for name in NAMES
    }
    answers = searcher.aggregate(query, asked)
    return [
        _Name(
            Suggestion(name, found.value, found.label or found.value, found.count),
            tuple(dict.fromkeys(text.words(f"{found.label or ''} {found.value}"))),
        )
        for name in NAMES
        for found in facet_values(answers[name]["buckets"], (), most=_MOST)
    ]


def _records(
    snapshot: Snapshot, typed: str, wanted: list[str], limit: int, hidden: frozenset[Key]
) -> list[Suggestion]:
    schema = snapshot.schema
    begun = [
        Query.term_query(schema, "title", wanted[-1]),
        Query.const_score_query(
            Query.fuzzy_term_query(schema, "title", wanted[-1], distance=0, prefix=True), 0.5
        ),
    ]
    titled = [(Occur.Must, Query.term_query(schema, "title", word)) for word in wanted[:-1]]
    titled.append((Occur.Must, Query.boolean_query([(Occur.Should, query) for query in begun])))
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
