"""What was listed at an earlier position: of the live index what began by then, and of the past one what had
begun and not ended.
"""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from tantivy import DocAddress, FieldType, Occur, Query, Searcher

from search.embedded.fields import BODY, SINCE, UNTIL
from search.embedded.states import Snapshot
from search.relevance import WEIGHTS

_TEXTS = frozenset((BODY, *WEIGHTS))

Found = tuple[Snapshot, DocAddress]


@dataclass(frozen=True, slots=True)
class Then:
    """One of two parts that answer together. `stood` is what of it was listed at the position asked for."""

    stood: Query
    of: Searcher
    live: Searcher
    everywhere: Sequence[tuple[Snapshot, Query]]

    def holds(self, query: Query) -> bool:
        """Whether anything that was listed then answers: what came since must not decide what words mean."""
        return any(
            snapshot.count(Query.boolean_query([(Occur.Must, query), (Occur.Must, stood)])) > 0
            for snapshot, stood in self.everywhere
        )

    def weigh(self, query: Query, field: str, words: Sequence[str]) -> Query:
        """The query, weighed by how rare its words are in what is live.

        Each index knows its own words only, and few of them are in that of the past: one score has to mean
        the same in both.
        """
        if field not in _TEXTS or self.of is self.live:
            return query
        wanted = sum(_rarity(self.live, field, word) for word in words)
        held = sum(_rarity(self.of, field, word) for word in words)
        return Query.boost_query(query, wanted / held)


def _rarity(searcher: Searcher, field: str, word: str) -> float:
    """As tantivy's BM25 has it."""
    count, held = searcher.num_docs, searcher.doc_freq(field, word)
    return math.log(1 + max(count - held + 0.5, 0.5) / (held + 0.5))


def parts(live: Snapshot, past: Snapshot, position: int) -> list[tuple[Snapshot, Then]]:
    """What of both was listed at a position that the live one has read to."""
    began = Query.range_query(live.schema, SINCE, FieldType.Unsigned, None, position)
    # What is past may be newer: what has not ended for the live index stands there.
    ended = Query.range_query(
        live.schema, UNTIL, FieldType.Unsigned, position + 1, max(position + 1, live.place.position)
    )
    stood = Query.boolean_query([(Occur.Must, began), (Occur.Must, ended)])
    everywhere = [(live, began), (past, stood)]
    return [(each, Then(query, each.searcher, live.searcher, everywhere)) for each, query in everywhere]


def page(
    asked: Sequence[tuple[Snapshot, Query]], limit: int, offset: int, *, by: str | None, ascending: bool
) -> tuple[int, list[Found]]:
    """How many answer in all, and where the records of one page lie."""
    total, ranked = 0, []
    for snapshot, query in asked:
        count, found = snapshot.ranked(query, offset + limit, by=by, ascending=ascending)
        total += count
        ranked.append([(rank, snapshot, address) for rank, address in found])
    merged = heapq.merge(*ranked, key=lambda each: each[0], reverse=not ascending)
    return total, [(snapshot, address) for _, snapshot, address in islice(merged, offset, offset + limit)]
