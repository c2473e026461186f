"""Records like one: by what few others have as well, and by the tags and words that tell it from others.

Meilisearch ranks by rules and not by how rare a word is, so what each word, tag and trait finds is asked for
by itself, and added up here: first how many records have it, then which, then all of it for the best of
those.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search.alike.likeness import Likeness
from search.document import Key
from search.engine import Keys
from search.meili import fields, queries, words
from search.meili.asking import Asker, Result
from search.meili.settings import LOCALES

# Of so many words, the rarest few are looked for.
_WORDS_COUNTED, _WORDS = 80, 25
_VALUES_COUNTED = 500
_TAGS = 15
_TRAITS = 100
# So many records are looked at for each word, tag and trait, and so many of them in full.
_EACH, _IN_FULL = 200, 200
# A word in more than a third of all records tells nothing; in a handful of records, everything is in a third.
_COMMON = 1 / 3
_FEW = 20
_TAG_WEIGHT = 1.5
# More than all words and tags together, and the more of them, and the rarer, the better.
_TRAIT_WEIGHT = 1000.0


@dataclass(frozen=True, slots=True)
class _Clue:
    """Something that a record may have in common: how to ask for it, and what it weighs."""

    query: Mapping[str, Any]
    weight: float
    trait: bool = False


async def similar(asker: Asker, likeness: Likeness, limit: int, hidden: frozenset[Key]) -> Keys:
    """The most alike first."""
    without = [*hidden, *([likeness.of] if likeness.of is not None else [])]
    others = [f"{fields.SHOWN} = 1"]
    if without:
        others.append("NOT " + queries.among(fields.RECORD, map(fields.record_id, without)))
    place, clues = await _clues(asker, likeness, others)
    if not clues:
        return Keys([], 0, place)
    found = await _ask(asker, [{**clue.query, "filter": [*others, *clue.query["filter"]]} for clue in clues])
    partial = _scores(clues, found)
    best = sorted(partial, key=lambda record: (-partial[record][0], record))[:_IN_FULL]
    if not best:
        return Keys([], 0, place)
    among = queries.among(fields.RECORD, best)
    found = await _ask(asker, [{**clue.query, "filter": [among, *clue.query["filter"]]} for clue in clues])
    enough = max(1, sum(not clue.trait for clue in clues) // 6)
    scores = {
        record: score
        for record, (score, plain, traits) in _scores(clues, found).items()
        if traits or plain >= enough
    }
    keys = {hit.record: hit.origin_and_id() for result in found for hit in result.hits}
    ranked = sorted(scores, key=lambda record: (-scores[record], record))
    return Keys([keys[record] for record in ranked[:limit]], len(ranked), place)


async def _ask(asker: Asker, asked: Sequence[Mapping[str, Any]]) -> list[Result]:
    _, found = await asker.ask([dict(query) for query in asked])
    return found


def _scores(clues: Sequence[_Clue], found: Sequence[Result]) -> Mapping[str, tuple[float, int, int]]:
    """By record: what it has in common weighs, how many words and tags that is, and how many traits."""
    scores: dict[str, tuple[float, int, int]] = defaultdict(lambda: (0.0, 0, 0))
    for clue, result in zip(clues, found, strict=True):
        for hit in result.hits:
            score, plain, traits = scores[hit.record]
            scores[hit.record] = (score + clue.weight, plain + (not clue.trait), traits + clue.trait)
    return scores


async def _clues(asker: Asker, likeness: Likeness, others: Sequence[str]) -> tuple[int, list[_Clue]]:
    """What to look for: the rarest of what the record has, among what other records have."""
    told = [word for word, _ in likeness.words[:_WORDS_COUNTED]]
    valued = {
        fields.filter_field("tag"): likeness.tags,
        fields.filter_field("system"): likeness.systems,
        fields.TRAIT: likeness.traits,
    }
    asked: list[dict[str, Any]] = [{"filter": others, "limit": 0}]
    asked += [{**_word(word), "filter": others, "limit": 0} for word in told]
    asked += [
        {"filter": [*others, _any(name, some)], "facets": [name], "limit": 0}
        for name, some in valued.items()
        if some
    ]
    state, (everything, *counted) = await asker.ask(asked)
    live = everything.total
    clues = _telling_words(likeness.words, counted[: len(told)], live)
    rest = iter(counted[len(told) :])
    for name, some in valued.items():
        held = next(rest).counts.get(name, {}) if some else {}
        trait = name == fields.TRAIT
        for value, count in _rarest(held, map(words.key, some), _TRAITS if trait else _TAGS):
            rarity = _rarity(count, live)
            weight = _TRAIT_WEIGHT * (1 + rarity) if trait else _TAG_WEIGHT * rarity
            clues.append(_Clue({"filter": [f'{name} = "{value}"'], **_SHOWN}, weight, trait))
    return state.place.position, clues


_SHOWN: Mapping[str, Any] = {"limit": _EACH, "attributesToRetrieve": [fields.RECORD, fields.KEY]}


def _word(word: str) -> dict[str, Any]:
    return {"q": f'"{words.written(word)}"', "locales": LOCALES}


def _any(name: str, values: Iterable[str]) -> str:
    return queries.among(name, set(map(words.key, list(values)[:_VALUES_COUNTED])))


def _rarest(held: Mapping[str, int], wanted: Iterable[str], most: int) -> list[tuple[str, int]]:
    """Those that fewest records have, with how many do; what no other record has finds none."""
    found = [(value, held[value]) for value in dict.fromkeys(wanted) if held.get(value)]
    return sorted(found, key=lambda one: (one[1], one[0]))[:most]


def _telling_words(said: Sequence[tuple[str, int]], counted: Sequence[Result], live: int) -> list[_Clue]:
    weighed: list[tuple[float, str]] = []
    for (word, count), result in zip(said, counted, strict=False):
        held = result.total
        if held and (held <= live * _COMMON or live <= _FEW):
            weighed.append((math.sqrt(count) * _rarity(held, live), word))
    weighed.sort(reverse=True)
    top = weighed[0][0] if weighed else 1.0
    return [_Clue({**_word(word), "filter": [], **_SHOWN}, weight / top) for weight, word in weighed[:_WORDS]]


def _rarity(held: int, live: int) -> float:
    return math.log1p(live / (held + 1))
