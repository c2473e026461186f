"""From a question to tantivy queries. tantivy's own query language is not used: no character can break out of
it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tantivy import FieldType, Occur, Query, Schema

from registry.errors import Malformed
from registry.ids import parse_id
from search import text
from search.document import Key
from search.embedded.fields import AUDIENCE, BODY, COPY, EXACT, KEY, LIVE, filter_field, join_key
from search.embedded.states import Snapshot
from search.embedded.then import Then
from search.embedded.words import Clause, Wanted, Words
from search.request import Request

ORIGIN = "origin"
AS_OF = "as_of"
_EXACT_WEIGHT = 1000.0
_ALL_WEIGHT = 500.0
_HELD_WEIGHT = 5.0
_MOST_PIECES = 6


@dataclass(frozen=True, slots=True)
class Plan:
    """One question against one state of the index.

    `words` and each of `filters` have to be met; `score` are clauses that only weigh. `found` tells how the
    words were read, and `least` how many of its parts will do; None for all of them. `every` is then how
    many records hold all.
    """

    words: Sequence[Clause]
    filters: Mapping[str, Query]
    score: Sequence[Clause]
    found: Words
    least: int | None
    every: int = 0

    def match(self, *, without: str | None = None) -> Query:
        """What has to be met, unscored; leaving out one filter, as its own counts do."""
        kept = [(Occur.Must, query) for name, query in self.filters.items() if name != without]
        return Query.boolean_query([*self.words, *kept])

    def count(self, snapshot: Snapshot, query: Query) -> int:
        """How many records that pass the filters answer another query."""
        filters = [(Occur.Must, each) for each in self.filters.values()]
        return snapshot.count(Query.boolean_query([(Occur.Must, query), *filters]))

    def scored(self) -> Query:
        filters = [(Occur.Must, Query.const_score_query(query, 0.0)) for query in self.filters.values()]
        return Query.boolean_query([*self.words, *filters, *self.score])


def plan(
    snapshot: Snapshot,
    request: Request,
    *,
    hidden: frozenset[Key],
    exact: bool,
    then: Then | None = None,
    least: int | None = None,
) -> Plan:
    """`exact` forgives and completes nothing; `hidden` records are not found; `then` tells what answers of an
    index that is asked as of an earlier position. With `least`, records that hold so many of the parts will
    do.
    """
    schema = snapshot.schema
    found = Words(snapshot, request, exact=exact, then=then)
    words = _words(schema, request, found, exact, least)
    words += [(Occur.MustNot, found.row(BODY, part.words)) for part in request.question.unwanted]
    if hidden:
        keys = [join_key(key) for key in hidden]
        words.append((Occur.MustNot, Query.term_set_query(schema, KEY, keys)))
    filters = {
        name: Query.term_set_query(schema, filter_field(name), sorted(keys))
        for name, keys in request.keys.items()
    }
    if ORIGIN not in filters:
        # Of what several registries made from one source, one is shown, unless an origin is asked for.
        filters[ORIGIN] = Query.boolean_query(
            [(Occur.Must, found.term(LIVE, "1")), (Occur.MustNot, found.term(COPY, "1"))]
        )
    if request.audience is not None:
        filters[AUDIENCE] = Query.term_set_query(schema, AUDIENCE, sorted(request.audience))
    if then is not None:
        filters[AS_OF] = then.stood
    score = [clause for part in found.parts for clause in part.weighing]
    return Plan(words, {**filters, **_ranges(schema, request)}, [*score, *found.together], found, least)


def _words(schema: Schema, request: Request, found: Words, exact: bool, least: int | None) -> list[Clause]:
    if not found.parts:
        return [(Occur.Must, Query.const_score_query(found.term(LIVE, "1"), 0.0))]
    if least is None:
        wanted = _all([(Occur.Must, part.must) for part in found.parts])
    else:
        meant = [(Occur.Must, part.must) for part in found.parts if part.meant]
        others = [(Occur.Should, _counted(part)) for part in found.parts if not part.meant]
        most = Query.boolean_query([*meant, *others], minimum_number_should_match=max(least - len(meant), 0))
        every = _all([(Occur.Must, part.must) for part in found.parts])
        wanted = Query.boolean_query(
            [(Occur.Must, most), (Occur.Should, Query.const_score_query(every, _ALL_WEIGHT))]
        )
    if exact:
        return [(Occur.Must, wanted)]
    # An id, or an alias, typed as a whole is the record, whatever else holds the same words.
    known = known_as(schema, request.q)
    return [(Occur.Must, Query.boolean_query([(Occur.Should, known), (Occur.Should, wanted)]))]


def _counted(part: Wanted) -> Query:
    """Where not all words are held, how many are, and how telling, weighs more than how often."""
    held = Query.const_score_query(part.must, _HELD_WEIGHT * part.telling)
    return Query.boolean_query([(Occur.Must, part.must), (Occur.Should, held)])


def _all(clauses: Sequence[Clause]) -> Query:
    return clauses[0][1] if len(clauses) == 1 else Query.boolean_query(list(clauses))


def known_as(schema: Schema, typed: str) -> Query:
    """Records whose id or alias was typed as a whole, in any of the ways that ids are read."""
    try:
        name = parse_id(typed)
    except Malformed:
        name = typed
    known = {text.key(name), text.key(":".join(name.split(maxsplit=1)))}
    # "cve 2021 41203" and "AML CS0040": the signs between the pieces of an id are what people leave out.
    pieces = text.words(typed)
    if len(pieces) <= _MOST_PIECES and any(map(str.isdigit, "".join(pieces))):
        known |= {sign.join(pieces) for sign in ("-", ".")}
    whole = Query.const_score_query(Query.term_set_query(schema, EXACT, sorted(known)), _EXACT_WEIGHT)
    # Where several go by a name, the one that has the fewest others is the thing itself.
    by_name = [(Occur.Should, Query.term_query(schema, EXACT, name)) for name in sorted(known)]
    return Query.boolean_query([(Occur.Must, whole), *by_name])


def _ranges(schema: Schema, request: Request) -> dict[str, Query]:
    found: dict[str, Query] = {}
    for name, (first, last), begins, ends in (
        ("published", request.published, "published", "published"),
        ("occurred", request.occurred, "occurred_first", "occurred_last"),
    ):
        clauses: list[Clause] = []
        # What is known only roughly is found wherever its dates may lie.
        if first is not None:
            since = Query.range_query(schema, ends, FieldType.Integer, first, None)
            clauses.append((Occur.Must, since))
        if last is not None:
            until = Query.range_query(schema, begins, FieldType.Integer, None, last)
            clauses.append((Occur.Must, until))
        if clauses:
            found[name] = _all(clauses)
    return found
