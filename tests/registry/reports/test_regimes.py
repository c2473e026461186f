"""What each regime is told of an incident: full, minimal, and told in part."""

from datetime import UTC, datetime
from typing import Any

import pytest

from registry.errors import NotFound, has_errors
from registry.records.content.check import check
from registry.records.content.examples import EXAMPLES
from registry.records.content.outline import known_path
from registry.reports.model import Report
from registry.reports.regimes import REGIMES, regime_named, report
from registry.reports.views import as_json, as_markdown

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINIMAL = {
    "id": "CIR-7GQ2M4KX9X",
    "kind": "incident",
    "title": "It happened",
    "content": {"status": "ongoing"},
}
FULL: dict[str, Any] = {
    "id": "CIR-7GQ2M4KX9X",
    "kind": "incident",
    "title": "Adverts for flats that do not exist",
    "summary": "Accounts wrote fraudulent adverts.",
    "narrative": "They began in *March*.",
    "provider": {"slug": "example-lab", "name": "Example Lab"},
    "tags": ["misuse:fraud", "principle:accountability"],
    "systems": [
        {
            "id": "1",
            "name": "Text model",
            "version": "3",
            "developer": "Example Lab",
            "deployer": "Example Lab",
            "access": "api",
            "role": "system-role:instrument",
            "tasks": ["task:text-generation"],
            "autonomy": "answers on request",
            "identifiers": [{"scheme": "eu-ai-database", "value": "123"}],
            "url": "https://example.org/model",
            "training_data": "See the model card.",
            "usage_rights": "Commercial terms.",
        }
    ],
    "references": [{"id": "1", "url": "https://example.org/report", "title": "Report"}],
    "relations": [{"id": "1", "type": "part-of-campaign", "target": {"id": "CIR-4T1CEV8WQ9"}}],
    "content": {
        "event_class": "serious-incident",
        "severity": "severity:high",
        "status": "resolved",
        "nature": ["misuse"],
        "extent": {"type": "campaign"},
        "times": {
            "started": "2026-03-01",
            "ended": "2026-03-04",
            "aware": "2026-03-02T10:00:00Z",
            "contained": "2026-03-04",
            "resolved": "2026-03-05",
        },
        "affected": [{"id": "1", "group": "affected:users", "count": {"min": 40, "max": 60}}],
        "harms": [
            {
                "id": "1",
                "tag": "harm:financial",
                "status": "realised",
                "quantity": {"min": 9000, "unit": "EUR"},
            }
        ],
        "chain": [{"id": "1", "at": "2026-03-01", "text": "The first advert."}],
        "safeguards": [{"id": "1", "tag": "safeguard:rate-limits", "outcome": "bypassed"}],
        "actions": [{"id": "1", "at": "2026-03-04", "text": "Accounts closed."}],
        "causes": [{"id": "1", "type": "root", "text": "No check of bulk use."}],
        "causal_link": "The model wrote the adverts.",
        "countries": ["DE"],
        "sectors": ["sector:L"],
        "business_functions": ["sales"],
        "critical_infrastructure": False,
        "rights": ["rights:property"],
        "breadth": "Worldwide.",
        "contacts": [{"id": "1", "name": "Safety desk", "address": "safety@example.org"}],
        "evidence": [{"id": "1", "description": "Logs of the adverts."}],
        "reproduction": "Ask for an advert.",
    },
}

# What a full record still cannot answer as it is asked, and what it lacks.
EXPECTED = {
    "oecd": ({"26-autonomy"}, set()),
    "eu-73": ({"annex-iii-class", "category"}, set()),
    "eu-gpai": ({"near-misses"}, {"recommendations"}),
    "us-ca-sb53": ({"why"}, set()),
    "us-ny-raise": ({"why"}, set()),
}


def made(regime: str, document: dict[str, Any], now: datetime = NOW) -> dict[str, Any]:
    return as_json(reported(regime, document, now))


def reported(regime: str, document: dict[str, Any], now: datetime = NOW) -> Report:
    return report(regime_named(regime), document, version="1", now=now)


def with_content(**fields: Any) -> dict[str, Any]:
    return {**FULL, "content": {**FULL["content"], **fields}}


def answer(told: dict[str, Any], field: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in told["fields"] if row["field"] == field)
    return found


@pytest.mark.parametrize("regime", EXPECTED)
def test_a_full_incident_leaves_what_the_record_cannot_say(regime: str) -> None:
    told = made(regime, FULL)
    assert (set(told["lossy"]), set(told["missing"])) == EXPECTED[regime]
    for row in told["fields"]:
        assert set(row) == {"field", "title", "mandatory", "value", "from", "state", "note"}
        assert row["note"] or row["state"] == "present", row["field"]


