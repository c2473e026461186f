"""Facets and timeline: exact counts over everything that answers, not over a page of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from search import text
from search.embedded.fields import facet_field, split_value
from search.embedded.queries import Plan
from search.embedded.store import Snapshot
from search.request import Request
from search.results import FacetValue

MOST_VALUES = 200
"""A facet shows the values with most records, and always those that are filtered by."""
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
    timeline = [(_month(bucket["key"]), bucket["doc_count"]) for bucket in answers.pop(_TIMELINE)["buckets"]]
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
    """Buckets of terms as values, most records first. Spellings with one key are one, called by the most
    used.
    """
    found: dict[str, FacetValue] = {}
    for bucket in buckets:
        spelt = split_value(bucket["key"])
        before = found.get(spelt.key)
        held = bucket["doc_count"]
        if before is None:
            found[spelt.key] = FacetValue(spelt.value, held, spelt.label)
        else:
            found[spelt.key] = FacetValue(before.value, before.count + held, before.label or spelt.label)
    values = sorted(found.values(), key=lambda value: (-value.count, value.value))
    chosen = {text.key(value): value for value in selected}
    shown = values[:most] + [value for value in values[most:] if text.key(value.value) in chosen]
    missing = chosen.keys() - {text.key(value.value) for value in shown}
    return shown + [FacetValue(chosen[key], 0) for key in sorted(missing)]


def _month(months: float) -> str:
    year, month = divmod(int(months), 12)
    return f"{year:04}-{month + 1:02}"
