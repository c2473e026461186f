"""Wrong shapes and wrong codes: found where they stand, in words for people, with what was meant."""

from typing import Any

import pytest

from registry.records.content.examples import INCIDENT_ID
from tests.registry.records.content.asking import Found, errors, incident, suggestion, warnings

# --- shape
# ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ([], [("wrong-type", "")]),
        ("text", [("wrong-type", "")]),
        (None, [("wrong-type", "")]),
        ({}, [("missing-field", "/kind")]),
        ({"kind": "incidnt"}, [("unknown-kind", "/kind")]),
        ({"kind": ["incident"]}, [("unknown-kind", "/kind")]),
        ({"kind": "incident"}, [("missing-field", "/title"), ("missing-field", "/content")]),
        (incident(title=""), [("missing-field", "/title")]),
        (incident(title=5), [("wrong-type", "/title")]),
        (incident(title="two\nlines"), [("several-lines", "/title")]),
        (incident(title="x" * 401), [("too-long", "/title")]),
        (incident(tags="misuse:fraud"), [("wrong-type", "/tags")]),
        (incident(tags=["fraud"]), [("wrong-tag", "/tags/0")]),
        (incident(tags=["misuse:"]), [("wrong-tag", "/tags/0")]),
        (incident(tags=[""]), [("empty", "/tags/0")]),
        (incident(tags=["misuse:fraud"] * 1001), [("too-many", "/tags")]),
        (incident(systems=[{"name": "x"}, 7]), [("wrong-type", "/systems/1")]),
        (incident(metrics=[{"name": "x", "value": "3"}]), [("wrong-type", "/metrics/0/value")]),
        (incident(metrics=[{"name": "x", "value": True}]), [("wrong-type", "/metrics/0/value")]),
        (
            incident(classifications=[{"tag": "misuse:fraud", "confidence": 2}]),
            [("out-of-range", "/classifications/0/confidence")],
        ),
        (incident(basis="second-party"), [("unknown-value", "/basis")]),
        (incident(handling={"tlp": "PURPLE"}), [("unknown-value", "/handling/tlp")]),
        (
            incident(handling={"tlp": "RED", "people": ["a"], "embargo_until": "2024-05"}),
            [("wrong-time", "/handling/embargo_until")],
        ),
        (incident(source={"scheme": "x", "id": "1", "sha256": "abc"}), [("wrong-digest", "/source/sha256")]),
        (incident({"harms": [{"id": "a b", "text": "x"}]}), [("wrong-element-id", "/content/harms/0/id")]),
        (
            incident({"extent": {"type": "single", "events": {"min": -1}}}),
            [("out-of-range", "/content/extent/events/min")],
        ),
        (
            incident({"affected": [{"group": "people", "count": {"min": 1.5}}]}),
            [("wrong-type", "/content/affected/0/count/min")],
        ),
        (incident({"nature": ["missuse"]}), [("unknown-value", "/content/nature/0")]),
        (incident({"critical_infrastructure": "yes"}), [("wrong-type", "/content/critical_infrastructure")]),
        (
            incident(absent=[{"pointer": "harms", "reason": "unknown"}]),
            [("wrong-pointer", "/absent/0/pointer")],
        ),
        (
            {"kind": "response", "title": "T", "content": {"text": "x"}},
            [("missing-field", "/content/about"), ("missing-field", "/content/stance")],
        ),
    ],
)
def test_wrong_shapes(raw: Any, found: Found) -> None:
    assert sorted(errors(raw)) == sorted(found)


@pytest.mark.parametrize(
    ("raw", "hint"),
    [
        (incident(sumary="x"), "Did you mean 'summary'?"),
        (incident({"severty": "severity:low"}), "Did you mean 'severity'?"),
        (incident(severity="severity:low"), "It belongs under content."),
        (incident({"language": "en"}), "It belongs at the top level."),
        (incident({"times": {"begun": "2024"}}), "There are: started, ended,"),
        (incident(metrics=[{"name": "x", "denominater": 4}]), "Did you mean 'denominator'?"),
    ],
)
def test_unknown_fields_get_the_nearest_name(raw: dict[str, Any], hint: str) -> None:
    assert [code for code, _ in errors(raw)] == ["unknown-field"]
    assert hint in suggestion(raw, "unknown-field")


