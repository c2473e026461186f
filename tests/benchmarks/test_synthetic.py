"""The records that measurements stand on."""

from pathlib import Path
from statistics import mean

import pytest

from benchmarks import synthetic
from registry.canonical import canonical
from registry.exchange.item import Options
from registry.exchange.references import references_in
from registry.records.content.check import check
from registry.records.content.submission import KINDS
from registry.taxonomies.own import load_own
from registry.taxonomies.vocabulary import Vocabulary

COUNT = 300


@pytest.fixture(scope="module")
def submissions() -> list[dict[str, object]]:
    return [synthetic.submission(number) for number in range(COUNT)]


def test_they_pass_the_check_without_a_finding(submissions: list[dict[str, object]]) -> None:
    vocabulary = Vocabulary(load_own())
    for submission in submissions:
        assert check(submission, vocabulary=vocabulary, sources=True).findings == ()


def test_they_are_of_every_kind_and_as_large_as_real_ones(submissions: list[dict[str, object]]) -> None:
    assert {submission["kind"] for submission in submissions} == set(KINDS)
    assert 2500 < mean(len(canonical(submission)) for submission in submissions) < 4500


def test_they_are_the_same_in_every_run(submissions: list[dict[str, object]]) -> None:
    assert [synthetic.submission(number) for number in (299, 7)] == [submissions[299], submissions[7]]
    assert len({str(submission["title"]) for submission in submissions}) == COUNT


def test_they_refer_to_the_first_of_their_block_alone(submissions: list[dict[str, object]]) -> None:
    for number, submission in enumerate(submissions):
        first = number - number % synthetic.BLOCK
        expected = {(synthetic.SCHEME, str(first))} if number != first else set()
        assert {key for _, key in references_in(submission)} <= expected


def test_a_written_source_is_read_as_items(tmp_path: Path, submissions: list[dict[str, object]]) -> None:
    path = tmp_path / "source.jsonl"
    told: list[int] = []
    synthetic.write_source(path, range(40, 60), told.append)
    items = list(synthetic.FORMAT.read(path, Options()))
    assert [item.key for item in items] == [(synthetic.SCHEME, str(number)) for number in range(40, 60)]
    assert [item.submission for item in items] == submissions[40:60]
    assert synthetic.FORMAT.count(path, Options()) == sum(told) == 20
