"""Restricted parts: how they are merged, and that their mistakes are found where they stand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.records.content.patch import apply_patch
from tests.registry.records.content.asking import Found, errors, incident


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        # The cases of RFC 7396, appendix A.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        # Elements by id.
        ({"a": [{"id": "1", "x": 1}]}, {"a": [{"id": "1", "y": 2}]}, {"a": [{"id": "1", "x": 1, "y": 2}]}),
        ({"a": [{"id": "1", "x": 1}]}, {"a": [{"id": "1", "x": None}]}, {"a": [{"id": "1"}]}),
        ({"a": [{"id": "1"}]}, {"a": [{"id": "2", "x": 1}]}, {"a": [{"id": "1"}, {"id": "2", "x": 1}]}),
        ({"a": [{"id": "1"}]}, {"a": []}, {"a": []}),
        ({}, {"a": [{"id": "1", "x": None}]}, {"a": [{"id": "1"}]}),
    ],
)
def test_merging(document: Any, patch: Any, result: Any) -> None:
    assert apply_patch(document, patch) == result


values = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "x", "y"]), inner),
    max_leaves=8,
)


@given(values, values)
def test_a_patch_applied_again_changes_nothing(document: Any, patch: Any) -> None:
    once = apply_patch(document, patch)
    assert apply_patch(once, patch) == once


def restricted(content: dict[str, Any]) -> dict[str, Any]:
    part = {"tlp": "RED", "people": ["analyst@example.org"], "content": content}
    return incident({"harms": [{"id": "1", "text": "x"}]}, restricted=[part])


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"content": {"times": {"aware": "2024-05-02"}}}, []),
        ({"content": {"harms": [{"id": "1", "tag": "harm:financial"}]}}, []),
        ({"summary": None}, []),
        (
            {"content": {"times": {"aware": "soon"}}},
            [("wrong-date", "/restricted/0/content/content/times/aware")],
        ),
        (
            {"tags": ["misuse:fraud", "misuse:frod"]},
            [("unknown-tag", "/restricted/0/content/tags/1")],
        ),
        (
            {"references": ["https://example.org", "ftp://example.org"]},
            [("unsafe-url", "/restricted/0/content/references/1")],
        ),
        ({"contnet": {}}, [("unknown-field", "/restricted/0/content/contnet")]),
        ({"title": None}, [("missing-field", "/restricted/0/content/title")]),
        ({"id": "CIR-7GQ2M4KX9X"}, [("stamped-field", "/restricted/0/content/id")]),
        (
            {"content": {"harms": [{"id": "2", "tag": "harm:finacial"}]}},
            [("unknown-tag", "/restricted/0/content/content/harms/0/tag")],
        ),
        (
            {"content": {"filings": [{"id": "1", "due": "2024"}]}},
            [("missing-field", "/restricted/0/content/content/filings/0/regime")],
        ),
    ],
)
def test_mistakes_in_a_part_are_found_in_it(content: dict[str, Any], found: Found) -> None:
    assert errors(restricted(content)) == found


def test_mistakes_of_the_public_part_are_told_once() -> None:
    raw = restricted({"content": {"breadth": "wide"}})
    raw["tags"] = ["misuse:frod"]
    assert errors(raw) == [("unknown-tag", "/tags/0")]
