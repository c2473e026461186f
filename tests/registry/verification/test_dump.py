"""A dump is believed as a whole or not at all: every byte of it counts, and so does what a rogue signs."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.errors import CandorError
from registry.transparency.leaves import EraseLeaf, KeysLeaf, RecordLeaf
from registry.transparency.notes import Signer, Verifier
from registry.verification.dump import verify_dump
from registry.verification.places import Archive, Folder
from registry.verification.report import Report
from tests.registry.verification.forging import KEY, ORIGIN, SIGNER, Forge, honest, quietly

A, B = "CIR-000000000A", "CIR-000000000B"


async def verified(folder: Path, key: Verifier | None = KEY) -> Report:
    return await verify_dump(Folder(folder), [key] if key else [], quietly)


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return honest().write(tmp_path_factory.mktemp("dump"))


async def test_a_true_dump_verifies_in_a_folder_and_in_an_archive(dump: Path, tmp_path: Path) -> None:
    report = await verified(dump)
    assert report.sound, list(report.failures)
    assert report.as_json() | {"checks": []} == {
        "what": "dump",
        "verified": True,
        "sound": True,
        "pinned": True,
        "origin": ORIGIN,
        "size": 387,
        "root": report.facts["root"],
        "records": 300,
        "versions": 343,
        "erasures": 44,
        "keys": 0,
        "unknown": 0,
        "documents": 275,
        "withheld": 24,
        "erased_since": 0,
        "signed_by": [str(KEY)],
        "checks": [],
    }
    archive = shutil.make_archive(str(tmp_path / "dump"), "zip", dump)
    assert (await verify_dump(Archive(Path(archive)), [KEY], quietly)).sound


async def test_a_flipped_byte_is_refused_wherever_it_is(dump: Path) -> None:
    draw = random.Random(7)
    for name in Folder(dump).names():
        file = dump / name
        whole = file.read_bytes()
        at = draw.randrange(len(whole))
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << draw.randrange(8)]) + whole[at + 1 :])
        try:
            report = await verified(dump)
        except CandorError:
            continue  # a manifest that is none
        finally:
            file.write_bytes(whole)
        assert not report.sound, (file, at)
    assert (await verified(dump)).sound


async def test_a_file_too_many_or_too_few_is_told(dump: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(dump, tmp_path / "copy"))
    (copy / "log/extra").write_bytes(b"?")
    assert [check.text for check in (await verified(copy)).failures] == [
        "'log/extra' is not among the files that were written."
    ]
    (copy / "log/extra").unlink()
    (copy / "log/tile/0/000").unlink()
    assert "tile/0/000: it is missing" in [check.text for check in (await verified(copy)).failures]


async def test_without_a_key_nothing_is_verified(dump: Path) -> None:
    report = await verified(dump, None)
    assert report.sound
    assert not report.as_json()["verified"]
    report = await verified(dump, Signer(ORIGIN, bytes(32)).verifier)
    assert [check.name for check in report.failures] == ["signature"]
    elsewhere = Signer("elsewhere.example/log", bytes(32)).verifier
    assert "origin" in {check.name for check in (await verified(dump, elsewhere)).failures}


async def test_whoever_pinned_an_old_key_follows_its_heirs(tmp_path: Path) -> None:
    forge, new, newest = Forge(), Signer(ORIGIN, bytes(32)), Signer(ORIGIN, b"n" * 32)
    forge.publish(A, 1)
    forge.enter(KeysLeaf.make(ORIGIN, SIGNER, new).encode())
    forge.enter(KeysLeaf.make(ORIGIN, new, newest).encode())
    report = await verified(forge.write(tmp_path / "log", newest))
    assert report.sound, list(report.failures)
    assert report.facts["signed_by"] == [str(newest.verifier)]
    # One that the old key did not sign makes no heir.
    alone = Forge()
    leaf = KeysLeaf.make(ORIGIN, SIGNER, new)
    alone.enter(KeysLeaf(ORIGIN, leaf.old, leaf.new, (leaf.signatures[1], leaf.signatures[1])).encode())
    report = await verified(alone.write(tmp_path / "other", new))
    assert {check.name for check in report.failures} >= {"leaves", "signature"}


def _chain(forge: Forge) -> None:
    forge.publish(A, 1)
    forge.publish(A, 2, prev="0" * 64)


def _skipped(forge: Forge) -> None:
    forge.publish(A, 1)
    forge.publish(A, 3)


def _twice(forge: Forge) -> None:
    forge.publish(A, 1)
    forge.publish(A, 2)
    forge.publish(A, 2, text="Another text under the same number.")


def _erases_nothing(forge: Forge) -> None:
    forge.publish(A, 1)
    forge.enter(EraseLeaf(ORIGIN, 1, "personal-data").encode())


def _erases_twice(forge: Forge) -> None:
    forge.erase(forge.publish(A, 1), A)
    forge.enter(EraseLeaf(ORIGIN, 0, "personal-data").encode())


def _of_another(forge: Forge) -> None:
    forge.publish(A, 1)
    forge.enter(RecordLeaf("other.example/log", B, 1, None, "0" * 64).encode())


def _no_leaf(forge: Forge) -> None:
    forge.publish(A, 1)
    forge.enter(b'{"type": "record"}')


def _vanished(forge: Forge) -> None:
    del forge.lines[forge.publish(A, 1)]
    forge.newest.clear()


def _said_to_be_erased(forge: Forge) -> None:
    index = forge.publish(A, 1)
    forge.publish(B, 1)
    forge.lines[index] = {"erased": 1, "index": index}
    del forge.newest[A]


def _still_there(forge: Forge) -> None:
    index = forge.publish(A, 1)
    kept = forge.lines[index]
    forge.erase(index, A)
    forge.lines[index] = kept


def _altered(forge: Forge) -> None:
    index = forge.publish(A, 1)
    line = forge.lines[index]
    assert isinstance(line, bytes)
    forge.lines[index] = line.replace(b"learnt", b"burnt!")


def _beyond(forge: Forge) -> None:
    index = forge.erase(forge.publish(A, 1), A)
    forge.lines[index] = {"index": index, "suppressed": "why-not"}


def _old_news(forge: Forge) -> None:
    forge.publish(A, 1)
    old = forge.newest[A]
    forge.publish(A, 2)
    forge.newest[A] = old


@pytest.mark.parametrize(
    ("forgery", "check"),
    [
        (_chain, "chain"),
        (_skipped, "chain"),
        (_twice, "chain"),
        (_erases_nothing, "erasures"),
        (_erases_twice, "erasures"),
        (_of_another, "leaves"),
        (_no_leaf, "leaves"),
        (_vanished, "documents"),
        (_said_to_be_erased, "documents"),
        (_still_there, "documents"),
        (_beyond, "documents"),
        (_altered, "commitment"),
        (_old_news, "records"),
    ],
)
async def test_what_a_registry_signed_and_should_not_have(
    forgery: Callable[[Forge], None], check: str, tmp_path: Path
) -> None:
    forge = Forge()
    forgery(forge)
    report = await verified(forge.write(tmp_path))
    assert check in {failure.name for failure in report.failures}


async def test_a_leaf_of_the_future_is_counted_and_let_be(tmp_path: Path) -> None:
    forge = Forge()
    forge.enter(b'{"origin":"registry.example/log","type":"moonlight","v":1}')
    forge.publish(A, 1)
    report = await verified(forge.write(tmp_path))
    assert (report.sound, report.facts["unknown"]) == (True, 1)
