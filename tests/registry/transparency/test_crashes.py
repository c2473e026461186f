"""Whatever happens to the process that writes the log: it goes on with the same root, or signs nothing."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from registry.changelog.tail import LEASE, Tail, head
from registry.db import now
from registry.extensions import Node
from registry.transparency.keys import SIGNED, Keys, prepare
from registry.transparency.models import LogEntry
from registry.transparency.notes import Checkpoint, read_checkpoint, read_note, sign_checkpoint
from registry.transparency.sequencer import CHECKPOINT, Forked, Sequencer
from registry.transparency.storage import FolderStorage, open_storage
from registry.transparency.trees import OWN, LogFiles
from tests.conftest import Join, Publish
from tests.registry.records.acting import act
from tests.registry.transparency.crashing import Died, Machine, all_of, begin_log, drive

# What is interrupted is our own code; both databases keep to their transactions.
pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


@pytest.fixture
def keys(node: Node) -> Keys:
    return prepare(node.settings, node.origin)


async def position(node: Node) -> int:
    async with node.database.read() as session:
        return await head(session)


@pytest.mark.parametrize("kept", ["database", "folder"])
async def test_killed_at_any_write_it_goes_on_with_the_same_root(
    client: httpx.AsyncClient,
    node: Node,
    keys: Keys,
    join: Join,
    publish: Publish,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kept: str,
) -> None:
    lab, steward = await join("lab"), await join("house", scopes="registry:steward records:read")
    before = await position(node)
    gone = await publish(lab)
    await publish(lab)
    read = await client.get(f"/api/v1/records/{gone['id']}")
    order = {"code": "personal-data", "reason": "A person asked."}
    assert (await act(client, steward, gone["id"], "erase", read.headers["etag"], order)).status_code == 200

    folder = tmp_path / "files" if kept == "folder" else None
    monkeypatch.setattr(os, "fsync", lambda _: None)  # no power is lost here, and it takes its time

    async def begun() -> Sequencer:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        storage = FolderStorage(folder) if folder is not None else open_storage(node.settings, node.database)
        # Three entries more fill the first tile, and begin the next ones.
        await begin_log(node, keys, storage, 254, position=before)
        return Sequencer(node.database, node.origin, keys, storage)

    await drive(node, await begun())
    undisturbed = await all_of(node, keys, folder)
    assert undisturbed["log"][2] == 257
    assert {"log/tile/0/000", "log/tile/0/001.p/1", "log/tile/1/000.p/1"} <= undisturbed["files"].keys()
    assert not [path for path in undisturbed["files"] if "000.p" in path and "tile/1" not in path]

    seen: list[str] = []
    for number in range(1, 100):
        sequencer = await begun()
        with monkeypatch.context() as patched:
            machine = Machine(dies_at=number)
            machine.build(patched)
            try:
                await drive(node, sequencer)
            except Died as died:
                seen.append(str(died))
            else:
                break
        # Whoever reads meanwhile finds all that the checkpoint promises.
        shown = read_checkpoint(read_note((await all_of(node, keys, None))["log"][3]).text)
        assert await LogFiles(sequencer._storage, OWN).lead_to(shown), seen[-1]
        after = Sequencer(node.database, node.origin, keys, sequencer._storage)
        await drive(node, after)
        assert await all_of(node, keys, folder) == undisturbed, seen[-1]
    assert {"commit", "committed", "remember", "remembered"} <= set(seen)
    if folder is not None:
        files = (f"{OWN}tile/entries/000", f"{OWN}tile/1/000.p/1", f"{OWN}{CHECKPOINT}")
        assert {"sync", "delete", *(f"put {path}" for path in files)} <= set(seen)


@pytest.mark.parametrize(
    ("signed", "told"),
    [
        (lambda tip: Checkpoint(tip.origin, tip.size + 5, b"\1" * 32), "recover"),
        (lambda tip: Checkpoint(tip.origin, tip.size, b"\1" * 32), "does not begin with the 9 entries"),
        (lambda tip: Checkpoint(tip.origin, tip.size - 2, b"\1" * 32), "does not begin with the 7 entries"),
        (lambda tip: Checkpoint("other.example/log", tip.size, tip.root), "is of other.example/log"),
        (lambda tip: None, "cannot be read"),
    ],
    ids=["older", "other root", "other beginning", "other origin", "unreadable"],
)
async def test_a_log_that_is_not_the_one_that_was_signed_is_not_signed(
    client: httpx.AsyncClient,
    node: Node,
    keys: Keys,
    join: Join,
    publish: Publish,
    signed: Callable[[Checkpoint], Checkpoint | None],
    told: str,
) -> None:
    storage = open_storage(node.settings, node.database)
    lab = await join("lab")
    await begin_log(node, keys, storage, 9, position=await position(node))
    tip = read_checkpoint(read_note(keys.signed() or b"").text)
    other = signed(tip)
    keys.remember(sign_checkpoint(other, keys.log) if other else b"\0")
    kept = keys.signed()
    shown = (await client.get("/log/checkpoint")).content
    await publish(lab)
    tail = Tail(node.database, Sequencer(node.database, node.origin, keys, storage))
    following = asyncio.create_task(tail.run())
    try:
        for _ in range(200):
            answer = await client.get("/readyz")
            if answer.status_code != 200:
                break
            await asyncio.sleep(0.02)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert answer.status_code == 503
    assert "log" in answer.json()["detail"]
    with pytest.raises(Forked, match=told):
        await drive(node, Sequencer(node.database, node.origin, keys, storage))
    assert keys.signed() == kept
    assert (await client.get("/log/checkpoint")).content == shown
    async with node.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(LogEntry)) == 9


async def test_files_that_are_lost_or_damaged_are_written_anew(
    node: Node, keys: Keys, join: Join, publish: Publish, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    storage = FolderStorage(folder)
    lab = await join("lab")
    await begin_log(node, keys, storage, 300, position=await position(node))
    (folder / OWN / "tile/1/000.p/1").write_bytes(b"\0" * 32)
    await publish(lab)
    await drive(node, Sequencer(node.database, node.origin, keys, storage))
    held = await all_of(node, keys, folder)
    tip = read_checkpoint(read_note(held["files"]["log/checkpoint"]).text)
    assert tip.size == 301
    assert await LogFiles(storage, OWN).lead_to(tip)

    # As whoever keeps them elsewhere from now on begins with none; there is nothing new to sign.
    shutil.rmtree(folder)
    elsewhere = Sequencer(node.database, node.origin, keys, storage)
    await drive(node, elsewhere)
    again = await all_of(node, keys, folder)
    assert again["signed"] == held["signed"]
    partials = {path for path in held["files"] if "/001.p/44" in path}
    assert again["files"] == {path: body for path, body in held["files"].items() if path not in partials}


async def test_one_that_slept_through_the_end_of_its_lease_signs_nothing(
    node: Node, keys: Keys, join: Join, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(node.settings, node.database)
    lab = await join("lab")
    await publish(lab)
    one, two = (Tail(node.database, Sequencer(node.database, node.origin, keys, storage)) for _ in "12")
    assert await one.step()
    assert not await two.step(), "one writer at a time"
    await publish(lab)

    asleep, woken = asyncio.Event(), asyncio.Event()
    refuse = Sequencer._refuse_to_fork

    async def sleeping(self: Sequencer, *rest: object) -> None:
        await refuse(self, *rest)  # type: ignore[arg-type]
        if self is one.reader:
            asleep.set()
            await woken.wait()

    monkeypatch.setattr(Sequencer, "_refuse_to_fork", sleeping)
    stale = asyncio.create_task(one.step())
    await asleep.wait()
    await publish(lab)
    monkeypatch.setattr("registry.changelog.tail.now", lambda: now() + 2 * LEASE)
    await two.catch_up()
    signed = keys.signed()
    assert read_checkpoint(read_note(signed or b"").text).size == 3
    woken.set()
    await stale
    assert keys.signed() == signed
    assert (keys.folder / SIGNED).read_bytes() == signed
    assert not await one.step()
