"""Words as people type them: unfinished, misspelt, in any script, with any character."""

import pytest

from search.engine import Engine
from tests.search.contract.conftest import EngineOf
from tests.search.documents import asked, document, ids, named, numbers, update


async def found(engine: Engine, q: str) -> list[int]:
    return sorted(numbers(await engine.search(asked(q))))


async def test_all_words_are_wanted(engine_of: EngineOf) -> None:
    engine = await engine_of(*named("Prompt injection", "Prompt leak", "SQL injection"))
    assert await found(engine, "prompt injection ") == [1]
    assert await found(engine, "injection prompt ") == [1]
    answer = await engine.search(asked("prompt injection "))
    assert (answer.total, answer.notes) == (1, ())
    # In any order but the best first, nothing less will do.
    assert numbers(await engine.search(asked("prompt nowhere ", sort="newest"))) == []
    assert await found(engine, 'prompt "nowhere"') == []


async def test_the_last_word_is_completed(engine_of: EngineOf) -> None:
    engine = await engine_of(*named("Prompt injection", "Injury", "Prompt"))
    assert await found(engine, "inj") == [1, 2]
    assert await found(engine, "prompt inj") == [1]
    assert await found(engine, "inj ") == []
    assert await found(engine, '"inj"') == []


async def test_a_whole_word_comes_before_a_completed_one(engine_of: EngineOf) -> None:
    engine = await engine_of(*named("Deepfakes of many kinds", "A deepfake", "Deepfaked"))
    assert numbers(await engine.search(asked("deepfake")))[0] == 2


@pytest.mark.parametrize(
    "typed", ["promt injection ", "prompt injecton ", "porMpt inejction ", "promptt ijnection "]
)
async def test_typing_errors_are_forgiven_and_told(engine_of: EngineOf, typed: str) -> None:
    engine = await engine_of(*named("Prompt injection", "Something else"))
    answer = await engine.search(asked(typed))
    assert numbers(answer) == [1]
    assert {note.code for note in answer.notes} == {"unknown-word"}
    assert any(segment.mark for segment in answer.hits[0].highlights["title"])


async def test_an_unfinished_word_may_be_misspelt_too(engine_of: EngineOf) -> None:
    engine = await engine_of(*named("Prompt injection"))
    assert await found(engine, "ijnect") == [1]


async def test_a_word_that_is_held_is_never_widened(engine_of: EngineOf) -> None:
    engine = await engine_of(*named("A clone", "To close"))
    answer = await engine.search(asked("clone "))
    assert numbers(answer) == [1]
    assert answer.notes == ()


@pytest.mark.parametrize("typed", ["cat ", "2O24 ", "cve-2024-9999", '"promt"'])
async def test_short_words_numbers_and_quotes_are_meant_as_they_are(engine_of: EngineOf, typed: str) -> None:
    engine = await engine_of(*named("The car of 2024", "CVE-2024-1234 prompt"))
    assert await found(engine, typed) == []


async def test_a_word_is_misspelt_once_its_only_record_is_gone(engine_of: EngineOf) -> None:
    engine = await engine_of(*named("Prompt", "Promt"))
    assert await found(engine, "promt ") == [2]
    await update(engine, gone=["CIR-0000000002"], position=2)
    assert await found(engine, "promt ") == [1]


async def test_phrases_and_exclusions(engine_of: EngineOf) -> None:
    engine = await engine_of(*named("Voice clone fraud", "Clone of a voice: fraud", "Fraud"))
    assert await found(engine, '"voice clone"') == [1]
    assert await found(engine, 'fraud -"voice clone"') == [2, 3]
    assert await found(engine, "fraud -voice") == [3]
    assert await found(engine, "-voice") == [3]


async def test_what_is_written_in_one_piece_is_found_in_a_row(engine_of: EngineOf) -> None:
    engine = await engine_of(*named("GPT-4o misused", "4 GPT", "CVE-2024-1234", "CVE 1234 of 2024"))
    assert await found(engine, "gpt-4o") == [1]
    assert await found(engine, "gpt-4") == [1]
    assert await found(engine, "CVE-2024-1234") == [3]


async def test_accents_case_and_forms_do_not_matter(engine_of: EngineOf) -> None:
    engine = await engine_of(*named("Señal de Łódź", "Straße", "ＦＵＬＬ width"))
    assert await found(engine, "SENAL ") == [1]
    assert await found(engine, "sen\u0303al ") == [1]
    assert await found(engine, "strasse ") == [2]
    assert await found(engine, "full ") == [3]


async def test_scripts_without_spaces_are_found_by_their_parts(engine_of: EngineOf) -> None:
    engine = await engine_of(
        *named(
            "利用深度伪造技术的诈骗",
            "ディープフェイク詐欺について",
            "딥페이크를 이용한 사기",
            "การหลอกลวงด้วยเสียง",
            "مشكلة أمنية",
        )
    )
    assert await found(engine, "深度伪造") == [1]
    assert await found(engine, "伪造诈骗技术") == [1]
    assert await found(engine, '"伪造诈骗"') == []
    assert await found(engine, "詐欺") == [2]
    assert await found(engine, "フェイク") == [2]
    assert await found(engine, "딥페이크") == [3]
    assert await found(engine, "เสียง") == [4]
    assert await found(engine, "أمنية") == [5]


@pytest.mark.parametrize(
    "typed",
    [
        "title:prompt AND (x OR y) NOT z",
        "prompt* ?rompt ~prompt^4 [a TO b] {a TO b}",
        'body:"a" +prompt -',
        "\\ \\\\ /re.*/ prompt",
        "IN [a b] : prompt",
        "'; DROP TABLE records; --",
        "\x00prompt\x1fstate",
        "*:*",
        "\u202eprompt",
        '"""',
        "- - -",
        "(((((((",
    ],
)
async def test_no_character_means_anything(engine_of: EngineOf, typed: str) -> None:
    engine = await engine_of(*named("Prompt", "Other"))
    answer = await engine.search(asked(typed, facets="*"))
    assert answer.total in (0, 1, 2)


