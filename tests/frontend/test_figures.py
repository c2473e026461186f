from typing import Any

import pytest

from frontend import figures


def said(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ({"comparator": "lt", "value": 0.05, "unit": "percent"}, "less than 0.05 %"),
        ({"comparator": "approx", "value": 30, "unit": "percent"}, "about 30 %"),
        ({"comparator": "gt", "value": 3000000, "unit": "images"}, "more than 3,000,000 images"),
        ({"comparator": "le", "value": 1000, "unit": "people per week"}, "at most 1,000 people per week"),
        ({"comparator": "range", "value": 35, "high": 45, "unit": "calls"}, "35 to 45 calls"),
        ({"comparator": "eq", "value": 12, "unit": "EUR"}, "EUR 12"),
        ({"value": -55, "unit": "percent-change"}, "−55 % change"),
        ({"value": 70, "unit": "percent-change"}, "+70 % change"),
        ({"value": 900}, "900"),
        ({"numerator": 10, "denominator": 400}, "10 of 400"),
        ({"comparator": "lt"}, ""),
        ({"value": "many"}, ""),
        ({"value": True}, ""),
        ("nothing", ""),
    ],
)
def test_a_metric_is_said_as_it_was_stated(metric: Any, expected: str) -> None:
    assert said(figures.metric(metric)) == expected


@pytest.mark.parametrize(
    ("extent", "expected"),
    [
        ({"min": 200000000, "max": 200000000, "unit": "HKD"}, "HKD 200,000,000"),
        ({"min": 12000, "max": 15000, "unit": "EUR"}, "EUR 12,000 to 15,000"),
        ({"min": 35}, "at least 35"),
        ({"max": 45, "unit": "calls"}, "at most 45 calls"),
        ({"unit": "calls"}, ""),
        (7, ""),
    ],
)
def test_an_extent_keeps_both_its_ends(extent: Any, expected: str) -> None:
    assert said(figures.extent(extent)) == expected


def test_a_unit_stays_on_the_line_of_its_number() -> None:
    assert figures.with_unit("30", "percent") == "30\u00a0%"


def test_confidence_is_a_percentage() -> None:
    assert said(figures.confidence(0.95)) == "95 %"
    assert figures.confidence("sure") == ""


def test_what_is_no_finite_number_is_shown_as_it_stands() -> None:
    assert figures.number(float("nan")) == "nan"
    assert figures.number("about 5") == "about 5"
