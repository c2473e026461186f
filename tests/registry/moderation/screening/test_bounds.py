"""Screening never raises, takes bounded time, and leaves ordinary records alone."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.bundled import folder
from registry.canonical import canonical
from registry.exchange import native
from registry.exchange.item import Options
from registry.moderation.screening import screen
from registry.moderation.screening.page import Page
from registry.records.content.examples import EXAMPLES

SECRET = b"s" * 32
# One document of 1 MiB in the worst shape that anybody thought of; ordinary ones take a thousandth.
LONGEST_SECONDS = 8.0
USUAL_MS = 5.0

_TEXT = st.text() | st.from_regex(r"[0-9 +().-]{1,30}") | st.sampled_from(["a@b.example", "password: x1y2z3"])
_JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_TEXT, inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(_JSON)
def test_never_raises(document: Any) -> None:
    for hit in screen(document, secret=SECRET):
        assert hit.message
        assert len(hit.message) < 400


@pytest.mark.parametrize(
    "value", ["\ud800@lab.example", "İİİ +49 30 901820", "\u0660\u0661" * 40, "\x00\n" * 50]
)
def test_odd_characters(value: str) -> None:
    screen(
        {"narrative": value, "content": {"countries": [value], "indicators": [value, {"value": value}]}},
        secret=SECRET,
    )


def test_deep_nesting() -> None:
    document: Any = "x@lab.example"
    for _ in range(100_000):
        document = [document]
    assert screen(document, secret=SECRET)


_WORST = [
    "a", "1", "a@", "a.", "sk-", "eyJ", "eyJhbGciOi.", "//", "//x/:_authToken= ", "://a:b@ ", "+1 ",
    "+1(", "4111 ", "AB12 ", "A1 ", "curl ", "wget |", "password:", "password = ", "T3BlbkFJ ",
    "cloudant", "glagent-a", "' or 1=", "union select ", "<img ", "<script>", "${", "{{", "\\x",
    "A" * 399 + " ", "12 Rose ", "Lindenstr. ", "tel 1", "```\n", "iex ", "| iex", "nc -", "aws ",
    "AccountKey=", "GR1348941", "xoxb-1-", "https://", "https://a.", "hxxp", "ignore all previous ",
    "you are now a ", "/dev/tcp/", "1 rue ", "Via Aaa ", "ул. А", "서울시 ", "شارع ", "路1", "\n",
]  # fmt: skip


@pytest.mark.parametrize("piece", _WORST, ids=repr)
def test_long_texts_take_bounded_time(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    document = {
        "narrative": text,
        "content": {"reproduction": text, "indicators": [{"value": text}]},
        "notes": [piece] * 1000,
    }
    began = time.process_time()
    screen(document, secret=SECRET)
    assert time.process_time() - began < LONGEST_SECONDS / 4


def test_many_short_texts_take_bounded_time() -> None:
    document = [{"a": "x@y.example", "b": "4111 1111 1111 1111"} for _ in range(25_000)]
    began = time.process_time()
    assert screen(document, secret=SECRET)
    assert time.process_time() - began < LONGEST_SECONDS


def _samples() -> list[tuple[str, Any]]:
    items = [(item.name, item.submission) for item in native.read(folder("samples"), Options())]
    assert len(items) > 50
    return [*items, *EXAMPLES.items()]


def test_real_records_pass() -> None:
    """Samples and the documentation's examples hold nothing that anybody would have to look at."""
    found = {name: hits for name, document in _samples() if (hits := screen(document, secret=SECRET))}
    assert found == {}


def test_an_ordinary_record_costs_little() -> None:
    documents = [document for _, document in _samples()]
    size = sum(len(canonical(document)) for document in documents) / 4096
    best = min(_milliseconds(documents) for _ in range(3))
    assert best / size < USUAL_MS


def _milliseconds(documents: list[Any]) -> float:
    began = time.process_time()
    for document in documents:
        screen(document, secret=SECRET)
    return (time.process_time() - began) * 1000


def test_what_is_past_the_cap_is_told() -> None:
    document = {"narrative": "x " * 110_000 + "password: Tr0ub4dor-3"}
    assert [hit.rule for hit in screen(document, secret=SECRET)] == ["not-screened"]
    assert len(Page(document).blob) == 200_000
