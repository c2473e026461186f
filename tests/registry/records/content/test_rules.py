"""Tags, and the rules that reach across fields."""

import copy
from typing import Any

import pytest

from registry.records.content.examples import INCIDENT_ID
from tests.registry.records.content.asking import Found, errors, incident, suggestion, warnings

# --- tags
# -------------------------------------------------------------------------------------------------------


def test_unknown_tags_get_the_nearest_known_ones() -> None:
    raw = incident({"harms": [{"tag": "harm:finacial"}]}, tags=["misuse:fraud/fishing"])
    assert errors(raw) == [("unknown-tag", "/tags/0"), ("unknown-tag", "/content/harms/0/tag")]
    assert "misuse:fraud/phishing" in suggestion(raw, "unknown-tag")


def test_a_tag_from_another_namespace_is_a_warning() -> None:
    raw = incident({"severity": "harm:financial"})
    assert errors(raw) == []
    assert ("unusual-namespace", "/content/severity") in warnings(raw)


def test_a_deprecated_tag_names_its_successor() -> None:
    raw = incident(tags=["misuse:scam"])
    assert ("deprecated-tag", "/tags/0") in warnings(raw)
    assert suggestion(raw, "deprecated-tag") == "Use misuse:fraud."


def test_words_may_stand_where_life_is_richer() -> None:
    raw = incident({"actors": [{"type": "a neighbour"}, {"type": "note: unclear"}, {"type": "criminal"}]})
    assert errors(raw) == []
    assert ("tag-as-text", "/content/actors/2/type") in warnings(raw)
    assert errors(incident({"actors": [{"type": "actor:neighbour"}]})) == [
        ("unknown-tag", "/content/actors/0/type")
    ]


def test_without_a_vocabulary_tags_are_taken_as_they_are() -> None:
    assert errors(incident(tags=["any:thing"]), vocabulary=None) == []


def test_a_field_whose_vocabulary_is_not_loaded_takes_its_tags() -> None:
    assert errors(incident({"rights": ["rights:privacy"]})) == []


# --- rules across fields
# ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (
            incident({"times": {"started": "2024-05", "ended": "2024-04"}}),
            [("end-before-start", "/content/times/ended")],
        ),
        (incident({"times": {"started": "2024-05", "ended": "2024"}}), []),
        (
            incident(metrics=[{"name": "x", "period": {"from": "2024", "to": "2023"}}]),
            [("end-before-start", "/metrics/0/period/to")],
        ),
        (
            incident(
                {
                    "indicators": [
                        {
                            "type": "domain",
                            "value": "x",
                            "first_seen": "2024-02-02",
                            "last_seen": "2024-02-01",
                        }
                    ]
                }
            ),
            [("end-before-start", "/content/indicators/0/last_seen")],
        ),
        (
            incident(metrics=[{"name": "x", "comparator": "lt"}]),
            [("comparator-without-value", "/metrics/0/comparator")],
        ),
        (
            incident(metrics=[{"name": "x", "comparator": "range", "value": 1}]),
            [("range-without-high", "/metrics/0")],
        ),
        (incident(metrics=[{"name": "x", "high": 1}]), [("range-without-value", "/metrics/0")]),
        (incident(metrics=[{"name": "x", "value": 3, "high": 1}]), [("high-below-value", "/metrics/0/high")]),
        (
            incident(metrics=[{"name": "x", "value": 101, "unit": "percent"}]),
            [("percentage-out-of-range", "/metrics/0/value")],
        ),
        (
            incident(metrics=[{"name": "x", "value": -1, "unit": "%"}]),
            [("percentage-out-of-range", "/metrics/0/value")],
        ),
        (incident(metrics=[{"name": "x", "value": 101, "unit": "percent-change"}]), []),
        (
            incident(metrics=[{"name": "x", "numerator": 1, "denominator": 0}]),
            [("zero-denominator", "/metrics/0/denominator")],
        ),
        (
            incident({"extent": {"type": "campaign", "events": {"min": 4, "max": 3}}}),
            [("max-below-min", "/content/extent/events/max")],
        ),
        (
            incident({"harms": [{"text": "x", "quantity": {"min": 4, "max": 3.5}}]}),
            [("max-below-min", "/content/harms/0/quantity/max")],
        ),
        (
            incident({"harms": [{"id": "1", "text": "x"}, {"id": "1", "text": "y"}]}),
            [("duplicate-element-id", "/content/harms/1/id")],
        ),
        (incident({"harms": [{}]}), [("empty-element", "/content/harms/0")]),
        (
            incident(
                relations=[{"type": "related", "target": {"id": INCIDENT_ID, "part": "/content/nothing/1"}}]
            ),
            [("dangling-part", "/relations/0/target/part")],
        ),
        (
            incident(
                relations=[{"type": "related", "target": {"id": INCIDENT_ID, "part": "/content/harms/1/tag"}}]
            ),
            [],
        ),
        (
            incident(
                relations=[
                    {"type": "related", "target": {"id": INCIDENT_ID, "part": "/content/prohibited_uses/3"}}
                ]
            ),
            [],
        ),
        (
            incident(relations=[{"type": "related", "target": "source:aiid:1"}]),
            [("source-reference", "/relations/0/target")],
        ),
        (
            incident(absent=[{"pointer": "/content/colour", "reason": "unknown"}]),
            [("dangling-pointer", "/absent/0/pointer")],
        ),
        (
            incident(absent=[{"pointer": "/content/safeguard", "reason": "unknown"}]),
            [("dangling-pointer", "/absent/0/pointer")],
        ),
        (
            incident(translations=[{"language": "fr", "title": "A"}, {"language": "fr", "title": "B"}]),
            [("repeated-language", "/translations/1/language")],
        ),
        (
            incident(translations=[{"language": "en", "title": "A"}]),
            [("repeated-language", "/translations/0/language")],
        ),
    ],
)
def test_rules(raw: dict[str, Any], found: Found) -> None:
    assert errors(raw) == found


