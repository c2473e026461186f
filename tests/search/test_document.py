"""What the index holds of a record."""

from typing import Any

from search.document import FACETS, Projection, value
from tests.search.documents import document, project

FULL = document(
    "CIR-7GQ2M4KX9X",
    kind="incident",
    title="Cloned voice of a director",
    summary="A call asked for a transfer.",
    narrative="The caller sounded **familiar**.",
    language="pt-BR",
    translations=[{"id": "1", "language": "en", "title": "Translated heading"}],
    basis="third-party",
    provider={"slug": "editors", "name": "The editors", "domain": "example.org", "verified": True},
    tags=["misuse:fraud/voice-clone"],
    aliases=[{"id": "AIID-147", "scheme": "aiid"}],
    systems=[
        {
            "id": "1",
            "name": "Voicer",
            "version": "2",
            "developer": "Example Lab",
            "deployer": "ACME",
            "deployer_ref": "org:acme",
            "modality": ["modality:audio"],
        }
    ],
    references=[{"id": "1", "url": "https://news.example/story", "title": "A story"}],
    content={
        "severity": "severity:high",
        "nature": ["misuse"],
        "setting": "in-the-wild",
        "status": "resolved",
        "times": {"started": "2019-03", "reported": "2019-09-01"},
        "countries": ["GB", "US-CA"],
        "sectors": ["sector:L"],
        "actors": [{"id": "1", "name": "Callers", "aliases": ["The Voices"]}],
        "causes": [{"id": "1", "text": "Nobody called back."}],
    },
)


def values(record: Projection, name: str) -> list[str]:
    return [held.value for held in record.values.get(name, ())]


def test_every_filter_has_its_values() -> None:
    record = project(FULL)
    assert {name: values(record, name) for name in FACETS if name != "tag"} == {
        "kind": ["incident"],
        "provider": ["editors"],
        "origin": ["registry.example/log"],
        "severity": ["severity:high"],
        "nature": ["misuse"],
        "country": ["GB", "US-CA", "US"],
        "sector": ["sector:L"],
        "language": ["pt-BR", "pt", "en"],
        "developer": ["Example Lab"],
        "deployer": ["org:acme"],
        "system": ["Voicer"],
        "actor": ["Callers"],
        "basis": ["third-party"],
        "setting": ["in-the-wild"],
        "status": ["resolved"],
        "modality": ["modality:audio"],
    }


def test_a_tag_brings_its_parents() -> None:
    tags = values(project(FULL), "tag")
    assert {"misuse:fraud/voice-clone", "misuse:fraud", "severity:high", "modality:audio"} <= set(tags)


def test_an_unknown_tag_brings_the_parents_in_its_path() -> None:
    assert values(project(document(tags=["peer:a/b/c"])), "tag") == ["peer:a/b/c", "peer:a/b", "peer:a"]


def test_values_say_what_they_are_called() -> None:
    record = project(FULL)
    assert record.values["country"][0] == value("GB", "United Kingdom")
    assert record.values["country"][1].label == "California, United States"
    assert record.values["language"][0].label == "Portuguese (Brazil)"
    assert record.values["severity"][0].label == "High"
    assert record.values["provider"][0].label == "The editors"
    assert record.values["deployer"][0] == value("org:acme", "ACME")


def test_a_term_is_found_without_its_namespace_and_a_system_with_its_version() -> None:
    record = project(FULL)
    assert "high" in record.keys("severity")
    assert "audio" in record.keys("modality")
    assert {"voicer", "voicer 2"} <= record.keys("system")
    assert "the voices" in record.keys("actor")
    assert record.keys("alias") == {"aiid:aiid-147", "aiid-147"}


def test_all_its_words_can_be_looked_for() -> None:
    everything = "\n".join(project(FULL).texts())
    for words in (
        "Cloned voice",
        "transfer",
        "familiar",
        "Translated heading",
        "Nobody called",
        "aiid AIID-147",
        "Voicer 2",
        "Example Lab",
        "The Voices",
        "A story",
        "news.example",
        "CIR-7GQ2M4KX9X",
        "Financ",
    ):
        assert words in everything, words
    assert "candor-record" not in everything


def test_occurrence_spans_what_its_dates_may_mean() -> None:
    assert project(FULL).occurred == (1551398400, 1554076799)
    found = document(
        kind="weakness", content={"times": {"discovered": "2020-05-01T10:00:00Z", "fixed": "2021"}}
    )
    assert project(found).occurred == (1588327200, 1588327200)
    told = document(content={"times": {"reported": "2020"}})
    assert project(told).occurred is None


def test_the_month_is_of_the_occurrence_then_of_the_source_then_of_publication() -> None:
    assert project(FULL).month == 2019 * 12 + 2
    imported = document(source={"scheme": "aiid", "id": "1", "published": "2017-11-05"})
    assert project(imported).month == 2017 * 12 + 10
    assert project(document()).month == 2024 * 12


def test_severities_rank_by_their_vocabulary() -> None:
    def rank(tag: str | None) -> int:
        return project(document(content={"severity": tag} if tag else {})).severity

    order = [rank(tag) for tag in (None, "severity:low", "severity:high", "severity:critical")]
    assert order == sorted(set(order))
    assert rank("peer:awful") == 0


def test_fields_of_another_shape_do_no_harm() -> None:
    odd: dict[str, Any] = document(
        content={"countries": "DE", "actors": "x", "times": "soon", "nature": 3, "severity": ["a"]},
        systems={"name": "x"},
        aliases=[{"scheme": 1}, "x"],
        source="nowhere",
        provider="x",
        translations=[{"language": 4}],
    )
    record = project(odd)
    assert values(record, "country") == ["DE"]
    assert record.occurred is None
    assert record.exact == ("cir-0000000001",)
    assert project(document(content=[])).values.keys() == {"kind", "origin"}
