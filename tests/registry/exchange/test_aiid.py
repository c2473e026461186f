"""The AI Incident Database: allegations, classifications, duplicates, and who is an actor."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from registry.errors import Malformed
from registry.exchange import aiid
from registry.exchange.aiid import cset, names
from registry.exchange.item import Item, Options
from registry.records.content.check import check
from registry.taxonomies.own import load_own
from registry.taxonomies.sources import FORMATS
from registry.taxonomies.sources import Options as TaxonomyOptions
from registry.taxonomies.vocabulary import Vocabulary

HEAD = (
    "_id,incident_id,date,reports,Alleged deployer of AI system,Alleged developer of AI system,"
    "Alleged harmed or nearly harmed parties,description,title\n"
)


def row(number: int, title: str = "A title", deployers: str = '[""example-lab""]') -> str:
    return (
        f'x,{number},2024-02-03,[1],"{deployers}","[""example-lab""]","[""users""]",What happened.,{title}\n'
    )


@pytest.fixture(scope="module")
def everything(corpora: Path) -> list[Item]:
    return list(aiid.read(corpora / "aiid-2025-03", Options()))


@pytest.fixture(scope="module")
def items(everything: list[Item]) -> dict[str, Item]:
    return {item.key[1]: item for item in everything if item.key}


def submission(items: dict[str, Item], number: str) -> dict[str, Any]:
    found = items[number].submission
    assert found is not None
    return found


def tags(submission: dict[str, Any]) -> set[str]:
    return {given["tag"] for given in submission.get("classifications", [])}


class TestCorpus:
    def test_every_incident_but_the_duplicate_becomes_a_record(self, everything: list[Item]) -> None:
        assert len(everything) == 989
        assert sum(item.submission is not None for item in everything) == 988
        assert not [item for item in everything if item.rejected]

    def test_the_duplicate_becomes_an_alias(self, items: dict[str, Item]) -> None:
        assert items["637"].submission is None
        assert [finding.code for finding in items["637"].findings] == ["duplicate"]
        assert [alias["id"] for alias in submission(items, "112")["aliases"]] == ["637"]
        # Known only from the list of duplicates: the number still leads to the incident.
        assert [alias["id"] for alias in submission(items, "95")["aliases"]] == ["365"]

    def test_everything_is_alleged(self, everything: list[Item]) -> None:
        claims = {
            item.submission["content"]["assertion"]["status"]
            for item in everything
            if item.submission is not None
        }
        assert claims == {"alleged"}
        systems = [
            each for item in everything if item.submission for each in item.submission.get("systems", [])
        ]
        assert {each["assertion"]["status"] for each in systems} == {"alleged"}

    def test_licence_and_credit_are_kept(self, items: dict[str, Item]) -> None:
        record = submission(items, "6")
        assert (record["basis"], record["license"]) == ("imported", "CC-BY-SA-4.0")
        assert record["credits"][0]["organisation"] == "Responsible AI Collaborative"
        assert record["source"]["url"] == "https://incidentdatabase.ai/cite/6"

    def test_every_record_passes_the_check(self, corpora: Path, everything: list[Item]) -> None:
        taxa = FORMATS["aiid"](
            (corpora / "aiid-taxa" / "aiid_taxa.json").read_bytes(), TaxonomyOptions()
        ).taxonomies
        vocabulary = Vocabulary((*load_own(), *taxa))
        for item in everything:
            if item.submission is not None:
                checked = check(item.submission, vocabulary=vocabulary, lenient=True)
                assert checked.submission is not None, (item.name, checked.findings)
                bad = [f for f in checked.findings if f.code not in ("unknown-tag", "unknown-vocabulary")]
                assert not bad, (item.name, bad)

    def test_tags_are_terms_of_the_databases_own_taxa(self, corpora: Path, everything: list[Item]) -> None:
        taxa = FORMATS["aiid"](
            (corpora / "aiid-taxa" / "aiid_taxa.json").read_bytes(), TaxonomyOptions()
        ).taxonomies
        vocabulary = Vocabulary(taxa)
        given = Counter(
            tag
            for item in everything
            if item.submission
            for tag in tags(item.submission)
            if tag.startswith(("CSETv1:", "GMF:"))
        )
        unknown = {tag for tag in given if not vocabulary.known(tag)}
        # Two editors wrote values that the taxonomy does not permit.
        assert len(unknown) <= 3, unknown

    def test_classifications_say_who_classified(self, items: dict[str, Item]) -> None:
        given = {each["tag"]: each for each in submission(items, "4")["classifications"]}
        assert given["mit-risk:7.3"]["by"] == "MIT AI Risk Repository"
        assert given["mit-causal:intent/unintentional"]["method"] == "import"
        assert given["CSETv1:ai-harm-level/ai-tangible-harm-event"]["taxonomy_version"] == "1"

    def test_cset_is_read_into_the_registrys_own_fields(self, items: dict[str, Item]) -> None:
        content = submission(items, "4")["content"]
        assert (content["event_class"], content["countries"], content["sectors"]) == (
            "incident",
            ["US"],
            ["sector:H"],
        )
        assert content["harms"] == [
            {
                "tag": "harm:physical/death",
                "status": "realised",
                "quantity": {"min": 1, "max": 1, "unit": "people"},
                "assertion": {"status": "alleged", "by": "CSETv1"},
            }
        ]
        assert content["nature"] == ["failure"]

    def test_severity_is_read_from_the_earlier_cset(self, items: dict[str, Item]) -> None:
        assert submission(items, "23")["content"]["severity"] == "severity:low"

    def test_gmf_is_kept_without_the_quoted_reports(
        self, items: dict[str, Item], everything: list[Item]
    ) -> None:
        assert "GMF:known-ai-technology/collaborative-filtering" in tags(submission(items, "1"))
        assert "Snippet Text" not in str([item.submission for item in everything])

    def test_unpublished_classifications_are_left_out_and_said_so(self, everything: list[Item]) -> None:
        left_out = [
            finding for item in everything for finding in item.findings if finding.code.startswith("unpub")
        ]
        assert len(left_out) == 285 + 6 + 8

    def test_scammers_are_actors_and_no_deployers(self, everything: list[Item]) -> None:
        deployers = {
            each["deployer"].lower()
            for item in everything
            if item.submission
            for each in item.submission.get("systems", [])
            if "deployer" in each
        }
        # FraudGPT is a product; whoever sells it is an actor.
        assert [name for name in deployers if re.search("scam|fraud|^unknown", name)] == ["fraudgpt"]
        actors = Counter(
            each.get("type")
            for item in everything
            if item.submission
            for each in item.submission["content"].get("actors", [])
        )
        assert actors["actor:criminal"] > 100
        assert actors["actor:unknown"] > 50
        assert actors["actor:criminal/organised"] >= 8


class TestNames:
    @pytest.mark.parametrize(
        ("slug", "kind"),
        [
            ("scammers", "actor:criminal"),
            ("unknown-scammers-impersonating-pierce-brosnan", "actor:criminal"),
            ("poipet-based-scam-gang", "actor:criminal/organised"),
            ("unknown-deepfake-creators", "actor:unknown"),
            ("unknown", "actor:unknown"),
            ("isis", "actor:extremist"),
            ("chinese-state-linked-actors", "actor:state"),
            ("reddit-users", "actor:user"),
            ("north-korean-hackers", None),
        ],
    )
    def test_actors(self, slug: str, kind: str | None) -> None:
        actor = names.actor_of(slug, "AI Incident Database")
        assert actor is not None
        assert actor.get("type") == kind
        assert actor["assertion"]["status"] == "alleged"

    @pytest.mark.parametrize(
        "slug",
        [
            "openai",
            "irobot",
            "serve-robotics",
            "unnamed-large-academic-hospital",
            "chicago-police-department",
        ],
    )
    def test_organisations(self, slug: str) -> None:
        assert names.actor_of(slug, "AI Incident Database") is None

    def test_spelling(self) -> None:
        assert names.display("keolis-north-america") == "Keolis North America"
        assert names.display("openai") == "OpenAI"
        assert names.display("university-of-illinois") == "University of Illinois"
        assert names.reference("x-(twitter)") == "org:x-twitter"

    def test_a_technology_of_unknown_makers_is_a_system(self) -> None:
        (system,) = names.systems_of(["scammers"], ["unknown-voice-cloning-technology-developer"], "AIID")
        assert system["name"] == "unnamed voice cloning technology"
        assert "developer" not in system


class TestCset:
    @pytest.mark.parametrize(
        ("place", "country"),
        [
            ("Los Angeles, CA", ["US"]),
            ("Delhi, India", ["IN"]),
            ("UK/USA", ["GB", "US"]),
            ("Banff, Alberta", ["CA"]),
            ("Global", []),
            ("", []),
            ("Inverness, Scotland, UK", ["GB"]),
        ],
    )
    def test_countries(self, place: str, country: list[str]) -> None:
        assert cset.content({"Location": place}, None, None).get("countries", []) == country

    def test_values_with_commas_are_one(self) -> None:
        cell = "race, nation of origin, citizenship, immigrant status, sex"
        assert cset.values(cell) == ["race", "nation of origin, citizenship, immigrant status", "sex"]
        assert cset.values("unclear") == []

    def test_an_estimated_date_is_about(self) -> None:
        row = {"Estimated Date": "True", "Date of Incident Year": "2020", "Date of Incident Month": "March"}
        assert cset.times("2020-03-05", row) == {"started": "2020-03~"}
        assert cset.times("2020-03-05", None) == {"started": "2020-03-05"}
        assert cset.times("spring", None) == {"date_unspecified": True}


class TestFiles:
    def test_a_row_is_enough(self, tmp_path: Path) -> None:
        (tmp_path / "incidents.csv").write_text(HEAD + row(7))
        (item,) = aiid.read(tmp_path, Options())
        assert item.submission is not None
        assert item.submission["systems"][0]["developer"] == "Example Lab"

    def test_a_ragged_row_is_rejected_alone(self, tmp_path: Path) -> None:
        (tmp_path / "incidents.csv").write_text(HEAD + "x,1,2024-01-01\n" + row(2))
        bad, good = aiid.read(tmp_path, Options())
        assert [finding.code for finding in bad.findings] == ["ragged-row"]
        assert good.submission is not None

    def test_a_file_that_breaks_off_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "incidents.csv").write_text(HEAD + row(1) + 'x,2,2024-01-01,[1],"[""exam')
        good, bad = aiid.read(tmp_path, Options())
        assert good.submission is not None
        assert [finding.code for finding in bad.findings] == ["half-written"]

    def test_a_list_that_is_none_is_rejected(self, tmp_path: Path) -> None:
        (tmp_path / "incidents.csv").write_text(HEAD + row(1, deployers="[exam"))
        (item,) = aiid.read(tmp_path, Options())
        assert item.rejected
        assert item.findings[0].code == "half-written"

    def test_another_table_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "incidents.csv").write_text("a,b\n1,2\n")
        with pytest.raises(Malformed, match="no column 'incident_id'"):
            list(aiid.read(tmp_path, Options()))

    def test_duplicates_of_duplicates_lead_to_the_last(self, tmp_path: Path) -> None:
        (tmp_path / "incidents.csv").write_text(HEAD + row(1) + row(2) + row(3))
        (tmp_path / "duplicates.csv").write_text("duplicate_incident_number,true_incident_number\n1,2\n2,3\n")
        items = {item.key[1]: item for item in aiid.read(tmp_path, Options()) if item.key}
        assert [number for number, item in items.items() if item.submission] == ["3"]
        assert sorted(alias["id"] for alias in submission(items, "3")["aliases"]) == ["1", "2"]

    def test_duplicates_that_lead_in_a_circle_stay_records(self, tmp_path: Path) -> None:
        (tmp_path / "incidents.csv").write_text(HEAD + row(1) + row(2))
        (tmp_path / "duplicates.csv").write_text("duplicate_incident_number,true_incident_number\n1,2\n2,1\n")
        assert all(item.submission for item in aiid.read(tmp_path, Options()))
