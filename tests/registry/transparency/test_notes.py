"""Signed notes, checkpoints and cosignatures, by the vectors, and what is refused."""

import base64

import pytest

from registry.transparency.merkle import leaf_hash, root_of
from registry.transparency.notes import (
    COSIGNATURE,
    Checkpoint,
    NoteError,
    Signer,
    open_checkpoint,
    read_checkpoint,
    read_note,
    read_verifier,
    sign_checkpoint,
)

ORIGIN = "registry.example/log"
SIGNER = Signer(ORIGIN, bytes(range(32)))
WITNESS = Signer("witness.example/w1", bytes(range(32, 64)), COSIGNATURE)
VKEY = "registry.example/log+952bc5e7+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
SIGNED = (
    "registry.example/log\n3\nOF2jDzkXKCyJOd/4UZV+UZqxhGsTUaFMCts7EWMnQqo=\n\n"
    "— registry.example/log "
    "lSvF57Xt93iBSGHg980rLBFrtppzO140wvYfXfML+b9NOQCqDAtXHmgzP3lIAzaU/Xvb8U42Ug48tsg6D7LknJFv8Ao=\n"
).encode()
CHECKPOINT = Checkpoint(ORIGIN, 3, root_of([leaf_hash(text) for text in (b"alpha", b"beta", b"gamma")]))


def test_vectors() -> None:
    assert str(SIGNER.verifier) == VKEY
    assert sign_checkpoint(CHECKPOINT, [SIGNER]) == SIGNED
    opened = open_checkpoint(SIGNED, origin=ORIGIN, verifiers=[read_verifier(VKEY)])
    assert opened[0] == CHECKPOINT
    assert bytes(opened[1]) == SIGNED
    assert [str(key) for key in opened[2]] == [VKEY]


def test_every_flipped_byte_is_refused() -> None:
    for place in range(len(SIGNED)):
        for changed in (SIGNED[place] ^ 1, SIGNED[place] ^ 0x20):
            data = SIGNED[:place] + bytes([changed]) + SIGNED[place + 1 :]
            with pytest.raises(NoteError):
                open_checkpoint(data, origin=ORIGIN, verifiers=[SIGNER.verifier])


def test_keys_and_origins_are_pinned() -> None:
    other = Signer(ORIGIN, bytes(32))
    with pytest.raises(NoteError, match="pinned"):
        open_checkpoint(sign_checkpoint(CHECKPOINT, [other]), origin=ORIGIN, verifiers=[SIGNER.verifier])
    with pytest.raises(NoteError, match="should be of"):
        open_checkpoint(SIGNED, origin="other.example/log", verifiers=[SIGNER.verifier])


def test_a_second_key_may_sign_too() -> None:
    other = Signer(ORIGIN, bytes(32))
    both = sign_checkpoint(CHECKPOINT, [SIGNER, other])
    for key in (SIGNER.verifier, other.verifier):
        assert open_checkpoint(both, origin=ORIGIN, verifiers=[key])[0] == CHECKPOINT


def test_witnesses_sign_with_their_time() -> None:
    note = read_note(SIGNED).with_lines([WITNESS.cosign(CHECKPOINT.text, 1_700_000_000)])
    assert note.signed_by([WITNESS.verifier]) == [WITNESS.verifier]
    assert note.signatures[-1].time == 1_700_000_000
    # The log's own signature stands as before, and a later one of the same witness replaces its first.
    assert bytes(note).startswith(SIGNED)
    later = note.with_lines([WITNESS.cosign(CHECKPOINT.text, 1_700_000_060)])
    assert [each.time for each in later.signatures if each.name == WITNESS.name] == [1_700_000_060]


def test_a_cosignature_is_over_its_time() -> None:
    line = WITNESS.cosign(CHECKPOINT.text, 5)
    name, encoded = line.removeprefix("— ").split(" ")
    raw = bytearray(base64.b64decode(encoded))
    raw[11] ^= 1
    forged = f"— {name} {base64.b64encode(raw).decode()}\n"
    with pytest.raises(NoteError, match="not valid"):
        read_note(SIGNED).with_lines([forged]).signed_by([WITNESS.verifier])


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000+AQ==",
        VKEY.replace("952b", "952c"),
        VKEY.replace("+AQ", "+BQ"),
        "a b" + VKEY,
    ],
)
def test_mistyped_keys(vkey: str) -> None:
    with pytest.raises(NoteError):
        read_verifier(vkey)


@pytest.mark.parametrize(
    "text",
    [
        "registry.example/log\n3\n",
        "registry.example/log\n03\nOF2jDzkXKCyJOd/4UZV+UZqxhGsTUaFMCts7EWMnQqo=\n",
        "registry.example/log\n-3\nOF2jDzkXKCyJOd/4UZV+UZqxhGsTUaFMCts7EWMnQqo=\n",
        "registry.example/log\n9999999999999999999\nOF2jDzkXKCyJOd/4UZV+UZqxhGsTUaFMCts7EWMnQqo=\n",
        "registry.example/log\n3\nOF2jDzkXKCyJOd/4UZV+UZqxhGsTUaFMCts7EWMnQqp=\n",
        "registry.example/log\n3\nAAAA\n",
        "registry.example/log\n3\nOF2jDzkXKCyJOd/4UZV+UZqxhGsTUaFMCts7EWMnQqo=\nmore\n",
        "a b\n3\nOF2jDzkXKCyJOd/4UZV+UZqxhGsTUaFMCts7EWMnQqo=\n",
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(NoteError):
        read_checkpoint(text)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a\n", "signatures"),
        (b"a\n\n- name AAAAAAA=\n", "a dash"),
        ("a\n\n— name AAAA\n".encode(), "a dash"),
        ("a\n\n— name AAAAAAA=".encode(), "signatures"),
        (b"a\xff\n\n", "UTF-8"),
        (b"a\r\n\n", "control"),
        (b"a" * 70_000, "larger"),
        (b"a\n\n" + "— name AAAAAAA=\n".encode() * 65, "more than 64"),
    ],
)
def test_what_is_no_note(data: bytes, says: str) -> None:
    with pytest.raises(NoteError, match=says):
        read_note(data)
