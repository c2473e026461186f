"""The judged questions, and how answers to them are scored."""

import pytest

from benchmarks import judged
from benchmarks.judged import Question, scores


def test_there_are_enough_questions_of_every_kind_each_with_an_answer() -> None:
    asked = judged.questions()
    assert len(asked) >= 80
    assert len({one.q for one in asked}) == len(asked)
    assert {one.kind for one in asked} == {"id", "name", "paraphrase", "typo", "term", "question"}
    assert all(judged.BEST in one.grades.values() for one in asked)
    # What was read and does not answer is written down, too.
    assert all(0 in one.grades.values() for one in asked if one.kind == "question")


def test_an_answer_is_scored_by_what_comes_first() -> None:
    question = Question("name", "x", {"a": 3, "b": 2, "c": 1, "d": 0})
    assert scores([(question, ["a", "b", "c", "d"])]).ndcg == 1
    swapped = scores([(question, ["b", "a", "c"])])
    assert swapped.ndcg == pytest.approx((3 + 7 / 1.585 + 1 / 2) / (7 + 3 / 1.585 + 1 / 2), abs=0.001)
    late = scores([(question, ["d", "c", "e", "b"])])
    assert late.mrr == 0.25
    assert late.unjudged == [("x", "e")]
    assert scores([(question, [])]).ndcg == 0


def test_an_id_has_to_bring_its_record_first() -> None:
    id, other = Question("id", "7", {"a": 3, "b": 2}), Question("id", "8", {"c": 3})
    found = scores([(id, ["b", "a"]), (other, ["c", "x"])])
    assert found.known == 0.5
    assert found.unjudged == []
