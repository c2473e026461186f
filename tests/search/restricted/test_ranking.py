"""The order of what a reader may see, told from those records alone."""

from search.question import understand
from search.restricted.ranking import score
from tests.search.documents import document, project


def test_a_title_says_more_than_a_text_and_words_in_a_row_more_than_words_apart() -> None:
    def asked(q: str, **fields: str) -> float:
        return score(understand(q), project(document(**fields)))

    title, text = {"title": "Voice clone"}, {"title": "A record", "narrative": "A voice clone was heard."}
    assert asked("voice", **title) > asked("voice", **text) > asked("voice", title="Something else")
    apart = {"title": "A clone of a voice"}
    assert asked("voice clone", **title) > asked("voice clone", **apart)
    again = {"title": "A record", "narrative": "Voice after voice after voice."}
    assert asked("voice", **again) > asked("voice", **text)
    assert asked("", **title) == 0.0
