"""The keys that sign the log: where they lie, who may read them, and how one follows on another."""

import asyncio
import base64
import stat
import tarfile
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from registry.backups import backup
from registry.errors import Conflict, Misconfigured
from registry.extensions import Node
from registry.settings import Settings
from registry.transparency import rotation
from registry.transparency.keys import Keys, load, prepare, private_text
from registry.transparency.leaves import KeysLeaf, read_leaf
from registry.transparency.notes import Signer, read_note, read_verifier
from registry.transparency.sequencer import Forked, Sequencer
from registry.transparency.storage import open_storage
from registry.transparency.tiles import decode_bundle
from tests.conftest import ORIGIN, Join, Publish
from tests.registry.calling import Call, caller, point_at
from tests.registry.transparency.crashing import drive

# Keys are files, and what is done about them is the same whichever database there is.
pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

SECOND = Signer(ORIGIN, b"\2" * 32)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def with_key(settings: Settings, *signers: Signer) -> Settings:
    text = " ".join(private_text(each) for each in signers)
    return settings.model_copy(update={"log_key": SecretStr(text)})


@pytest.fixture
def candor(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    point_at(settings, monkeypatch)
    return caller(monkeypatch, capsys)


def test_keys_are_for_their_owner_alone(settings: Settings) -> None:
    keys = prepare(settings, ORIGIN)
    keys.remember(b"signed")
    assert mode(keys.folder) == 0o700
    names = {path.name: mode(path) for path in keys.folder.iterdir()}
    assert names == {"log.key": 0o600, "witness.key": 0o600, "log.signed": 0o600}
    assert prepare(settings, ORIGIN) == keys, "made once"

    (keys.folder / "log.key").chmod(0o640)
    with pytest.raises(Misconfigured, match="chmod 600"):
        load(settings, ORIGIN)
    (keys.folder / "log.key").chmod(0o600)
    (keys.folder / "log.key").write_text(private_text(SECOND)[:-8])
    with pytest.raises(Misconfigured) as refused:
        load(settings, ORIGIN)
    assert base64.b64encode(SECOND.seed).decode()[:8] not in str(refused.value)
    with pytest.raises(Misconfigured, match=r"other\.example"):
        load(with_key(settings, Signer("other.example/log", b"\1" * 32)), ORIGIN)


async def test_a_key_is_nowhere_else(settings: Settings, tmp_path: Path) -> None:
    keys = prepare(settings, ORIGIN)
    # Its base64 may itself hold a plus: five parts, not the last one.
    secret = private_text(keys.log[0]).split("+", 4)[4]
    seeds = (secret[:20], keys.log[0].seed.hex(), repr(keys.log[0].seed))
    await backup(settings, tmp_path / "backup.tar.gz")
    with tarfile.open(tmp_path / "backup.tar.gz") as archive:
        files = [archive.extractfile(each) for each in archive.getmembers()]
        kept = b"".join(file.read() for file in files if file is not None).decode()
    said = repr(keys) + repr(with_key(settings, keys.log[0])) + kept
    assert not [seed for seed in seeds if seed in said]


def test_settings_and_init_show_no_secret(
    candor: Call, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = candor("init")
    vkey = made.out.strip()
    assert read_verifier(vkey) == load(settings, ORIGIN).log[0].verifier
    rotated = candor("key", "rotate", "--json").json["key"]
    listed = candor("key", "list", "--json").json
    assert [each["key"] for each in listed["keys"]] == [rotated, vkey]
    assert f"{rotated}  signs\n" in candor("key", "list").out
    assert candor("key", "retire").code == 1, "no checkpoint covers the change yet"

    monkeypatch.setenv("CANDOR_LOG_KEY", private_text(SECOND))
    shown = candor("settings", "--json")
    assert shown.json["CANDOR_LOG_KEY"]["value"] == "***"
    monkeypatch.setenv("CANDOR_LOG_KEY", private_text(SECOND)[:-3] + "AAA")
    refused = candor("key", "list")
    assert refused.code == 1
    assert "CANDOR_LOG_KEY" in refused.err
    assert private_text(SECOND).rpartition("+")[2][:12] not in refused.err + refused.out


async def test_a_new_key_follows_on_the_old_one(
    client: httpx.AsyncClient, node: Node, settings: Settings, join: Join, publish: Publish
) -> None:
    first = (await rotation.ready_keys(settings, node.database, ORIGIN)).log[0]
    sequencer = Sequencer(
        node.database, ORIGIN, load(settings, ORIGIN), open_storage(settings, node.database)
    )
    lab = await join("lab")
    await publish(lab)
    await drive(node, sequencer)
    described = await client.get("/.well-known/candor")
    assert described.json()["verifier_keys"] == [str(first.verifier)]

    with pytest.raises(Conflict, match="one key only"):
        await rotation.retire(settings, node.database, ORIGIN)
    new = await rotation.rotate(settings, node.database, ORIGIN)
    described = await client.get("/.well-known/candor")
    assert described.json()["verifier_keys"] == [str(new), str(first.verifier)]
    for wrong in (rotation.rotate, rotation.retire):
        with pytest.raises(Conflict):
            await wrong(settings, node.database, ORIGIN)
    assert mode(settings.keys_folder / "log.key") == 0o600

    await drive(node, sequencer)
    checkpoint = read_note((await client.get("/log/checkpoint")).content)
    assert [each.key_id for each in checkpoint.signatures] == [new.key_id, first.verifier.key_id]
    assert checkpoint.signed_by([new, first.verifier]) == [new, first.verifier]
    told = read_leaf(decode_bundle((await client.get("/log/tile/entries/000.p/2")).content, 2)[1])
    assert isinstance(told, KeysLeaf)
    assert told.valid
    assert (told.old, told.new) == (first.verifier, new)

    assert await rotation.retire(settings, node.database, ORIGIN) == new
    await publish(lab)
    await drive(node, sequencer)
    checkpoint = read_note((await client.get("/log/checkpoint")).content)
    assert [each.key_id for each in checkpoint.signatures] == [new.key_id]
    assert private_text(first) not in (settings.keys_folder / "log.key").read_text()


async def test_keys_from_the_environment_are_changed_there(settings: Settings, node: Node) -> None:
    first = Signer(ORIGIN, b"\1" * 32)
    given = with_key(settings, first)
    assert not (await rotation.ready_keys(given, node.database, ORIGIN)).folder.joinpath("log.key").exists()
    with pytest.raises(Misconfigured, match="put it before the old one"):
        await rotation.rotate(given, node.database, ORIGIN)
    new = load(with_key(settings, first), ORIGIN).folder / "log.key.next"
    assert mode(new) == 0o600
    both = settings.model_copy(
        update={"log_key": SecretStr(f"{new.read_text().strip()} {private_text(first)}")}
    )
    assert await rotation.rotate(both, node.database, ORIGIN) == load(both, ORIGIN).log[0].verifier
    with pytest.raises(Conflict, match="overlap"):
        await rotation.rotate(both, node.database, ORIGIN)


async def test_no_other_key_takes_the_place_of_one_that_is_lost(
    settings: Settings, node: Node, join: Join, publish: Publish, candor: Call
) -> None:
    keys = prepare(settings, ORIGIN)
    storage = open_storage(settings, node.database)
    await publish(await join("lab"))
    await drive(node, Sequencer(node.database, ORIGIN, keys, storage))
    (keys.folder / "log.key").unlink()
    assert (await rotation.ready_keys(settings, node.database, ORIGIN)).log == ()
    assert not (keys.folder / "log.key").exists()
    with pytest.raises(Misconfigured, match="bring the key back"):
        await rotation.rotate(settings, node.database, ORIGIN)
    assert "signs nothing" in (await asyncio.to_thread(candor, "init")).err
    other = Keys(keys.folder, (SECOND,), given=True)
    with pytest.raises(Forked, match="other keys"):
        await drive(node, Sequencer(node.database, ORIGIN, other, storage))
