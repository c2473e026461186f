"""Why two records are alike, told from their documents alone."""

from typing import Any

from search.alike.reasons import reasons
from tests.search.documents import document, vocabulary


def told(one: dict[str, Any], other: dict[str, Any]) -> list[tuple[str, str]]:
    return [(reason.kind, reason.value) for reason in reasons(one, other, vocabulary())]


def seen(*indicators: str, **fields: Any) -> dict[str, Any]:
    return document(content={"indicators": [{"type": "url", "value": one} for one in indicators]}, **fields)


def test_what_says_most_comes_first_as_the_other_writes_it() -> None:
    one = seen(
        "hxxps://pay[.]example[.]net/a",
        "https://evil.example/1",
        title="Cloned voices ask relatives for money",
        summary="A campaign of calls.",
        tags=["misuse:fraud/voice-clone", "misuse:fraud", "severity:high"],
        systems=[{"name": "Speech Model", "ref": "system:speech"}],
        aliases=[{"scheme": "aiid", "id": "9"}],
    )
    other = seen(
        "PAY.example.net/a/",
        "hxxps://evil[.]example/2",
        title="Relatives called by cloned voices",
        tags=["misuse:fraud/voice-clone", "misuse:fraud"],
        systems=[{"name": "The speech model", "ref": "system:speech"}],
        aliases=[{"scheme": "AIID", "id": "9"}],
    )
    assert told(one, other) == [
        ("indicator", "PAY.example.net/a/"),
        ("host", "evil.example"),
        ("alias", "AIID:9"),
        ("system", "The speech model"),
        ("tag", "misuse:fraud/voice-clone"),
        ("words", "relatives cloned voices"),
    ]
    [tag] = [reason for reason in reasons(one, other, vocabulary()) if reason.kind == "tag"]
    assert tag.label == vocabulary().label("misuse:fraud/voice-clone")


def test_words_that_stand_everywhere_are_no_reason() -> None:
    assert told(document(title="This is how it was"), document(title="How was it, and what is this?")) == []
    few = document(title="A", summary="Weather over mountains"), document(title="B", summary="mountains")
    assert told(*few) == []


def test_scripts_without_spaces_are_compared_by_pairs() -> None:
    assert told(document(title="声音克隆诈骗"), document(title="克隆诈骗案")) == [("words", "克隆 诈骗 隆诈")]


def test_documents_from_elsewhere_may_hold_anything() -> None:
    odd = {"title": 3, "tags": "x", "systems": [1, {"name": []}], "content": {"indicators": [None]}}
    assert told(odd, odd) == []
