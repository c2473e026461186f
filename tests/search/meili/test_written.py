"""How values and words are written for Meilisearch, and that no question becomes filter syntax. Pure."""

import re

import pytest

from search import text
from search.document import value
from search.meili import fields, queries, words
from tests.search.documents import asked, document, project

WILD = [
    "Example Lab",
    "EXAMPLE",
    "  around  ",
    'a" OR live = 1 OR "',
    "back\\slash \\u{41}",
    "~tilde ^caret; |bar|",
    "été\u0301 ﬁ Ⅳ Σίσυφος",
    "深度伪造 ディープ",
    "\u202eflipped\u0000nul\u001fseparator",
    "😀" * 40,
    "IN [a, b] AND NOT c",
]


@pytest.mark.parametrize("spelt", WILD)
def test_values_come_out_of_a_count_as_they_went_in(spelt: str) -> None:
    for label in (None, "A Label | of ~ it", spelt):
        held = value(spelt, label)
        joined = words.joined(held)
        # What Meilisearch puts together: forms, case, and spaces around.
        assert joined == joined.strip().lower()
        assert len(joined.encode()) <= 468
        back = words.split(joined)
        assert back.value == held.value
        assert back.label in (held.label, None)


def test_a_value_that_is_too_long_is_found_by_what_is_shown_of_it() -> None:
    made = fields.make_document(project(document(systems=[{"id": "1", "name": "Ω" * 300}])))
    (shown,) = made["of_system"]
    assert len(shown.encode()) <= 468
    assert words.key(text.key(words.split(shown).value)) in made["by_system"]


@pytest.mark.parametrize("wild", WILD)
def test_nothing_of_a_question_becomes_filter_syntax(wild: str) -> None:
    request = asked(
        wild, tag=wild.strip(), alias=[wild.strip(), "plain"], country="DE", published_from="2020"
    )
    hidden = frozenset({(wild, wild)})
    plan = queries.plan(request, hidden, False)
    clauses = [*plan.filter(), queries.typed_as_known(wild)]
    listed = r'(NOT )?[a-z_]+ IN \[("[=a-z0-9:._/@-]*"(, )?)+\]'
    for clause in clauses:
        assert re.fullmatch(rf"{listed}|[a-z_]+ (=|<=|>=|>) \d+", clause), clause


def test_words_are_left_to_themselves_whatever_the_script() -> None:
    for typed in ("Señal", "الأمن", "Datenschutz", "прочь", "深"):
        for word in text.words(typed):
            written = words.written(word)
            assert len(written) == len(word)
            assert all(char.isascii() or ord(char) >= 0xF0000 for char in written)


def test_a_question_is_typed_as_it_is_meant() -> None:
    def typed(q: str, exact: bool = False) -> str:
        return queries.plan(asked(q), frozenset(), exact).typed()

    assert typed("gpt-4 ") == '"gpt 4" '
    assert typed('"a b" -c -"d e" fraud2 ') == '-"c" -"d e" "a b" fraud2 '
    assert typed("deepfake") == "deepfake"
    assert typed("deepfake ", exact=True) == '"deepfake" '
    assert typed("CIR-OOOOOOOOOH") == '"cir 000000000h" '