@pytest.mark.parametrize("regime", EXPECTED)
def test_a_minimal_incident_tells_where_everything_belongs(regime: str) -> None:
    told = made(regime, MINIMAL)
    for row in told["fields"]:
        assert row["from"], row["field"]
        if row["field"] not in ("1-title", "2-description"):
            assert row["state"] in ("missing", "not-applicable"), row["field"]
        for pointer in row["from"]:
            assert known_path(("incident",), pointer), pointer
    assert all(clock["state"] == "waiting" and clock["due"] is None for clock in told["clocks"])


@pytest.mark.parametrize("regime", [regime.name for regime in REGIMES])
@pytest.mark.parametrize("document", [FULL, MINIMAL, {**EXAMPLES["incident"], "id": "CIR-7GQ2M4KX9X"}])
def test_markdown_holds_every_field_and_quotes_the_record(regime: str, document: dict[str, Any]) -> None:
    document = {**document, "summary": "One\n# Two"}
    report = reported(regime, document)
    text = as_markdown(report)
    assert text.startswith(f"# {report.regime.title}\n")
    for question, _ in report.answers:
        assert f"### {question.title}" in text
    assert "\n# Two" not in text
    assert [line for line in text.splitlines() if line.startswith("# ")] == [f"# {report.regime.title}"]


def test_the_oecd_has_29_criteria_of_which_seven_must_be_there() -> None:
    rows = made("oecd", FULL)["fields"]
    assert [int(row["field"].partition("-")[0]) for row in rows] == list(range(1, 30))
    must = [int(row["field"].partition("-")[0]) for row in rows if row["mandatory"]]
    assert must == [1, 2, 3, 4, 7, 10, 11]
    assert made("oecd", FULL)["clocks"] == []


@pytest.mark.parametrize(
    ("absent", "state", "value"),
    [
        ("unknown", "unknown", "unknown"),
        ("not-assessed", "unknown", "unknown"),
        ("not-applicable", "not-applicable", None),
        ("withheld", "missing", None),
    ],
)
@pytest.mark.parametrize("pointer", ["/content/causes", "/content"])
def test_what_is_absent_is_told_as_the_record_tells_it(
    absent: str, state: str, value: str | None, pointer: str
) -> None:
    document = with_content(causes=[])
    document["absent"] = [{"id": "1", "pointer": pointer, "reason": absent}]
    row = answer(made("eu-73", document), "root-cause")
    assert (row["state"], row["value"]) == (state, value)


@pytest.mark.parametrize(
    ("changes", "state", "value"),
    [
        ({}, "present", "serious incident"),
        ({"event_class": "hazard", "severity": "severity:low"}, "present", "hazard"),
        ({"event_class": "hazard"}, "lossy", "serious hazard"),
        ({"event_class": "near-miss"}, "lossy", "hazard"),
        ({"event_class": None}, "lossy", "severity:high"),
        ({"event_class": None, "severity": None}, "missing", None),
    ],
)
def test_the_oecds_classes(changes: dict[str, Any], state: str, value: str | None) -> None:
    content = {key: item for key, item in {**FULL["content"], **changes}.items() if item is not None}
    row = answer(made("oecd", {**FULL, "content": content}), "10-severity")
    assert (row["state"], row["value"]) == (state, value)


@pytest.mark.parametrize(
    ("regime", "field", "document", "state"),
    [
        ("oecd", "4-submitter", {**FULL, "provider": None, "provider_sector": "sector:J"}, "lossy"),
        ("oecd", "5-first-known-date", with_content(times={"detected": "2026-03"}), "lossy"),
        ("oecd", "11-harm-type", with_content(harms=[{"text": "Money was lost."}]), "lossy"),
        ("oecd", "12-harm-quantification", with_content(harms=[{"tag": "harm:financial"}]), "present"),
        ("oecd", "16-principles", {**FULL, "tags": ["principle:collaborate"]}, "lossy"),
        ("oecd", "17-industries", with_content(sectors=["letting"]), "lossy"),
        ("oecd", "24-interaction", {**FULL, "systems": FULL["systems"] * 2}, "lossy"),
        ("oecd", "8-system", {**FULL, "systems": [{"name": "A model"}]}, "lossy"),
        ("oecd", "3-relation", {**FULL, "systems": [{"name": "A model"}], "content": {}}, "missing"),
        ("eu-73", "registration", {**FULL, "systems": [{"name": "A model"}]}, "missing"),
        ("eu-73", "dates", with_content(times={"aware": "2026-03"}), "lossy"),
        ("eu-73", "narrative", {**FULL, "narrative": None}, "lossy"),
        ("eu-gpai", "root-cause", with_content(reproduction=None), "lossy"),
        ("us-ca-sb53", "internal-use", {**FULL, "systems": [*FULL["systems"], {"name": "Another"}]}, "lossy"),
        (
            "us-ny-raise",
            "internal-use",
            {**FULL, "systems": [{"name": "A", "access": "internal"}]},
            "present",
        ),
    ],
)
def test_what_falls_short_is_lossy(regime: str, field: str, document: dict[str, Any], state: str) -> None:
    assert answer(made(regime, _without_none(document)), field)["state"] == state


