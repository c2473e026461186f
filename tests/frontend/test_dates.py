import pytest

from frontend import dates


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ("2024", "2024"),
        ("2024-04", "April 2024"),
        ("2024-04~", "about April 2024"),
        ("2024-07?", "July 2024 (uncertain)"),
        ("2024%", "about 2024 (uncertain)"),
        ("2024-06-02", "2 June 2024"),
        ("2024-06-12T09:30:00Z", "12 June 2024, 09:30 UTC"),
        ("2024-06-12T01:30:00+02:00", "11 June 2024, 23:30 UTC"),
        ("some day", "some day"),
    ],
)
def test_a_partial_date_is_said_as_precisely_as_it_is_known(stated: str, said: str) -> None:
    assert dates.in_words(stated) == said


def test_a_date_is_machine_readable_without_its_doubts() -> None:
    assert str(dates.when("2024-04~")) == '<time datetime="2024-04">about April 2024</time>'


def test_what_is_no_date_is_escaped() -> None:
    assert str(dates.when("<b>")) == "&lt;b&gt;"
    assert str(dates.moment("<b>")) == "&lt;b&gt;"
    assert str(dates.day("<b>")) == "&lt;b&gt;"


@pytest.mark.parametrize(
    ("span", "said"),
    [
        ({"from": "2024-03", "to": "2024-06-12"}, "March 2024 to 12 June 2024"),
        ({"from": "2024", "to": "2024"}, "2024"),
        ({"from": "2024"}, "from 2024"),
        ({"to": "2024"}, "until 2024"),
        ({}, ""),
        ("2024", ""),
    ],
)
def test_a_span_is_one_phrase(span: object, said: str) -> None:
    assert dates.span(span).striptags() == said


def test_stamps_are_said_in_utc() -> None:
    stamp = "2024-06-12T09:30:15.123Z"
    assert dates.moment(stamp).striptags() == "12 June 2024, 09:30 UTC"
    assert dates.day(stamp).striptags() == "12 June 2024"
