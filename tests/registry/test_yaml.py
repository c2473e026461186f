"""Strict YAML: what it reads, what it refuses, and the lines it tells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.canonical import MAX_DEPTH
from registry.errors import Malformed, TooLarge
from registry.yaml import TRUSTED, Limits, read_lined, read_yaml


def refused(data: bytes, limits: Limits | None = None) -> list[tuple[str, str]]:
    with pytest.raises(Malformed) as caught:
        read_yaml(data, limits or Limits())
    return [(finding.code, finding.pointer) for finding in caught.value.findings]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-05-17", "2024-05-17"),
        ("2024-05-17T10:00:00Z", "2024-05-17T10:00:00Z"),
        ("no", "no"),
        ("on", "on"),
        ("12:30:45", "12:30:45"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("<<", "<<"),
        ("1e999", "1e999"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("1", 1),
        ("-7", -7),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_scalars_resolve_by_yaml_1_2_and_stay_text_when_in_doubt(text: str, value: object) -> None:
    read = read_yaml(f"a: {text}\n".encode())["a"]
    assert read == value
    assert type(read) is type(value)


def test_every_value_knows_its_line() -> None:
    read = read_lined(b"a:\n  - 1\n  - b: x\n    c/d: |\n      two\n      lines\nz: 2\n", first_line=10)
    assert read.value == {"a": [1, {"b": "x", "c/d": "two\nlines\n"}], "z": 2}
    assert read.line_of("/a/0") == 11
    assert read.line_of("/a/1/b") == 12
    assert read.line_of("/a/1/c~1d") == 13
    assert read.line_of("/z") == 16
    assert read.line_of("/a/1/nothing/here") == 12
    assert read.line_of("/nothing") == 10


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"a: 1\nb: 2\na: 3\n", [("duplicate-key", "/a")]),
        (b"a: {b: 1, b: 2}\n", [("duplicate-key", "/a/b")]),
        (b"a: &x 1\n", [("yaml-anchor", "/a")]),
        (b"a: &x 1\nb: *x\n", [("yaml-anchor", "/a"), ("yaml-alias", "/b")]),
        (b"a: !!python/object/apply:os.system [ls]\n", [("yaml-tag", "/a")]),
        (b"a: !!binary aGk=\n", [("yaml-tag", "/a")]),
        (b"a: !mine x\n", [("yaml-tag", "/a")]),
        (b"? [a, b]\n: 1\n", [("key-not-text", "")]),
        (b"--- {a: 1}\n--- {b: 2}\n", [("several-documents", "")]),
        (b"a: [1, 2\n", [("yaml-syntax", "")]),
        (b'a: "never closed\n', [("yaml-syntax", "")]),
        (b"a:\n\t- 1\n", [("yaml-syntax", "")]),
        (b"a: b: c\n", [("yaml-syntax", "")]),
        (b"a: \x00\n", [("yaml-syntax", "")]),
        (b"a: \xff\n", [("not-utf-8", "")]),
        ("a: ä\n".encode("utf-16"), [("not-utf-8", "")]),
    ],
)
def test_what_two_readers_could_take_differently_is_refused(
    data: bytes, found: list[tuple[str, str]]
) -> None:
    assert refused(data) == found


def test_all_findings_come_at_once_each_with_its_line() -> None:
    with pytest.raises(Malformed) as caught:
        read_yaml(b"a: 1\na: 2\nb: &x 1\nc: *x\nd: !t 1\n")
    assert [finding.message.split(":")[0] for finding in caught.value.findings] == [
        "Line 2",
        "Line 3",
        "Line 4",
        "Line 5",
    ]


def bomb(levels: int) -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines).encode()


def test_a_bomb_is_refused_with_and_without_aliases() -> None:
    assert refused(bomb(10))[0] == ("yaml-anchor", "/a0")
    assert refused(bomb(10), TRUSTED) == [("too-large", "")]


def test_trusted_files_may_use_aliases_but_not_inside_themselves() -> None:
    read = read_yaml(b"a: &a {x: [1]}\nb: *a\nc: [*a, *a]\n", TRUSTED)
    assert read["b"] == {"x": [1]}
    assert read["c"] == [{"x": [1]}, {"x": [1]}]
    assert refused(b"a: &a [*a]\n", TRUSTED) == [("yaml-alias", "/a/0")]
    assert refused(b"a: *nowhere\n", TRUSTED) == [("yaml-alias", "/a")]


@pytest.mark.parametrize(
    "text", ["[" * 5000, "{a: " * 5000, "- " * 5000 + "x", "".join(f"{' ' * n}a:\n" for n in range(200))]
)
def test_deep_nesting_ends_early(text: str) -> None:
    assert [code for code, _ in refused(text.encode())] == ["too-deep"]


def test_nesting_is_read_down_to_the_limit() -> None:
    data = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert read_yaml(data) is not None
    assert refused(b"[" + data + b"]")[0][0] == "too-deep"


def test_size_is_bounded_in_bytes_and_values() -> None:
    with pytest.raises(TooLarge):
        read_yaml(b"a: " + b"x" * 100, Limits(bytes=100))
    assert refused(b"[" + b"1," * 100 + b"1]", Limits(values=50)) == [("too-large", "")]


def test_a_colon_in_plain_text_gets_a_hint() -> None:
    with pytest.raises(Malformed) as caught:
        read_yaml(b"title: Report: the end\n")
    assert caught.value.findings[0].suggestion == "Put a text that holds a colon in quotes."


def outcome(data: bytes) -> str:
    try:
        read_lined(data)
    except Malformed as error:
        return "refused" if all(finding.message for finding in error.findings) else "refused without a reason"
    return "read"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert outcome(data) in ("read", "refused")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert outcome(text.encode("utf-8", "replace")) in ("read", "refused")
