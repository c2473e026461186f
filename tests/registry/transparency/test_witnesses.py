"""Asking witnesses: another registry over HTTP, another implementation, and what answers nonsense."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry.app import ROUTES, Framework, create_app
from registry.changelog.tail import Tail
from registry.db import Database
from registry.errors import Misconfigured, Unreached
from registry.extensions import Node
from registry.federation.service import add
from registry.node import init_node, load_node
from registry.settings import Settings
from registry.transparency.keys import Keys, prepare
from registry.transparency.notes import COSIGNATURE, Signer, Verifier, open_checkpoint, read_verifier
from registry.transparency.sequencer import Sequencer
from registry.transparency.storage import open_storage
from registry.transparency.witnesses import Witness, WitnessReader, line_of, read_witnesses
from tests.conftest import Join, Publish, running
from tests.registry.bridge import listening
from tests.registry.serving import PATIENCE, free_port, listens

sqlite_only = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


@dataclass
class Log:
    """The registry under test, whose checkpoints are to be cosigned."""

    node: Node
    keys: Keys
    client: httpx.AsyncClient

    def __post_init__(self) -> None:
        self.storage = open_storage(self.node.settings, self.node.database)
        sequencer = Sequencer(self.node.database, self.node.origin, self.keys, self.storage)
        self.tail = Tail(self.node.database, sequencer)

    def reader(self, witness: Witness) -> Tail:
        settings = self.node.settings.model_copy(update={"federation_allow_private": True})
        reader = WitnessReader(self.node.database, self.node.origin, self.storage, witness, settings)
        return Tail(self.node.database, reader)

    async def signers(self, *witnesses: Verifier) -> list[Verifier]:
        """Whose lines the checkpoint bears."""
        answer = await self.client.get("/log/checkpoint")
        known = [*self.keys.verifiers, *witnesses]
        return open_checkpoint(answer.content, origin=self.node.origin, verifiers=known)[2]


@pytest.fixture
def log(node: Node, client: httpx.AsyncClient) -> Log:
    return Log(node, prepare(node.settings, node.origin), client)


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[tuple[Node, httpx.AsyncClient]]:
    """Another registry: the witness."""
    folder = tmp_path / "other"
    folder.mkdir()
    origin = "witness.example/log"
    settings = Settings(data=folder, origin=origin, base_url="https://witness.example", _env_file=None)
    await init_node(settings)
    database = Database(settings.database)
    node = await load_node(settings, database)
    app = create_app(node, run_readers=False, framework=Framework(ROUTES, "Other"))
    async with running(app) as client:
        yield node, client
    await database.dispose()


@sqlite_only
async def test_another_registry_cosigns_what_it_follows(
    log: Log, other: tuple[Node, httpx.AsyncClient], join: Join, publish: Publish
) -> None:
    theirs, asked = other
    key = prepare(theirs.settings, theirs.origin).witness
    assert key is not None
    told = (await asked.get("/.well-known/candor")).json()
    assert told["witness_key"] == str(key.verifier)
    lab = await join()
    await publish(lab)
    await log.tail.catch_up()
    async with listening(asked) as url:
        witness = Witness(key.verifier, f"{url}/witness")
        reader = log.reader(witness)
        with pytest.raises(Unreached, match="does not know our log"):
            await reader.step()
        assert await log.signers(key.verifier) == log.keys.verifiers
        async with theirs.database.write() as session:
            await add(session, "https://registry.example", log.keys.verifiers[0], "", own=theirs.origin)
        await reader.catch_up()
        assert await log.signers(key.verifier) == [*log.keys.verifiers, key.verifier]
        # More entries, with a proof that they continue what was seen.
        for number in range(3):
            await publish(lab, title=f"Lesson {number}")
            await log.tail.catch_up()
        assert await log.signers(key.verifier) == log.keys.verifiers
        await reader.catch_up()
        assert await log.signers(key.verifier) == [*log.keys.verifiers, key.verifier]
        # Another process asks, and is told by the witness what that saw.
        await publish(lab, title="The last")
        await log.tail.catch_up()
        await reader.give_up()
        reader = log.reader(witness)
        await reader.catch_up()
        assert await log.signers(key.verifier) == [*log.keys.verifiers, key.verifier]
    # Down: nothing is held up, and the operator finds out.
    await publish(lab, title="Without it")
    await log.tail.catch_up()
    assert await log.signers(key.verifier) == log.keys.verifiers
    with pytest.raises(Unreached):
        await reader.step()


def test_only_a_valid_line_of_the_witness_counts() -> None:
    signer = Signer("witness.example", bytes(32), COSIGNATURE)
    stranger = Signer("stranger.example", bytes(range(32)), COSIGNATURE)
    text = "registry.example/log\n3\nOF2jDzkXKCyJOd/4UZV+UZqxhGsTUaFMCts7EWMnQqo=\n"
    good = signer.cosign(text, 1_700_000_000)
    assert line_of(signer.verifier, text, f"{stranger.cosign(text, 1)}{good}".encode()).line == good
    false = replace(signer, seed=bytes(range(32))).cosign(text, 1)
    for body in ("", "\n", "ok", stranger.cosign(text, 1), signer.cosign(f"{text}x", 1), false, good[:-9]):
        with pytest.raises(Unreached):
            line_of(signer.verifier, text, body.encode())


@sqlite_only
def test_settings_of_witnesses_are_read_strictly(node: Node) -> None:
    vkey = str(Signer("witness.example", bytes(32), COSIGNATURE).verifier)

    def read(text: str) -> Any:
        return read_witnesses(node.settings.model_copy(update={"witnesses": text}))

    (one,) = read(f"{vkey} https://witness.example/w/,\n")
    assert (str(one.verifier), one.url) == (vkey, "https://witness.example/w")
    logs = str(Signer("log.example", bytes(32)).verifier)
    for bad in (
        vkey,
        f"{vkey} http://10.0.0.1/",
        f"{logs} https://log.example",
        "a b c",
        f"{vkey[:-3]} https://w.example",
    ):
        with pytest.raises(Misconfigured):
            read(bad)


# --- another implementation

PACKAGE = "aics-witness==0.1.0"


@pytest.fixture(scope="module")
def aics_witness() -> Path:
    """The command of another implementation, installed beside our own environment where a Python that is new
    enough for it is on the machine.
    """
    if given := os.environ.get("CANDOR_TEST_WITNESS"):
        return Path(given)
    folder = Path(sys.prefix) / "beside" / "aics-witness"
    command = folder / "bin" / "aics-witness"
    if command.exists():
        return command
    python = next(filter(_runs, _pythons()), None)
    if python is None:
        pytest.skip("ANOTHER IMPLEMENTATION OF WITNESSES WAS NOT TRIED: no Python 3.12 or newer was found")
    try:
        subprocess.run([python, "-m", "venv", folder], check=True, capture_output=True, timeout=120)
        install = [folder / "bin" / "pip", "install", "-q", PACKAGE]
        subprocess.run(install, check=True, capture_output=True, timeout=120)
    except (subprocess.SubprocessError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"ANOTHER IMPLEMENTATION OF WITNESSES WAS NOT TRIED: {PACKAGE} is not to be had: {error}")
    return command


def _pythons() -> list[str]:
    names = [f"python3.{minor}" for minor in (14, 13, 12)]
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    return [*names, *(str(path) for minor in (14, 13, 12) for path in root.glob(f"3.{minor}.*/bin/python"))]


def _runs(python: str) -> bool:
    try:
        return subprocess.run([python, "-c", ""], capture_output=True, timeout=30).returncode == 0
    except OSError:
        return False


@contextmanager
def serving(command: Path, folder: Path, keys: Keys) -> Iterator[Witness]:
    """That witness, which knows our log."""
    config, port = folder / "witness.json", free_port()

    def run(*words: str) -> str:
        done = subprocess.run(
            [command, *words, "--config", str(config)], check=True, capture_output=True, timeout=60
        )
        return done.stdout.decode()

    told = run("init", "--name", "elsewhere.example/w1", "--listen", f"127.0.0.1:{port}")
    verifier = keys.verifiers[0]
    run("add-log", "--origin", verifier.name, "--vkey", str(verifier))
    process = subprocess.Popen(
        [command, "serve", "--config", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + PATIENCE
        while not listens(port):
            assert process.poll() is None, "the witness ended"
            assert time.monotonic() < end, "the witness does not listen"
            time.sleep(0.05)
        yield Witness(read_verifier(told.strip()), f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait(60)


@sqlite_only
async def test_another_implementation_cosigns_our_log(
    aics_witness: Path, log: Log, join: Join, publish: Publish, tmp_path: Path
) -> None:
    lab = await join()
    with serving(aics_witness, tmp_path, log.keys) as witness:
        reader = log.reader(witness)
        for number in range(3):
            await publish(lab, title=f"Lesson {number}")
            await log.tail.catch_up()
            await reader.catch_up()
            assert await log.signers(witness.verifier) == [*log.keys.verifiers, witness.verifier]
