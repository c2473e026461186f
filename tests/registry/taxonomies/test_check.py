"""What is refused before a taxonomy is stored."""

import pytest

from registry.taxonomies.check import faults
from registry.taxonomies.vocabulary import Crosswalk, Taxonomy, Term


def codes(taxonomy: Taxonomy) -> set[tuple[str, str]]:
    return {(fault.code, fault.pointer) for fault in faults(taxonomy)}


def made(*terms: Term, **more: object) -> Taxonomy:
    fields: dict[str, object] = {
        "namespace": "t",
        "version": "1",
        "name": "T",
        "publisher": "Example",
        "licence": "CC0-1.0",
        "terms": terms,
    }
    return Taxonomy(**(fields | more))  # type: ignore[arg-type]


def test_a_sound_taxonomy_has_no_faults() -> None:
    terms = (Term("a", "A"), Term("a/b", "B"), Term("c", "C", parents=("a", "a/b"), deprecated_by="a"))
    assert faults(made(*terms, crosswalks=(Crosswalk("t:a", "u:b", "exact"),))) == ()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"namespace": "no spaces"}, ("bad-namespace", "/namespace")),
        ({"namespace": "x" * 101}, ("bad-namespace", "/namespace")),
        ({"version": " "}, ("missing", "/version")),
        ({"version": "1" * 101}, ("too-long", "/version")),
        ({"licence": ""}, ("missing", "/licence")),
        ({"crosswalks": (Crosswalk("t:a", "nothing", "exact"),)}, ("bad-tag", "/crosswalks/0/to")),
        ({"crosswalks": (Crosswalk("t:a", "t:a", "exact"),)}, ("self-crosswalk", "/crosswalks/0")),
        ({"crosswalks": (Crosswalk("t:a", "u:a", "same"),)}, ("bad-match", "/crosswalks/0/match")),  # type: ignore[arg-type]
        ({"definition": "a\x00b"}, ("control-character", "/definition")),
    ],
)
def test_faults_of_the_head(more: dict[str, object], expected: tuple[str, str]) -> None:
    assert expected in codes(made(Term("a", "A"), **more))


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ((Term("no spaces", "A"),), ("bad-term-id", "/terms/0/id")),
        ((Term("", "A"),), ("bad-term-id", "/terms/0/id")),
        ((Term("a", "A"), Term("a", "B")), ("duplicate-term", "/terms/1/id")),
        ((Term("a", " "),), ("missing", "/terms/0/label")),
        ((Term("a", "A", parents=("b",)),), ("unknown-parent", "/terms/0/parents/0")),
        ((Term("a", "A", deprecated_by="b"),), ("unknown-replacement", "/terms/0/deprecated_by")),
        ((Term("a", "A", parents=("a",)),), ("term-loop", "/terms/0/parents")),
        (
            (Term("a", "A", parents=("b",)), Term("b", "B", parents=("c",)), Term("c", "C", parents=("a",))),
            ("term-loop", "/terms/0/parents"),
        ),
        ((Term("a", "A", parents=("a/b",)), Term("a/b", "B")), ("term-loop", "/terms/0/parents")),
    ],
)
def test_faults_of_terms(terms: tuple[Term, ...], expected: tuple[str, str]) -> None:
    assert expected in codes(made(*terms))


def test_each_loop_is_told_once_and_depth_costs_no_stack() -> None:
    chain = [Term("t0", "T")] + [Term(f"t{i}", "T", parents=(f"t{i - 1}",)) for i in range(1, 5000)]
    assert faults(made(*chain)) == ()
    closed = [Term("t0", "T", parents=("t4999",)), *chain[1:]]
    assert [fault.code for fault in faults(made(*closed))] == ["term-loop"]


def test_two_ways_up_are_not_a_loop() -> None:
    terms = (Term("a", "A"), Term("b", "B", parents=("a",)), Term("c", "C", parents=("a", "b")))
    assert faults(made(*terms)) == ()
