"""What a record has to hold for each part of a question, and where that weighs more: as tantivy queries.

A word is looked for in both numbers, and a name also by the names that mean the same. A word that no record
holds is read as the nearest words that some do: one edit away from four letters on, two from eight; one that
is held never is. Exact questions go by the words as they are written.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tantivy import Occur, Query

from search import text
from search.embedded.fields import BODY, ROWS
from search.embedded.states import Snapshot
from search.embedded.then import Then
from search.highlight import Misspelt
from search.question import Part, Question
from search.relevance import ONE_EDIT, TWO_EDITS, WEIGHTS, forms, lightened
from search.request import Request

Clause = tuple[Occur, Query]
Row = tuple[str, ...]

_UNFINISHED_WEIGHT = 0.3
_NEAR_WEIGHT = 0.5
_FORM_WEIGHT = 0.6
_SYNONYM_WEIGHT = 0.4
_TOGETHER_WEIGHT = 2.0
_TOGETHER_WORDS = 6
_PAIR_WEIGHT = 0.5
_PAIRS = 8
_APART = 2
_RARE = 100
_MANY = 10_000
_LONGEST_NAME = 6


@dataclass(frozen=True, slots=True)
class Wanted:
    """One part of a question: what a record has to hold for it, and what only weighs. `telling` grows with
    how few records hold it. `meant` parts may not be done without.
    """

    must: Query
    weighing: Sequence[Clause]
    telling: float
    meant: bool = False


class Words:
    """The words of one question against one state of the index.

    `misspelt` were read as others, `alike` tells by name which synonyms were looked for too, and `also` are
    all rows of words that were found in place of those asked for.
    """

    def __init__(self, snapshot: Snapshot, request: Request, *, exact: bool, then: Then | None) -> None:
        self.schema = snapshot.schema
        self.snapshot = snapshot
        self.then = then
        # As of an earlier position two indexes answer: how rare a word is in what is live counts in both.
        self.live = snapshot if then is None else then.everywhere[0][0]
        self.exact = exact
        self.question = request.question if exact else lightened(request.question)
        self.misspelt: list[Misspelt] = []
        self.alike: dict[str, tuple[str, ...]] = {}
        self.also: list[Row] = []
        self.parts = self._parts(self.question, {} if exact else request.synonyms)
        self.together: list[Clause] = []
        if not self.misspelt:
            self.together = [*self._in_one_row(request.question.wanted), *self._in_pairs()]

    def term(self, field: str, word: str) -> Query:
        return self._weighed(Query.term_query(self.schema, field, word), field, (word,))

    def row(self, field: str, words: Sequence[str], *, apart: int = 0) -> Query:
        if len(words) == 1:
            return self.term(field, words[0])
        return self._weighed(Query.phrase_query(self.schema, field, list(words), slop=apart), field, words)

    def _weighed(self, query: Query, field: str, words: Sequence[str]) -> Query:
        return query if self.then is None else self.then.weigh(query, field, words)

    def _answers(self, query: Query) -> bool:
        """Whether any record answers; of an earlier position, any that was listed then."""
        return self.snapshot.count(query) > 0 if self.then is None else self.then.holds(query)

    def _holding(self, field: str, word: str) -> int:
        return self.live.searcher.doc_freq(field, word)

    # --- parts

    def _parts(self, question: Question, synonyms: Mapping[str, tuple[str, ...]]) -> list[Wanted]:
        found = []
        for part in question.wanted:
            growing = question.unfinished and not self.exact and part is question.wanted[-1]
            found.append(self._wanted(part, growing))
        for first, last, rows in self._named(question, synonyms) if synonyms else ():
            either = [Query.const_score_query(self.row(BODY, row), _SYNONYM_WEIGHT) for row in rows]
            share = _SYNONYM_WEIGHT / (last - first)
            weighing = [
                (Occur.Should, Query.boost_query(self.row(field, row), share * WEIGHTS[field]))
                for row in rows
                for field in ROWS
            ]
            for place in range(first, last):
                one = found[place]
                must = Query.boolean_query([(Occur.Should, query) for query in (one.must, *either)])
                found[place] = replace(one, must=must, weighing=[*one.weighing, *weighing])
        return found

    def _named(
        self, question: Question, synonyms: Mapping[str, tuple[str, ...]]
    ) -> Iterable[tuple[int, int, list[Row]]]:
        """Where names stand that have synonyms which some record holds: first part, the one after the last,
        and the synonyms. The longest name from each place, none within another.
        """
        parts = question.wanted
        first = 0
        while first < len(parts):
            step = 1
            for last in range(min(len(parts), first + _LONGEST_NAME), first, -1):
                if any(part.quoted for part in parts[first:last]):
                    continue
                words = [word for part in parts[first:last] for word in part.words]
                name, others = _synonyms(words, synonyms)
                rows = [row for other in others if self._stands(row := tuple(other.split()))]
                if others:
                    step = last - first
                if rows:
                    self.alike[name] = tuple(" ".join(row) for row in rows)
                    self.also += rows
                    yield first, last, rows
                if others:
                    break
            first += step

    def _stands(self, row: Row) -> bool:
        """Whether some record holds the row."""
        if self.then is None and not all(self._holding(BODY, word) for word in row):
            return False
        return self._answers(self.row(BODY, row))

    def _wanted(self, part: Part, growing: bool) -> Wanted:
        if len(part.words) > 1:
            return self._wanted_row(part, growing)
        word = part.words[0]
        others = () if part.quoted else self._forms(word)
        if growing and self._starts_something(word):
            return self._growing(word, others)
        distance = 0 if part.quoted or others else self._edits(word, growing)
        if distance and not self._held(self.term(BODY, word), word):
            return self._misspelt(Misspelt(word, distance, growing))
        self.also += [(other,) for other in others]
        must = self._either(BODY, word, others, 1.0)
        weighing = [
            (Occur.Should, self._either(field, word, others, weight)) for field, weight in WEIGHTS.items()
        ]
        return Wanted(must, weighing, self._telling(self._held_by(word, *others)), part.quoted)

    def _telling(self, held: int) -> float:
        return math.log1p(self.live.searcher.num_docs / (held + 1))

    def _held_by(self, *words: str) -> int:
        return max(self._holding(BODY, word) for word in words)

    def _forms(self, word: str) -> tuple[str, ...]:
        if self.exact:
            return ()
        if self.then is not None:
            return tuple(other for other in forms(word) if self.then.holds(self.term(BODY, other)))
        return tuple(other for other in forms(word) if self._holding(BODY, other))

    def _either(self, field: str, word: str, others: Sequence[str], weight: float) -> Query:
        """The word, or what counts nearly as much: the best of them, not their sum."""
        whole = Query.boost_query(self.term(field, word), weight)
        held = others if self.then else [other for other in others if self._holding(field, other)]
        if not held:
            return whole
        rest = [Query.boost_query(self.term(field, other), weight * _FORM_WEIGHT) for other in held]
        return Query.disjunction_max_query([whole, *rest])

    def _wanted_row(self, part: Part, growing: bool) -> Wanted:
        def row(field: str) -> Query:
            if growing:
                return Query.phrase_prefix_query(self.schema, field, list(part.words))
            return self.row(field, part.words)

        weighing = [(Occur.Should, Query.boost_query(row(field), WEIGHTS[field])) for field in ROWS]
        held = min(self._held_by(word) for word in part.words)
        return Wanted(row(BODY), weighing, self._telling(held), part.quoted)

    def _growing(self, word: str, others: Sequence[str]) -> Wanted:
        """A word that may still be typed: whatever begins with it, the word itself first."""

        def begun(field: str, weight: float) -> Query:
            whole = self._either(field, word, others, weight)
            begins = Query.const_score_query(self._begins(field, word), weight * _UNFINISHED_WEIGHT)
            return Query.boolean_query([(Occur.Should, whole), (Occur.Should, begins)])

        self.also += [(other,) for other in others]
        weighing = [(Occur.Should, begun(field, weight)) for field, weight in WEIGHTS.items()]
        return Wanted(begun(BODY, 1.0), weighing, self._telling(self._held_by(word, *others)))

    def _misspelt(self, wrong: Misspelt) -> Wanted:
        self.misspelt.append(wrong)

        def near(field: str) -> Query:
            return Query.fuzzy_term_query(
                self.schema, field, wrong.word, distance=wrong.distance, prefix=wrong.prefix
            )

        # tantivy scores every find of a fuzzy query alike, however rare it is.
        telling = self._telling(self.live.count(near(BODY)))
        weighing = [
            (Occur.Should, Query.const_score_query(near(field), _NEAR_WEIGHT * WEIGHTS[field] * telling))
            for field in ROWS
        ]
        return Wanted(Query.const_score_query(near(BODY), _NEAR_WEIGHT * telling), weighing, telling)

    def _begins(self, field: str, word: str) -> Query:
        return Query.fuzzy_term_query(self.schema, field, word, distance=0, prefix=True)

    def _edits(self, word: str, growing: bool) -> int:
        """How many typing errors are forgiven. Names with numbers in them are meant as they are."""
        if self.exact or text.alone(word) or not word.isalpha() or len(word) < ONE_EDIT:
            return 0
        return 1 if growing or len(word) < TWO_EDITS else 2

    def _held(self, query: Query, word: str) -> bool:
        # `doc_freq` counts withdrawn records until their segment is merged: a rare word may be theirs alone.
        found = self._holding(BODY, word) if self.then is None else 1
        return found > _RARE or (found > 0 and self._answers(query))

    def _starts_something(self, word: str) -> bool:
        return self._answers(self._begins(BODY, word))

    # --- near each other

    def _in_one_row(self, wanted: Sequence[Part]) -> list[Clause]:
        """Words that stand in a row as they were asked for weigh more, in the title above all."""
        if not 1 < len(wanted) <= _TOGETHER_WORDS:
            return []
        words = [word for part in wanted for word in part.words]
        found = [("title", _TOGETHER_WEIGHT * WEIGHTS["title"])]
        if self._few(words):
            found.append((BODY, _TOGETHER_WEIGHT))
        return [(Occur.Should, Query.boost_query(self.row(field, words), weight)) for field, weight in found]

    def _in_pairs(self) -> list[Clause]:
        """Two telling words that stand near each other, in the order in which they were asked for."""
        if self.exact or len(self.question.wanted) < 3:
            return []
        near = []
        for before, after in list(pairwise(self.question.wanted))[:_PAIRS]:
            words = [before.words[-1], after.words[0]]
            for field, weight in (("title", WEIGHTS["title"]), (BODY, 1.0)):
                if field != BODY or self._few(words):
                    pair = self.row(field, words, apart=_APART)
                    near.append((Occur.Should, Query.boost_query(pair, _PAIR_WEIGHT * weight)))
        return near

    def _few(self, words: Sequence[str]) -> bool:
        """To look up where words stand in long texts costs by the number of records that hold them all."""
        return min(self._holding(BODY, word) for word in words) <= _MANY


def _synonyms(words: Sequence[str], synonyms: Mapping[str, tuple[str, ...]]) -> tuple[str, tuple[str, ...]]:
    """The name that the words are, in either number of the last, and what means the same."""
    for last in (words[-1], *forms(words[-1])):
        name = " ".join((*words[:-1], last))
        if name in synonyms:
            return name, synonyms[name]
    return "", ()
