"""What was typed, understood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.question import MAX_WORDS, Part, understand


def wanted(typed: str) -> list[tuple[str, ...]]:
    return [part.words for part in understand(typed).wanted]


def test_words_stand_for_themselves() -> None:
    question = understand("Prompt Injection ")
    assert question.wanted == (Part(("prompt",)), Part(("injection",)))
    assert question.unwanted == ()
    assert not question.unfinished


def test_the_last_word_may_still_be_growing() -> None:
    assert understand("prompt inj").unfinished
    assert not understand("prompt inj ").unfinished
    assert not understand("prompt i").unfinished
    assert not understand('"prompt inj"').unfinished
    assert not understand("prompt -inj").unfinished


def test_quotes_keep_words_together() -> None:
    assert understand('"voice clone" fraud').wanted == (
        Part(("voice", "clone"), quoted=True),
        Part(("fraud",)),
    )
    assert understand("“voice clone”").wanted == (Part(("voice", "clone"), quoted=True),)


def test_an_open_quote_is_no_quote() -> None:
    assert understand('say "voice clone').wanted == (Part(("say",)), Part(("voice",)), Part(("clone",)))


def test_a_minus_leaves_out() -> None:
    question = understand('fraud -voice -"cloned speech" self-made')
    assert [part.words for part in question.unwanted] == [("voice",), ("cloned", "speech")]
    assert [part.words for part in question.wanted] == [("fraud",), ("self", "made")]


def test_what_is_written_in_one_piece_stands_in_a_row() -> None:
    assert wanted("CVE-2024-1234 GPT-4o") == [("cve", "2024", "1234"), ("gpt", "4o")]


def test_a_word_of_ideographs_stands_in_a_row_and_a_sentence_does_not() -> None:
    assert wanted("深度伪造") == [("深", "度", "伪", "造")]
    assert wanted("深度伪造诈骗") == [("深",), ("度",), ("伪",), ("造",), ("诈",), ("骗",)]
    assert wanted('"深度伪造诈骗"') == [("深", "度", "伪", "造", "诈", "骗")]


def test_a_long_question_is_shortened() -> None:
    question = understand(" ".join(f"word{number}" for number in range(2000)))
    assert len(question.wanted) == MAX_WORDS
    assert question.shortened


@pytest.mark.parametrize(
    "typed", ["", "   ", "-", '""', '"', '-""', "!!!", "AND" * 0, "* ? ~ ^ : \\ / ( ) [ ] { }"]
)
def test_what_holds_no_word_asks_for_nothing(typed: str) -> None:
    assert understand(typed).empty


@given(st.text(max_size=300))
def test_every_text_is_a_question(typed: str) -> None:
    question = understand(typed)
    assert all(part.words for part in (*question.wanted, *question.unwanted))
    assert sum(len(part.words) for part in (*question.wanted, *question.unwanted)) <= MAX_WORDS
