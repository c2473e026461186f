"""Leniency: what others wrote is kept as far as it can be read, and the rest is told."""

from typing import Any

import pytest

from registry.errors import Finding, Severity
from registry.records.content.check import check
from registry.records.content.examples import EXAMPLES, INCIDENT_ID
from registry.taxonomies.own import load_own
from registry.taxonomies.vocabulary import Vocabulary
from tests.registry.records.content.asking import VOCABULARY, incident


def lenient(raw: dict[str, Any], **options: Any) -> tuple[dict[str, Any] | None, list[Finding]]:
    checked = check(raw, vocabulary=VOCABULARY, lenient=True, **options)
    return checked.submission, list(checked.findings)


def test_unknown_fields_and_tags_are_kept() -> None:
    raw = incident(
        {"weather": {"wind": [1, {"gusts": 2}]}, "breadth": "wide"},
        mood="calm",
        tags=["misuse:frod", "peer:term"],
        systems=[{"name": "x", "colour": "blue"}],
    )
    submission, findings = lenient(raw)
    assert submission is not None
    assert submission["mood"] == "calm"
    assert submission["content"]["weather"] == {"wind": [1, {"gusts": 2}]}
    assert submission["systems"] == [{"id": "1", "name": "x", "colour": "blue"}]
    assert submission["tags"] == ["misuse:frod", "peer:term"]
    assert {finding.severity for finding in findings} == {Severity.WARNING}
    assert {finding.code for finding in findings} == {"unknown-field", "unknown-tag", "unknown-vocabulary"}


def test_a_vocabulary_that_is_not_loaded_is_told_once() -> None:
    _, findings = lenient(incident(tags=[f"peer:term-{number}" for number in range(50)]))
    assert [finding.code for finding in findings] == ["unknown-vocabulary"]


def test_values_that_cannot_be_read_are_left_out_one_by_one() -> None:
    raw = incident(
        {"times": {"started": "soon", "ended": "2024"}, "countries": ["Atlantis", "FR"], "nature": "misuse"},
        license="proprietary",
        references=["javascript:alert(1)", "https://example.org"],
        relations=[{"type": "unheard-of", "target": INCIDENT_ID}, {"type": "related", "target": INCIDENT_ID}],
    )
    submission, findings = lenient(raw)
    assert submission is not None
    assert submission["content"] == {"times": {"ended": "2024"}, "countries": ["FR"]}
    assert submission["license"] == "CC-BY-4.0"
    assert [reference["url"] for reference in submission["references"]] == ["https://example.org"]
    assert [relation["type"] for relation in submission["relations"]] == ["related"]
    assert all(finding.severity is Severity.WARNING for finding in findings)
    assert all(finding.message.endswith("It is left out.") for finding in findings)


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        ({"kind": "incident", "content": {"breadth": "x"}}, "/title"),
        ({"kind": "incident", "title": 7, "content": {"breadth": "x"}}, "/title"),
        ({"kind": "incident", "title": "T"}, "/content"),
        ({"kind": "incident", "title": "T", "content": "text"}, "/content"),
        ({"kind": "response", "title": "T", "content": {"stance": "endorses"}}, "/content/about"),
        (
            {"kind": "response", "title": "T", "content": {"about": "CIR-1", "stance": "endorses"}},
            "/content/about",
        ),
    ],
)
def test_a_record_without_what_makes_it_one_is_refused(raw: dict[str, Any], pointer: str) -> None:
    submission, findings = lenient(raw)
    assert submission is None
    assert pointer in [finding.pointer for finding in findings if finding.severity is Severity.ERROR]


def test_only_what_makes_it_useless_is_an_error() -> None:
    submission, findings = lenient({"kind": "incident", "content": {"times": {"started": "soon"}}})
    assert submission is None
    assert [(f.code, f.pointer) for f in findings if f.severity is Severity.ERROR] == [
        ("missing-field", "/title")
    ]


def test_forbidden_characters_and_numbers_are_taken_out() -> None:
    raw = incident(
        {"breadth": "wi\x00de\u202e"}, metrics=[{"name": "x", "value": float("nan")}], **{"odd\x07": 2**60}
    )
    submission, findings = lenient(raw)
    assert submission is not None
    assert submission["content"]["breadth"] == "wide"
    assert submission["metrics"] == [{"id": "1", "name": "x"}]
    assert submission["odd"] == str(2**60)
    assert all(finding.severity is Severity.WARNING for finding in findings)


def test_repeated_element_ids_are_given_anew() -> None:
    raw = incident({"harms": [{"id": "a", "text": "x"}, {"id": "a", "text": "y"}, {"text": "z"}]})
    submission, findings = lenient(raw)
    assert submission is not None
    assert [harm["id"] for harm in submission["content"]["harms"]] == ["a", "1", "2"]
    assert [finding.code for finding in findings] == ["duplicate-element-id"]


def test_references_by_source_pass_until_the_run_resolves_them() -> None:
    submission, findings = lenient(incident({"exploits": ["source:avid:AVID-2022-V001"]}))
    assert submission is not None
    assert findings == []
    strict = check(incident({"exploits": ["source:avid:1"]}), vocabulary=None, sources=True)
    assert strict.submission is not None


def test_a_self_relation_stays_an_error() -> None:
    submission, findings = lenient(incident({"exploits": [INCIDENT_ID]}), own_id=INCIDENT_ID)
    assert submission is None
    assert "self-relation" in [finding.code for finding in findings]


def test_nobody_is_asked_for_what_is_recommended() -> None:
    _, findings = lenient(incident())
    assert findings == []


def test_a_submission_may_bear_tags_of_a_vocabulary_that_ours_lead_to_and_is_told_they_are_unchecked() -> (
    None
):
    vocabulary = Vocabulary(load_own())
    raw = {**EXAMPLES["lesson"], "tags": ["atlas:AML.T0051", "no-such-namespace:term"]}
    findings = check(raw, vocabulary=vocabulary).findings
    assert [
        (finding.code, finding.severity) for finding in findings if finding.pointer.startswith("/tags")
    ] == [
        ("unknown-vocabulary", "warning"),
        ("unknown-tag", "error"),
    ]
