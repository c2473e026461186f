"""Templates escape everything, read documents forgivingly, and never call a method of what they are given."""

from typing import Any

import pytest

from frontend.templating import compiled, environment, items, narrative, shortened, texts


def render(source: str, **context: Any) -> str:
    return environment().from_string(source).render(**context)


def test_every_template_compiles() -> None:
    assert {"base.html", "record.html", "home.html", "error.html"} <= set(compiled())


def test_text_is_escaped() -> None:
    assert render("{{ x }}", x='<b title="a">') == "&lt;b title=&#34;a&#34;&gt;"


def test_a_member_named_like_a_method_is_read_as_a_member() -> None:
    assert render("{{ x.items }}{{ x.count }}{{ x.missing.deeper }}", x={"items": "a", "count": 2}) == "a2"
    assert render("{% for one in x.values|items %}!{% endfor %}", x={"a": 1}) == ""


def test_wrong_shapes_are_read_as_nothing() -> None:
    assert items("text") == items(None) == items({"a": 1}) == []
    assert items([1, {"a": 1}, "b"]) == [{"a": 1}]
    assert texts("text") == texts(7) == []
    assert texts(["a", 1, "", {"b": 2}]) == ["a"]


@pytest.mark.parametrize("level", [2, 3, 4])
@pytest.mark.parametrize("text", ["# A\n\n## B", "## A\n\n### B", "#### A\n\n##### B"])
def test_headings_of_a_narrative_begin_where_the_page_leaves_off(level: int, text: str) -> None:
    made = str(narrative(text, level, "the account"))
    assert f"<h{level}>A</h{level}>" in made
    assert f"<h{level + 1}>B</h{level + 1}>" in made


def test_a_wide_table_is_reached_by_keyboard() -> None:
    made = str(narrative("| a |\n|---|\n| `<table>` |\n\n| b |\n|---|\n| c |", 3, "the account"))
    assert made.count('role="region" tabindex="0"') == 2
    assert 'aria-label="Table 2 in the account"' in made
    assert made.count("<div") == made.count("</div>") == 2
    assert "&lt;table&gt;" in made


def test_a_narrative_that_is_no_text_is_nothing() -> None:
    assert str(narrative({"a": 1}, 3, "the account")) == ""


def test_texts_are_cut_between_words() -> None:
    assert shortened("one two three", 9) == "one two…"
    assert shortened("one  two\nthree", 40) == "one two three"
    assert shortened("x" * 50, 10) == "x" * 10 + "…"
    assert shortened(None, 10) == ""
