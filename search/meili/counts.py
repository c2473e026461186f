"""Facets and timeline, out of what Meilisearch counts. Its counts are exact, over everything that answers."""

from collections.abc import Mapping, Sequence

from search.counting import merged, month
from search.meili import fields, words
from search.meili.asking import Result
from search.meili.queries import ORIGIN, Plan, Query
from search.request import Request
from search.results import FacetValue


def queries(plan: Plan) -> tuple[Sequence[str], Mapping[str, Query]]:
    """What is counted with the page, and what apart: each facet as if its own filter were not set, so that
    it tells what another choice would find.
    """
    request = plan.request
    apart = [name for name in request.facets if name in request.filters or name == ORIGIN]
    together = [fields.facet_field(name) for name in request.facets if name not in apart]
    return (
        [*together, fields.MONTH],
        {name: plan.query(without=name, facets=[fields.facet_field(name)]) for name in apart},
    )


def read(
    request: Request, main: Result, apart: Mapping[str, Result]
) -> tuple[Mapping[str, Sequence[FacetValue]], Sequence[tuple[str, int]]]:
    """The facets that were asked for, and how many records there are in each month."""
    facets = {
        name: values(apart.get(name, main), name, request.filters.get(name, ())) for name in request.facets
    }
    months = sorted((float(months), held) for months, held in main.counts.get(fields.MONTH, {}).items())
    return facets, [(month(months), held) for months, held in months]


def values(result: Result, name: str, selected: Sequence[str], **more: int) -> list[FacetValue]:
    """The values of one filter, most records first."""
    counted = result.counts.get(fields.facet_field(name), {})
    spelt = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return merged(((words.split(joined), held) for joined, held in spelt), selected, **more)
