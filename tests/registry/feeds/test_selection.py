"""Addresses of feeds: names split by hand, canonical parameters, clear refusals."""

import pytest

from registry.errors import Malformed, NotFound
from registry.feeds.selection import Options, Selection, Topic, read_address
from tests.registry.feeds.sample import ID, LINKS, OTHER_ID


@pytest.mark.parametrize(
    ("name", "selection", "suffix"),
    [
        ("/all.rss", Selection(Topic.ALL), "rss"),
        ("all.atom", Selection(Topic.ALL), "atom"),
        ("/incident.json", Selection(Topic.KIND, "incident"), "json"),
        ("/provider/Example-Lab.rss", Selection(Topic.PROVIDER, "example-lab"), "rss"),
        ("/tag/atlas:AML.T0051.rss", Selection(Topic.TAG, "atlas:AML.T0051"), "rss"),
        ("/tag/misuse:fraud/voice-clone.json", Selection(Topic.TAG, "misuse:fraud/voice-clone"), "json"),
        ("/tag/owasp:a.json.atom", Selection(Topic.TAG, "owasp:a.json"), "atom"),
        (f"/record/{ID.lower()}.rss", Selection(Topic.RECORD, ID), "rss"),
        ("/record/cir-ooooooooo" + "h.rss", Selection(Topic.RECORD, "CIR-000000000H"), "rss"),
        ("/search.rss", Selection(Topic.SEARCH), "rss"),
        ("/ALL.RSS".lower(), Selection(Topic.ALL), "rss"),
    ],
)
def test_names_are_read(name: str, selection: Selection, suffix: str) -> None:
    found, options, format = read_address(name, [])
    assert (found, options, format.suffix) == (selection, Options(), suffix)


@pytest.mark.parametrize(
    "selection",
    [
        Selection(Topic.ALL),
        Selection(Topic.ALL, imported=True),
        Selection(Topic.KIND, "lesson", imported=True),
        Selection(Topic.TAG, "misuse:fraud/voice-clone"),
        Selection(Topic.PROVIDER, "avid"),
        Selection(Topic.RECORD, OTHER_ID, parameters=(("origin", "peer.example/log"),)),
        Selection(Topic.SEARCH, parameters=(("q", "prompt injection"), ("tag", "a:b"), ("tag", "c:d"))),
    ],
)
def test_what_is_written_is_read_again(selection: Selection) -> None:
    assert read_address(f"{selection.path}.rss", selection.query)[0] == selection


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("/all", "ends in .rss or .atom or .json"),
        ("/all.xml", "ends in .rss or .atom or .json"),
        ("/.rss", "ends in"),
        ("/tag/atlas:AML.T0051", "ends in"),
        ("/incidents.rss", "Did you mean incident?"),
        ("/weaknes.json", "Did you mean weakness?"),
        ("/zzz.rss", "There are: all, incident"),
        ("/all/more.rss", "There are"),
        ("/provider/.rss", "There are"),
        ("/provider/a/b.rss", "There are"),
        ("/tag/fraud.rss", "namespace:term"),
        (f"/tag/{'x' * 300}:y.rss", "namespace:term"),
    ],
)
def test_unknown_names_are_not_found_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(NotFound) as caught:
        read_address(name, [])
    assert hint in caught.value.detail
    assert len(caught.value.detail) < 400


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("/record/CIR-7GQ2M4KX9Y.rss", []),
        ("/record/x.rss", []),
        ("/tag/a:\x00.rss", []),
        ("/record/CIR-ZZZZZZZZZG.rss", [("origin", "\x00")]),
        ("/all.rss", [("limit", "0")]),
        ("/all.rss", [("limit", "-1")]),
        ("/all.rss", [("limit", "many")]),
        ("/all.rss", [("limit", "²")]),
        ("/all.rss", [("limit", "9" * 5000)]),
        ("/all.rss", [("limit", "5"), ("limit", "6")]),
        ("/all.rss", [("content", "none")]),
        ("/all.rss", [("imported", "perhaps")]),
        ("/search.rss", [("q", "x" * 1001)]),
        ("/search.rss", [("tag", f"a:{number}") for number in range(65)]),
    ],
)
def test_wrong_ids_and_parameters_are_malformed(name: str, query: list[tuple[str, str]]) -> None:
    with pytest.raises(Malformed):
        read_address(name, query)


def test_one_question_has_one_address() -> None:
    asked = [
        ("tag", "misuse:fraud"),
        ("q", "  voice   clone "),
        ("kind", ""),
        ("tag", "misuse:fraud"),
        ("sort", "old"),
    ]
    one, options, _ = read_address("/search.rss", [*asked, ("limit", "50"), ("content", "full")])
    other, _, _ = read_address("/search.atom", [("q", "voice clone"), ("tag", "misuse:fraud")])
    assert one == other
    assert options.query == ()
    assert one.query == (("q", "voice clone"), ("tag", "misuse:fraud"))
    assert one.address == "search?q=voice%20clone&tag=misuse:fraud"


def test_parameters_that_no_feed_has_are_passed_over() -> None:
    one, options, _ = read_address(
        "/all.rss", [("utm_source", "mail"), ("imported", "false"), ("limit", "50")]
    )
    assert one.query == options.query == ()
    assert read_address("/provider/avid.rss", [("imported", "true")])[0].query == ()


def test_the_limit_is_bounded() -> None:
    assert read_address("/all.rss", [("limit", "100000")])[1] == Options(200)
    assert read_address("/all.rss", [("limit", "7"), ("content", "summary")])[1].query == (
        ("content", "summary"),
        ("limit", "7"),
    )


def test_feeds_that_hold_imports() -> None:
    held = {topic: Selection(topic, "x").holds_imports for topic in Topic}
    assert [topic for topic, holds in held.items() if not holds] == [Topic.ALL, Topic.KIND]
    assert Selection(Topic.ALL, imported=True).holds_imports


def test_no_two_questions_share_an_address() -> None:
    tricky = [
        Selection(Topic.SEARCH, parameters=(("q", "a&b=c"),)),
        Selection(Topic.SEARCH, parameters=(("b", "c"), ("q", "a"))),
        Selection(Topic.SEARCH, parameters=(("q", "a b"),)),
        Selection(Topic.SEARCH, parameters=(("q", "a%20b"),)),
    ]
    assert len({one.address for one in tricky}) == len(tricky)
    assert all(LINKS.feed(one.path, "rss", one.query).isascii() for one in tricky)
