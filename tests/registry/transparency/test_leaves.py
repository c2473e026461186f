"""What stands in the log, and what may not."""

import json

import pytest

from registry.canonical import canonical, commitment
from registry.transparency.leaves import (
    EraseLeaf,
    KeysLeaf,
    LeafError,
    RecordLeaf,
    UnknownLeaf,
    read_leaf,
)
from registry.transparency.notes import Signer

ORIGIN = "registry.example/log"
RECORD = RecordLeaf(ORIGIN, "CIR-7GQ2M4KX9X", 2, "ab" * 32, "cd" * 32)
OLD, NEW = Signer(ORIGIN, bytes(range(32))), Signer(ORIGIN, bytes(32))


def test_the_commitment_of_the_vectors() -> None:
    document = {"id": "registry.example/AIM-2026-0001", "title": "Voice-clone fraud", "version": 1}
    assert commitment(bytes(range(0x40, 0x60)), canonical(document)) == (
        "ec664b65b9e8acedf5c2fdc1bedcf4eaa617facf1535d03fd5251a49f724f3d6"
    )


def test_a_record_leaf_says_what_the_design_says() -> None:
    assert json.loads(RECORD.encode()) == {
        "v": 1,
        "type": "record",
        "origin": ORIGIN,
        "id": "CIR-7GQ2M4KX9X",
        "ver": 2,
        "prev": "ab" * 32,
        "commit": "cd" * 32,
    }


@pytest.mark.parametrize(
    "leaf",
    [
        RECORD,
        RecordLeaf(ORIGIN, "CIR-7GQ2M4KX9X", 1, None, "cd" * 32),
        EraseLeaf(ORIGIN, 0, "personal-data"),
        KeysLeaf.make(ORIGIN, OLD, NEW),
    ],
)
def test_leaves_are_read_as_they_are_written(leaf: RecordLeaf | EraseLeaf | KeysLeaf) -> None:
    assert read_leaf(leaf.encode()) == leaf


def test_a_change_of_keys_needs_both() -> None:
    leaf = KeysLeaf.make(ORIGIN, OLD, NEW)
    assert leaf.valid
    assert not KeysLeaf(ORIGIN, leaf.old, leaf.new, leaf.signatures[::-1]).valid
    assert not KeysLeaf(ORIGIN, leaf.new, leaf.old, leaf.signatures).valid


@pytest.mark.parametrize(
    "value",
    [
        {"v": 1, "type": "amend", "origin": ORIGIN, "what": [1, 2]},
        {"v": 2, "type": "record", "origin": ORIGIN},
    ],
)
def test_a_leaf_of_the_future_is_kept(value: dict[str, object]) -> None:
    assert read_leaf(canonical(value)) == UnknownLeaf(ORIGIN, str(value["type"]))


def test_a_field_of_the_future_is_let_be() -> None:
    value = {**json.loads(RECORD.encode()), "later": True}
    assert read_leaf(canonical(value)) == RECORD


@pytest.mark.parametrize(
    "changed",
    [
        {"ver": 0},
        {"ver": True},
        {"ver": 1.5},
        {"prev": None},
        {"prev": "AB" * 32},
        {"commit": "cd"},
        {"id": ""},
        {"id": "a b"},
        {"origin": None},
        {"origin": "x" * 300},
        {"type": 1},
    ],
)
def test_what_is_no_record_leaf(changed: dict[str, object]) -> None:
    with pytest.raises(LeafError):
        read_leaf(canonical({**json.loads(RECORD.encode()), **changed}))


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"[]",
        b"\xff",
        b"{" * 3000,
        RECORD.encode() + b" ",
        RECORD.encode()[:-1] + b',"x":1.0}',
        canonical({"v": 1, "type": "erase", "origin": ORIGIN, "target": 3, "code": "Words of a person"}),
        canonical({"v": 1, "type": "keys", "origin": ORIGIN, "old": "x", "new": "y", "signatures": []}),
        canonical({"v": 1, "type": "note", "origin": ORIGIN, "text": "x" * 4096}),
    ],
)
def test_what_is_no_leaf(entry: bytes) -> None:
    with pytest.raises(LeafError):
        read_leaf(entry)
