"""From a question to tantivy queries. tantivy's own query language is not used: no character can break out of
it.

A word that no record holds is read as the nearest words that some do: one edit away from four letters on, two
from eight. A word that is held is never widened, so a count can be trusted to be of what was asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tantivy import FieldType, Occur, Query, Schema

from registry.errors import Malformed
from registry.ids import parse_id
from search import text
from search.document import Key
from search.embedded.fields import AUDIENCE, BODY, COPY, EXACT, KEY, LIVE, ROWS, filter_field, join_key
from search.embedded.store import Snapshot
from search.embedded.then import Then
from search.highlight import Misspelt
from search.question import Part
from search.relevance import ONE_EDIT, TWO_EDITS, WEIGHTS
from search.request import Request

ORIGIN = "origin"
AS_OF = "as_of"
Clause = tuple[Occur, Query]

_EXACT_WEIGHT = 1000.0
_UNFINISHED_WEIGHT = 0.3
_NEAR_WEIGHT = 0.5
_TOGETHER_WEIGHT = 2.0
_TOGETHER_WORDS = 6
_RARE = 100
_MANY = 10_000


@dataclass(frozen=True, slots=True)
class Plan:
    """One question against one state of the index.

    `words` and each of `filters` have to be met; `score` are clauses that only weigh. `misspelt` are the
    words that were read as others.
    """

    words: Sequence[Clause]
    filters: Mapping[str, Query]
    score: Sequence[Clause]
    misspelt: Sequence[Misspelt]

    def match(self, *, without: str | None = None) -> Query:
        """What has to be met, unscored; leaving out one filter, as its own counts do."""
        kept = [(Occur.Must, query) for name, query in self.filters.items() if name != without]
        return Query.boolean_query([*self.words, *kept])

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
) -> Plan:
    """`exact` forgives and completes nothing; `hidden` records are not found. `then` is what of the snapshot
    is asked, where that is not what is live.
    """
    planner = _Planner(snapshot, exact, then)
    musts: list[Clause] = []
    score: list[Clause] = []
    question = request.question
    for part in question.wanted:
        growing = question.unfinished and not exact and part is question.wanted[-1]
        must, weighing = planner.wanted(part, growing)
        musts.append((Occur.Must, must))
        score += weighing
    if 1 < len(question.wanted) <= _TOGETHER_WORDS:
        score += planner.together(question.wanted)
    words = musts
    if musts and not exact:
        # An id, or an alias, typed as a whole is the record, whatever else holds the same words.
        known = known_as(snapshot.schema, request.q)
        words = [(Occur.Must, Query.boolean_query([(Occur.Should, known), (Occur.Should, _all(musts))]))]
    if not musts:
        words = [(Occur.Must, Query.const_score_query(planner.term(LIVE, "1"), 0.0))]
    words = [*words, *((Occur.MustNot, planner.row(BODY, part.words)) for part in question.unwanted)]
    if hidden:
        keys = [join_key(key) for key in hidden]
        words.append((Occur.MustNot, Query.term_set_query(snapshot.schema, KEY, keys)))
    filters = {
        name: Query.term_set_query(snapshot.schema, filter_field(name), sorted(keys))
        for name, keys in request.keys.items()
    }
    if ORIGIN not in filters:
        # Of what several registries made from one source, one is shown, unless an origin is asked for.
        filters[ORIGIN] = Query.boolean_query(
            [(Occur.Must, planner.term(LIVE, "1")), (Occur.MustNot, planner.term(COPY, "1"))]
        )
    if request.audience is not None:
        filters[AUDIENCE] = Query.term_set_query(snapshot.schema, AUDIENCE, sorted(request.audience))
    if then is not None:
        filters[AS_OF] = then.stood
    return Plan(words, {**filters, **planner.ranges(request)}, score, planner.misspelt)


def _all(clauses: Sequence[Clause]) -> Query:
    return clauses[0][1] if len(clauses) == 1 else Query.boolean_query(list(clauses))


def known_as(schema: Schema, typed: str) -> Query:
    """Records whose id or alias was typed as a whole, in any of the ways that ids are read."""
    try:
        name = parse_id(typed)
    except Malformed:
        name = typed
    known = {text.key(name), text.key(":".join(name.split(maxsplit=1)))}
    return Query.const_score_query(Query.term_set_query(schema, EXACT, sorted(known)), _EXACT_WEIGHT)


class _Planner:
    def __init__(self, snapshot: Snapshot, exact: bool, then: Then | None) -> None:
        self.schema = snapshot.schema
        self.snapshot = snapshot
        self.then = then
        self.exact = exact
        self.misspelt: list[Misspelt] = []

    def term(self, field: str, word: str) -> Query:
        return self._weighed(Query.term_query(self.schema, field, word), field, (word,))

    def row(self, field: str, words: Sequence[str]) -> Query:
        if len(words) == 1:
            return self.term(field, words[0])
        return self._weighed(Query.phrase_query(self.schema, field, list(words)), field, words)

    def _weighed(self, query: Query, field: str, words: Sequence[str]) -> Query:
        return query if self.then is None else self.then.weigh(query, field, words)

    def wanted(self, part: Part, growing: bool) -> tuple[Query, list[Clause]]:
        """What a record has to hold for this part, and where it weighs more."""
        if len(part.words) > 1:
            return self._wanted_row(part.words, growing)
        word = part.words[0]
        if growing and self._starts_something(word):
            return self._growing(word)
        distance = self._edits(word, growing) if not part.quoted else 0
        if distance and not self._held(self.term(BODY, word), word):
            self.misspelt.append(Misspelt(word, distance, growing))
            near = Query.const_score_query(self._near(BODY, word, distance, growing), _NEAR_WEIGHT)
            weighing = [
                (Occur.Should, Query.const_score_query(self._near(field, word, distance, growing), weight))
                for field, weight in WEIGHTS.items()
                if field in ROWS
            ]
            return near, weighing
        return self.term(BODY, word), [
            (Occur.Should, Query.boost_query(self.term(field, word), weight))
            for field, weight in WEIGHTS.items()
        ]

    def _wanted_row(self, words: Sequence[str], growing: bool) -> tuple[Query, list[Clause]]:
        def row(field: str) -> Query:
            if growing:
                return Query.phrase_prefix_query(self.schema, field, list(words))
            return self.row(field, words)

        weighing = [(Occur.Should, Query.boost_query(row(field), WEIGHTS[field])) for field in ROWS]
        return row(BODY), weighing

    def _growing(self, word: str) -> tuple[Query, list[Clause]]:
        """A word that may still be typed: whatever begins with it, the word itself first."""

        def begun(field: str, weight: float) -> Query:
            whole = Query.boost_query(self.term(field, word), weight)
            begins = Query.const_score_query(self._begins(field, word), weight * _UNFINISHED_WEIGHT)
            return Query.boolean_query([(Occur.Should, whole), (Occur.Should, begins)])

        weighing = [(Occur.Should, begun(field, weight)) for field, weight in WEIGHTS.items()]
        return begun(BODY, 1.0), weighing

    def _begins(self, field: str, word: str) -> Query:
        return Query.fuzzy_term_query(self.schema, field, word, distance=0, prefix=True)

    def _near(self, field: str, word: str, distance: int, growing: bool) -> Query:
        return Query.fuzzy_term_query(self.schema, field, word, distance=distance, prefix=growing)

    def _edits(self, word: str, growing: bool) -> int:
        """How many typing errors are forgiven. Names with numbers in them are meant as they are."""
        if self.exact or text.alone(word) or not word.isalpha() or len(word) < ONE_EDIT:
            return 0
        return 1 if growing or len(word) < TWO_EDITS else 2

    def _held(self, query: Query, word: str) -> bool:
        if self.then is not None:
            return self.then.holds(query)
        # `doc_freq` counts withdrawn records until their segment is merged: a rare word may be theirs alone.
        found = self.snapshot.searcher.doc_freq(BODY, word)
        return found > _RARE or (found > 0 and self.snapshot.count(query) > 0)

    def _starts_something(self, word: str) -> bool:
        begins = self._begins(BODY, word)
        return self.snapshot.count(begins) > 0 if self.then is None else self.then.holds(begins)

    def together(self, wanted: Sequence[Part]) -> list[Clause]:
        """Words that stand in a row as they were asked for weigh more, in the title above all."""
        words = [word for part in wanted for word in part.words]
        if self.misspelt:
            return []
        found = [("title", _TOGETHER_WEIGHT * WEIGHTS["title"])]
        # To look up where words stand in long texts costs by the number of records that hold them all.
        live = self.snapshot.searcher if self.then is None else self.then.live
        if min(live.doc_freq(BODY, word) for word in words) <= _MANY:
            found.append((BODY, _TOGETHER_WEIGHT))
        return [(Occur.Should, Query.boost_query(self.row(field, words), weight)) for field, weight in found]

    def ranges(self, request: Request) -> dict[str, Query]:
        found: dict[str, Query] = {}
        for name, (first, last), begins, ends in (
            ("published", request.published, "published", "published"),
            ("occurred", request.occurred, "occurred_first", "occurred_last"),
        ):
            clauses: list[Clause] = []
            # What is known only roughly is found wherever its dates may lie.
            if first is not None:
                since = Query.range_query(self.schema, ends, FieldType.Integer, first, None)
                clauses.append((Occur.Must, since))
            if last is not None:
                until = Query.range_query(self.schema, begins, FieldType.Integer, None, last)
                clauses.append((Occur.Must, until))
            if clauses:
                found[name] = _all(clauses)
        return found
