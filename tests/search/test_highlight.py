"""What is pointed out in a hit."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from registry.canonical import canonical
from search.highlight import PASSAGE, Marker, Misspelt
from search.question import understand
from search.results import Segment
from tests.search.documents import document


def marked(q: str, misspelt: tuple[Misspelt, ...] = (), **fields: Any) -> dict[str, list[str]]:
    found = Marker(understand(q), misspelt).highlights(canonical(document(**fields)))
    return {name: [segment.text for segment in segments if segment.mark] for name, segments in found.items()}


def test_whole_words_are_marked_whatever_their_case_and_accents() -> None:
    assert marked("senal inject ", title="Señal and INJECT, not injection") == {"title": ["Señal", "INJECT"]}


def test_a_growing_word_is_marked_to_its_end() -> None:
    assert marked("inj", title="Prompt injection") == {"title": ["injection"]}


def test_rows_and_ideographs_are_marked() -> None:
    assert marked('"voice clone" ', title="A voice-clone, a clone voice") == {"title": ["voice-clone"]}
    assert marked("伪造", title="深度伪造技术 伪 造") == {"title": ["伪造", "伪 造"]}
    assert marked("ai ", title="AI技術とAIR") == {"title": ["AI"]}


def test_a_misspelt_word_marks_what_it_was_read_as() -> None:
    assert marked("promtp ", (Misspelt("promtp", 1),), title="A prompt") == {"title": ["prompt"]}
    assert marked("ijnec", (Misspelt("ijnec", 1, prefix=True),), title="An injection") == {
        "title": ["injection"]
    }


def test_segments_are_the_text_itself() -> None:
    found = Marker(understand("fish ")).highlights(canonical(document(title="<b>Fish</b> & chips")))
    assert found["title"] == [Segment("<b>"), Segment("Fish", True), Segment("</b> & chips")]


def test_a_long_text_shows_the_passage_with_most_of_the_words() -> None:
    filler = "nothing to see here at all " * 40
    narrative = f"One needle. {filler} The needle in the haystack. {filler}"
    found = Marker(understand("needle haystack ")).highlights(canonical(document(narrative=narrative)))
    shown = "".join(segment.text for segment in found["narrative"])
    assert "needle in the haystack" in shown
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) < PASSAGE + 60


def test_the_content_is_shown_when_nothing_else_holds_the_words() -> None:
    assert marked("callback ", content={"causes": [{"text": "No callback."}]}) == {"content": ["callback"]}


def test_without_words_nothing_is_marked() -> None:
    assert marked("", title="Anything") == {}
    assert marked("-fish", title="Fish") == {}
    assert marked("absent ", title="Fish") == {}


@given(st.text(max_size=60), st.text(max_size=200))
def test_segments_join_to_the_title(q: str, title: str) -> None:
    found = Marker(understand(q)).highlights(canonical(document(title=title)))
    if "title" in found:
        joined = "".join(segment.text for segment in found["title"])
        assert joined.split() == title.split()
