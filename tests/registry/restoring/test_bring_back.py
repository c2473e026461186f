"""A registry comes back from an old backup: with the log that was signed, and without what was taken back."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from registry.app import Application, create_app
from registry.backups import backup, restore
from registry.dumps.write import dump
from registry.errors import Conflict, Misconfigured
from registry.extensions import Node
from registry.node import open_node
from registry.restoring.service import bring_back
from registry.settings import Settings
from registry.terminal import progress
from registry.transparency.keys import prepare
from registry.transparency.notes import read_checkpoint, read_note
from registry.transparency.sequencer import Forked
from registry.transparency.taken_back import LIST, TakenBackList, refuse_older
from registry.transparency.trees import mirror_prefix
from tests.conftest import Join, Member, Publish, running
from tests.registry.records.acting import act, revise, withdraw

sqlite = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
WORD = "Zanzibarquartz"
GROUND = {"code": "safety", "reason": "It named a victim."}
ORDER = {"code": "Court of Example, 12 O 34/26", "reason": "An injunction was served."}


@pytest.fixture
def node(node: Node) -> Node:
    prepare(node.settings, node.origin)
    return node


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path) -> Settings:
    """The settings of the place where the backup is restored: with the keys of the old one."""
    return Settings(
        data=tmp_path / "elsewhere",
        keys=settings.keys_folder,
        origin=settings.origin,
        base_url=settings.base_url,
        limits=False,
        _env_file=None,
    )


async def follow(app: Application) -> None:
    for tail in app.tails:
        await tail.catch_up()
        await tail.give_up()


async def dumped(node: Node, path: Path) -> str:
    def quiet(total: int) -> Any:
        return progress("", total, quiet=True)

    await dump(node, path, with_log=True, progress=quiet)
    return str(path)


async def take(client: httpx.AsyncClient, steward: Member, id: str, action: str, body: Any) -> None:
    etag = (await client.get(f"/api/v1/records/{id}", headers=steward.headers)).headers["etag"]
    done = await act(client, steward, id, action, etag, body)
    assert done.status_code == 200, done.text


@sqlite
async def test_the_log_goes_on_from_what_was_signed_and_what_was_taken_back_stays_so(
    client: httpx.AsyncClient,
    app: Application,
    node: Node,
    join: Join,
    publish: Publish,
    elsewhere: Settings,
    tmp_path: Path,
) -> None:
    lab, steward = await join("lab"), await join("house", scopes="registry:steward records:read")
    old = [(await publish(lab, title=f"{WORD} {n}"))["id"] for n in range(5)]
    await follow(app)
    await backup(node.settings, tmp_path / "backup")
    new = [(await publish(lab, title=f"{WORD} {n}"))["id"] for n in range(5, 8)]
    await revise(client, lab, old[1], title="Another title")
    await withdraw(client, lab, old[2])
    # Moved, as one that somebody else keeps: where it was written, it is withdrawn.
    await dumped(node, tmp_path / "early")
    early = str((tmp_path / "early").rename(tmp_path / "kept"))
    await take(client, steward, old[0], "erase", GROUND)
    await take(client, steward, new[0], "erase", {**GROUND, "code": "court-order"})
    await take(client, steward, old[3], "suppress", ORDER)
    await take(client, steward, new[1], "suppress", ORDER)
    await follow(app)
    late = await dumped(node, tmp_path / "late")
    signed = (await client.get("/log/checkpoint")).content
    before = {id: (await client.get(f"/api/v1/records/{id}")) for id in (*old, *new)}

    await restore(elsewhere, tmp_path / "backup")
    async with open_node(elsewhere) as restored:
        with pytest.raises(Misconfigured, match="candor recover"):
            await refuse_older(elsewhere, restored.database)
        log = next(t for t in create_app(restored, run_readers=False).tails if t.reader.name == "log")
        with pytest.raises(Forked, match="candor recover --entries"):
            await log.catch_up()
        await log.give_up()
    with pytest.raises(Conflict, match="lost its entries 5 to 11"):
        await bring_back(elsewhere, [early])
    with pytest.raises(Conflict, match=f"documents of {new[1]} version 1"):
        await bring_back(elsewhere, [late])
    with _mirror(Path(late), node.origin) as address:
        brought = await bring_back(elsewhere, [address, early])
    assert brought.log is not None
    assert brought.taken_back is not None
    assert (brought.log.size, brought.log.entries, brought.log.versions, brought.lost) == (12, 7, 5, None)
    assert set(brought.taken_back.suppressed) == {old[3], new[1]}
    assert (await bring_back(elsewhere, [late])).taken_back == type(brought.taken_back)()

    async with open_node(elsewhere) as restored:
        await refuse_older(elsewhere, restored.database)
        app = create_app(restored, run_readers=False)
        async with running(app) as there:
            await follow(app)
            assert (await there.get("/log/checkpoint")).content == signed
            for id, was in before.items():
                now = await there.get(f"/api/v1/records/{id}")
                assert now.status_code == was.status_code
                if was.status_code == 200:
                    assert now.content == was.content
                else:
                    same = ("detail", "ground", "erase_index", "order")
                    assert [now.json().get(name) for name in same] == [was.json().get(name) for name in same]
            proof = await there.get(f"/api/v1/records/{new[2]}/versions/1/proof")
            assert proof.json()["checkpoint"].encode() == signed
            # It is the same log that goes on.
            await act(there, steward, new[2], "erase", before[new[2]].headers["etag"], GROUND)
            await follow(app)
            grown = read_checkpoint(read_note((await there.get("/log/checkpoint")).content).text)
            assert grown.size == 13


@contextmanager
def _mirror(dump: Path, origin: str) -> Iterator[str]:
    """The address of a registry that mirrors the log that a dump holds."""
    prefix = f"/{mirror_prefix(origin)}"
    lines = [
        line
        for part in sorted(dump.glob("versions/**/*.ndjson"))
        for line in part.read_bytes().splitlines(True)
    ]

    class Mirror(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.removeprefix(prefix).partition("?")
            file = dump / "log" / path
            if path == "documents":
                start = int(query.partition("from=")[2].partition("&")[0])
                body = b"".join(line for line in lines if json.loads(line)["index"] >= start)
            else:
                body = file.read_bytes() if file.is_file() else b""
            self.send_response(200 if body or path == "documents" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{prefix}"
    finally:
        server.shutdown()
        server.server_close()


async def test_the_list_says_what_was_taken_back_and_nothing_of_it(
    client: httpx.AsyncClient, app: Application, node: Node, join: Join, publish: Publish
) -> None:
    lab, steward = await join("lab"), await join("house", scopes="registry:steward records:read")
    first, second = [(await publish(lab, title=f"{WORD} {n}"))["id"] for n in range(2)]
    await take(client, steward, first, "suppress", ORDER)
    await follow(app)
    held = TakenBackList(node.settings.keys_folder)
    assert [(line.id, line.action, line.code) for line in held.read()] == [
        (first, "suppressed", ORDER["code"])
    ]
    with held.path.open("ab") as file:
        file.write(b'{"origin": "regis')  # by somebody who was killed
    await take(client, steward, first, "unsuppress", {"reason": "It was lifted."})
    await take(client, steward, second, "erase", GROUND)
    await follow(app)
    await follow(app)
    assert [(line.id, line.action, line.code) for line in held.read()][1:] == [
        (first, "unsuppressed", None),
        (second, "erased", "safety"),
    ]
    assert {line.origin for line in held.read()} == {node.origin}
    assert held.path.stat().st_mode & 0o777 == 0o600
    text = held.path.read_text()
    assert WORD not in text
    assert "victim" not in text


@sqlite
async def test_a_list_that_is_not_there_is_told(
    node: Node, app: Application, join: Join, publish: Publish, elsewhere: Settings, tmp_path: Path
) -> None:
    await publish(await join("lab"))
    await follow(app)
    await backup(node.settings, tmp_path / "backup")
    await restore(elsewhere, tmp_path / "backup")
    brought = await bring_back(elsewhere, [])
    assert (brought.taken_back, brought.log, brought.lost) == (None, None, None)
    assert brought.list == str(elsewhere.keys_folder / LIST)
