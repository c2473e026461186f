"""What the embedded engine does for questions as people ask them, and what it tells of that."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from search.embedded import EmbeddedEngine
from search.meanings import Meanings
from tests.search.documents import asked, document, engine_with, ids, named, numbers, vocabulary

Fill = Callable[..., Awaitable[EmbeddedEngine]]


@pytest.fixture
def engine_of(tmp_path: Path) -> Fill:
    async def make(*documents: dict[str, Any]) -> EmbeddedEngine:
        return await engine_with(tmp_path, documents)

    return make


async def test_where_nothing_holds_all_words_most_of_them_will_do_and_it_is_told(engine_of: Fill) -> None:
    engine = await engine_of(*named("A prompt", *["A prompt with a leak"] * 5, "Weather"))
    answer = await engine.search(asked("prompt leak nowhere "))
    assert sorted(numbers(answer)) == [2, 3, 4, 5, 6]
    assert answer.total == 5
    note = answer.notes[-1]
    assert (note.code, note.severity) == ("fewer-words", "warning")
    assert note.message.startswith("No record holds all 3 words; those that hold at least 2")
    # What is in quotes is meant, an order other than the best first shows no half answers, and neither does
    # an exact question.
    assert numbers(await engine.search(asked('"nowhere" prompt '))) == []
    assert numbers(await engine.search(asked("nowhere -prompt "))) == []
    assert numbers(await engine.search(asked("prompt nowhere ", sort="newest"))) == []
    assert numbers(await engine.search(asked("prompt nowhere "), exact=True)) == []
    # A walk through everything goes by the same.
    walk = await engine.walk(asked("prompt leak nowhere "))
    assert walk.total == 5


async def test_what_holds_all_words_comes_before_what_holds_some(engine_of: Fill) -> None:
    titles = ["A chatbot chatbot chatbot", *["Chatbot"] * 3, "Of an unkind answer that some chatbot gave"]
    engine = await engine_of(*named(*titles))
    answer = await engine.search(asked("unkind answer chatbot weather "))
    assert numbers(answer)[0] == 5


async def test_a_word_is_found_in_its_other_forms(engine_of: Fill) -> None:
    engine = await engine_of(*named("Cloned voices", "Cloning a voice", "A voice", "Cloak"))
    answer = await engine.search(asked("voice clones "))
    marked = {
        number: [piece.text for piece in hit.highlights["title"] if piece.mark]
        for number, hit in zip(numbers(answer), answer.hits, strict=True)
    }
    assert marked == {1: ["Cloned", "voices"], 2: ["Cloning", "voice"]}
    assert numbers(await engine.search(asked('"voice" "cloning"'))) == [2]
    assert numbers(await engine.search(asked("voice cloning "), exact=True)) == [2]


async def test_a_name_is_found_by_what_means_the_same_and_it_is_told(engine_of: Fill) -> None:
    engine = await engine_of(*named("Voice-clone fraud by phone", "Vishing at work", "A voice", "A fraud"))
    meanings = Meanings(vocabulary())
    answer = await engine.search(asked("vishing ").with_meanings(meanings))
    assert numbers(answer) == [2, 1]
    (note,) = answer.notes
    assert note.code == "synonyms"
    assert "'vishing'" in note.message
    assert "'voice clone fraud'" in note.message
    back = await engine.search(asked("voice clone fraud work ").with_meanings(meanings))
    assert numbers(back)[0] == 2
    assert numbers(await engine.search(asked('"vishing"').with_meanings(meanings))) == [2]
    assert numbers(await engine.search(asked("vishing ").with_meanings(meanings), exact=True)) == [2]


async def test_a_question_is_asked_by_its_telling_words(engine_of: Fill) -> None:
    engine = await engine_of(*named("Voice clone fraud", "What is it"))
    assert numbers(await engine.search(asked("What happened with the voice clone?"))) == [1]
    assert numbers(await engine.search(asked("what is it"))) == [2]


async def test_an_id_is_known_however_it_is_spelt_and_the_thing_itself_comes_first(engine_of: Fill) -> None:
    other = {"scheme": "cve", "id": "CVE-2024-1234"}
    engine = await engine_of(
        document("CIR-0000000001", aliases=[other, {"scheme": "aiid", "id": "7"}], title="A"),
        document("CIR-0000000002", aliases=[other], title="B"),
        document("CIR-0000000003", title="cve 2024 once and 1234 more"),
    )
    for typed in ("CVE-2024-1234", "cve 2024 1234 ", "cve:cve-2024-1234"):
        assert ids(await engine.search(asked(typed)))[:2] == ["CIR-0000000002", "CIR-0000000001"], typed
