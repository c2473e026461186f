"""Candor's own vocabularies: complete, in order, and with crosswalks that lead somewhere."""

from collections import defaultdict
from pathlib import Path

import pytest

from registry.taxonomies.check import faults
from registry.taxonomies.importing import files_of, read_file
from registry.taxonomies.own import load_own
from registry.taxonomies.sources import Options
from registry.taxonomies.vocabulary import Taxonomy, Vocabulary, path_ancestors

OWN = {taxonomy.namespace: taxonomy for taxonomy in load_own()}
CLOSED = [
    "misuse",
    "harm",
    "safeguard",
    "principle",
    "action",
    "cause",
    "weakness",
    "affected",
    "rights",
    "metric",
    "platform",
    "task",
    "system-role",
    "lifecycle",
    "severity",
    "actor",
    "motive",
    "detection",
    "modality",
    "sector",
]
FILES = {
    "atlas": "mitre-atlas",
    "avid": "avid-db/avid_taxonomy_enums.json",
    "mit": "mit-ai-risk-repository/domain_taxonomy_v3_sheet.csv",
    "nexus": "ibm-ai-atlas-nexus",
}


@pytest.mark.parametrize("namespace", CLOSED)
def test_every_namespace_is_there_and_sound(namespace: str) -> None:
    taxonomy = OWN[namespace]
    assert faults(taxonomy) == ()
    assert taxonomy.terms
    assert taxonomy.definition.endswith(".")
    for term in taxonomy.terms:
        assert term.definition.endswith("."), term.id
        assert term.definition.count(". ") <= 1, f"{term.id}: one sentence, at most two"
        assert term.label[0].isupper() or term.label[0].isdigit(), term.id
        assert len(term.label) <= 60, term.id


def test_there_are_enough_terms_and_each_subterm_has_its_parent() -> None:
    assert sum(len(taxonomy.terms) for taxonomy in OWN.values()) >= 150
    for taxonomy in OWN.values():
        ids = {term.id for term in taxonomy.terms}
        for id in ids:
            assert set(path_ancestors(id)) <= ids, id


def test_names_are_open() -> None:
    vocabulary = Vocabulary(OWN.values())
    assert vocabulary.known("org:example-lab")
    assert vocabulary.known("system:example-model/2")
    assert vocabulary.known("actor:named/example-group")
    assert not vocabulary.known("misuse:anything")


def test_severity_is_a_scale_from_least_to_gravest() -> None:
    assert [term.id for term in OWN["severity"].terms] == [
        "negligible",
        "low",
        "moderate",
        "high",
        "critical",
    ]


def test_sectors_are_the_sections_of_isic_revision_5() -> None:
    assert "".join(term.id for term in OWN["sector"].terms) == "ABCDEFGHIJKLMNOPQRSTUV"


@pytest.mark.parametrize(
    "tag",
    [
        "safeguard:workforce/fair-pay",
        "safeguard:workforce/wellbeing-support",
        "harm:labour/content-moderation",
        "harm:labour/data-labelling",
        "affected:workers/moderators",
        "affected:workers/labellers",
        "principle:collaborate/labour",
        "principle:collaborate/disclose-lessons",
        "misuse:influence-operation/astroturfing",
        "misuse:profiling",
        "misuse:spam",
    ],
)
def test_what_the_recommendations_ask_for_has_a_term(tag: str) -> None:
    assert Vocabulary(OWN.values()).term(tag) is not None


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("misuse:vishing", "misuse:fraud/voice-clone"),
        ("misuse:csam", "misuse:child-safety/csam"),
        ("safeguard:rlhf", "safeguard:training/human-feedback"),
        ("safeguard:c2pa", "safeguard:provenance/metadata"),
        ("severity:medium", "severity:moderate"),
        ("sector:healthcare", "sector:R"),
        ("affected:annotators", "affected:workers/labellers"),
    ],
)
def test_everyday_words_lead_to_terms(word: str, expected: str) -> None:
    assert Vocabulary(OWN.values()).nearest(word)[0] == expected


def test_no_outside_term_is_exactly_two_of_ours() -> None:
    """Else a search for the one would find the other as the same."""
    exact: dict[str, set[str]] = defaultdict(set)
    for taxonomy in OWN.values():
        for crosswalk in taxonomy.crosswalks:
            if crosswalk.match == "exact":
                exact[crosswalk.target].add(crosswalk.source)
    assert {target: sources for target, sources in exact.items() if len(sources) > 1} == {}


def outside(corpora: Path) -> Vocabulary:
    found: list[Taxonomy] = []
    for format, place in FILES.items():
        for file in files_of(format, corpora / place):
            found += read_file(format, file, Options()).taxonomies
    causes = corpora / "mit-ai-risk-repository/causal_taxonomy_v3_sheet.csv"
    return Vocabulary([*found, *read_file("mit", causes, Options()).taxonomies])


def test_every_crosswalk_leads_to_a_term_of_the_real_taxonomies(corpora: Path) -> None:
    vocabulary = outside(corpora)
    targets = {crosswalk.target for taxonomy in OWN.values() for crosswalk in taxonomy.crosswalks}
    assert {target for target in targets if vocabulary.term(target) is None} == set()
    assert {"atlas", "owasp-llm", "avid-effect", "mit-risk", "mlcommons"} <= {
        t.split(":")[0] for t in targets
    }


def test_a_search_for_one_finds_the_others(corpora: Path) -> None:
    vocabulary = Vocabulary(
        [*load_own(), *filter(None, map(outside(corpora).taxonomy, outside(corpora).namespaces))]
    )
    assert "weakness:prompt-injection" in vocabulary.crosswalked("owasp-llm:LLM01")
    assert "atlas:AML.T0051" in vocabulary.crosswalked("weakness:prompt-injection")
    assert "misuse:child-safety" in vocabulary.crosswalked("mlcommons:child-sexual-exploitation")
    assert "weakness:adversarial-example" in vocabulary.crosswalked("avid-effect:S0403")
    assert "misuse:fraud" in vocabulary.crosswalked("mit-risk:4.3")
