"""What weighs in a search: words that tell nothing, the other number of a word, and names that mean the
same.
"""

import pytest

from registry.taxonomies.vocabulary import Crosswalk, Taxonomy, Term, Vocabulary
from search.question import understand
from search.relevance import forms, lightened, synonyms
from tests.search.documents import vocabulary


def _telling(typed: str) -> list[str]:
    return [" ".join(part.words) for part in lightened(understand(typed)).wanted]


@pytest.mark.parametrize(
    ("typed", "telling"),
    [
        ("what worked against voice cloning?", ["worked", "against", "voice", "cloning"]),
        ("Which of the incidents are about the elderly", ["incidents", "elderly"]),
        ('"to be" of', ["to be"]),
        ("what is it", ["what", "is", "it"]),
        ("fraud -the", ["fraud"]),
    ],
)
def test_a_question_is_asked_by_its_telling_words(typed: str, telling: list[str]) -> None:
    assert _telling(typed) == telling


def test_a_word_that_may_grow_does_so_only_where_it_is_kept() -> None:
    assert lightened(understand("the frau")).unfinished
    assert not lightened(understand("fraud of")).unfinished


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("deepfake", "deepfakes"),
        ("deepfakes", "deepfake"),
        ("policies", "policy"),
        ("policy", "policies"),
        ("boxes", "box"),
        ("virus", "viruses"),
        ("databases", "database"),
    ],
)
def test_a_word_is_known_in_its_other_number(word: str, other: str) -> None:
    assert other in forms(word)


@pytest.mark.parametrize("word", ["gpt", "t0051", "señal", "深"])
def test_what_is_no_english_word_has_one_form(word: str) -> None:
    assert forms(word) == ()


def test_what_a_vocabulary_calls_one_thing_means_the_same() -> None:
    found = synonyms(vocabulary())
    assert "voice clone fraud" in found["vishing"]
    assert "vishing" in found["voice clone fraud"]
    assert "xpia" in found["indirect prompt injection"]
    # Words of everyday, and those that other terms are spoken of with.
    for word in ("policy", "warning", "strike", "tool", "monitoring", "threats"):
        assert word not in found
        assert all(word not in others for others in found.values())


def test_an_exact_crosswalk_joins_what_two_taxonomies_say() -> None:
    ours = Taxonomy(
        "misuse", "1", "", "", "", terms=(Term("injection", "Injected instructions", alt_labels=("a b",)),)
    )
    theirs = Taxonomy(
        "owasp",
        "1",
        "",
        "",
        "",
        terms=(Term("LLM01", "LLM01:2025 Prompt Injection"), Term("LLM02", "Leaking answers")),
        crosswalks=(
            Crosswalk("owasp:LLM01", "misuse:injection", "exact"),
            Crosswalk("owasp:LLM02", "misuse:injection", "close"),
        ),
    )
    found = synonyms(Vocabulary([ours, theirs]))
    assert found["prompt injection"] == ("injected instructions",)
    assert "leaking answers" not in found
