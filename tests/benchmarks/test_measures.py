"""What is promised, and when a promise holds."""

import pytest

from benchmarks.measures import MEASURES, Comparator, Measure, Result, chosen


@pytest.mark.parametrize(
    ("comparator", "value", "holds"),
    [
        (Comparator.LEAST, 0.8, True),
        (Comparator.LEAST, 0.79, False),
        (Comparator.MOST, 0.8, True),
        (Comparator.MOST, 0.81, False),
    ],
)
def test_a_promise_holds_up_to_its_limit(comparator: Comparator, value: float, holds: bool) -> None:
    result = Result(Measure("group", "name", "ratio", comparator, 0.8, "what"), value)
    assert result.holds is holds
    assert result.as_json() == {"value": value, "unit": "ratio", "limit": 0.8, "holds": holds}


def test_what_could_not_be_measured_neither_holds_nor_fails() -> None:
    result = Result(Measure("group", "name", "ratio", Comparator.LEAST, 0.8, "what"), None)
    assert result.as_json() == {"value": None, "unit": "ratio", "limit": 0.8, "holds": None}


def test_every_measure_has_a_name_of_its_own() -> None:
    assert len({measure.name for measure in MEASURES}) == len(MEASURES)


def test_measures_are_chosen_by_name_or_group() -> None:
    assert chosen(()) == MEASURES
    assert [one.name for one in chosen(("import", "memory"))] == ["import_rate", "import_linear", "memory"]
    assert [one.name for one in chosen(("hot_feed",))] == ["hot_feed"]
    search = [one.name for one in chosen(("search",))]
    assert search[:4] == ["search_overhead", "search_ndcg", "search_mrr", "search_known"]
    with pytest.raises(KeyError, match="nothing"):
        chosen(("nothing",))
