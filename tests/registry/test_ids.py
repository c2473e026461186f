"""Record ids: shape, check character, and what people do to ids when they type them."""

import re
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import Malformed
from registry.ids import ALPHABET, PREFIX, check_character, derived_id, is_id, new_id, parse_id

bodies = st.text(ALPHABET, min_size=9, max_size=9)


@pytest.mark.parametrize(("body", "check"), [("7GQ2M4KX9", "X"), ("000000000", "H"), ("ZZZZZZZZZ", "G")])
def test_check_characters_of_the_design(body: str, check: str) -> None:
    assert check_character(body) == check
    assert parse_id(PREFIX + body + check) == PREFIX + body + check


@given(bodies)
def test_every_body_has_exactly_one_check_character(body: str) -> None:
    right = [char for char in ALPHABET if is_id(PREFIX + body + char)]
    assert right == [check_character(body)]


@given(bodies, st.integers(0, 8), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_found(body: str, place: int, other: str) -> None:
    mistyped = body[:place] + other + body[place + 1 :]
    text = PREFIX + mistyped + check_character(body)
    assert is_id(text) == (mistyped == body)


@given(bodies, st.integers(0, 7))
@settings(max_examples=20)
def test_exchanged_neighbours_are_nearly_always_found(body: str, place: int) -> None:
    missed = 0
    for one, other in permutations(ALPHABET, 2):
        right = body[:place] + one + other + body[place + 2 :]
        typed = body[:place] + other + one + body[place + 2 :]
        missed += check_character(right) == check_character(typed)
    assert missed <= 2


@given(bodies)
def test_letters_that_look_like_digits_are_read_as_them(body: str) -> None:
    right = PREFIX + body + check_character(body)
    typed = right[:4] + right[4:].replace("0", "o").replace("1", "l")
    assert parse_id(f" {typed.lower()} ") == right


def test_new_ids_are_well_formed_and_differ() -> None:
    made = {new_id() for _ in range(200)}
    assert len(made) == 200
    assert all(parse_id(id) == id for id in made)


@given(st.binary(min_size=16, max_size=32), st.text(), st.text())
def test_derived_ids_are_steady_and_keyed(secret: bytes, scheme: str, source: str) -> None:
    once = derived_id(secret, scheme, source)
    assert once == derived_id(secret, scheme, source) == parse_id(once)
    assert once != derived_id(secret + b"x", scheme, source)


@pytest.mark.parametrize(
    "text", ["", "CIR-", "CIR-7GQ2M4KX9", "CIR-7GQ2M4KX9XX", "CIR-7GQ2M4KU9X", "7GQ2M4KX9X", "CIR-ÄGQ2M4KX9X"]
)
def test_what_is_no_id_says_so(text: str) -> None:
    with pytest.raises(Malformed, match="is not a record id"):
        parse_id(text)


def test_a_wrong_check_character_is_called_mistyped() -> None:
    with pytest.raises(Malformed, match=re.escape("'CIR-7GQ2M4KX9Y' is mistyped")):
        parse_id("CIR-7GQ2M4KX9Y")
