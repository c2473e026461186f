"""Outside files that are wrong: as a whole, or in some of their entries."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import Malformed, TooLarge
from registry.taxonomies.sources import FORMATS, Loaded, Options
from registry.taxonomies.sources.loaded import MAX_BYTES, slug
from registry.taxonomies.vocabulary import is_term_id

OPTIONS = Options(namespace=None, stem="file")


def read(
    format: str, content: bytes | str | Mapping[str, Any] | list[Any], options: Options = OPTIONS
) -> Loaded:
    if not isinstance(content, bytes | str):
        content = json.dumps(content)
    return FORMATS[format](content.encode() if isinstance(content, str) else content, options)


def found(loaded: Loaded) -> set[tuple[str, str]]:
    return {(finding.code, finding.pointer) for finding in loaded.findings}


def ids(loaded: Loaded) -> list[str]:
    return [term.id for taxonomy in loaded.taxonomies for term in taxonomy.terms]


@pytest.mark.parametrize("format", sorted(FORMATS))
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"[1, 2",
        b"null",
        b'"text"',
        b"{}",
        b'{"a": 1, "a": 2}',
        b"a: &x [1]\nb: *x\n",
        b"[" * 100_000,
        b"- " * 5_000 + b"x",
        b'"unclosed, and\nno end',
        b"\x00",
    ],
)
def test_what_is_no_such_file_is_refused_in_words(format: str, content: bytes) -> None:
    """Half-written files, other encodings, duplicate keys, aliases, nesting: one clear answer each."""
    with pytest.raises((Malformed, TooLarge)) as caught:
        read(format, content)
    assert len(caught.value.detail) > 10


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_a_file_over_the_limit_is_refused_unread(format: str) -> None:
    with pytest.raises(TooLarge):
        read(format, b" " * (MAX_BYTES + 1))


@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=200))
def test_no_bytes_crash_a_reader(format: str, content: bytes) -> None:
    try:
        loaded = read(format, content)
    except (Malformed, TooLarge):
        return
    assert isinstance(loaded.taxonomies, tuple)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("aS0:. ", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)
SHAPES: dict[str, tuple[str, ...]] = {
    "misp-taxonomy": ("namespace", "version", "expanded", "predicates", "values", "refs"),
    "misp-galaxy": ("type", "version", "values", "authors", "source"),
    "avid": ("SepEnum", "LifecycleEnum", "Odd"),
    "atlas": ("version", "matrices"),
    "nexus": ("taxonomies", "entries", "groups", "actions", "documents"),
}
ENTRY_KEYS = [
    "value",
    "expanded",
    "predicate",
    "entry",
    "description",
    "meta",
    "related",
    "uuid",
    "id",
    "name",
    "type",
    "isPartOf",
    "broad_mappings",
    "techniques",
    "tactics",
    "mitigations",
    "subtechnique-of",
    "isDefinedByTaxonomy",
    "hasPart",
    "external_id",
    "dest-uuid",
    "refs",
]
ENTRIES = st.lists(st.dictionaries(st.sampled_from(ENTRY_KEYS), JSON, max_size=5) | JSON, max_size=4)


@given(st.data())
def test_no_odd_structure_crashes_a_reader(data: st.DataObject) -> None:
    format = data.draw(st.sampled_from(sorted(SHAPES)))
    content = data.draw(st.dictionaries(st.sampled_from(SHAPES[format]), ENTRIES | JSON, max_size=5))
    try:
        loaded = read(format, content)
    except Malformed:
        return
    for taxonomy in loaded.taxonomies:
        assert all(is_term_id(term.id) for term in taxonomy.terms)


def test_misp_predicates_and_values_need_a_value() -> None:
    loaded = read(
        "misp-taxonomy",
        {
            "namespace": "t",
            "version": 1,
            "predicates": [{"expanded": "No value"}, {"value": "p", "expanded": "P"}, "text", {"value": "p"}],
            "values": [
                {
                    "predicate": "p",
                    "entry": [{"value": "a"}, {"expanded": "No value"}, {"value": "two words"}, 5],
                },
                {"predicate": "q", "entry": [{"value": "lost"}]},
                {"predicate": "p", "entry": "text"},
            ],
        },
    )
    assert ids(loaded) == ["p", "p/a", "p/two-words"]
    assert loaded.taxonomies[0].terms[2].alt_labels == ()
    assert found(loaded) == {
        ("missing", "/predicates/0/value"),
        ("not-an-object", "/predicates/2"),
        ("duplicate-term", "/predicates/3"),
        ("missing", "/values/0/entry/1/value"),
        ("not-an-object", "/values/0/entry/3"),
        ("unknown-predicate", "/values/1/predicate"),
        ("not-a-list", "/values/2/entry"),
    }


def test_a_value_that_cannot_stand_in_a_tag_keeps_its_spelling_beside_it() -> None:
    predicate = {"value": "Ünlawful & harmful", "expanded": "Both"}
    loaded = read("misp-taxonomy", {"namespace": "t", "predicates": [predicate]})
    assert ids(loaded) == ["unlawful-harmful"]
    assert loaded.taxonomies[0].terms[0].alt_labels == ("Ünlawful & harmful",)


def test_a_namespace_that_cannot_stand_in_a_tag_is_asked_for() -> None:
    content = {"namespace": "two words", "predicates": [{"value": "p"}]}
    with pytest.raises(Malformed, match="Give another"):
        read("misp-taxonomy", content)
    assert read("misp-taxonomy", content, Options(namespace="words")).taxonomies[0].namespace == "words"


def test_galaxy_clusters_hang_together_by_uuid_and_by_number() -> None:
    cluster = {
        "related": [{"dest-uuid": "u1", "type": "subtechnique-of"}, {"dest-uuid": "gone", "type": "similar"}]
    }
    loaded = read(
        "misp-galaxy",
        {
            "type": "g",
            "values": [
                {"value": "One", "uuid": "u1", "meta": {"external_id": "AML.T0001", "synonyms": ["First"]}},
                {"value": "Below", "uuid": "u2", **cluster},
                {"value": "By number", "meta": {"external_id": "AML.T0001.001"}},
                {"description": "Nameless"},
                {"value": "Below"},
            ],
        },
    )
    taxonomy = loaded.taxonomies[0]
    assert [(term.id, term.parents) for term in taxonomy.terms] == [
        ("AML.T0001", ()),
        ("below", ("AML.T0001",)),
        ("AML.T0001.001", ("AML.T0001",)),
    ]
    assert [crosswalk.target for crosswalk in taxonomy.crosswalks] == [
        "atlas:AML.T0001",
        "atlas:AML.T0001.001",
    ]
    assert found(loaded) == {("missing", "/values/3/value"), ("duplicate-term", "/values/4")}


def test_atlas_entries_of_another_shape_are_left_out() -> None:
    loaded = read(
        "atlas",
        """
