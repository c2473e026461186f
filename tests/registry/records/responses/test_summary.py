"""What responses amount to, counted by organisation."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.records.responses.checks import has_part
from registry.records.responses.summary import DONE, OUTCOMES, UNNAMED, organisations_of, summarise


def said(
    by: str | None, stance: str, outcome: str | None = None, part: str | None = None, **more: Any
) -> dict[str, Any]:
    about: dict[str, Any] = {"id": "CIR-000000000H", **({"part": part} if part else {})}
    content: dict[str, Any] = {"about": about, "stance": stance}
    if outcome:
        content["effectiveness"] = {"id": "e1", "outcome": outcome}
    who = {"provider": {"slug": by, "name": by}} if by else {"attribution": "anonymous"}
    return {"origin": "registry.example/log", "content": content, **who, **more}


def test_it_reads_as_a_sentence() -> None:
    found = summarise(
        [
            said("a", "adopts"),
            said("b", "adopts", part="r1"),
            said("c", "adopts"),
            said("a", "evaluates", "effective"),
            said("b", "evaluates", "partial", part="r1"),
            said("d", "disputes"),
        ]
    )
    assert found.text == "3 adopted, 1 disputed, 2 evaluated: effective, partial"
    assert summarise([said("a", "adopts"), said("b", "evaluates", "partial")]).text == (
        "1 adopted, 1 evaluated: partial"
    )
    assert found.parts["r1"].text == "1 adopted, 1 evaluated: partial"
    assert found.organisations == 4
    assert summarise([]).text == ""


def test_of_one_organisation_the_newest_counts() -> None:
    found = summarise([said("a", "evaluates", "ineffective"), said("a", "evaluates", "effective")])
    assert (found.whole.stances, found.whole.outcomes) == ({"evaluates": 1}, {"ineffective": 1})


def test_one_organisation_is_one_wherever_it_publishes() -> None:
    proven = {"slug": "lab", "name": "Lab", "domain": "lab.example", "verified": True}
    here = said("lab", "adopts") | {"provider": proven}
    there = said("other", "adopts") | {"provider": {**proven, "slug": "x"}, "origin": "peer.example/log"}
    squatter = said("lab", "adopts") | {"origin": "peer.example/log"}
    claimed = here | {"provider": {**proven, "verified": False}, "origin": "third.example/log"}
    assert summarise([here, there]).whole.stances == {"adopts": 1}
    assert summarise([here, there, squatter, claimed]).whole.stances == {"adopts": 3}


def test_another_registrys_word_for_a_domain_is_not_taken() -> None:
    named = {"slug": "lab", "name": "Lab", "domain": "lab.example", "verified": True}
    here = said("lab", "adopts") | {"provider": named}
    there = said("lab", "adopts") | {"provider": named, "origin": "peer.example/log", "id": "CIR-000000000H"}
    key = ("peer.example/log", "CIR-000000000H")
    for signed, organisations in ((set[str](), 2), ({"other.example"}, 2), ({"lab.example"}, 1)):
        found = summarise([here, there], proven={key: signed})
        assert found.whole.stances == {"adopts": organisations}
        owned = summarise([there], owners=organisations_of(here), proven={key: signed})
        assert bool(owned.whole.stances) is (organisations == 2)


def test_the_unnamed_count_as_one_and_owners_not_at_all() -> None:
    sector = said(None, "adopts", attribution="sector", provider={"slug": "leaked"})
    found = summarise(
        [said(None, "adopts"), said(None, "adopts"), sector, said("own", "adopts")],
        owners=organisations_of(said("own", "adopts")),
    )
    assert found.whole.stances == {"adopts": 1}
    assert organisations_of(sector) == [UNNAMED]


def test_a_joint_response_is_one_of_each() -> None:
    joint = said("a", "endorses") | {"co_providers": [{"slug": "b"}, {"slug": "c"}]}
    assert summarise([joint, said("b", "endorses")]).whole.stances == {"endorses": 3}


words = st.one_of(st.none(), st.text(max_size=5), st.integers(), st.lists(st.text(max_size=3), max_size=2))
anything = st.recursive(
    words, lambda inner: st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=6
)
responses = st.builds(
    said,
    st.sampled_from(["a", "b", "c", None]),
    st.sampled_from([*DONE, "invented"]),
    st.sampled_from([*OUTCOMES, None, "invented"]),
    st.sampled_from([None, "r1", "r2"]),
)


@given(st.lists(responses, max_size=30))
def test_counts_are_of_organisations(drawn: list[dict[str, Any]]) -> None:
    found = summarise(drawn)
    assert found.organisations <= 4
    for tally in (found.whole, *found.parts.values()):
        assert all(0 < number <= 4 for number in tally.stances.values())
        assert set(tally.stances) <= set(DONE)
        assert set(tally.outcomes) <= set(OUTCOMES)
    # What is said twice is counted once.
    assert summarise([*drawn, *drawn]) == found


@given(
    st.lists(st.dictionaries(st.sampled_from(["content", "provider", "origin", "co_providers"]), anything))
)
def test_whatever_a_peer_wrote_is_counted_without_an_error(drawn: list[dict[str, Any]]) -> None:
    summarise(drawn)


@pytest.mark.parametrize(
    ("pointer", "there"),
    [
        ("/content/recommendations/a", True),
        ("/content/recommendations/0", False),
        ("/content/recommendations/a/text", True),
        ("/content/notes/1", True),
        ("/content/notes/2", False),
        ("/content/notes/x", False),
        ("/content/notes/٣", False),
        ("/a~1b/c~0d", True),
        ("/nothing", False),
        ("/title/0", False),
    ],
)
def test_a_part_is_an_element_by_its_id(pointer: str, there: bool) -> None:
    document = {
        "title": "T",
        "a/b": {"c~d": 1},
        "content": {"recommendations": [{"id": "a", "text": "!"}], "notes": ["one", "two"]},
    }
    assert has_part(document, pointer) is there
