"""The snapshot: tags, hierarchy, crosswalks, nearest terms."""

import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.taxonomies.vocabulary import (
    MATCHES,
    Crosswalk,
    Match,
    Taxonomy,
    Term,
    Vocabulary,
    path_ancestors,
    split_tag,
)


def taxonomy(namespace: str, *terms: Term, version: str = "1", **more: object) -> Taxonomy:
    return Taxonomy(namespace, version, namespace.title(), "Example", "CC0-1.0", terms=terms, **more)  # type: ignore[arg-type]


STEPS = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=3)
IDS = st.lists(STEPS, min_size=1, max_size=3).map("/".join)


@st.composite
def taxonomies(draw: st.DrawFn) -> Taxonomy:
    ids = draw(st.lists(IDS, unique=True, max_size=12))
    terms = [
        Term(
            id,
            draw(st.text(min_size=1, max_size=8).filter(str.strip)),
            parents=tuple(draw(st.lists(st.sampled_from(ids), max_size=2))),
            alt_labels=tuple(draw(st.lists(st.text("abc ", min_size=1, max_size=5), max_size=2))),
        )
        for id in ids
    ]
    tags = [f"{draw(st.sampled_from(('a', 'b', 'c')))}:{id}" for id in ids] or ["a:x"]
    crosswalks = draw(
        st.lists(
            st.builds(Crosswalk, st.sampled_from(tags), st.sampled_from(tags), st.sampled_from(MATCHES)),
            max_size=6,
        )
    )
    return taxonomy("a", *terms, crosswalks=tuple(crosswalks))


@given(taxonomies())
def test_ancestors_and_descendants_mirror_each_other_even_around_loops(given_taxonomy: Taxonomy) -> None:
    vocabulary = Vocabulary([given_taxonomy])
    tags = vocabulary.tags("a")
    for tag in tags:
        above = vocabulary.ancestors(tag)
        assert tag not in above
        assert len(set(above)) == len(above)
        assert set(path_ancestors(tag)) <= set(above)
        for other in tags:
            assert (other in above) == (tag in vocabulary.descendants(other))


@given(taxonomies())
def test_json_keeps_everything(given_taxonomy: Taxonomy) -> None:
    back = Taxonomy.from_json(given_taxonomy.as_json())
    assert back == given_taxonomy
    assert back.digest == given_taxonomy.digest


@given(taxonomies())
def test_crosswalks_are_read_from_both_sides(given_taxonomy: Taxonomy) -> None:
    vocabulary = Vocabulary([given_taxonomy])
    for crosswalk in given_taxonomy.crosswalks:
        if crosswalk.source != crosswalk.target:
            assert crosswalk.target in vocabulary.crosswalked(crosswalk.source, MATCHES)
            assert crosswalk.source in vocabulary.crosswalked(crosswalk.target, MATCHES)
        assert crosswalk.source not in vocabulary.crosswalked(crosswalk.source, MATCHES)


@given(st.text(max_size=30))
def test_any_text_may_be_asked_for(text: str) -> None:
    vocabulary = Vocabulary([taxonomy("misuse", Term("fraud", "Fraud")), taxonomy("org", open=("",))])
    for asked in (text, f"misuse:{text}", f"org:{text}"):
        assert isinstance(vocabulary.label(asked), str)
        assert asked not in vocabulary.ancestors(asked)
        assert all(vocabulary.known(tag) for tag in vocabulary.nearest(asked))
        if vocabulary.known(asked):
            assert split_tag(asked) is not None


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "fraud",
        ":fraud",
        "misuse:",
        "misuse:/fraud",
        "misuse:fraud/",
        "misuse:fraud//x",
        "mis use:x",
        "misuse:a b",
        "misuse:-x",
        "misuse:x\n",
        "misuse:" + "x" * 200,
        "misuse:ü",
    ],
)
def test_what_is_no_tag(tag: str) -> None:
    assert split_tag(tag) is None


def test_a_tag_is_split_at_its_first_colon_only() -> None:
    assert split_tag("atlas:AML.T0051.000") == ("atlas", "AML.T0051.000")
    assert split_tag("misuse:fraud/voice-clone") == ("misuse", "fraud/voice-clone")
    assert split_tag("a:b:c") is None


def test_broader_terms_come_through_parents_and_through_the_path() -> None:
    vocabulary = Vocabulary(
        [
            taxonomy(
                "t",
                Term("top", "Top"),
                Term("mid", "Mid", parents=("top",)),
                Term("mid/low", "Low", parents=("side",)),
                Term("side", "Side"),
            )
        ]
    )
    assert vocabulary.ancestors("t:mid/low") == ("t:side", "t:mid", "t:top")
    assert vocabulary.descendants("t:top") == ("t:mid", "t:mid/low")
    assert vocabulary.children("t:mid") == ("t:mid/low",)


def test_a_peers_newer_subterm_still_lies_under_what_is_known() -> None:
    vocabulary = Vocabulary([taxonomy("t", Term("top", "Top"), Term("mid", "Mid", parents=("top",)))])
    assert not vocabulary.known("t:mid/new")
    assert vocabulary.ancestors("t:mid/new") == ("t:mid", "t:top")
    assert vocabulary.ancestors("elsewhere:a/b") == ("elsewhere:a",)


