"""What a document reports: the rules, one by one."""

from typing import Any

import pytest

from registry.records.outcomes.claims import Claim, Publisher, claims_of, publishers_of, subject_of
from registry.records.outcomes.counting import BELIEF, INDEPENDENT, MEASURED, Report, rank

HOME = "registry.example/log"
ID, OTHER = "CIR-000000000H", "CIR-ZZZZZZZZZG"
ITSELF = subject_of(HOME, ID)
METRICS = [{"name": "recall", "value": 1}]


def document(kind: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"id": ID, "origin": HOME, "kind": kind, "content": content, **more}


def incident(*safeguards: Any, **more: Any) -> list[Claim]:
    return claims_of(document("incident", {"safeguards": list(safeguards)}, **more))


def test_an_incident_reports_what_became_of_safeguards() -> None:
    stated, unstated = incident(
        {"id": "a", "tag": "safeguard:filter/output", "against": ["misuse:spam"], "outcome": "bypassed"},
        {"id": "b", "mitigation": {"id": OTHER}, "outcome": "worked"},
        {"id": "c", "text": "A second channel.", "outcome": "absent"},
        {"id": "d", "tag": "safeguard:filter", "outcome": "splendid"},
        tags=["misuse:fraud/phishing", "sector:D", "safeguard:filter"],
    )
    assert (stated.pointer, stated.outcome, stated.target) == ("/content/safeguards/a", "bypassed", None)
    assert stated.against == (ITSELF, "misuse:spam")
    assert stated.safeguards == ("safeguard:filter/output", "safeguard:filter")
    assert (unstated.safeguard, unstated.target) == (None, (HOME, OTHER))
    assert unstated.subjects == (ITSELF, "misuse:fraud/phishing", "misuse:fraud")


def test_an_incident_speaks_of_the_weaknesses_it_exploits() -> None:
    (claim,) = claims_of(
        document(
            "incident",
            {
                "exploits": [{"id": OTHER, "origin": "peer.example/log"}],
                "safeguards": [{"tag": "safeguard:filter", "outcome": "absent"}],
            },
            relations=[
                {"type": "exploits", "target": {"id": OTHER}},
                {"type": "related", "target": {"id": ID}},
            ],
        )
    )
    assert claim.against == (ITSELF, subject_of("peer.example/log", OTHER), subject_of(HOME, OTHER))


def test_a_mitigation_says_what_it_is_and_how_it_went() -> None:
    described, inherits, stated = claims_of(
        document(
            "mitigation",
            {
                "safeguard": "safeguard:filter",
                "applies_to": [{"tag": "misuse:fraud"}, {"record": {"id": OTHER}}, {"text": "chat"}],
                "effectiveness": [
                    {"id": "1", "outcome": "effective", "basis": "measured", "metrics": METRICS},
                    {"id": "2", "outcome": "partial", "against": "misuse:spam"},
                ],
            },
        )
    )
    assert (described.number, described.outcome) == (0, "described")
    assert described.against == ("misuse:fraud", subject_of(HOME, OTHER))
    assert (inherits.against, inherits.inherits, inherits.measured) == ((), True, True)
    assert (stated.against, stated.inherits, stated.measured) == (("misuse:spam",), False, False)
    assert {claim.target for claim in (described, inherits, stated)} == {(HOME, ID)}


@pytest.mark.parametrize(
    ("content", "against"),
    [
        ({"effectiveness": [{"against": "misuse:spam", "outcome": "effective"}]}, ("misuse:spam",)),
        ({}, ("weakness:jailbreak",)),
    ],
)
def test_a_mitigation_that_applies_to_nothing_is_against_what_it_speaks_of(
    content: dict[str, Any], against: tuple[str, ...]
) -> None:
    assert (
        claims_of(document("mitigation", content, tags=["weakness:jailbreak", "task:chat"]))[0].against
        == against
    )


def test_a_response_reports_when_it_evaluates() -> None:
    about = {"about": {"id": OTHER}, "effectiveness": {"outcome": "ineffective", "basis": "measured"}}
    (claim,) = claims_of(document("response", {**about, "stance": "evaluates", "metrics": METRICS}))
    assert (claim.outcome, claim.target, claim.inherits, claim.measured) == (
        "ineffective",
        (HOME, OTHER),
        True,
        True,
    )
    assert claims_of(document("response", {**about, "stance": "adopts"})) == []
    (bare,) = claims_of(document("response", {"about": {"id": OTHER}, "stance": "evaluates"}))
    assert (bare.outcome, bare.measured, bare.pointer) == ("unknown", False, "/content")


@pytest.mark.parametrize(
    ("effect", "measured"),
    [
        ({"basis": "measured", "metrics": METRICS}, True),
        ({"basis": "independent", "evidence": {"url": "https://example.org"}}, True),
        ({"metrics": METRICS}, True),
        ({"basis": "measured"}, False),
        ({"basis": "belief", "metrics": METRICS}, False),
        ({"evidence": {"description": "we think so"}}, False),
        ({}, False),
    ],
)
def test_what_is_called_measured_has_to_show_something(effect: dict[str, Any], measured: bool) -> None:
    content = {"effectiveness": [{"outcome": "effective", **effect}]}
    assert claims_of(document("mitigation", content))[1].measured is measured


