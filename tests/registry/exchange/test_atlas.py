"""MITRE ATLAS: mitigations, case studies, and the traps of its file."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from registry.errors import Malformed, NotFound
from registry.exchange import atlas
from registry.exchange.item import Item, Options
from registry.records.content.check import check
from registry.taxonomies.own import load_own
from registry.taxonomies.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def everything(corpora: Path) -> list[Item]:
    return list(atlas.read(corpora / "mitre-atlas", Options()))


@pytest.fixture(scope="module")
def items(everything: list[Item]) -> dict[str, Item]:
    return {item.key[1]: item for item in everything if item.key}


def submission(items: dict[str, Item], number: str) -> dict[str, Any]:
    found = items[number].submission
    assert found is not None
    return found


def test_mitigations_and_case_studies_become_records(everything: list[Item]) -> None:
    kinds = Counter(item.submission["kind"] for item in everything if item.submission)
    assert kinds == {"mitigation": 35, "incident": 57}


def test_exercises_stay_apart_from_what_happened(everything: list[Item]) -> None:
    settings = Counter(
        item.submission["content"]["setting"]
        for item in everything
        if item.submission and item.submission["kind"] == "incident"
    )
    assert settings == {"exercise": 40, "in-the-wild": 17}


def test_every_step_is_kept_in_order(everything: list[Item], items: dict[str, Item]) -> None:
    chains = [item.submission["content"].get("chain", []) for item in everything if item.submission]
    assert sum(map(len, chains)) == 449
    first, *_, last = submission(items, "AML.CS0000")["content"]["chain"]
    assert first["tags"] == ["atlas:AML.TA0002", "atlas:AML.T0000.001"]
    assert last["tags"] == ["atlas:AML.TA0007", "atlas:AML.T0015"]
    assert first["text"].startswith("We identified a machine learning based approach")


def test_dates_are_as_precise_as_they_are_meant(items: dict[str, Item]) -> None:
    def started(number: str) -> str:
        return str(submission(items, number)["content"]["times"]["started"])

    assert (started("AML.CS0000"), started("AML.CS0006"), started("AML.CS0009")) == (
        "2020",
        "2020-04",
        "2016-03-23",
    )


def test_no_link_leads_to_the_root_of_another_site(everything: list[Item]) -> None:
    text = "".join(str(item.submission) for item in everything)
    assert "](/" not in text
    assert text.count("](https://atlas.mitre.org/techniques/") > 10


def test_a_mitigation_says_what_it_does_against_each_technique(items: dict[str, Item]) -> None:
    record = submission(items, "AML.M0001")
    uses = {each["tag"]: each["text"] for each in record["content"]["applies_to"]}
    assert len(uses) == 6
    assert uses["atlas:AML.T0020"] == "Published datasets can be a target for poisoning attacks."
    assert record["content"]["lifecycle"] == [
        "lifecycle:business-understanding",
        "lifecycle:data-understanding",
        "lifecycle:deployment",
    ]
    assert record["content"]["status"] == "proposed"


def test_a_mitigation_is_known_by_the_registrys_own_term(items: dict[str, Item]) -> None:
    assert submission(items, "AML.M0004")["content"]["safeguard"] == "safeguard:access/rate-limit"


def test_techniques_among_the_phases_are_read_as_techniques(items: dict[str, Item]) -> None:
    misplaced = [number for number, item in items.items() if item.findings]
    assert misplaced == ["AML.M0018", "AML.M0034"]
    applied = [each["tag"] for each in submission(items, "AML.M0018")["content"]["applies_to"]]
    assert "atlas:AML.T0052.001" in applied


def test_incidents_are_alleged_and_exercises_are_not(items: dict[str, Item]) -> None:
    wild = submission(items, "AML.CS0030")
    assert wild["content"]["assertion"] == {"status": "alleged", "by": "Sysdig Threat Research"}
    assert wild["content"]["actors"] == [
        {"type": "actor:unknown", "assertion": {"status": "alleged", "by": "Sysdig Threat Research"}}
    ]
    assert "assertion" not in submission(items, "AML.CS0000")["content"]


def test_an_incident_of_the_incident_database_is_an_alias(items: dict[str, Item]) -> None:
    assert submission(items, "AML.CS0030")["aliases"] == [
        {"scheme": "aiid", "id": "898", "url": "https://incidentdatabase.ai/cite/898", "type": "same"}
    ]


def test_people_as_targets_are_affected_not_systems(items: dict[str, Item]) -> None:
    record = submission(items, "AML.CS0022")
    assert "systems" not in record
    assert record["content"]["affected"] == [{"group": "ChatGPT users"}]


def test_the_taxonomy_knows_every_tag_of_the_records(corpora: Path, everything: list[Item]) -> None:
    taxonomies = atlas.taxonomies(corpora / "mitre-atlas")
    vocabulary = Vocabulary((*load_own(), *taxonomies))
    for item in everything:
        checked = check(item.submission, vocabulary=vocabulary, lenient=True)
        assert checked.submission is not None, checked.findings
        assert checked.findings == (), (item.name, checked.findings)


def test_count_is_exact(corpora: Path, everything: list[Item]) -> None:
    assert atlas.count(corpora / "mitre-atlas", Options()) == len(everything)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ATLAS.yaml").write_text("id: OTHER\n")
    with pytest.raises(Malformed, match="not ATLAS data"):
        list(atlas.read(tmp_path, Options()))


def test_aliases_that_grow_are_refused(tmp_path: Path) -> None:
    bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    bomb += [f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]" for i in range(8)]
    (tmp_path / "ATLAS.yaml").write_text("\n".join(bomb))
    with pytest.raises(Malformed, match="anchor"):
        list(atlas.read(tmp_path, Options()))


def test_a_folder_without_the_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no ATLAS\.yaml"):
        list(atlas.read(tmp_path, Options()))


def test_entries_of_other_shapes_are_rejected_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "ATLAS.yaml").write_text(
        "id: ATLAS\nversion: 5.6.0\nmatrices:\n- mitigations:\n  - just text\n  - id: nothing\n    name: X\n"
        "  - id: AML.M0001\ncase-studies:\n- id: AML.CS0001\n  name: A study\n  incident-date: some day\n"
    )
    *bad, good = atlas.read(tmp_path, Options())
    assert [item.findings[0].code for item in bad] == ["not-an-object", "missing-id", "missing"]
    assert good.submission is not None
    assert good.submission["content"]["times"] == {"date_unspecified": True}
    assert [finding.code for finding in good.findings] == ["no-date"]