version: 5.6.0
matrices:
- tactics:
  - {id: AML.TA0001, name: Staging}
  - {id: TA0043, name: Of another matrix}
  techniques:
  - {id: AML.T0001, name: Found, tactics: [AML.TA0001], description: "See [other](/techniques/AML.T0002)."}
  - {id: AML.T0002, name: Lost parent, tactics: [AML.TA0999]}
  - {id: AML.T0003, name: Alone, created_date: 2024-01-01}
  - {id: AML.T0004}
  mitigations: none
""",
    )
    assert ids(loaded) == ["AML.TA0001", "AML.T0001", "AML.T0002", "AML.T0003"]
    assert loaded.taxonomies[0].terms[1].definition == "See other."
    assert found(loaded) == {
        ("bad-entry", "/matrices/0/tactics/1"),
        ("unknown-parent", "/matrices/0/techniques/1"),
        ("no-parent", "/matrices/0/techniques/2"),
        ("bad-entry", "/matrices/0/techniques/3"),
        ("not-a-list", "/matrices/0/mitigations"),
    }


def test_avid_codes_are_checked() -> None:
    enums = {
        "SepEnum": {"S0400": "S0400: Bypass", "S0403": "Example", "X1": "Odd", "S0500": ""},
        "NewEnum": {},
    }
    loaded = read("avid", enums)
    assert ids(loaded) == ["S", "E", "P", "S0400", "S0403"]
    assert loaded.taxonomies[0].terms[3].label == "Bypass"
    assert found(loaded) == {
        ("bad-code", "/SepEnum/X1"),
        ("missing", "/SepEnum/S0500"),
        ("unknown-enum", "/NewEnum"),
    }


def test_aiid_taxonomies_are_read_one_by_one() -> None:
    loaded = read(
        "aiid",
        [
            {
                "namespace": "N",
                "field_list": [{"short_name": "Level", "permitted_values": ["High", "", "High"]}],
            },
            {"namespace": "no good", "field_list": []},
            {
                "namespace": "M",
                "field_list": [{"short_name": "Notes"}, {"short_name": "Goals", "display_type": "list"}],
            },
            7,
        ],
    )
    assert ids(loaded) == ["level", "level/high", "goals"]
    assert loaded.taxonomies[1].open == ("goals",)
    assert found(loaded) == {
        ("duplicate-term", "/0/field_list/0/permitted_values/1"),
        ("bad-taxonomy", "/1"),
        ("not-an-object", "/3"),
    }


def test_nexus_loops_and_unknown_ids_are_reported() -> None:
    loaded = read(
        "nexus",
        """
