"""The samples are valid, cover every kind, and point only at each other; none speaks for an organisation."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from registry.records.content.check import Checked, check
from registry.records.content.native import Native, read
from registry.records.content.rules import resolve
from registry.records.content.submission import KINDS, STAMPED_FIELDS
from registry.taxonomies.own import load_own
from registry.taxonomies.vocabulary import Vocabulary

FOLDER = Path(__file__).parents[2] / "samples"
FILES = {path.stem: path for path in sorted(FOLDER.glob("*.md")) if path.name != "README.md"}
AT_LEAST = 28
LINK = re.compile(r"source:native:(.+)")


@cache
def vocabulary() -> Vocabulary:
    return Vocabulary(load_own())


@cache
def native(stem: str) -> Native:
    return read(FILES[stem].read_bytes(), FILES[stem].name)


@cache
def checked(stem: str) -> Checked:
    return check(native(stem).submission, vocabulary=vocabulary(), sources=True)


def submission(stem: str) -> dict[str, Any]:
    kept = checked(stem).submission
    assert kept is not None, stem
    return kept


def values(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every member of a record with the name of its field, elements of lists under the name of their list."""
    yield name, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from values(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from values(item, name)


def links(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for _, value in values(record):
        if isinstance(value, dict) and str(value.get("id", "")).startswith("source:"):
            yield value


@pytest.mark.parametrize("stem", FILES)
def test_every_sample_passes_the_strict_check_without_a_finding(stem: str) -> None:
    read_findings = native(stem).findings
    assert [str(finding) for finding in (*read_findings, *checked(stem).findings)] == []


def test_there_are_enough_and_every_kind_is_among_them() -> None:
    kinds = Counter(submission(stem)["kind"] for stem in FILES)
    assert sum(kinds.values()) >= AT_LEAST
    assert set(kinds) == set(KINDS)


@pytest.mark.parametrize("stem", FILES)
def test_links_resolve_to_another_sample_and_to_a_part_of_it(stem: str) -> None:
    for link in links(submission(stem)):
        match = LINK.fullmatch(link["id"])
        assert match is not None, link
        assert match[1] in FILES, link
        assert match[1] != stem, link
        if "part" in link:
            assert resolve(submission(match[1]), link["part"]) is not None, link


def test_every_sample_is_linked_with_another() -> None:
    linked = set()
    for stem in FILES:
        targets = {link["id"].removeprefix("source:native:") for link in links(submission(stem))}
        linked |= targets | ({stem} if targets else set())
    assert linked == set(FILES)


def test_no_two_samples_have_the_same_title() -> None:
    titles = Counter(submission(stem)["title"].casefold() for stem in FILES)
    assert [title for title, count in titles.items() if count > 1] == []


@pytest.mark.parametrize("stem", FILES)
def test_addresses_are_https_and_name_a_public_host(stem: str) -> None:
    record = submission(stem)
    assert record["references"]
    for name, value in values(record):
        if name in ("url", "reference") and isinstance(value, str):
            parts = urlsplit(value)
            assert parts.scheme == "https", value
            assert "." in (parts.hostname or ""), value


@pytest.mark.parametrize("stem", FILES)
def test_somebody_else_speaks_never_the_organisation_itself(stem: str) -> None:
    raw = native(stem).submission
    assert raw is not None
    assert STAMPED_FIELDS.isdisjoint(raw)
    assert "co_providers" not in raw
    record = submission(stem)
    assert record["basis"] == "third-party"
    assert record["stated_by"]
    for statement in record["stated_by"]:
        assert statement["name"]
        assert statement["statement"]
        assert statement["reference"]


@pytest.mark.parametrize("stem", FILES)
def test_every_sample_tells_its_story(stem: str) -> None:
    record = submission(stem)
    assert len(record["summary"]) >= 60
    assert len(record["narrative"]) >= 120
    if record["kind"] == "incident":
        assert record["content"]["assertion"]["by"]


def test_the_numbers_of_the_dalle_preview_are_there() -> None:
    metrics = {metric["name"]: metric for metric in submission("lesson-dalle-2-preview-2022")["metrics"]}
    told = {name: (metric["comparator"], metric["value"]) for name, metric in metrics.items()}
    assert told == {
        "metric:volume": ("gt", 3_000_000),
        "metric:flagged": ("lt", 0.05),
        "metric:confirmed": ("approx", 30),
        "metric:access-granted": ("le", 1000),
    }


def test_the_joint_recommendation_names_its_safeguards_and_is_answered() -> None:
    joint = submission("lm-joint-recommendation-2022")["content"]
    assert len(joint["enforcement"]) >= 4
    for item in joint["enforcement"]:
        stem = item["mitigation"]["id"].removeprefix("source:native:")
        assert submission(stem)["kind"] == "mitigation"
    about = "source:native:lm-joint-recommendation-2022"
    answers = [
        submission(stem)
        for stem in FILES
        if submission(stem)["kind"] == "response" and submission(stem)["content"]["about"]["id"] == about
    ]
    assert len(answers) >= 4
    assert {answer["content"]["stance"] for answer in answers} == {"endorses"}
