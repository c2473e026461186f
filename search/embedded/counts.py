"""Facets and timeline: exact counts over everything that answers, not over a page of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from search.counting import MOST_VALUES, merged, month
from search.embedded.fields import facet_field, split_value
from search.embedded.queries import Plan
from search.embedded.store import Snapshot
from search.request import Request
from search.results import FacetValue

# Spellings that mean one value are added up after they are counted, so more of them are asked for.
_FETCHED = 1000
# As many as tantivy gives out: with less, each segment would send only its own top and the sums would be
# wrong.
_EVERY = 65_000
_TIMELINE = "timeline"


def count(
    snapshot: Snapshot, request: Request, plan: Plan
) -> tuple[Mapping[str, Sequence[FacetValue]], Sequence[tuple[str, int]]]:
    """The facets that were asked for, and how many records there are in each month.

    Each facet is counted as if its own filter were not set, so that it tells what another choice would find.
    """
    together = {name: _terms(name) for name in request.facets if name not in plan.filters}
    together[_TIMELINE] = {"histogram": {"field": "month", "interval": 1, "min_doc_count": 1}}
    answers: dict[str, Any] = snapshot.searcher.aggregate(plan.match(), together)
    timeline = [(month(bucket["key"]), bucket["doc_count"]) for bucket in answers.pop(_TIMELINE)["buckets"]]
    for name in request.facets:
        if name in plan.filters:
            answers.update(snapshot.searcher.aggregate(plan.match(without=name), {name: _terms(name)}))
    facets = {
        name: facet_values(answers[name]["buckets"], request.filters.get(name, ())) for name in request.facets
    }
    return facets, timeline


def _terms(name: str) -> dict[str, Any]:
    return {"terms": {"field": facet_field(name), "size": _FETCHED, "segment_size": _EVERY}}


def facet_values(
    buckets: Sequence[Mapping[str, Any]], selected: Sequence[str], most: int = MOST_VALUES
) -> list[FacetValue]:
    """Buckets of terms as values, most records first."""
    return merged(((split_value(bucket["key"]), bucket["doc_count"]) for bucket in buckets), selected, most)
