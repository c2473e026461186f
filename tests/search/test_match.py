"""`match` against the engine and against counting by hand: three ways to one answer."""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search import text
from search.document import FACETS
from search.match import matches, passes
from search.request import Request, parse
from search.results import Answer
from tests.search.documents import asked, document, engine_with, project

WORDS = ("prompt", "injection", "voice", "Vóice", "clone", "cloned", "fraud", "深度", "伪造", "gpt-4o")
TAGS = ("misuse:fraud", "misuse:fraud/voice-clone", "peer:a", "peer:a/b", "peer:a/b/c", "harm:financial")
NAMES = ("Example Lab", "example lab", "EXAMPLE  LAB", "Other", "Ötli")

TEXTS = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
DATES = st.sampled_from(("2020", "2021-02", "2021-03-04", "2022-01-01T00:00:00Z", "2023~"))


@st.composite
def documents(draw: st.DrawFn) -> list[dict[str, Any]]:
    found = []
    for number in range(draw(st.integers(0, 9))):
        content: dict[str, Any] = {
            "severity": draw(st.sampled_from(("severity:low", "severity:high", "peer:awful"))),
            "countries": draw(st.lists(st.sampled_from(("DE", "US", "US-CA")), max_size=2)),
        }
        if draw(st.booleans()):
            content["times"] = {"started": draw(DATES)}
        found.append(
            document(
                f"CIR-{number:010}",
                kind=draw(st.sampled_from(("incident", "lesson"))),
                title=draw(TEXTS),
                summary=draw(TEXTS),
                narrative=draw(TEXTS),
                tags=draw(st.lists(st.sampled_from(TAGS), max_size=3)),
                systems=[
                    {"name": "S", "developer": name}
                    for name in draw(st.lists(st.sampled_from(NAMES), max_size=2))
                ],
                content=content,
                published=f"202{draw(st.integers(0, 4))}-01-01T00:00:00Z",
            )
        )
    return found


@st.composite
def requests(draw: st.DrawFn) -> Request:
    pieces = draw(
        st.lists(
            st.one_of(
                st.sampled_from(WORDS),
                TEXTS.filter(bool).map(lambda row: f'"{row}"'),
                st.sampled_from(WORDS).map(lambda word: f"-{word}"),
            ),
            max_size=3,
        )
    )
    given_parameters = {"q": [" ".join(pieces)], "facets": ["*"], "limit": ["100"]}
    for name, values in (
        ("tag", TAGS),
        ("developer", NAMES),
        ("country", ("DE", "us", "US-CA")),
        ("kind", ("incident", "lesson")),
        ("severity", ("high", "severity:low")),
    ):
        given_parameters[name] = draw(st.lists(st.sampled_from(values), max_size=2))
    for name in ("occurred_from", "published_from"):
        given_parameters[name] = draw(st.lists(st.sampled_from(("2020", "2021", "2021-03")), max_size=1))
    for name in ("occurred_to", "published_to"):
        given_parameters[name] = draw(st.lists(st.sampled_from(("2021-06", "2023", "2024")), max_size=1))
    return parse(given_parameters)


def answer(found: list[dict[str, Any]], request: Request) -> Answer:
    async def ask() -> Answer:
        with tempfile.TemporaryDirectory() as folder:
            engine = await engine_with(Path(folder), found)
            return await engine.search(request, exact=True)

    return asyncio.run(ask())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), requests())
def test_engine_match_and_brute_force_agree(found: list[dict[str, Any]], request: Request) -> None:
    records = [project(fields) for fields in found]
    expected = {record.id for record in records if matches(request, record)}
    given_answer = answer(found, request)
    assert {hit.id for hit in given_answer.hits} == expected
    assert given_answer.total == len(expected)
    assert sum(count for _, count in given_answer.timeline) == len(expected)
    for name in FACETS:
        others = {other: values for other, values in request.filters.items() if other != name}
        narrower = Request(q=request.q, question=request.question, filters=others, dates=request.dates)
        counts = Counter(
            value.key
            for record in records
            if matches(narrower, record)
            for value in record.values.get(name, ())
        )
        shown = {text.key(value.value): value.count for value in given_answer.facets[name] if value.count}
        assert shown == counts, name


def test_a_filter_passes_with_any_value_and_filters_pass_together() -> None:
    record = project(document(tags=["misuse:fraud/voice-clone"], language="pt-BR"))
    assert passes(asked(tag=["peer:x", "misuse:fraud"]), record)
    assert passes(asked(tag="misuse:fraud", language="pt"), record)
    assert not passes(asked(tag="misuse:fraud", language="en"), record)


def test_a_rough_date_is_within_whatever_it_may_mean() -> None:
    record = project(document(content={"times": {"started": "2023"}}))
    assert passes(asked(occurred_from="2023-06", occurred_to="2023-07"), record)
    assert not passes(asked(occurred_from="2024"), record)
    assert not passes(asked(occurred_from="2020"), project(document()))


def test_phrases_stand_within_one_text() -> None:
    record = project(document(title="Voice", summary="clone"))
    assert matches(asked("voice clone"), record)
    assert not matches(asked('"voice clone"'), record)
    assert not matches(asked("voice -clone"), record)
    assert not matches(asked("voic"), record)
