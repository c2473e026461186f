"""Every outside file that there is: what is read of it, and which of its entries are wrong."""

from collections import Counter
from pathlib import Path

import pytest

from registry.taxonomies.importing import files_of, read_file
from registry.taxonomies.sources import Loaded, Options
from registry.taxonomies.vocabulary import Taxonomy, Vocabulary

FOLDERS = {
    "misp-taxonomy": "misp/taxonomies",
    "misp-galaxy": "misp/galaxy",
    "atlas": "mitre-atlas",
    "avid": "avid-db",
    "aiid": "aiid-taxa",
    "nexus": "ibm-ai-atlas-nexus",
}
# (file, code) -> how many entries of the real files are wrong in that way.
WRONG = {
    ("aiid_taxa.json", "duplicate-term"): 6,
    ("credo.yaml", "unknown-parent"): 11,
    ("csiro_rai.yaml", "unknown-parent"): 1,
    ("ibm2ibm_from_tsv_data.yaml", "contradicting-mapping"): 7,
    ("ibm2nistgenai_from_tsv_data.yaml", "contradicting-mapping"): 72,
    ("ibm2owasp_from_tsv_data.yaml", "contradicting-mapping"): 17,
    ("ibm_capabilities_to_tasks_from_tsv_data.yaml", "not-terms"): 1,
    ("ibm_capabilities_to_tasks_from_tsv_data.yaml", "unknown-taxonomy"): 203,
    ("owasp_asi2owasp_llm_from_tsv_data.yaml", "contradicting-mapping"): 7,
    ("risk_atlas_data.yaml", "unknown-parent"): 9,
    ("risk_atlas_data_incidents.yaml", "not-terms"): 1,
}


def all_files(corpora: Path) -> list[tuple[str, Loaded]]:
    read = [
        (file.name, read_file(format, file, Options()))
        for format, folder in FOLDERS.items()
        for file in files_of(format, corpora / folder)
    ]
    sheets = (corpora / "mit-ai-risk-repository").glob("*_taxonomy_v3_sheet.csv")
    return read + [(file.name, read_file("mit", file, Options())) for file in sorted(sheets)]


@pytest.fixture(scope="module")
def read(corpora: Path) -> list[tuple[str, Loaded]]:
    return all_files(corpora)


@pytest.fixture(scope="module")
def taxonomies(read: list[tuple[str, Loaded]]) -> dict[str, Taxonomy]:
    return {taxonomy.namespace: taxonomy for _, loaded in read for taxonomy in loaded.taxonomies}


def test_exactly_the_wrong_entries_are_reported(read: list[tuple[str, Loaded]]) -> None:
    found = Counter((name, finding.code) for name, loaded in read for finding in loaded.findings)
    assert found == WRONG
    for _, loaded in read:
        for finding in loaded.findings:
            assert finding.pointer.startswith("/")
            assert finding.message.endswith(".")


@pytest.mark.parametrize(
    ("namespace", "terms"),
    [
        ("eu-ai-act", 5 + 21),
        ("ai-safety-benchmark", 7 + 34),
        ("failure-mode-in-machine-learning", 2 + 17),
        ("ai-bias-terminology", 1 + 37),
        ("ai-computer-assisted", 2 + 10),
        ("agent-threat-rules", 10 + 713),
        ("DFRLab-dichotomies-of-disinformation", 17 + 606),
        ("plot4ai", 138),
        ("mitre-atlas-attack-pattern", 91),
        ("mitre-atlas-course-of-action", 26),
        ("disarm-techniques", 298),
        ("disarm-countermeasures", 139),
        ("atlas", 16 + 170 + 35),
        ("avid-effect", 48 + 3),
        ("avid-lifecycle", 6),
        ("mlcommons", 12 + 3),
        ("air-2024", 314 + 59),
        ("nist-ai-rmf", 12),
        ("nist-ai-rmf-action", 212),
        ("owasp-llm", 10),
        ("owasp-asi", 10),
        ("mit-risk", 7 + 24),
        ("mit-causal", 3 + 9),
        ("mit-mitigation-action", 831),
        ("ibm-risk-atlas", 99 + 16),
        ("credo-ucf", 49 + 42 + 15),
        ("aiuc1", 7 + 2 + 180),
    ],
)
def test_nothing_is_lost(taxonomies: dict[str, Taxonomy], namespace: str, terms: int) -> None:
    assert len(taxonomies[namespace].terms) == terms