@pytest.mark.parametrize(
    "field", ["id", "version", "origin", "provider", "published", "schema", "withdrawal"]
)
def test_what_the_registry_writes_is_not_taken_from_outside(field: str) -> None:
    assert errors(incident(**{field: "x"})) == [("stamped-field", f"/{field}")]


def test_unknown_values_get_the_nearest_one() -> None:
    raw = incident(relations=[{"type": "caused by", "target": INCIDENT_ID}])
    assert suggestion(raw, "unknown-value").startswith("Did you mean 'caused-by'?")


def test_numbers_for_text_get_a_hint() -> None:
    assert suggestion(incident(systems=[{"name": "x", "version": 1.1}]), "wrong-type") == "Put it in quotes."


# --- codes of outside standards
# ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "code", "pointer", "hint"),
    [
        (
            incident({"countries": ["Germany"]}),
            "unknown-country",
            "/content/countries/0",
            "Write DE for Germany.",
        ),
        (
            incident({"countries": ["DEU"]}),
            "unknown-country",
            "/content/countries/0",
            "Write DE for Germany.",
        ),
        (incident({"countries": ["UK"]}), "unknown-country", "/content/countries/0", "Write GB"),
        (incident({"countries": ["ZZ"]}), "unknown-country", "/content/countries/0", "two letters"),
        (incident({"countries": ["US-QQ"]}), "unknown-country", "/content/countries/0", "subdivision"),
        (incident(language="english"), "unknown-language", "/language", "codes such as en"),
        (incident(language="xx"), "unknown-language", "/language", "codes such as en"),
        (incident(license="CC-BY"), "unknown-license", "/license", "SPDX id"),
        (
            incident({"times": {"started": "2024-02-30"}}),
            "wrong-date",
            "/content/times/started",
            "Write 2024",
        ),
        (incident({"times": {"started": "May 2024"}}), "wrong-date", "/content/times/started", "Write 2024"),
        (incident(references=["ftp://example.org/x"]), "unsafe-url", "/references/0", "Only http"),
        (incident(references=["javascript:alert(1)"]), "unsafe-url", "/references/0", "Only http"),
        (
            incident(references=["https://me:secret@example.org"]),
            "unsafe-url",
            "/references/0",
            "Leave it out.",
        ),
        (incident(references=["https://exa mple.org"]), "wrong-url", "/references/0", "%20"),
        (incident(references=["https://[::1"]), "wrong-url", "/references/0", ""),
        (incident(references=["https://example.org:port/"]), "wrong-url", "/references/0", ""),
        (incident(references=["https:///path"]), "wrong-url", "/references/0", ""),
        (
            incident({"exploits": ["CIR-7GQ2M4KX9Y"]}),
            "wrong-check-character",
            "/content/exploits/0",
            "Copy the id",
        ),
        (
            incident({"exploits": [{"id": "CIR-1"}]}),
            "wrong-record-id",
            "/content/exploits/0/id",
            "Copy the id",
        ),
        (
            incident({"scores": [{"scheme": "CVSS", "vector": "CVSS:3.1/AV:N/AC:L"}]}),
            "wrong-cvss-vector",
            "/content/scores/0/vector",
            "",
        ),
        (
            incident({"scores": [{"scheme": "cvss", "value": 11}]}),
            "out-of-range",
            "/content/scores/0/value",
            "",
        ),
    ],
)
def test_wrong_codes(raw: dict[str, Any], code: str, pointer: str, hint: str) -> None:
    assert errors(raw) == [(code, pointer)]
    assert hint in suggestion(raw, code)


@pytest.mark.parametrize(
    ("vector", "value"),
    [
        ("AV:N/AC:L/Au:N/C:N/I:P/A:N", 5.0),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3),
    ],
)
def test_cvss_vectors_of_every_version_and_their_values(vector: str, value: float) -> None:
    good = incident({"scores": [{"scheme": "CVSS", "vector": vector, "value": value}]})
    assert errors(good) == []
    bad = incident({"scores": [{"scheme": "CVSS", "vector": vector, "value": 1}]})
    assert ("score-mismatch", "/content/scores/0/value") in warnings(bad)
