"""Who filed anonymously cannot be found out.

Two registries are made alike, with the same clock and the same draws, but that in one an organisation files
without its name what in the other another one files. Whatever anybody can read of the two has to be the
same, byte for byte: ids, numbers, order, times, counts, facets, feeds, search, headers, error texts.
"""

import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest

import frontend
import search
from registry import ids
from registry.app import Application
from registry.db import Database, clock_of, now
from registry.node import load_node
from registry.records import versions
from registry.transparency import keys
from registry.transparency.rotation import ready_keys
from tests.conftest import Begin, Join, Member, joining, only_app, running
from tests.leaks.exits import Answer, route_templates, walk
from tests.leaks.test_silent_acts import NOT_COMPARED
from tests.leaks.world import SEEN, UNKNOWN, act, index, join_all, published, revise, starts

LABS = ("one-lab", "two-lab")


class Draws(random.Random):
    """Draws that can be had again."""

    token_bytes = random.Random.randbytes


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 5, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    async def of_session(self, _: object) -> datetime:
        return self.time

    def tick(self) -> None:
        self.time += timedelta(seconds=5)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock for every room that reads the time."""
    clock = Clock()
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in ("registry", "search", "frontend"):
            continue
        if getattr(module, "now", None) is now:
            monkeypatch.setattr(module, "now", clock.now)
        if getattr(module, "clock_of", None) is clock_of:
            monkeypatch.setattr(module, "clock_of", clock.of_session)
    return clock


EXTENSIONS = (search.extension, frontend.extension)


@asynccontextmanager
async def _registry(begin: Begin) -> AsyncIterator[tuple[Application, httpx.AsyncClient, Join]]:
    settings = begin()
    database = Database(settings.database)
    try:
        node = await load_node(settings, database)
        await ready_keys(settings, database, node.origin)
        app = only_app(node, EXTENSIONS)
        async with running(app) as client:
            yield app, client, joining(node, client)
    finally:
        await database.dispose()


async def _filed(
    client: httpx.AsyncClient, clock: Clock, author: Member, others: Sequence[Member], attribution: str
) -> list[str]:
    """One record that is revised, one that is withdrawn and comes back, between records of the others'."""
    first, etag = await published(
        client, author, title="Told", attribution=attribution, tags=["misuse:fraud"], **SEEN
    )
    for other in others:
        clock.tick()
        await published(client, other, title="A lesson of ours")
    clock.tick()
    etag = await revise(
        client,
        author,
        first,
        etag,
        title="Told better",
        attribution=attribution,
        tags=["misuse:fraud"],
        **SEEN,
    )
    await act(client, author, first, "publish", etag)
    clock.tick()
    wrong = {"code": "error", "text": "It was wrong."}
    second, etag = await published(client, author, title="Taken back", attribution=attribution)
    etag = (await act(client, author, second, "withdraw", etag, wrong)).headers["etag"]
    for other in others:
        clock.tick()
        await published(client, other, title="Another lesson of ours")
    clock.tick()
    await act(client, author, second, "reinstate", etag)
    clock.tick()
    third, etag = await published(client, author, title="Gone", attribution=attribution)
    clock.tick()
    await act(client, author, third, "withdraw", etag, wrong)
    return [first, second, third]


# What would differ is what is written into documents and lists, and that is the same on both databases.
@pytest.mark.parametrize("begin", ["sqlite"], indirect=True)
async def test_nothing_tells_who_filed(begin: Begin, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[dict[str, Answer]] = []
    started = clock.time
    for author in LABS:
        clock.time = started
        # Ids, salts and keys are drawn at random, and from nothing else: the same draws give the same ones.
        monkeypatch.setattr(ids, "secrets", Draws(7))
        monkeypatch.setattr(versions, "secrets", Draws(11))
        monkeypatch.setattr(keys, "secrets", Draws(13))
        async with _registry(begin) as (app, client, join):
            members = await join_all(join, *LABS)
            others = [members[lab] for lab in LABS]
            filed = []
            for attribution in ("anonymous", "sector"):
                filed += await _filed(client, clock, members[author], others, attribution)
            await index(app)
            templates = route_templates(app, "GET") - NOT_COMPARED
            said.append(await walk(client, starts([*filed, UNKNOWN], LABS, templates), templates))
    one, two = said
    assert [address for address in {**one, **two} if one.get(address) != two.get(address)] == []
    assert sum("Told better" in answer.body for answer in one.values()) > 20
    for address in (f"/api/v1/records/{filed[0]}", f"/feeds/record/{filed[0]}.atom"):
        assert "-lab" not in one[address].all