async def test_a_question_of_operators_alone_leaves_nothing_out(engine_of: EngineOf) -> None:
    engine = await engine_of(*named("Prompt", "Other"))
    assert await found(engine, "*:* !!! ()") == [1, 2]
    assert await found(engine, "") == [1, 2]


async def test_ten_thousand_characters_are_answered(engine_of: EngineOf) -> None:
    engine = await engine_of(*named("Prompt"))
    assert await found(engine, "prompt " * 1428) == [1]
    assert await found(engine, ("x" * 99 + " ") * 100) == []
    assert await found(engine, "x" * 10_000) in ([], [1])
    assert await found(engine, '"' + "prompt " * 1400 + '"') == []
    assert await found(engine, "深" * 10_000) == []


async def test_titles_weigh_more_than_summaries_and_those_more_than_the_rest(engine_of: EngineOf) -> None:
    filler = "Nothing to do with it, though it goes on for a while. " * 3
    engine = await engine_of(
        document("CIR-0000000001", title="First", narrative=f"{filler} phishing {filler}"),
        document("CIR-0000000002", title="Second", summary=f"About phishing. {filler}"),
        document("CIR-0000000003", title="Phishing", narrative=filler * 2),
    )
    assert numbers(await engine.search(asked("phishing"))) == [3, 2, 1]


async def test_words_in_a_row_come_first(engine_of: EngineOf) -> None:
    engine = await engine_of(*named("Injection of a prompt", "A prompt injection", "Injection, then prompt"))
    assert numbers(await engine.search(asked("prompt injection")))[0] == 2


async def test_ids_and_aliases_are_exact_and_first(engine_of: EngineOf) -> None:
    engine = await engine_of(
        document(
            "CIR-7GQ2M4KX9X",
            title="Meant",
            aliases=[{"scheme": "aiid", "id": "147"}, {"scheme": "cve", "id": "CVE-2024-1"}],
        ),
        document(
            "CIR-0000000001", title="CIR-7GQ2M4KX9X 147 aiid 147 CVE-2024-1", summary="147 147 CVE-2024-1"
        ),
    )
    for typed in (
        "CIR-7GQ2M4KX9X",
        "cir-7gq2m4kx9x",
        " CIR-7GQ2M4KX9X ",
        "aiid:147",
        "AIID 147",
        "147",
        "cve-2024-1",
    ):
        assert ids(await engine.search(asked(typed)))[0] == "CIR-7GQ2M4KX9X", typed
    assert ids(await engine.search(asked(alias="aiid:147"))) == ["CIR-7GQ2M4KX9X"]
    assert ids(await engine.search(asked(alias="CVE-2024-1"))) == ["CIR-7GQ2M4KX9X"]
    assert ids(await engine.search(asked(alias="14"))) == []


async def test_an_id_is_found_as_it_may_be_misread(engine_of: EngineOf) -> None:
    engine = await engine_of(document("CIR-000000000H", title="Zeros"))
    assert ids(await engine.search(asked("CIR-OOOOOOOOOH"))) == ["CIR-000000000H"]


async def test_labels_of_tags_and_broader_tags_are_found(engine_of: EngineOf) -> None:
    engine = await engine_of(
        document("CIR-0000000001", tags=["misuse:fraud/voice-clone"]), document("CIR-0000000002")
    )
    assert await found(engine, "fraud") == [1]
    assert await found(engine, "misuse:fraud/voice-clone") == [1]


async def test_where_nothing_holds_all_words_most_of_them_will_do_and_it_is_told(engine_of: EngineOf) -> None:
    engine = await engine_of(*named("A prompt", *["A prompt with a leak"] * 5, "Weather"))
    answer = await engine.search(asked("prompt leak nowhere ", facets="kind", kind="incident"))
    assert (sorted(numbers(answer)), answer.total) == ([2, 3, 4, 5, 6], 5)
    assert answer.facets["kind"][0].count == 5
    assert answer.notes[-1].message.startswith("No record holds all 3 words; those that hold at least 2")
    # What is in quotes is meant, an order other than the best first shows no half answers, and neither does
    # an exact question.
    assert await found(engine, '"nowhere" prompt ') == []
    assert numbers(await engine.search(asked("prompt nowhere ", sort="newest"))) == []
    assert numbers(await engine.search(asked("prompt nowhere "), exact=True)) == []
    assert (await engine.walk(asked("prompt leak nowhere "))).total == 5


async def test_more_words_than_an_engine_may_read_are_all_wanted(engine_of: EngineOf) -> None:
    alphabet = [letter * 3 for letter in "abcdefghijklmnop"]
    engine = await engine_of(*named(" ".join(alphabet), " ".join(alphabet[:-1]), "ccc"))
    assert numbers(await engine.search(asked(" ".join(alphabet) + " ", sort="newest"))) == [1]
    assert numbers(await engine.search(asked(" ".join(alphabet)), exact=True)) == [1]
    assert await found(engine, "利用深度伪造技术的诈骗利用深度") == []


async def test_a_page_of_one_state_tells_its_position(engine_of: EngineOf) -> None:
    engine = await engine_of(*named("Fish", "Fish", "Fish"))
    first = await engine.search(asked("fish", limit=2))
    again = await engine.search(asked("fish", limit=2, offset=2))
    assert first.position == again.position
    await update(engine, gone=["CIR-0000000001"], position=9)
    moved = await engine.search(asked("fish", limit=2))
    assert (moved.position, moved.total) == (9, 2)
