"""AVID: what its reports and vulnerabilities become."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from registry.errors import NotFound
from registry.exchange import avid
from registry.exchange.item import Item, Options
from registry.records.content.check import check
from registry.taxonomies.own import load_own
from registry.taxonomies.vocabulary import Vocabulary

Items = dict[str, Item]


@pytest.fixture(scope="module")
def everything(corpora: Path) -> list[Item]:
    return list(avid.read(corpora / "avid-db", Options()))


@pytest.fixture(scope="module")
def items(everything: list[Item]) -> Items:
    return {item.key[1]: item for item in everything if item.key}


def submission(items: Items, number: str) -> dict[str, Any]:
    found = items[number].submission
    assert found is not None
    return found


def tags(submission: dict[str, Any]) -> set[str]:
    return {given["tag"] for given in submission.get("classifications", [])}


def entry(number: str = "AVID-2026-R0001", **more: Any) -> dict[str, Any]:
    """A report as AVID writes it, about an invented system."""
    return {
        "data_type": "AVID",
        "metadata": {"report_id": number},
        "affects": {
            "developer": ["Example Lab"],
            "deployer": [],
            "artifacts": [{"type": "Model", "name": "demo"}],
        },
        "problemtype": {
            "classof": "Third-party Report",
            "type": "Issue",
            "description": {"lang": "eng", "value": f"A title of {number}"},
        },
        "references": [],
        "description": {"lang": "eng", "value": "What was found."},
        "reported_date": "2026-01-02",
        **more,
    }


def write(folder: Path, name: str, *entries: dict[str, Any]) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(each) + "\n" for each in entries), "utf-8")
    return file


class TestCorpus:
    def test_every_published_entry_becomes_a_record(self, everything: list[Item]) -> None:
        kinds = Counter(item.submission["kind"] for item in everything if item.submission)
        assert kinds == {"weakness": 1222, "evaluation": 541}
        assert not [item.name for item in everything if item.rejected]

    def test_what_is_under_review_is_left_out_and_said_so(self, everything: list[Item]) -> None:
        (left_out,) = [item for item in everything if item.submission is None]
        assert left_out.name == "reports_review_unpublished.jsonl"
        assert [finding.code for finding in left_out.findings] == ["unpublished"]
        assert not left_out.rejected

    def test_every_record_passes_the_check(self, everything: list[Item]) -> None:
        vocabulary = Vocabulary(load_own())
        for item in everything:
            if item.submission is not None:
                checked = check(item.submission, vocabulary=vocabulary, lenient=True)
                assert checked.submission is not None, (item.name, checked.findings)
                bad = [
                    f
                    for f in checked.findings
                    if f.code not in ("unknown-tag", "unknown-vocabulary", "score-mismatch")
                ]
                assert not bad, item.name

    def test_a_passed_evaluation_is_no_weakness(self, items: Items) -> None:
        record = submission(items, "AVID-2026-R0470")
        assert record["kind"] == "evaluation"
        assert [result["verdict"] for result in record["content"]["results"]] == [
            "not-observed",
            "not-observed",
        ]
        metric = record["content"]["results"][0]["metric"]
        assert (metric["numerator"], metric["denominator"], metric["unit"]) == (256, 256, "percent")
        assert record["content"]["instrument"]["name"] == "garak probe encoding.InjectBraille"

    def test_a_failed_one_observes(self, items: Items) -> None:
        record = submission(items, "AVID-2026-R0125")
        (result,) = record["content"]["results"]
        assert (result["verdict"], result["metric"]["numerator"], result["metric"]["denominator"]) == (
            "observed",
            20,
            51,
        )

    def test_scores_without_threshold_conclude_nothing(self, items: Items) -> None:
        record = submission(items, "AVID-2025-R0003")
        assert {result["verdict"] for result in record["content"]["results"]} == {"inconclusive"}
        assert len(record["content"]["results"]) == 20
        assert record["content"]["limitations"]

    def test_a_cve_keeps_its_score_weakness_and_alias(self, items: Items) -> None:
        record = submission(items, "AVID-2026-R1714")
        assert record["aliases"] == [
            {
                "scheme": "cve",
                "id": "CVE-2026-33634",
                "url": "https://www.cve.org/CVERecord?id=CVE-2026-33634",
                "type": "same",
            }
        ]
        assert {"cwe:CWE-506", "avid-effect:S0100", "avid-effect:S", "avid-lifecycle:L06"} <= tags(record)
        (score,) = record["content"]["scores"]
        assert (score["scheme"], score["value"]) == ("CVSS:4.0", 9.4)
        assert record["content"]["severity"] == "severity:critical"

    def test_aliases_lead_to_the_incident_and_the_case_study(self, items: Items) -> None:
        aliases = [
            (each["scheme"], each["id"], each["type"])
            for each in submission(items, "AVID-2022-V005")["aliases"]
        ]
        assert aliases == [("aiid", "4", "same")]
        aliases = [
            (each["scheme"], each["id"], each["type"])
            for each in submission(items, "AVID-2023-V009")["aliases"]
        ]
        assert aliases == [("atlas", "AML.CS0008", "same"), ("cve", "CVE-2019-20634", "covers")]

    def test_vulnerabilities_and_reports_are_related_both_ways(self, items: Items) -> None:
        def related(number: str) -> list[str]:
            return [each["target"]["id"] for each in submission(items, number).get("relations", [])]

        assert related("AVID-2022-V001") == ["source:avid:AVID-2022-R0001", "source:avid:AVID-2022-R0003"]
        assert related("AVID-2022-R0003") == ["source:avid:AVID-2022-V001"]

    def test_a_report_that_moved_is_found_by_its_name(self, items: Items) -> None:
        record = submission(items, "AVID-2023-V026")
        assert [each["target"]["id"] for each in record["relations"]] == ["source:avid:AVID-2023-R0001"]
        assert "number-moved" in [finding.code for finding in items["AVID-2023-V026"].findings]

    def test_a_stale_link_is_left_out(self, items: Items) -> None:
        assert [finding.code for finding in items["AVID-2023-R0003"].findings] == ["one-sided-link"]
        targets = [each["target"]["id"] for each in submission(items, "AVID-2023-R0003")["relations"]]
        assert targets == ["source:avid:AVID-2023-V028"]

    def test_jailbreaks_keep_their_scores_by_model(self, items: Items) -> None:
        record = submission(items, "AVID-2026-R0059")
        assert [(metric["of"], metric["value"]) for metric in record["metrics"]] == [
            ("DeepSeek DeepSeek V3", 95),
            ("Google Gemini 2.0 Flash", 73),
            ("Twitter / X Grok 2", 64),
        ]
        assert "odin-jailbreak:fictionalizing/roleplaying/claim-authority" in tags(record)

    def test_a_developer_is_not_given_to_the_systems_of_others(self, items: Items) -> None:
        systems = {
            each["name"]: each.get("developer") for each in submission(items, "AVID-2026-R0059")["systems"]
        }
        assert systems == {
            "DeepSeek DeepSeek V3": "DeepSeek",
            "Google Gemini 2.0 Flash": None,
            "Twitter / X Grok 2": None,
        }

    def test_reports_of_third_parties_stay_claims(self, items: Items) -> None:
        assert {each["assertion"]["status"] for each in submission(items, "AVID-2026-R0059")["systems"]} == {
            "alleged"
        }

    def test_everything_says_where_it_comes_from(self, everything: list[Item]) -> None:
        for item in everything:
            if item.submission is not None:
                source = item.submission["source"]
                assert (source["scheme"], source["id"]) == item.key
                assert source["url"].startswith("https://avidml.org/database/")
                assert (item.submission["basis"], item.submission["license"]) == ("imported", "MIT")
                assert item.submission["stated_by"]
                assert all(
                    reference["url"].startswith("http") for reference in item.submission.get("references", [])
                )

    def test_a_path_of_a_screenshot_is_no_reference(self, items: Items) -> None:
        assert "references" not in submission(items, "AVID-2023-R0002")
        assert [finding.code for finding in items["AVID-2023-R0002"].findings] == ["not-a-web-address"]

    def test_the_taxonomy_beside_them_knows_avids_tags(self, corpora: Path, everything: list[Item]) -> None:
        # The file lies beside the reports in the corpus, so the import loads it.
        vocabulary = Vocabulary(avid.taxonomies(corpora / "avid-db"))
        given = {tag for item in everything if item.submission for tag in tags(item.submission)}
        assert not {tag for tag in given if tag.startswith("avid-") and not vocabulary.known(tag)}

    def test_count_tells_the_number_of_items(self, corpora: Path, everything: list[Item]) -> None:
        assert 0 <= avid.count(corpora / "avid-db", Options()) - len(everything) <= 1


class TestFiles:
    def test_the_layout_of_the_database_itself_is_read(self, tmp_path: Path) -> None:
        write(tmp_path, "reports/2026/AVID-2026-R0001.json", entry())
        vulnerability = entry(
            metadata={"vuln_id": "AVID-2026-V001"}, reports=[{"report_id": "AVID-2026-R0001"}]
        )
        write(tmp_path, "vulnerabilities/2026/AVID-2026-V001.json", vulnerability)
        write(tmp_path, "reports/review/draft.json", entry("AVID-2026-R0002"))
        items = list(avid.read(tmp_path, Options()))
        assert [item.key[1] for item in items if item.key] == ["AVID-2026-R0001", "AVID-2026-V001"]
        assert [item.name for item in items if item.submission is None] == ["reports/review/draft.json"]
        assert items[-1].submission is not None
        assert items[-1].submission["relations"][0]["target"]["id"] == "source:avid:AVID-2026-R0001"

    def test_a_half_written_line_is_rejected_alone(self, tmp_path: Path) -> None:
        file = write(tmp_path, "reports.jsonl", entry())
        with file.open("a") as more:
            more.write('{"data_type": "AVID", "metadata": {"rep')
        good, bad = avid.read(file, Options())
        assert good.submission is not None
        assert bad.rejected
        assert bad.name == "reports.jsonl:2"
        assert "Not JSON" in bad.findings[0].message

    def test_a_field_that_stands_twice_is_rejected(self, tmp_path: Path) -> None:
        file = tmp_path / "reports.jsonl"
        file.write_text('{"data_type": "AVID", "metadata": {}, "metadata": {}}\n')
        (item,) = avid.read(file, Options())
        assert "stands twice" in item.findings[0].message

    def test_other_encodings_are_rejected(self, tmp_path: Path) -> None:
        file = tmp_path / "reports.jsonl"
        file.write_bytes(b'{"data_type": "AVID", "x": "\xe9"}\n')
        (item,) = avid.read(file, Options())
        assert item.rejected
        assert "Not UTF-8" in item.findings[0].message

    def test_an_entry_without_number_or_title_is_rejected(self, tmp_path: Path) -> None:
        nameless = entry(problemtype={"classof": "", "type": "", "description": {"value": "  "}})
        file = write(tmp_path, "reports.jsonl", entry(metadata=None), nameless)
        codes = [item.findings[0].code for item in avid.read(file, Options())]
        assert codes == ["missing-id", "missing"]

    def test_a_folder_without_entries_is_not_found(self, tmp_path: Path) -> None:
        (tmp_path / "enums.json").write_text("{}")
        with pytest.raises(NotFound, match="no AVID reports"):
            list(avid.read(tmp_path, Options()))

    def test_fields_of_other_shapes_do_no_harm(self, tmp_path: Path) -> None:
        odd = entry(affects=None, references="none", impact=[], credit={"value": "x"}, metrics=[1, None])
        (item,) = avid.read(write(tmp_path, "reports.jsonl", odd), Options())
        assert item.submission is not None
        assert "systems" not in item.submission