@pytest.mark.parametrize(
    ("raw", "code", "pointer"),
    [
        (
            incident({"times": {"started": "2024-05~", "ended": "2024-04"}}),
            "end-before-start",
            "/content/times/ended",
        ),
        (
            incident({"times": {"started": "2024-05", "detected": "2024-04"}}),
            "dates-out-of-order",
            "/content/times/detected",
        ),
        (
            incident({"chain": [{"at": "2024"}, {"text": "x"}, {"at": "2023"}]}),
            "dates-out-of-order",
            "/content/chain/2/at",
        ),
        (
            incident(
                metrics=[{"name": "x", "value": 50, "unit": "percent", "numerator": 1, "denominator": 4}]
            ),
            "metric-does-not-add-up",
            "/metrics/0/value",
        ),
        (
            incident(metrics=[{"name": "x", "comparator": "lt", "value": 1, "high": 2}]),
            "comparator-with-high",
            "/metrics/0/comparator",
        ),
        (incident({"exploits": [INCIDENT_ID, INCIDENT_ID]}), "repeated", "/content/exploits/1"),
        (
            incident(absent=[{"pointer": "/title", "reason": "unknown"}]),
            "absent-but-present",
            "/absent/0/pointer",
        ),
        (incident(handling={"tlp": "AMBER"}), "nobody-named", "/handling"),
        (incident(handling={"tlp": "RED"}), "nobody-named", "/handling"),
        (
            {"kind": "response", "title": "T", "content": {"about": INCIDENT_ID, "stance": "evaluates"}},
            "stance-without-support",
            "/content/stance",
        ),
        (
            {"kind": "response", "title": "T", "content": {"about": INCIDENT_ID, "stance": "classifies"}},
            "stance-without-support",
            "/content/stance",
        ),
        (incident(), "missing-recommended", "/content/severity"),
    ],
)
def test_what_is_odd_is_a_warning(raw: dict[str, Any], code: str, pointer: str) -> None:
    assert errors(raw) == []
    assert (code, pointer) in warnings(raw)


def test_a_record_does_not_refer_to_itself() -> None:
    raw = {"kind": "response", "title": "T", "content": {"about": INCIDENT_ID, "stance": "endorses"}}
    assert errors(raw) == []
    assert errors(raw, own_id=INCIDENT_ID) == [("self-relation", "/content/about")]
    elsewhere = copy.deepcopy(raw)
    elsewhere["content"] = {"about": {"id": INCIDENT_ID, "origin": "other.example"}, "stance": "endorses"}
    assert errors(elsewhere, own_id=INCIDENT_ID) == []


def test_what_is_declared_absent_is_not_asked_for() -> None:
    raw = incident(absent=[{"pointer": "/content/severity", "reason": "not-assessed"}])
    assert ("missing-recommended", "/content/severity") not in warnings(raw)