@pytest.mark.parametrize("kind", ["incident", "mitigation", "response", "lesson", None])
@pytest.mark.parametrize(
    "content", [None, 7, {"safeguards": "x", "effectiveness": {}, "about": [], "applies_to": 1}]
)
def test_what_is_shaped_otherwise_reports_nothing(kind: Any, content: Any) -> None:
    found = claims_of(
        {"id": ID, "origin": HOME, "kind": kind, "content": content, "tags": 3, "relations": "y"}
    )
    assert [claim for claim in found if claim.number] == []


def test_what_was_withdrawn_reports_nothing() -> None:
    safeguard = {"tag": "safeguard:filter", "outcome": "worked"}
    assert incident(safeguard) != []
    assert incident(safeguard, withdrawal={"code": "error"}) == []


def test_who_publishes_is_what_the_document_shows() -> None:
    lab = {"slug": "lab", "domain": "Lab.example", "verified": True}
    beside = {"slug": "two", "domain": "two.example", "verified": False}
    shown = {"provider": lab, "co_providers": [beside, 7]}
    assert publishers_of(shown) == [Publisher("lab", "lab.example"), Publisher("two")]
    # Another registry's word for a domain is not taken; a key of the domain is.
    assert publishers_of(shown, signed=()) == [Publisher("lab"), Publisher("two")]
    assert publishers_of(shown, signed={"two.example"}) == [Publisher("lab"), Publisher("two", "two.example")]
    for hidden in (
        {**shown, "attribution": "anonymous"},
        {"attribution": "sector", "provider_sector": "sector:J"},
        {},
    ):
        assert publishers_of(hidden) == [Publisher()]


# --- counting

A, B, C = "domain a.example", "domain b.example", "registry.example/log c"
TARGET = (HOME, OTHER)


def report(outcome: str, *by: str, record: int = 1, owners: tuple[str, ...] = (A,), **more: Any) -> Report:
    return Report(
        record, 1, more.pop("kind", "response"), outcome, more.pop("measured", True), frozenset(by),
        "safeguard:filter", TARGET, frozenset(owners), **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "basis"),
    [
        (report("effective", B), INDEPENDENT),
        (report("effective", A), MEASURED),
        (report("effective", A, B), MEASURED),
        (report("effective", "unnamed"), MEASURED),
        (report("effective", B, owners=()), MEASURED),
        (report("effective", B, owners=("unnamed",)), MEASURED),
        (report("effective", B, measured=False), BELIEF),
    ],
)
def test_independent_is_who_measured_and_is_known_to_be_another(said: Report, basis: str) -> None:
    assert said.basis == basis


def test_organisations_count_once_and_all_the_unnamed_as_one() -> None:
    said = [
        report("effective", B, record=1),
        report("effective", B, record=2),
        report("worked", C, record=3, kind="incident", measured=False),
        *(report("worked", "unnamed", record=record, measured=False) for record in range(4, 9)),
    ]
    mitigation, term = rank(said)
    assert {term.safeguard, term.target} == {"safeguard:filter", None}
    assert (mitigation.target, mitigation.total) == (TARGET, term.total)
    assert (term.total.reports, term.total.organisations, term.total.proven, term.total.unnamed) == (
        8,
        3,
        1,
        True,
    )
    worked = term.outcomes["worked"]
    assert (worked[""].reports, worked[""].organisations, worked[BELIEF].organisations) == (6, 2, 2)
    assert term.outcomes["effective"][INDEPENDENT].reports == 2


def test_the_order_is_explained_and_failures_do_not_change_it() -> None:
    def one(tag: str, outcome: str, by: str, record: int, *, measured: bool) -> Report:
        owners = frozenset({A})
        return Report(record, 1, "response", outcome, measured, frozenset({by}), tag, None, owners)

    said = [
        one("safeguard:proven", "effective", B, 1, measured=True),
        *(one("safeguard:proven", "harmful", f"domain {n}.example", 10 + n, measured=True) for n in range(9)),
        *(
            one("safeguard:accounts", "effective", f"peer.example/log {n}", 30 + n, measured=True)
            for n in range(9)
        ),
        *(
            one("safeguard:believed", "effective", f"domain {n}.example", 50 + n, measured=False)
            for n in range(9)
        ),
    ]
    ranked = rank(said)
    assert [entry.safeguard for entry in ranked] == [
        "safeguard:proven",
        "safeguard:believed",
        "safeguard:accounts",
    ]
    assert list(ranked[0].order.values())[:3] == [1, 1, 1]
    assert ranked[0].groups["failing"][""].organisations == 9
    assert [tuple(entry.order.values()) for entry in ranked] == sorted(
        (tuple(entry.order.values()) for entry in ranked), reverse=True
    )
