"""Strict reading, canonical writing, and the salted commitment."""

import json
import math
import struct
from datetime import UTC, datetime
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from registry.canonical import MAX_DEPTH, canonical, commitment, digest, escape, is_canonical, read_json, scan
from registry.errors import Malformed, TooLarge

allowed = st.characters(
    exclude_categories=("Cs", "Cc"),
    exclude_characters="\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufffe\uffff",
)
texts = st.text(st.one_of(allowed, st.sampled_from('\t\n\r\\"/bfu\ue000\uffee😀')), max_size=20)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-(2.0**53) + 1, 2.0**53 - 1)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)


def codes(value: Any) -> list[str]:
    return [finding.code for finding in scan(value)]


@given(values)
def test_canonical_bytes_agree_with_the_reference_implementation(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(values)
def test_canonical_bytes_are_told_from_others(value: Any) -> None:
    written = json.dumps(value).encode()
    assert is_canonical(rfc8785.dumps(value), value)
    assert is_canonical(written, json.loads(written)) is (written == rfc8785.dumps(value))


@given(st.binary(min_size=8, max_size=8))
def test_every_double_is_written_as_ecmascript_does(raw: bytes) -> None:
    number = struct.unpack("d", raw)[0]
    if math.isfinite(number):
        assert canonical({"a": [number]}) == rfc8785.dumps({"a": [number]})


@given(values)
def test_canonical_bytes_read_back_and_stay_the_same(value: Any) -> None:
    data = canonical(value)
    assert scan(value) == []
    assert canonical(read_json(data)) == data
    assert read_json(data) == value


@given(st.dictionaries(texts, values, min_size=2), st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, Any], random: Any) -> None:
    keys = list(value)
    random.shuffle(keys)
    assert canonical({key: value[key] for key in keys}) == canonical(value)


def test_keys_are_ordered_by_utf_16_units() -> None:
    assert canonical({"\ufb33": 1, "😀": 2}) == '{"😀":2,"\ufb33":1}'.encode()


def test_the_commitment_vector() -> None:
    record = {"version": 1, "title": "Voice-clone fraud", "id": "registry.example/AIM-2026-0001"}
    document = canonical(record)
    assert document == b'{"id":"registry.example/AIM-2026-0001","title":"Voice-clone fraud","version":1}'
    salt = bytes(range(0x40, 0x60))
    assert commitment(salt, document) == "ec664b65b9e8acedf5c2fdc1bedcf4eaa617facf1535d03fd5251a49f724f3d6"
    assert len(digest(document)) == 64
    with pytest.raises(ValueError, match="32 bytes"):
        commitment(b"short", document)


@pytest.mark.parametrize(
    ("value", "code", "pointer"),
    [
        ({"a": "x\x00"}, "control-character", "/a"),
        ({"a": ["\x1b[31m"]}, "control-character", "/a/0"),
        ({"a": "\x7f"}, "control-character", "/a"),
        ({"a": "\u0085"}, "control-character", "/a"),
        ({"a": "safe\u202eexe.txt"}, "control-character", "/a"),
        ({"a": "\ud800"}, "control-character", "/a"),
        ({"a": "\ufffe"}, "control-character", "/a"),
        ({"a\x00": 1}, "control-character", "/a\x00"),
        ({"a": 2**53}, "number-too-large", "/a"),
        ({"a": -(2**53)}, "number-too-large", "/a"),
        ({"a": 2**70}, "number-too-large", "/a"),
        ({"a": 1e300}, "number-too-large", "/a"),
        ({"a": 2.0**53}, "number-too-large", "/a"),
        ({"a": float("nan")}, "not-a-number", "/a"),
        ({"a": float("-inf")}, "not-a-number", "/a"),
        ({"a/b": {1: 2}}, "key-not-text", "/a~1b/1"),
        ({"a": datetime(2024, 1, 1, tzinfo=UTC)}, "not-json", "/a"),
        ({"a": (1, 2)}, "not-json", "/a"),
        ({"a": b"bytes"}, "not-json", "/a"),
    ],
)
def test_unfit_values_are_found_where_they_stand(value: Any, code: str, pointer: str) -> None:
    assert [(finding.code, finding.pointer) for finding in scan(value)] == [(code, pointer)]


def test_all_unfit_values_are_found_at_once() -> None:
    assert codes({"a": "\x00", "b": 2**60, "c": [float("nan")]}) == [
        "control-character",
        "number-too-large",
        "not-a-number",
    ]


@pytest.mark.parametrize("text", ["tab\t", "line\n", "\r\n", r"C:\build\fonts", "naïve", "שלום", "👩‍🚀"])
def test_ordinary_text_is_fit(text: str) -> None:
    assert codes({"a": text}) == []


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


def test_nesting_is_bounded() -> None:
    assert codes(nested(MAX_DEPTH)) == []
    assert codes(nested(MAX_DEPTH + 1)) == ["too-deep"]
    with pytest.raises(Malformed):
        read_json(json.dumps(nested(MAX_DEPTH + 1)).encode())
    with pytest.raises(Malformed, match="Nested deeper"):
        read_json(b"[" * 200_000)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"a": 1, "a": 2}', "stands twice"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "'b' stands twice"),
        (b'{"a": NaN}', "not a JSON number"),
        (b'{"a": -Infinity}', "not a JSON number"),
        (b'{"a": 1', "line 1, column"),
        (b'{"a": tru', "Not JSON"),
        (b"", "Not JSON"),
        (b'{"a": "\xff"}', "byte 7 is 0xFF"),
        ('{"a": "ä"}'.encode("latin-1"), "Not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "Not UTF-8"),
        (b'{"a": "\x01"}', "Not JSON"),
        (b'{"a": 1} {"b": 2}', "Extra data"),
    ],
)
def test_bad_json_gets_a_clear_answer(data: bytes, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        read_json(data)


def test_escaped_control_characters_are_found_after_reading() -> None:
    with pytest.raises(Malformed) as caught:
        read_json(b'{"a": {"b": "\\u0000"}}')
    assert [finding.pointer for finding in caught.value.findings] == ["/a/b"]


def test_large_bodies_are_refused_before_they_are_read() -> None:
    with pytest.raises(TooLarge, match="bytes are more than"):
        read_json(b"x" * 11, limit=10)


def test_a_byte_order_mark_is_forgiven() -> None:
    assert read_json(b"\xef\xbb\xbf{}") == {}


@given(texts)
def test_pointer_steps_are_escaped_both_ways(token: str) -> None:
    step = escape(token)
    assert "/" not in step
    assert step.replace("~1", "/").replace("~0", "~") == token
