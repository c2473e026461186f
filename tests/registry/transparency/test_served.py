"""The log as it is served: in time, prepared, with what caches need, and no more than a checkpoint covers."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import update

from registry.app import Application
from registry.changelog.tail import Tail
from registry.db import Database
from registry.extensions import Node
from registry.front import Front
from registry.transparency.keys import Keys, prepare
from registry.transparency.merkle import root_of
from registry.transparency.models import Log
from registry.transparency.notes import read_checkpoint, read_note
from registry.transparency.sequencer import Sequencer
from registry.transparency.storage import open_storage
from registry.transparency.tiles import hashes_of
from tests.conftest import BASE_URL, Join, Publish
from tests.registry.transparency.crashing import begin_log

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

IMMUTABLE = "public, max-age=31536000, immutable"


@pytest.fixture
def keys(node: Node) -> Keys:
    return prepare(node.settings, node.origin)


@pytest.fixture
async def log(node: Node, keys: Keys) -> AsyncIterator[Tail]:
    """The log's writer at work, as in a process that serves."""
    sequencer = Sequencer(node.database, node.origin, keys, open_storage(node.settings, node.database))
    tail = Tail(node.database, sequencer)

    async def wake() -> None:
        tail.wake()

    node.database.on_commit.append(wake)
    following = asyncio.create_task(tail.run())
    yield tail
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def size(client: httpx.AsyncClient) -> int:
    answer = await client.get("/log/checkpoint")
    return read_checkpoint(read_note(answer.content).text).size if answer.status_code == 200 else 0


async def until(client: httpx.AsyncClient, wanted: int, seconds: float) -> float:
    """How long it took until the checkpoint covered so many."""
    began = time.monotonic()
    while await size(client) < wanted:
        assert time.monotonic() < began + seconds
        await asyncio.sleep(0.01)
    return time.monotonic() - began


async def test_a_publication_is_under_a_checkpoint_within_a_second(
    client: httpx.AsyncClient, node: Node, log: Tail, join: Join, publish: Publish
) -> None:
    lab = await join("lab")
    late: list[float] = []
    for number in range(1, 7):
        await publish(lab, title=f"Lesson {number}")
        late.append(await until(client, number, 10))
    # One after the other is a load, so some wait for others to come; all share the machine with whatever
    # else it does, which the middle one feels least.
    assert sorted(late)[3] < 1, late
    shown = (await client.get("/metrics")).text
    assert "candor_log_published_entries 6.0" in shown
    assert "candor_log_lag_seconds 0.0" in shown
    assert 0 <= float(shown.partition("\ncandor_log_checkpoint_age_seconds ")[2].split()[0]) < 60


async def test_files_are_prepared_and_kept_as_caches_may(
    app: Application, client: httpx.AsyncClient, node: Node, keys: Keys
) -> None:
    await begin_log(node, keys, open_storage(node.settings, node.database), 260)
    cases = [
        ("checkpoint", "text/plain; charset=utf-8", "public, max-age=1, s-maxage=1, must-revalidate"),
        ("tile/0/000", "application/octet-stream", IMMUTABLE),
        ("tile/0/001.p/4", "application/octet-stream", IMMUTABLE),
        ("tile/1/000.p/1", "application/octet-stream", IMMUTABLE),
        ("tile/entries/000", "application/octet-stream", IMMUTABLE),
    ]
    for path, media_type, cache in cases:
        first = await client.get(f"/log/{path}")
        assert (first.status_code, first.headers["content-type"]) == (200, media_type), path
        assert first.headers["cache-control"] == cache
        assert first.headers["access-control-allow-origin"] == "*"
        hits = app.front.hits
        again = await client.get(f"/log/{path}", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        head = await client.head(f"/log/{path}")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(first.content))
        assert app.front.hits == hits + 2, "prepared bytes"
    tile, above = [(await client.get(f"/log/tile/{path}")).content for path in ("0/000", "1/000.p/1")]
    assert root_of(hashes_of(tile)) == above
    for path in ("tile/0/001", "tile/0/000.p/200", "tile/0/001.p/5", "tile/0/0001", "tile/64/000", "x"):
        missing = await client.get(f"/log/{path}")
        assert missing.status_code == 404, path
        assert "immutable" not in missing.headers.get("cache-control", "")


async def test_no_tile_is_served_before_a_checkpoint_covers_it(
    client: httpx.AsyncClient, node: Node, keys: Keys
) -> None:
    await begin_log(node, keys, open_storage(node.settings, node.database), 5)
    async with node.database.write() as session:
        await session.execute(update(Log).values(published=4))
    for path in ("tile/0/000.p/5", "tile/entries/000.p/5"):
        assert (await client.get(f"/log/{path}")).status_code == 404


async def test_another_process_shows_the_new_checkpoint_within_a_second(
    app: Application, client: httpx.AsyncClient, node: Node, log: Tail, join: Join, publish: Publish
) -> None:
    lab = await join("lab")
    there = Database(node.settings.database)
    elsewhere = Front(app.front.app, there, megabytes=4)
    looking = asyncio.create_task(elsewhere.keep_fresh())
    transport = httpx.ASGITransport(app=elsewhere)  # type: ignore[arg-type]
    try:
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as other:
            for number in (1, 2):
                await publish(lab)
                await until(client, number, 10)
                await until(other, number, 1)
                assert await size(other) == number
            assert elsewhere.hits
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await there.dispose()