taxonomies: [{id: owasp-llm-2.0, name: OWASP, version: "2.0"}]
entries:
- {id: llm01-prompt-injection, name: Injection, isPartOf: llm022025-sensitive}
- {id: llm022025-sensitive, name: Disclosure, isPartOf: llm01-prompt-injection, close_mappings: [who-knows]}
- {id: nobody-knows, name: Odd}
- {name: Without}
surprises: []
""",
    )
    assert ids(loaded) == ["LLM01", "LLM02"]
    assert found(loaded) == {
        ("unknown-taxonomy", "/entries/1/close_mappings/0"),
        ("unknown-taxonomy", "/entries/2/id"),
        ("missing", "/entries/3/id"),
        ("unknown-list", "/surprises"),
        ("term-loop", "/terms/0/parents"),
    }


TABLE = "id,label,definition,parents,close\r\n"


def test_tables_are_read_row_by_row() -> None:
    rows = "a,A,First,,misuse:fraud;nothing\r\n\r\na/b,B,Second,a,\r\nc,C\r\n,D,,gone,\r\na,Again,,,\r\n"
    loaded = read("csv", b"\xef\xbb\xbf" + (TABLE + rows).encode(), Options(namespace="t", licence="CC0-1.0"))
    taxonomy = loaded.taxonomies[0]
    assert ids(loaded) == ["a", "a/b", "d"]
    assert taxonomy.licence == "CC0-1.0"
    assert [crosswalk.target for crosswalk in taxonomy.crosswalks] == ["misuse:fraud"]
    assert found(loaded) == {
        ("bad-tag", "/2"),
        ("ragged-row", "/5"),
        ("unknown-parent", "/6"),
        ("duplicate-term", "/7"),
    }


@pytest.mark.parametrize(
    ("content", "options", "problem"),
    [
        ("a,b\n1,2\n", Options(namespace="t"), "no column `id` or `label`"),
        ("id\nx\n", Options(), "what its namespace is"),
        ("id\nx\n", Options(namespace="t", columns={"label": "Name"}), "no column 'Name'"),
        ("id\nx\n", Options(namespace="t", columns={"name": "id"}), "'name' is not a field"),
        ('id\n"x\n', Options(namespace="t"), "Line"),
    ],
)
def test_tables_that_cannot_be_read(content: str, options: Options, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        read("csv", content, options)


def test_the_operators_word_goes_before_the_files() -> None:
    options = Options(
        version="7", name="Mine", publisher="Example", licence="CC-BY-4.0", url="https://example.org/t"
    )
    taxonomy = read("misp-taxonomy", {"namespace": "t", "predicates": [{"value": "p"}]}, options).taxonomies[
        0
    ]
    assert (taxonomy.version, taxonomy.name, taxonomy.publisher) == ("7", "Mine", "Example")
    assert (taxonomy.licence, taxonomy.url) == ("CC-BY-4.0", "https://example.org/t")


def test_a_file_without_a_version_is_another_version_when_it_changes() -> None:
    one = read("misp-taxonomy", {"namespace": "t", "predicates": [{"value": "p"}]}).taxonomies[0]
    other = read("misp-taxonomy", {"namespace": "t", "predicates": [{"value": "q"}]}).taxonomies[0]
    assert one.version.startswith("sha256-")
    assert one.version != other.version


@given(st.text(max_size=40))
def test_a_slug_is_empty_or_an_id(text: str) -> None:
    made = slug(text)
    assert made == "" or is_term_id(made)
