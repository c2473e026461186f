"""Questions that too few records answer with all their words: then those that hold most of them will do.

Meilisearch knows how to leave out words, but not how to want any so many of them. So each word is asked for
by itself; who holds how many is counted here, and the texts of the best are read to put them in order.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from search.highlight import Misspelt
from search.meili import fields, queries, words
from search.meili.asking import Record
from search.meili.queries import Plan, Query
from search.meili.still import Still
from search.question import Part
from search.relevance import WEIGHTS, enough, fewer, forms

# Of a word that more records hold, only those are looked at that hold a rarer one, too.
_EACH = 2_000
_MOST = 3_000
_MOST_PARTS = 16
# The texts of so many are read.
_READ = 150
_HELD_WEIGHT = 5.0
_FORM_WEIGHT = 0.6
_NEXT_WEIGHT = 3.0


@dataclass(frozen=True, slots=True)
class Some:
    """Records that hold at least `least` of the words, the best first."""

    records: Sequence[str]
    least: int


async def some(still: Still, plan: Plan, every: int, without: str | None = None) -> Some | None:
    """Those that will do, where they are more than the `every` records that hold all words."""
    parts = plan.question.wanted[:_MOST_PARTS]
    held, telling = await _held(still, plan, parts, without)
    counts = {record: len(places) for record, places in held.items()}
    chosen, total = None, every
    for least in fewer(len(parts)):
        found = [record for record, count in counts.items() if count >= least]
        if len(found) > total:
            chosen, total = least, len(found)
        if total >= enough(len(parts)):
            break
    if chosen is None:
        return None
    rough = {
        record: sum(telling[place] for place in places)
        for record, places in held.items()
        if len(places) >= chosen
    }
    ranked = sorted(rough, key=lambda record: (counts[record] < len(parts), -rough[record], record))[:_MOST]
    return Some(await _read(still, plan, parts, telling, ranked), chosen)


async def _held(
    still: Still, plan: Plan, parts: Sequence[Part], without: str | None
) -> tuple[Mapping[str, set[int]], list[float]]:
    """Which parts each record holds, and how telling each part is."""
    filter = plan.filter(without=without)
    asked = [_one(plan, part, filter) for part in parts]
    everything: Query = {"filter": filter, "limit": 0}
    whole, *found = await still.ask([everything, *asked])
    telling = [math.log1p(whole.total / (result.total + 1)) for result in found]
    held: dict[str, set[int]] = defaultdict(set)
    common = [place for place, result in enumerate(found) if result.total > _EACH]
    if len(common) == len(parts):
        common = []  # nothing but common words: what came first of each has to do
    for place, result in enumerate(found):
        if place not in common:
            for hit in result.hits:
                held[hit.record].add(place)
    if common and held:
        rarest = sorted(held, key=lambda record: -sum(telling[place] for place in held[record]))[:_MOST]
        among = [*filter, queries.among(fields.RECORD, rarest)]
        more = await still.ask([_one(plan, parts[place], among, _MOST) for place in common])
        for place, result in zip(common, more, strict=True):
            for hit in result.hits:
                held[hit.record].add(place)
    return held, telling


def _one(plan: Plan, part: Part, filter: Sequence[str], limit: int = _EACH) -> Query:
    """Who holds one part, and what is quoted, which is always meant."""
    meant = [other for other in plan.question.wanted if other.quoted and other is not part]
    question = replace(plan.question, wanted=(part, *meant), unfinished=False)
    misspelt = tuple(item for item in plan.misspelt if (item.word,) == part.words)
    alone = replace(plan, question=question, misspelt=misspelt)
    shown: dict[str, Any] = {"attributesToRetrieve": [fields.RECORD], "limit": limit}
    return alone.query(**shown) | {"filter": list(filter)}


async def _read(
    still: Still, plan: Plan, parts: Sequence[Part], telling: Sequence[float], ranked: Sequence[str]
) -> list[str]:
    """The records, the best of them in the order that their texts make."""
    first = ranked[:_READ]
    shown = [fields.RECORD, *fields.WORDS]
    state = queries.state(plan.request)
    query: Query = {
        "filter": [*state, queries.among(fields.RECORD, first)],
        "limit": len(first),
        "attributesToRetrieve": shown,
    }
    (found,) = await still.ask([query])
    score = {hit.record: _score(hit, plan, parts, telling) for hit in found.hits}
    best = sorted(first, key=lambda record: -score.get(record, 0.0))
    return [*best, *ranked[_READ:]]


def _score(hit: Record, plan: Plan, parts: Sequence[Part], telling: Sequence[float]) -> float:
    texts = {
        "title": [hit.title],
        "names": hit.names,
        "summary": [hit.summary],
        "labels": hit.labels,
        "rest": hit.rest,
    }
    spaced = {name: f" {' | '.join(some)} " for name, some in texts.items()}
    wrong = {item.word: item for item in plan.misspelt}
    score = 0.0
    for part, tells in zip(parts, telling, strict=True):
        item = wrong.get(part.words[0])
        best = sum(WEIGHTS.get(name, 1.0) * _holds(text, part, item) for name, text in spaced.items())
        if best:
            score += tells * (_HELD_WEIGHT + best)
    for before, after in pairwise(parts):
        pair = f" {words.written(before.words[-1])} {words.written(after.words[0])} "
        score += sum(_NEXT_WEIGHT * WEIGHTS.get(name, 1.0) for name, text in spaced.items() if pair in text)
    return score


def _holds(text: str, part: Part, wrong: Misspelt | None) -> float:
    """1 for what is held as it was asked for, less for another form of it, 0 for what is not."""
    if f" {' '.join(map(words.written, part.words))} " in text:
        return 1.0
    if len(part.words) > 1 or part.quoted:
        return 0.0
    bent = any(f" {other} " in text for other in forms(part.words[0]))
    meant = wrong is not None and any(wrong.means(word) for word in text.split())
    return _FORM_WEIGHT if bent or meant else 0.0