def _without_none(document: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in document.items() if value is not None}
    rest["content"] = {key: value for key, value in rest["content"].items() if value is not None}
    return rest


DEATH = {"tag": "harm:physical/death", "status": "realised"}


@pytest.mark.parametrize(
    ("regime", "content", "due"),
    [
        ("eu-73", {}, {"report": "2026-03-17T10:00:00.000Z"}),
        ("eu-73", {"harms": [DEATH]}, {"report": "2026-03-12T10:00:00.000Z"}),
        ("eu-73", {"harms": [{**DEATH, "status": "averted"}]}, {"report": "2026-03-17T10:00:00.000Z"}),
        (
            "eu-73",
            {"harms": [{**DEATH, "assertion": {"status": "refuted"}}]},
            {"report": "2026-03-17T10:00:00.000Z"},
        ),
        (
            "eu-73",
            {"harms": [DEATH], "critical_infrastructure": True},
            {"report": "2026-03-04T10:00:00.000Z"},
        ),
        (
            "eu-gpai",
            {},
            {"report": "2026-03-17T10:00:00.000Z", "final": "2026-05-04T00:00:00.000Z"},
        ),
        (
            "eu-gpai",
            {"harms": [DEATH]},
            {"report": "2026-03-12T10:00:00.000Z", "final": "2026-05-04T00:00:00.000Z"},
        ),
        (
            "eu-gpai",
            {"nature": ["attack"], "harms": [DEATH]},
            {"report": "2026-03-07T10:00:00.000Z", "final": "2026-05-04T00:00:00.000Z"},
        ),
        (
            "eu-gpai",
            {"critical_infrastructure": True, "times": {"aware": "2026-03"}},
            {"report": "2026-03-03T00:00:00.000Z", "update": None, "final": None},
        ),
        (
            "eu-gpai",
            {
                "times": {"aware": "2026-03-02"},
                "filings": [{"regime": "eu-gpai", "filed": "2026-03-05T08:00:00Z"}],
            },
            {
                "report": "2026-03-17T00:00:00.000Z",
                "update": "2026-04-02T08:00:00.000Z",
                "final": None,
            },
        ),
        ("us-ca-sb53", {}, {"report": "2026-03-17T10:00:00.000Z"}),
        (
            "us-ca-sb53",
            {"status": "ongoing", "harms": [{"tag": "harm:physical/injury", "status": "potential"}]},
            {"imminent": "2026-03-03T10:00:00.000Z", "report": "2026-03-17T10:00:00.000Z"},
        ),
        ("us-ny-raise", {}, {"report": "2026-03-05T10:00:00.000Z"}),
        ("us-ny-raise", {"times": {"aware": "2026~"}}, {"report": "2026-01-04T00:00:00.000Z"}),
        ("us-ny-raise", {"times": {"aware": "some day"}}, {"report": None}),
    ],
)
def test_time_limits(regime: str, content: dict[str, Any], due: dict[str, str | None]) -> None:
    told = made(regime, with_content(**content))
    assert {clock["name"]: clock["due"] for clock in told["clocks"]} == due


def test_the_earliest_reading_of_a_partial_date_is_taken_and_said() -> None:
    (clock,) = made("us-ny-raise", with_content(times={"aware": "2026-03"}))["clocks"]
    assert (clock["starts"], clock["hours"]) == ("2026-03-01T00:00:00.000Z", 72)
    assert "aware is 2026-03, read as its first moment" in clock["note"]


@pytest.mark.parametrize(
    ("filings", "state"),
    [
        ([], "overdue"),
        ([{"regime": "us-ny-raise", "due": "2026-03-05"}], "overdue"),
        ([{"regime": "eu-73", "filed": "2026-03-04"}], "overdue"),
        ([{"regime": "us-ny-raise", "filed": "2026-03-04"}], "filed"),
    ],
)
def test_a_filing_under_the_regime_meets_the_time_limit(filings: list[dict[str, str]], state: str) -> None:
    (clock,) = made("us-ny-raise", with_content(filings=filings))["clocks"]
    assert clock["state"] == state


def test_an_unknown_regime_is_told_with_those_there_are() -> None:
    with pytest.raises(NotFound, match="oecd, eu-73, eu-gpai, us-ca-sb53, us-ny-raise"):
        regime_named("eu-74")


def test_the_full_incident_is_one_that_could_be_submitted() -> None:
    submission = {key: value for key, value in FULL.items() if key not in ("id", "provider")}
    assert not has_errors(check(submission, vocabulary=None).findings)
