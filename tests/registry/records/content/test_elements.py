"""Element ids: given once, kept from version to version, never given to another."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from registry.records.content.check import check
from registry.records.content.elements import assign_ids


def incident(harms: list[dict[str, Any]], **content: Any) -> dict[str, Any]:
    return {"kind": "incident", "title": "T", "content": {"harms": harms, **content}}


def ids(record: dict[str, Any]) -> list[str]:
    return [harm["id"] for harm in record["content"]["harms"]]


def test_missing_ids_are_numbers_that_are_free() -> None:
    assert ids(assign_ids(incident([{"text": "a"}, {"text": "b"}]))) == ["1", "2"]
    assert ids(assign_ids(incident([{"text": "a"}, {"id": "7", "text": "b"}, {"text": "c"}]))) == [
        "8",
        "7",
        "9",
    ]
    assert ids(assign_ids(incident([{"id": "first", "text": "a"}, {"text": "b"}]))) == ["first", "1"]


def test_equal_elements_keep_their_ids_when_they_move() -> None:
    before = assign_ids(incident([{"text": "a"}, {"text": "b"}, {"text": "c"}]))
    after = assign_ids(incident([{"text": "c"}, {"text": "new"}, {"text": "a"}]), before)
    assert ids(after) == ["3", "4", "1"]


def test_an_element_that_changed_in_part_keeps_its_id() -> None:
    before = assign_ids(incident([{"tag": "harm:financial", "text": "about 40 calls", "status": "realised"}]))
    after = assign_ids(
        incident([{"text": "x"}, {"tag": "harm:financial", "text": "45 calls", "status": "realised"}]), before
    )
    assert ids(after) == ["2", "1"]


def test_the_id_of_a_removed_element_is_not_given_away() -> None:
    before = assign_ids(incident([{"text": "a"}, {"text": "b"}]))
    after = assign_ids(incident([{"text": "a"}, {"text": "something else"}]), before)
    assert ids(after) == ["1", "3"]


def test_given_ids_win_over_carried_ones() -> None:
    before = assign_ids(incident([{"text": "a"}, {"text": "b"}]))
    after = assign_ids(incident([{"text": "b"}, {"id": "2", "text": "c"}]), before)
    assert ids(after) == ["3", "2"]


def test_elements_inside_elements_are_matched_through_them() -> None:
    def mitigation(*metrics: dict[str, Any]) -> dict[str, Any]:
        effect = {"against": "misuse:fraud", "outcome": "partial", "metrics": list(metrics)}
        return {
            "kind": "mitigation",
            "title": "T",
            "content": {"effectiveness": [{"outcome": "unknown"}, effect]},
        }

    before = assign_ids(mitigation({"name": "a", "value": 1}, {"name": "b", "value": 2}))
    turned = mitigation({"name": "b", "value": 2}, {"name": "a", "value": 1})
    turned["content"]["effectiveness"].reverse()
    after = assign_ids(turned, before)["content"]["effectiveness"]
    assert [effect["id"] for effect in after] == ["2", "1"]
    assert [metric["id"] for metric in after[0]["metrics"]] == ["2", "1"]


def test_references_need_no_ids() -> None:
    record = incident([{"text": "a"}], exploits=[{"id": "CIR-7GQ2M4KX9X"}])
    record["aliases"] = [{"scheme": "CVE", "id": "CVE-2024-0001"}]
    made = assign_ids(record)
    assert made["content"]["exploits"] == [{"id": "CIR-7GQ2M4KX9X"}]
    assert made["aliases"] == [{"scheme": "CVE", "id": "CVE-2024-0001"}]


def test_the_check_carries_ids_over() -> None:
    before = check(incident([{"text": "a"}, {"text": "b"}]), vocabulary=None).submission
    after = check(incident([{"text": "b"}]), vocabulary=None, previous=before).submission
    assert after is not None
    assert ids(after) == ["2"]


words = st.sampled_from(["a", "b", "c", "d"])
elements = st.lists(
    st.fixed_dictionaries({"text": words}, optional={"id": st.sampled_from(["1", "2", "x"])}),
    max_size=6,
    unique_by=lambda element: element.get("id", object()),
)


@given(elements, elements)
def test_ids_are_always_there_and_unique(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    before = assign_ids(incident(old))
    given = {element["text"]: element["id"] for element in new if "id" in element}
    after = assign_ids(incident(new), before)
    assert len(set(ids(after))) == len(new)
    assert all(id in ids(after) for id in given.values())


@given(elements)
def test_the_same_content_again_gets_the_same_ids(old: list[dict[str, Any]]) -> None:
    before = assign_ids(incident(old))
    bare = [{"text": element["text"]} for element in before["content"]["harms"]]
    after = assign_ids(incident(bare), before)
    assert sorted(ids(after)) == sorted(ids(before))
    assert {(h["text"], h["id"]) for h in after["content"]["harms"]} == {
        (h["text"], h["id"]) for h in before["content"]["harms"]
    }
