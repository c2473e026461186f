"""From a submission to the document that is published: pure, so held to examples and to laws."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.records import documents
from registry.records.documents import Publisher

LAB = Publisher("example-lab", "Example Lab", "lab.example", True, "sector:J")
AT = datetime(2026, 5, 1, 12, 30, 15, 123_000, UTC)
LATER = datetime(2026, 6, 1, tzinfo=UTC)
MOMENT, LATER_MOMENT = "2026-05-01T12:30:15.123Z", "2026-06-01T00:00:00.000Z"


def made(**fields: Any) -> dict[str, Any]:
    submission = {"kind": "lesson", "title": "T", "content": {"what_happened": "x"}, **fields}
    return documents.draft(submission, id="CIR-1", origin="o/log", publisher=LAB, prev=None)


def published(**fields: Any) -> dict[str, Any]:
    return documents.publish(made(**fields), number=1, at=AT, before=None)


# --- drafts ---


def test_a_draft_bears_what_the_registry_stamps_and_what_came_before() -> None:
    assert made(prev="sent along", id="sent along", version=7, published="sent along") == {
        "schema": "candor-record/1",
        "id": "CIR-1",
        "origin": "o/log",
        "provider": {
            "slug": "example-lab",
            "name": "Example Lab",
            "domain": "lab.example",
            "verified": True,
        },
        "kind": "lesson",
        "title": "T",
        "content": {"what_happened": "x"},
        "prev": None,
    }


@pytest.mark.parametrize("field", ["handling", "restricted", "withdrawal", "provider_sector", "updated"])
def test_what_is_not_for_the_document_stays_out(field: str) -> None:
    assert field not in made(**{field: {"x": "y"}})


def test_the_provider_shows_as_far_as_attribution_allows() -> None:
    assert made(attribution="sector")["provider_sector"] == "sector:J"
    for attribution in ("sector", "anonymous"):
        document = made(attribution=attribution, co_providers=["other-lab"])
        assert not {"provider", "co_providers"} & document.keys()
        assert "example" not in str(document).lower()
    assert "provider_sector" not in made(attribution="anonymous")
    nowhere = Publisher("a", "A")
    assert nowhere.shown("sector") == {}
    assert nowhere.shown("named") == {"provider": {"slug": "a", "name": "A", "verified": False}}


# --- versions ---


def test_the_first_version_is_as_old_as_its_publication() -> None:
    document = published()
    assert document["version"] == 1
    assert document["published"] == document["modified"] == document["updated"] == MOMENT
    assert "prev" not in document


@pytest.mark.parametrize(
    ("revision", "modified"),
    [("correction", LATER_MOMENT), ("new-information", LATER_MOMENT), ("editorial", MOMENT)],
)
def test_modified_moves_with_the_meaning(revision: str, modified: str) -> None:
    draft = made(revision={"type": revision})
    second = documents.publish(draft, number=2, at=LATER, before=published())
    assert (second["published"], second["modified"], second["updated"]) == (MOMENT, modified, LATER_MOMENT)


def test_a_withdrawal_keeps_the_text_and_can_be_taken_back() -> None:
    first = published(revision={"type": "correction"}, summary="What was learnt.")
    gone = documents.withdraw(first, number=2, at=LATER, withdrawal={"code": "error"})
    assert gone["summary"] == "What was learnt."
    assert gone["withdrawal"] == {"code": "error"}
    assert "revision" not in gone
    back = documents.reinstate(gone, number=3, at=LATER, note="It was right.")
    assert "withdrawal" not in back
    assert back["revision"] == {"type": "status", "note": "It was right."}
    assert {**back, "version": 1, "updated": MOMENT, "modified": MOMENT} == {
        **first,
        "revision": back["revision"],
    }
    assert documents.reinstate(gone, number=3, at=LATER, note="")["revision"] == {"type": "status"}


# --- what is set aside ---

PARTS = {"filings": [{"regime": "eu-73"}], "contacts": [{"name": "N"}], "times": {"aware": "2026-01-02"}}


def test_filings_contacts_and_when_they_knew_are_set_aside() -> None:
    submission = {"title": "T", "content": {**PARTS, "text": "x"}}
    public, aside = documents.set_aside(submission)
    assert public == {"title": "T", "content": {"text": "x"}}
    assert aside == {"content": PARTS}
    assert submission["content"]["filings"], "what was sent is left as it was"  # type: ignore[index]


def test_other_times_stay_public() -> None:
    public, aside = documents.set_aside({"content": {"times": {"aware": "2026-01-02", "started": "2026"}}})
    assert public == {"content": {"times": {"started": "2026"}}}
    assert aside == {"content": {"times": {"aware": "2026-01-02"}}}


@pytest.mark.parametrize("content", [None, [], "text", {}, {"times": None}, {"times": "2026"}])
def test_there_may_be_nothing_to_set_aside(content: Any) -> None:
    assert documents.set_aside({"content": content}) == ({"content": content}, {})


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
CONTENT = st.fixed_dictionaries(
    {}, optional={"filings": JSON, "contacts": JSON, "times": JSON, "text": JSON, "aware": JSON}
)


@given(CONTENT)
def test_nothing_is_lost_and_nothing_stays(content: dict[str, Any]) -> None:
    public, aside = documents.set_aside({"content": content})
    times = public.get("content", {}).get("times")
    assert not {"filings", "contacts"} & public.get("content", {}).keys()
    assert not (isinstance(times, dict) and "aware" in times)
    put_back = documents.with_aside([{"id": "set-aside", "tlp": "RED", "content": public}], aside)
    restored = put_back[0]["content"].get("content", {})
    assert restored == {key: item for key, item in content.items() if item != {} or key != "times"} or (
        restored == content
    )


def test_a_part_that_was_set_aside_before_is_laid_over() -> None:
    before = [
        {"id": "1", "tlp": "AMBER", "groups": ["labs"], "content": {"x": 1}},
        {
            "id": "set-aside",
            "tlp": "AMBER",
            "content": {"content": {"filings": [1], "times": {"aware": "a"}}},
        },
    ]
    now = documents.with_aside(before, {"content": {"filings": [2], "contacts": [3]}})
    assert now[0] == before[0]
    assert now[1] == {
        "id": "set-aside",
        "tlp": "AMBER",
        "content": {"content": {"filings": [2], "contacts": [3], "times": {"aware": "a"}}},
    }
    assert documents.with_aside(before, {}) == before
    assert documents.with_aside((), {"content": {}}) == [
        {"id": "set-aside", "tlp": "RED", "content": {"content": {}}}
    ]


# --- tags and links ---


def test_tags_are_gathered_from_wherever_they_may_stand() -> None:
    document = {
        "tags": ["misuse:fraud", "misuse:spam"],
        "title": "not:a-tag",
        "content": {
            "harms": [{"tag": "harm:financial", "text": "is:no-tag"}, {"tag": "misuse:fraud"}],
            "severity": "severity:high",
            "platforms": ["platform:email", "A site"],
            "safeguards": [{"tag": "safeguard:rate-limit", "against": ["misuse:spam/seo"]}],
        },
    }
    assert documents.tags_of(document) == [
        "misuse:fraud",
        "misuse:spam",
        "harm:financial",
        "severity:high",
        "platform:email",
        "safeguard:rate-limit",
        "misuse:spam/seo",
    ]


def test_links_name_their_role_and_whose_record_they_lead_to() -> None:
    first, second, third = "CIR-7GQ2M4KX9X", "CIR-000000000H", "CIR-ZZZZZZZZZG"
    document = {
        "id": first,
        "origin": "home/log",
        "relations": [
            {"id": "1", "type": "caused-by", "target": {"id": second}},
            {"id": "2", "type": "related", "target": {"id": second, "origin": "away/log"}},
        ],
        "withdrawal": {"replaced_by": {"id": third}},
        "content": {"about": {"id": second}, "derived_from": [{"id": third}, {"id": third}]},
        "aliases": [{"scheme": "other", "id": "CVE-2026-0001"}],
    }
    assert documents.links_of(document) == [
        ("caused-by", "home/log", second),
        ("related", "away/log", second),
        ("replaced_by", "home/log", third),
        ("about", "home/log", second),
        ("derived_from", "home/log", third),
    ]


@pytest.mark.parametrize(
    "unknown",
    [
        {"id": "CIR-7GQ2M4KX9X", "origin": {"deep": 1}},
        {"id": "CIR-7GQ2M4KX9X", "origin": ["list"]},
        {"target": {"id": "CIR-7GQ2M4KX9X"}, "type": {"deep": 1}},
        {"id": "CIR-mistyped"},
        {"id": ["CIR-7GQ2M4KX9X"]},
    ],
)
def test_fields_that_nobody_knows_here_break_nothing(unknown: dict[str, Any]) -> None:
    links = documents.links_of({"origin": "home/log", "unknown": unknown})
    assert all(isinstance(part, str) for link in links for part in link)
    assert {id for _, _, id in links} <= {"CIR-7GQ2M4KX9X"}
