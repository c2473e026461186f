"""How text is cut into words, and folded."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search import text


@pytest.mark.parametrize(
    ("given_text", "words"),
    [
        ("Prompt injection, again!", ["prompt", "injection", "again"]),
        ("GPT-4o and DALL·E 2", ["gpt", "4o", "and", "dall", "e", "2"]),
        ("Señal naïve Straße İstanbul", ["senal", "naive", "strasse", "istanbul"]),
        ("cafe\u0301 café", ["cafe", "cafe"]),
        ("“smart” ‘quotes’ — dash", ["smart", "quotes", "dash"]),
        ("ﬁshing №5 Ⅳ", ["fishing", "no5", "iv"]),
        ("深度伪造AI", ["深", "度", "伪", "造", "ai"]),
        ("ガイド", ["ガ", "イ", "ド"]),
        ("한국어", ["한", "국", "어"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("שָׁלוֹם", ["שלום"]),
        ("soft\u00adhyphen", ["softhyphen"]),
        ("a\u200bb", ["a", "b"]),
        ("!?*()[]{}^~:\\/+-&|<>", []),
    ],
)
def test_words(given_text: str, words: list[str]) -> None:
    assert text.words(given_text) == words


def test_a_word_that_is_too_long_for_the_index_is_left_out() -> None:
    assert text.words("x" * 256 + " short") == ["short"]
    assert text.words("é" * 255) == ["e" * 255]


@given(st.text())
def test_level_keeps_every_character_in_its_place(sample: str) -> None:
    assert len(text.level(sample)) == len(sample)


@given(st.text())
def test_words_are_stable(sample: str) -> None:
    once = text.words(sample)
    assert text.words(" ".join(once)) == once
    assert all(" " not in word and word for word in once)


@given(st.text(alphabet=st.characters(max_codepoint=0x24F)))
def test_words_do_not_depend_on_how_accents_are_written(sample: str) -> None:
    assert text.words(unicodedata.normalize("NFD", sample)) == text.words(
        unicodedata.normalize("NFC", sample)
    )


def test_keys_of_values_ignore_case_accents_and_spaces() -> None:
    assert text.key("  Société   Générale ") == "societe generale"
    assert text.key("OpenAI") == text.key("openai")
    assert text.key("atlas:AML.T0051") == "atlas:aml.t0051"