def test_open_parts_take_any_well_formed_term() -> None:
    vocabulary = Vocabulary(
        [taxonomy("org", open=("",)), taxonomy("actor", Term("named", "Named"), open=("named",))]
    )
    assert vocabulary.known("org:example-lab")
    assert vocabulary.known("actor:named/example-group")
    assert not vocabulary.known("org:two words")
    assert not vocabulary.known("actor:example-group")
    assert not vocabulary.known("actor:namedly/x")
    assert not vocabulary.known("nobody:x")


@pytest.mark.parametrize(
    ("said", "seen_back"), [("exact", "exact"), ("close", "close"), ("broad", "narrow"), ("narrow", "broad")]
)
def test_the_other_side_sees_the_inverse(said: Match, seen_back: Match) -> None:
    vocabulary = Vocabulary([taxonomy("a", Term("x", "X"), crosswalks=(Crosswalk("a:x", "b:y", said),))])
    assert vocabulary.crosswalks("b:y") == (Crosswalk("b:y", "a:x", seen_back),)


def test_only_exact_is_carried_on() -> None:
    crosswalks = (
        Crosswalk("a:x", "b:x", "exact"),
        Crosswalk("b:x", "c:x", "exact"),
        Crosswalk("c:x", "d:x", "close"),
        Crosswalk("d:x", "e:x", "close"),
        Crosswalk("c:x", "f:x", "related"),
    )
    vocabulary = Vocabulary([taxonomy("a", Term("x", "X"), crosswalks=crosswalks)])
    assert vocabulary.crosswalked("a:x") == ("b:x", "c:x", "d:x")
    assert vocabulary.crosswalked("a:x", ("exact",)) == ("b:x", "c:x")
    assert set(vocabulary.crosswalked("d:x", ("close",))) == {"c:x", "e:x"}
    assert vocabulary.crosswalked("nobody:x") == ()


def test_nearest_compares_ids_labels_and_other_names() -> None:
    vocabulary = Vocabulary(
        [
            taxonomy(
                "misuse",
                Term("fraud", "Fraud and scams", alt_labels=("swindle",)),
                Term("fraud/voice-clone", "Voice-clone fraud", alt_labels=("vishing",)),
                Term("old", "Deepfake call", deprecated_by="fraud/voice-clone"),
            ),
            taxonomy("harm", Term("financial", "Financial harm")),
        ]
    )
    assert vocabulary.nearest("misuse:fruad")[0] == "misuse:fraud"
    assert vocabulary.nearest("misuse:voice-clone")[0] == "misuse:fraud/voice-clone"
    assert vocabulary.nearest("misuse:swindle")[0] == "misuse:fraud"
    assert vocabulary.nearest("misuse:deepfake-call")[0] == "misuse:fraud/voice-clone"
    assert vocabulary.nearest("MISUSE:vishing")[0] == "misuse:fraud/voice-clone"
    assert vocabulary.nearest("hram:financial")[0] == "harm:financial"
    assert vocabulary.nearest("misuse:zzzzqqqq") == []
    assert len(vocabulary.nearest("misuse:fraud", limit=1)) == 1


def test_the_last_given_version_counts() -> None:
    older, newer = taxonomy("t", Term("x", "X")), taxonomy("t", Term("y", "Y"), version="2")
    vocabulary = Vocabulary([older, newer])
    assert vocabulary.version("t") == "2"
    assert vocabulary.version("u") is None
    assert vocabulary.tags("t") == ("t:y",)
    assert not vocabulary.known("t:x")
    assert vocabulary.namespaces == ("t",)


def test_labels_fall_back_to_readable_ids() -> None:
    vocabulary = Vocabulary([taxonomy("t", Term("x", "An X"))])
    assert vocabulary.label("t:x") == "An X"
    assert vocabulary.label("t:some-thing/quite-new") == "quite new"


def test_the_digest_tells_content_and_not_order() -> None:
    one, other = taxonomy("a", Term("x", "X")), taxonomy("b", Term("y", "Y"))
    assert Vocabulary([one, other]).digest == Vocabulary([other, one]).digest
    assert Vocabulary([one]).digest != Vocabulary([one, other]).digest
    assert Vocabulary([one]).digest != Vocabulary([taxonomy("a", Term("x", "Another"))]).digest


def test_namespaces_that_crosswalks_lead_to_are_spoken_of_until_they_are_loaded() -> None:
    own = Taxonomy(
        namespace="misuse",
        version="1",
        name="Misuse",
        publisher="Example",
        licence="CC0-1.0",
        terms=(Term(id="fraud", label="Fraud", definition="A deception for gain."),),
        crosswalks=(Crosswalk("misuse:fraud", "atlas:AML.T0048", "close"),),
    )
    outside = replace(own, namespace="atlas", terms=(replace(own.terms[0], id="AML.T0048"),), crosswalks=())
    assert Vocabulary([own]).spoken_of == {"atlas"}
    assert Vocabulary([own, outside]).spoken_of == frozenset()