def test_no_crosswalk_leads_nowhere(taxonomies: dict[str, Taxonomy]) -> None:
    vocabulary = Vocabulary(taxonomies.values())
    ends = {
        end
        for taxonomy in taxonomies.values()
        for crosswalk in taxonomy.crosswalks
        for end in (crosswalk.source, crosswalk.target)
    }
    assert {end for end in ends if vocabulary.term(end) is None} == set()


@pytest.mark.parametrize(
    ("tag", "label", "ancestors"),
    [
        ("atlas:AML.T0051.001", "Indirect", {"atlas:AML.T0051", "atlas:AML.TA0005"}),
        ("avid-effect:S0403", "Adversarial Example", {"avid-effect:S0400", "avid-effect:S"}),
        ("owasp-llm:LLM01", "LLM01:2025 Prompt Injection", set()),
        ("mit-risk:4.3", "Fraud, scams, and targeted manipulation", {"mit-risk:4"}),
        ("mit-causal:timing/post-deployment", "Post-deployment", {"mit-causal:timing"}),
        ("mlcommons:defamation", "Defamation", {"mlcommons:non-physical-hazards"}),
        ("eu-ai-act:risk-level/unacceptable", "Unacceptable Risk (Prohibited)", {"eu-ai-act:risk-level"}),
        (
            "mitre-atlas-attack-pattern:AML.T0000.001",
            "Pre-Print Repositories",
            {"mitre-atlas-attack-pattern:AML.T0000"},
        ),
        (
            "disarm-techniques:T0009.001",
            "Utilise Academic/Pseudoscientific Justifications",
            {"disarm-techniques:T0009"},
        ),
        (
            "aiuc1:ctrl-a004-3",
            "A004.3 Config: IP detection implementation",
            {"aiuc1:req-a004", "aiuc1:principle-a"},
        ),
        ("CSETv1:autonomy-level/autonomy1", "Autonomy1", {"CSETv1:autonomy-level"}),
    ],
)
def test_terms_keep_their_ids_and_their_place(
    taxonomies: dict[str, Taxonomy], tag: str, label: str, ancestors: set[str]
) -> None:
    vocabulary = Vocabulary(taxonomies.values())
    assert vocabulary.label(tag) == label
    assert set(vocabulary.ancestors(tag)) == ancestors


def test_versions_come_from_the_publisher_where_there_is_one(taxonomies: dict[str, Taxonomy]) -> None:
    assert taxonomies["atlas"].version == "5.6.0"
    assert taxonomies["mitre-atlas-attack-pattern"].version == "14"
    assert taxonomies["agent-threat-rules"].version == "3"
    assert taxonomies["mit-risk"].version == "2025-03-26"
    assert taxonomies["owasp-llm"].version == "2.0"
    assert taxonomies["avid-effect"].version.startswith("sha256-")


def test_crosswalks_between_outside_taxonomies(taxonomies: dict[str, Taxonomy]) -> None:
    vocabulary = Vocabulary(taxonomies.values())
    assert "atlas:AML.T0051" in vocabulary.crosswalked("mitre-atlas-attack-pattern:AML.T0051")
    assert "mit-risk:4.3" in vocabulary.crosswalked(
        "MIT:risk-subdomain/4.3.-fraud-scams-and-targeted-manipulation"
    )
    # The file says "broader" from both sides; what it says first is right.
    injections = vocabulary.crosswalks("ibm-risk-atlas:atlas-context-overload-attack")
    assert ("ibm-risk-atlas:atlas-prompt-injection", "broad") in {
        (one.target, one.match) for one in injections
    }


def test_lists_that_editors_fill_are_open(taxonomies: dict[str, Taxonomy]) -> None:
    vocabulary = Vocabulary(taxonomies.values())
    assert vocabulary.known("GMF:known-ai-goal/content-recommendation")
    assert not vocabulary.known("GMF:content-recommendation")


def test_a_table_is_read_by_the_names_of_its_columns(corpora: Path) -> None:
    file = corpora / "aiid-2025-03" / "incidents.csv"
    columns = {"id": "incident_id", "label": "title", "definition": "description"}
    loaded = read_file("csv", file, Options(namespace="aiid-incident", columns=columns))
    assert loaded.findings == ()
    assert len(loaded.taxonomies[0].terms) == 989
