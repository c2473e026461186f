"""Facets and timeline: exact counts over everything that answers, not over a page of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from search.counting import MOST_VALUES, merged, month
from search.embedded.fields import facet_field, split_value
from search.embedded.queries import Plan
from search.embedded.states import Snapshot
from search.request import Request
from search.results import FacetValue

# Spellings that mean one value are added up after they are counted, so more of them are asked for.
_FETCHED = 1000
# As many as tantivy gives out: with less, each segment would send only its own top and the sums would be
# wrong.
_EVERY = 65_000
_TIMELINE = "timeline"


def count(
    asked: Sequence[tuple[Snapshot, Plan]], request: Request
) -> tuple[Mapping[str, Sequence[FacetValue]], Sequence[tuple[str, int]]]:
    """The facets that were asked for, and how many records there are in each month.

    Each facet is counted as if its own filter were not set, so that it tells what another choice would find.
    What several indexes answer together is added up.
    """
    size = _FETCHED if len(asked) == 1 else _EVERY
    buckets: dict[str, list[Any]] = {name: [] for name in (*request.facets, _TIMELINE)}
    for snapshot, plan in asked:
        for name, found in _ask(snapshot, request, plan, size).items():
            buckets[name] += found["buckets"]
    months = Counter[float]()
    for bucket in buckets.pop(_TIMELINE):
        months[bucket["key"]] += bucket["doc_count"]
    facets = {name: facet_values(found, request.filters.get(name, ())) for name, found in buckets.items()}
    return facets, [(month(key), months[key]) for key in sorted(months)]


def _ask(snapshot: Snapshot, request: Request, plan: Plan, size: int) -> dict[str, Any]:
    together = {name: _terms(name, size) for name in request.facets if name not in plan.filters}
    together[_TIMELINE] = {"histogram": {"field": "month", "interval": 1, "min_doc_count": 1}}
    answers: dict[str, Any] = snapshot.searcher.aggregate(plan.match(), together)
    for name in request.facets:
        if name in plan.filters:
            answers.update(snapshot.searcher.aggregate(plan.match(without=name), {name: _terms(name, size)}))
    return answers


def _terms(name: str, size: int) -> dict[str, Any]:
    return {"terms": {"field": facet_field(name), "size": size, "segment_size": _EVERY}}


def facet_values(
    buckets: Sequence[Mapping[str, Any]], selected: Sequence[str], most: int = MOST_VALUES
) -> list[FacetValue]:
    """Buckets of terms as values, most records first."""
    return merged(((split_value(bucket["key"]), bucket["doc_count"]) for bucket in buckets), selected, most)
