"""What an operator sees of peers, and does about them."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from registry.errors import Conflict, NotFound
from registry.extensions import Node
from registry.federation import service
from registry.federation.alarms import raise_alarm, tell_due
from registry.federation.following import Following
from registry.federation.leases import leased
from registry.federation.models import Alarm, Peer
from registry.settings import Settings
from registry.transparency.leaves import KeysLeaf
from registry.transparency.notes import Signer
from tests.conftest import Join
from tests.registry.calling import Called, caller, point_at
from tests.registry.federation.peers import SIGNER, Answer, Follower, Published, Server, lessons, serving
from tests.registry.mirroring import PEER

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

NEW = Signer(PEER, bytes(range(2, 34)))


# --- what is not taken


async def test_nothing_is_taken_behind_a_cut_off_before_it_is_released(
    follower: Follower, server: Server, published: Published
) -> None:
    pk = await follower.add(server.url)
    await follower.visit(pk)
    async with follower.node.database.write() as session:
        await service.cut_off(session, PEER, 10)
    published.publish(*lessons(2, start=10))
    published.erase(0)
    published.append(KeysLeaf.make(PEER, SIGNER, NEW).encode())
    visited = await follower.visit(pk)
    assert (visited.taken.documents, visited.taken.erased, visited.taken.troubles) == (
        0,
        0,
        {"quarantined": 4},
    )
    assert {item.code for item in (await follower.items(pk)).values()} == {"cut-off"}
    assert (await follower.peer(pk)).verifiers == [str(SIGNER.verifier)]
    async with follower.node.database.write() as session:
        assert len(await service.release(session, PEER, [10, 12])) == 2
    assert (await follower.visit(pk)).regained == 1
    assert (await follower.held(), sorted(await follower.items(pk))) == (10, [11, 13])
    async with follower.node.database.write() as session:
        await service.release(session, PEER, None)
    await follower.visit(pk)
    assert (await follower.held(), await follower.items(pk)) == (11, {})
    assert (await follower.peer(pk)).verifiers == [str(NEW.verifier), str(SIGNER.verifier)]


async def test_no_release_makes_a_bad_leaf_good(
    follower: Follower, server: Server, published: Published
) -> None:
    published.append(b"no leaf")
    pk = await follower.add(server.url)
    await follower.visit(pk)
    async with follower.node.database.write() as session:
        with pytest.raises(Conflict, match="cannot be released"):
            await service.release(session, PEER, [10])
        with pytest.raises(NotFound, match="not set aside"):
            await service.release(session, PEER, [3])
        assert await service.release(session, PEER, None) == []
        with pytest.raises(NotFound, match=PEER):
            await service.release(session, "nobody.example/log", None)


async def test_what_is_withheld_or_missing_is_asked_for_again(
    follower: Follower, server: Server, published: Published
) -> None:
    honest = dict(published.lines)
    published.lines[2] = b'{"index":2,"suppressed":"Court of Example, 1 O 2/26"}'
    published.lines[4] = b'{"erased":9,"index":4}'
    pk = await follower.add(server.url)
    await follower.visit(pk)
    items = await follower.items(pk)
    assert {index: item.state for index, item in items.items()} == {2: "suppressed", 4: "missing"}
    assert ("Court of Example" in items[2].text, await follower.alarms()) == (True, [])
    # Leaf 9 tells of no erasure, and it was read: what is said of it is not true, said again.
    await follower.later(pk)
    await follower.visit(pk)
    assert await follower.alarms() == ["missing"]
    published.lines = honest
    await follower.later(pk)
    assert (await follower.visit(pk)).regained == 2
    assert (await follower.held(), await follower.items(pk)) == (10, {})


async def test_a_log_goes_over_to_another_key_while_both_sign(
    follower: Follower, server: Server, published: Published
) -> None:
    pk = await follower.add(server.url)
    await follower.visit(pk)
    published.append(KeysLeaf.make(PEER, SIGNER, NEW).encode())
    published.signers = [NEW, SIGNER]
    await follower.visit(pk)
    assert (await follower.peer(pk)).verifiers == [str(NEW.verifier), str(SIGNER.verifier)]
    published.publish(*lessons(1, start=10))
    published.signers = [NEW]
    assert (await follower.visit(pk)).taken.documents == 1
    assert (await follower.peer(pk)).verifiers == [str(NEW.verifier)]
    published.publish(*lessons(1, start=11))
    published.signers = [SIGNER]
    assert (await follower.visit(pk)).code == "unsigned"
    assert await follower.alarms() == ["keys", "unsigned"]


async def test_the_copy_of_a_log_at_a_third_registry_is_as_good(
    follower: Follower, server: Server, published: Published
) -> None:
    mirror = f"/mirror/{hashlib.sha256(PEER.encode()).hexdigest()}"

    def say(path: str, headers: dict[str, str]) -> Answer | None:
        if path.startswith(f"{mirror}/documents"):
            return server.answer(path.replace(mirror, "/federation/v1"), headers)
        return server.answer(path.replace(mirror, "/log"), headers) if path.startswith(mirror) else None

    server.say = say
    pk = await follower.add(f"{server.url}{mirror}")
    assert (await follower.visit(pk)).taken.documents == 10


# --- how it goes on


async def test_a_slow_peer_keeps_no_other_waiting(follower: Follower, server: Server) -> None:
    other = Signer("other.example/log", bytes(32))
    going = Published([other])
    going.publish(*lessons(3, origin=other.name))

    async def never(_: Any) -> None:
        await asyncio.sleep(60)

    server.say = lambda path, headers: Answer(raw=never)
    slow = await follower.add(server.url)
    async with serving(going) as fast:
        quick = await follower.add(fast.url, signer=other)
        running = asyncio.create_task(Following(follower.node).run())
        try:
            async with asyncio.timeout(20):
                while await follower.held(other.name) < 3:  # noqa: ASYNC110  (there is nothing to wait on)
                    await asyncio.sleep(0.02)
            # Whoever else would visit the slow one meanwhile leaves it to this process.
            assert (await follower.visit(slow)).busy
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert ((await follower.log(quick)).size, (await follower.log(slow)).size) == (3, 0)
    assert (await follower.peer(slow)).holder is None


async def test_whoever_lost_the_lease_writes_nothing(follower: Follower, server: Server) -> None:
    pk = await follower.add(server.url)
    taken = asyncio.Event()

    def say(path: str, headers: dict[str, str]) -> Answer | None:
        if path.startswith("/federation"):
            taken.set()
        return None

    server.say = say
    visiting = asyncio.create_task(follower.visit(pk))
    await taken.wait()
    async with follower.node.database.write() as session:
        await session.execute(update(Peer).values(holder="another"))
    assert (await visiting).busy
    assert ((await follower.log(pk)).size, (await follower.peer(pk)).holder) == (0, "another")
    async with leased(follower.node.database, pk, "a third") as won:
        assert not won


async def test_each_alarm_is_told_once(follower: Follower) -> None:
    posted: list[dict[str, Any]] = []
    answers = [500, 200]

    async def hook(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        posted.append(json.loads(await reader.readexactly(length)))
        writer.write(f"HTTP/1.1 {answers.pop(0)} Said\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    listening = await asyncio.start_server(hook, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/hook"
    database = follower.node.database
    settings = Settings(alert_url=url, _env_file=None)  # type: ignore[arg-type]
    async with database.write() as session:
        for _ in range(3):
            await raise_alarm(session, PEER, "rollback", "It went back.\x1b[2J", key="a", size=7)
    assert await tell_due(database, settings) == 0
    assert await tell_due(database, settings) == 0  # not before its time
    async with database.write() as session:
        await session.execute(update(Alarm).values(due_at=Alarm.at))
    assert await asyncio.gather(*(tell_due(database, settings) for _ in range(3))) in (
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
    )
    assert await tell_due(database, settings) == 0
    listening.close()
    assert [each["code"] for each in posted] == ["rollback", "rollback"]
    assert (posted[1]["origin"], posted[1]["text"], posted[1]["detail"]) == (
        PEER,
        "It went back.[2J",
        {"size": 7},
    )


async def test_stewards_see_peers_and_everybody_their_heads(
    follower: Follower, server: Server, published: Published, client: httpx.AsyncClient, join: Join
) -> None:
    published.lines[4] = b'{"index":4,"document":{"title":"<script>alert(1)</script>\x1b"},"salt":"00"}'
    pk = await follower.add(server.url)
    await follower.visit(pk)
    steward = await join("editors", scopes="records:read registry:steward")
    told = (await client.get("/api/v1/peers", headers=steward.headers)).json()
    (row,) = told["items"]
    assert (row["origin"], row["state"], row["read"], row["lag"]["entries"]) == (PEER, "following", 10, 0)
    assert (row["items"]["quarantined"], row["error"]) == (1, None)
    assert [each["code"] for each in told["alarms"]] == ["quarantined"]
    asked = f"/api/v1/peers/items?origin={PEER}"
    (item,) = (await client.get(asked, headers=steward.headers)).json()["items"]
    assert (item["index"], item["code"], "\x1b" in item["content"]) == (4, "unreadable", False)
    assert (await client.get("/api/v1/peers/items", headers=steward.headers)).status_code == 400
    server.say = lambda path, headers: Answer(503)
    await follower.visit(pk)
    (row,) = (await client.get("/api/v1/peers", headers=steward.headers)).json()["items"]
    assert (row["state"], row["error"]["code"], row["error"]["failures"]) == ("unreachable", "status", 1)
    (head,) = (await client.get("/federation/v1/heads")).json()["items"]
    assert (head["origin"], head["checkpoint"].encode()) == (PEER, published.checkpoint())
    metrics = (await client.get("/metrics")).text
    assert f'candor_peer_state{{origin="{PEER}",state="unreachable"}} 1.0' in metrics
    assert f'candor_peer_items{{origin="{PEER}",state="quarantined"}} 1.0' in metrics


# --- the command


async def test_the_command_from_add_to_remove(
    node: Node,
    server: Server,
    published: Published,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    point_at(node.settings, monkeypatch)
    monkeypatch.setenv("CANDOR_FEDERATION_ALLOW_PRIVATE", "true")
    call = caller(monkeypatch, capsys)

    async def candor(*words: str) -> Called:
        # A command runs an event loop of its own, and the peer lives in this one.
        return await asyncio.to_thread(call, "peer", *words)

    key, foreign = str(SIGNER.verifier), str(Signer("other.example/log", bytes(32)).verifier)
    unpinned = await candor("add", server.url)
    assert (unpinned.code, "Nothing was added" in unpinned.err, key[:20] in unpinned.err) == (1, True, True)
    assert f"says that it is {PEER}" in (await candor("add", server.url, "--key", foreign)).err
    assert "mistyped" in (await candor("add", server.url, "--key", key.replace("+", "+0", 1))).err
    assert (await candor("add", server.url, "--key", key, "--json")).json["read"] == 0
    honest, published.lines[4] = published.lines[4], b'{"index":4,"document":{},"salt":"00"}'
    (synced,) = (await candor("sync", "--json")).json["synced"]
    assert (synced["entries"], synced["documents"], synced["set_aside"], synced["error"]) == (10, 9, 1, None)
    (item,) = (await candor("quarantine", PEER, "--json")).json["items"]
    assert (item["index"], item["code"], item["content"]) == (4, "other-content", "{}")
    assert "other-content" in (await candor("quarantine", PEER)).out
    assert "other bytes" in (await candor("quarantine", PEER, "4")).out
    assert (await candor("release", PEER, "4")).code == 3
    published.lines[4] = honest
    assert (await candor("release", PEER, "--all", "--json")).json["taken"] == 1
    assert (await candor("quarantine", PEER, "--from", "10", "--json")).json["cut_off"] == 10
    assert (await candor("quarantine", PEER, "--lift", "--json")).json["cut_off"] is None
    assert PEER in (await candor("list")).out
    (tmp_path / "no-evidence").write_text("{}")
    assert "convicts nobody" in (await candor("evidence", str(tmp_path / "no-evidence"), "--key", key)).err
    published.signers = [NEW]
    failed = await candor("sync", PEER)
    assert (failed.code, "unsigned" in failed.err) == (1, True)
    assert (await candor("remove", PEER, "--json")).json["state"] == "removed"
    assert "removed already" in (await candor("remove", PEER)).err
    other = Published()
    other.publish(*lessons(10, start=500))
    server.published = other
    new = str(NEW.verifier)
    assert (await candor("add", server.url, "--key", new, "--json")).json["verifier_keys"] == [new]
    assert (await candor("add", server.url, "--key", key, "--json")).json["verifier_keys"] == [key, new]
    assert "forked" in (await candor("sync")).err
    (file,) = (node.settings.data / "evidence").iterdir()
    proven = await candor("evidence", str(file), "--key", key, "--json")
    assert (proven.json["origin"], proven.json["shown"]) == (PEER, other.checkpoint().decode())
    assert "begin a new origin" in (await candor("add", server.url, "--key", key)).err
