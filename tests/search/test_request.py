"""The parameters of a search: what is read, and what is said about what cannot be."""

from typing import Any

import pytest

from registry.errors import Malformed
from search.document import FACETS
from search.request import MAX_LIMIT, MAX_OFFSET, parse


def codes(**parameters: Any) -> list[tuple[str, str]]:
    with pytest.raises(Malformed) as caught:
        parse({name: value if isinstance(value, list) else [value] for name, value in parameters.items()})
    return [(finding.code, finding.pointer) for finding in caught.value.findings]


def test_nothing_asks_for_everything() -> None:
    request = parse({})
    assert (request.q, request.filters, request.sort, request.limit, request.offset) == (
        "",
        {},
        "relevance",
        20,
        0,
    )
    assert request.question.empty
    assert request.canonical == ""


def test_a_parameter_without_a_value_was_not_given() -> None:
    assert parse({"q": [""], "kind": ["", " "], "occurred_from": [""], "limit": [""]}).canonical == ""


def test_filters_repeat_and_each_value_counts_once() -> None:
    request = parse({"tag": ["misuse:fraud", "Misuse:Fraud", "harm:money"], "developer": ["Example Lab"]})
    assert request.filters["tag"] == ("misuse:fraud", "harm:money")
    assert request.keys["developer"] == {"example lab"}


def test_facets_repeat_or_are_listed() -> None:
    assert parse({"facets": ["tag,kind", "kind"]}).facets == ("kind", "tag")
    assert parse({"facets": ["*"]}).facets == FACETS


def test_one_question_has_one_canonical_address() -> None:
    one = parse({"q": [" prompt   injection "], "tag": ["b:b", "a:a"], "kind": ["incident"], "limit": ["5"]})
    other = parse(
        {"kind": ["INCIDENT"], "tag": ["a:a", "B:b"], "q": ["prompt injection"], "facets": ["kind"]}
    )
    assert one.canonical == other.canonical == "q=prompt+injection&kind=incident&tag=a%3Aa&tag=b%3Ab"


def test_ranges_take_partial_dates() -> None:
    request = parse({"occurred_from": ["2023"], "occurred_to": ["2023-02"], "published_to": ["2024-05-17"]})
    assert request.occurred == (1672531200, 1677628799)
    assert request.published == (None, 1715990399)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"limit": "-1"}, [("wrong-number", "/limit")]),
        ({"limit": str(MAX_LIMIT + 1)}, [("out-of-range", "/limit")]),
        ({"limit": "٥"}, [("wrong-number", "/limit")]),
        ({"offset": str(MAX_OFFSET + 1)}, [("out-of-range", "/offset")]),
        ({"sort": "best"}, [("unknown-value", "/sort")]),
        ({"kind": "incidnt"}, [("unknown-value", "/kind")]),
        ({"facets": "tags"}, [("unknown-value", "/facets")]),
        ({"occurred_from": "2023-02-30"}, [("wrong-date", "/occurred_from")]),
        ({"occurred_from": "2024", "occurred_to": "2023"}, [("empty-range", "/occurred_to")]),
        ({"q": ["a", "b"]}, [("given-twice", "/q")]),
        ({"q": "x" * 10_001}, [("too-long", "/q")]),
        ({"tag": ["a:b" * 200]}, [("too-long", "/tag")]),
        ({"tag": [f"a:{number}" for number in range(51)]}, [("too-many-values", "/tag")]),
        ({"tagg": "a:b"}, [("unknown-parameter", "/tagg")]),
        ({"as_of": "2024-02-30"}, [("wrong-date", "/as_of")]),
        ({"as_of": "2024~"}, [("wrong-date", "/as_of")]),
        ({"as_of": "-1"}, [("wrong-date", "/as_of")]),
        ({"as_of": "9" * 16}, [("out-of-range", "/as_of")]),
        ({"as_of": ["1", "2"]}, [("given-twice", "/as_of")]),
    ],
)
def test_what_cannot_be_read_is_said(parameters: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert codes(**parameters) == expected


def test_all_findings_come_at_once_with_suggestions() -> None:
    with pytest.raises(Malformed) as caught:
        parse({"sort": ["newst"], "limit": ["many"], "countri": ["DE"]})
    found = {finding.pointer: finding.suggestion for finding in caught.value.findings}
    assert found == {"/sort": "Write newest.", "/limit": "Write 0 to 100.", "/countri": "Write country."}


def test_ten_thousand_characters_are_read_and_shortened() -> None:
    request = parse({"q": ["lorem ipsum dolor " * 555]})
    assert len(request.question.wanted) == 3
    request = parse({"q": [" ".join(f"w{number}" for number in range(1500))]})
    assert [note.code for note in request.notes] == ["question-shortened"]


def test_a_question_without_words_is_noted() -> None:
    assert [note.code for note in parse({"q": ["!!!"]}).notes] == ["no-words"]
