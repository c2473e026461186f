"""The check: what is right stays, and everything that is wrong is told at once."""

import copy
from typing import Any

import pytest

from registry.canonical import MAX_DEPTH, MAX_DOCUMENT_BYTES, canonical, scan
from registry.errors import has_errors
from registry.records.content.check import check
from registry.records.content.examples import EXAMPLES, MITIGATION_ID
from registry.records.content.submission import KINDS
from registry.taxonomies.own import load_own
from registry.taxonomies.vocabulary import Vocabulary
from tests.registry.records.content.asking import VOCABULARY, errors, incident

# --- what is right
# ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_full_example_of_each_kind_is_without_findings(kind: str) -> None:
    checked = check(EXAMPLES[kind], vocabulary=Vocabulary(load_own()))
    assert checked.findings == ()
    assert checked.submission is not None
    assert scan(checked.submission) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_normal_form_is_a_fixed_point(kind: str) -> None:
    once = check(EXAMPLES[kind], vocabulary=None).submission
    twice = check(once, vocabulary=None).submission
    assert canonical(once) == canonical(twice)


@pytest.mark.parametrize("kind", KINDS)
def test_the_check_leaves_its_input_alone(kind: str) -> None:
    raw = copy.deepcopy(EXAMPLES[kind])
    check(raw, vocabulary=None, lenient=True)
    assert raw == EXAMPLES[kind]


def test_defaults_are_written_out() -> None:
    submission = check(
        {"kind": "lesson", "title": "T", "content": {"what_happened": "x"}}, vocabulary=None
    ).submission
    assert submission == {
        "kind": "lesson",
        "title": "T",
        "content": {"what_happened": "x"},
        "language": "en",
        "license": "CC-BY-4.0",
        "attribution": "named",
        "basis": "first-party",
        "completeness": "final",
    }


def test_what_says_nothing_is_dropped() -> None:
    raw = incident(
        {"breadth": "wide", "times": {"started": None}, "harms": [], "causes": [{"text": "x", "tag": None}]},
        summary="  \n",
        narrative="",
        tags=[],
        source={},
        relations=None,
    )
    assert errors(raw) == []
    submission = check(raw, vocabulary=None).submission
    assert submission is not None
    assert submission["content"] == {"breadth": "wide", "causes": [{"id": "1", "text": "x"}]}
    assert not {"summary", "narrative", "tags", "source", "relations"} & submission.keys()


def test_a_null_in_a_restricted_patch_stays() -> None:
    part = {"id": "1", "tlp": "RED", "people": ["a@example.org"], "content": {"summary": None}}
    submission = check(incident(restricted=[part], summary=None), vocabulary=None).submission
    assert submission is not None
    assert submission["restricted"] == [part]


def test_tags_are_one_sorted_list() -> None:
    raw = incident(
        tags=["misuse:impersonation", "misuse:fraud", "misuse:fraud"],
        classifications=[{"tag": "harm:financial"}, {"tag": "misuse:fraud"}],
    )
    submission = check(raw, vocabulary=VOCABULARY).submission
    assert submission is not None
    assert submission["tags"] == ["harm:financial", "misuse:fraud", "misuse:impersonation"]


def test_values_get_their_usual_spelling() -> None:
    raw = incident(
        {"countries": ["de", "us-ca"], "times": {"started": 2024, "ended": "2024-05-17T10:00:00+02:00"}},
        title="  A title  ",
        language="pt_br",
        license="cc-by-sa-4.0",
        relations=[{"type": "related", "target": "cir-7gq2m4kx9x"}],
        references=['https://example.org/a"b'],
    )
    submission = check(raw, vocabulary=None).submission
    assert submission is not None
    assert submission["title"] == "A title"
    assert (submission["language"], submission["license"]) == ("pt-BR", "CC-BY-SA-4.0")
    assert submission["relations"][0]["target"] == {"id": "CIR-7GQ2M4KX9X"}
    assert submission["references"] == [{"id": "1", "url": "https://example.org/a%22b"}]
    assert submission["content"]["countries"] == ["DE", "US-CA"]
    assert submission["content"]["times"] == {"started": "2024", "ended": "2024-05-17T08:00:00Z"}
    assert {type(value) for value in submission["content"]["times"].values()} == {str}


def test_shorthands_are_written_out() -> None:
    content = check(EXAMPLES["mitigation"], vocabulary=None).submission["content"]  # type: ignore[index]
    assert content["applies_to"][3] == {"id": "4", "tag": "task:voice-generation"}
    assert content["limitations"] == [{"id": "1", "text": "Does not stop recordings that are played back."}]
    raw = {
        "kind": "mitigation",
        "title": "T",
        "content": {"applies_to": [{"id": MITIGATION_ID, "version": 2}]},
    }
    content = check(raw, vocabulary=None).submission["content"]  # type: ignore[index]
    assert content["applies_to"] == [{"id": "1", "record": {"id": MITIGATION_ID, "version": 2}}]


# --- everything at once
# -----------------------------------------------------------------------------------------


def test_all_findings_come_at_once_from_both_layers() -> None:
    raw = incident(
        {
            "times": {"started": "soon", "ended": "2024"},
            "harms": [7, {"id": "1", "text": "x"}, {"id": "1", "text": "y"}],
        },
        title=None,
        sumary="x",
        tags=["misuse:frod"],
        metrics=[{"name": "x", "comparator": "lt"}, {"value": 3}],
        narrative="\x00",
    )
    assert sorted(errors(raw)) == [
        ("comparator-without-value", "/metrics/0/comparator"),
        ("control-character", "/narrative"),
        ("duplicate-element-id", "/content/harms/2/id"),
        ("missing-field", "/metrics/1/name"),
        ("missing-field", "/title"),
        ("unknown-field", "/sumary"),
        ("unknown-tag", "/tags/0"),
        ("wrong-date", "/content/times/started"),
        ("wrong-type", "/content/harms/0"),
    ]


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\u202e", "\ud800"])
def test_control_characters_are_refused_wherever_they_stand(character: str) -> None:
    raw = incident(
        summary=f"a{character}b", references=[{"url": "https://example.org", "title": f"{character}"}]
    )
    assert errors(raw) == [("control-character", "/summary"), ("control-character", "/references/0/title")]


def test_deep_nesting_is_refused() -> None:
    deep: Any = {}
    for _ in range(MAX_DEPTH + 5):
        deep = {"a": deep}
    found = errors(incident(restricted=[{"id": "1", "tlp": "RED", "people": ["x"], "content": deep}]))
    assert [code for code, _ in found] == ["too-deep"]
    assert check(incident(x=deep), vocabulary=None, lenient=True).submission is None


def test_large_records_are_refused() -> None:
    text = "x" * 20_000
    raw = incident({"evidence": [{"description": text} for _ in range(MAX_DOCUMENT_BYTES // 20_000 + 1)]})
    assert errors(raw) == [("too-large", "")]


def test_findings_never_come_with_a_submission_that_has_errors() -> None:
    checked = check(incident(tags=["misuse:frod"]), vocabulary=VOCABULARY)
    assert checked.submission is None
    assert has_errors(checked.findings)
