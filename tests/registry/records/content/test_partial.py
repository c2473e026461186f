"""Partial dates: forms, bounds, and what is no date."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.records.content.partial import PartialDate

marks = st.sampled_from(["", "~", "?", "%"])
days = st.dates(date(1000, 1, 1), date(9999, 12, 31))


@given(days, st.sampled_from(["%Y", "%Y-%m", "%Y-%m-%d"]), marks)
def test_every_precision_is_kept_as_it_is(day: date, form: str, mark: str) -> None:
    text = day.strftime(form) + mark
    read = PartialDate.parse(text)
    assert read == text
    assert read.uncertain == bool(mark)
    assert read.earliest().date() <= day <= read.latest().date()
    assert PartialDate.parse(read) == read


@given(days, marks)
def test_bounds_nest_as_precision_grows(day: date, mark: str) -> None:
    year, month, whole = (
        PartialDate.parse(day.strftime(form) + mark) for form in ("%Y", "%Y-%m", "%Y-%m-%d")
    )
    assert year.earliest() <= month.earliest() <= whole.earliest()
    assert whole.latest() <= month.latest() <= year.latest()
    assert whole.latest() - whole.earliest() == timedelta(days=1) - timedelta(microseconds=1)


@given(
    st.datetimes(datetime(1001, 1, 1), datetime(9998, 1, 1)),  # noqa: DTZ001
    st.integers(-23, 23),
    st.sampled_from([0, 30, 45]),
)
def test_moments_are_kept_in_utc(moment: datetime, hours: int, minutes: int) -> None:
    offset = f"{'-' if hours < 0 else '+'}{abs(hours):02}:{minutes:02}"
    read = PartialDate.parse(moment.isoformat(timespec="microseconds") + offset)
    assert read.endswith("Z")
    assert read.precision == "moment"
    expected = datetime.fromisoformat(moment.isoformat() + offset).astimezone(UTC)
    assert read.earliest() == read.latest() == expected


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (" 2024 ", "2024"),
        ("2024-02-29", "2024-02-29"),
        ("2024-05-17t09:30:00z", "2024-05-17T09:30:00Z"),
        ("2024-05-17 09:30:00+02:00", "2024-05-17T07:30:00Z"),
        ("2024-05-17T09:30:00.500Z", "2024-05-17T09:30:00.5Z"),
        ("2024-05-17T09:30:00.000Z~", "2024-05-17T09:30:00Z~"),
    ],
)
def test_one_way_of_writing(text: str, kept: str) -> None:
    assert PartialDate.parse(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "24",
        "0024",
        "2024-13",
        "2024-00",
        "2024-02-30",
        "2023-02-29",
        "2024-5",
        "2024-5-7",
        "17.05.2024",
        "05/17/2024",
        "2024-05-17T09:30:00",
        "2024-05-17T25:00:00Z",
        "2024-05-17T09:30:60Z",
        "2024-05-17T09:30:00+25:00",
        "2024~~",
        "~2024",
        "2024-05-17\n2024",
        "２０２４",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        PartialDate.parse(text)


def test_the_ends_of_months_and_years() -> None:
    assert PartialDate.parse("2024-02").latest().isoformat() == "2024-02-29T23:59:59.999999+00:00"
    assert PartialDate.parse("2024-12").latest() == PartialDate.parse("2024").latest()
    assert PartialDate.parse("9999").latest().year == 9999
