"""The stream of events: all of it once and in order, also to who was away; nothing that was taken back."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from registry.actor import Actor, Scope
from registry.app import Application
from registry.events import broadcast
from registry.events.broadcast import Broadcast
from registry.extensions import Extension, Node
from registry.finder import Found, Matcher, Parameters
from registry.records.erasure import erase
from registry.settings import Settings
from tests.conftest import Join, Publish
from tests.registry.feeds.steps import revise, withdraw
from tests.registry.serving import PATIENCE, Writer, serving
from tests.registry.serving import publish as publish_at

STEWARD = Actor(name="steward", scopes=frozenset({Scope.REGISTRY_STEWARD}))


class Titles:
    """Search as far as a stream needs it: by the words of the title."""

    async def matcher(self, parameters: Parameters) -> Matcher:
        wanted = set(" ".join(parameters.get("q", ())).lower().split())
        return lambda document: wanted <= set(document["title"].lower().split())

    async def similar(self, document: Any, *, limit: int) -> Found:
        return Found((), 0, 0)


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (Extension("titles", finder=lambda _: Titles()),)  # type: ignore[arg-type,return-value]


@dataclass
class Told:
    """What one listener was told: each event's name, number and data."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def events(self) -> list[tuple[str, int, dict[str, Any]]]:
        found = []
        for block in self.text.replace("\r\n", "\n").split("\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
            found.append((fields["event"], int(fields["id"]), json.loads(fields["data"])))
        return found

    @property
    def changes(self) -> list[tuple[str, int]]:
        return [(name, number) for name, number, _ in self.events if name != "position"]

    async def until(self, count: int) -> list[tuple[str, int]]:
        """Its changes, once there are so many."""
        await self.once(lambda: len(self.changes) >= count)
        return self.changes

    async def once(self, heard: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not heard():
                await self.news.wait()
                self.news.clear()


@asynccontextmanager
async def listening(
    app: Application, query: str = "", headers: Mapping[str, str] | None = None, address: str = "192.0.2.1"
) -> AsyncIterator[Told]:
    """Somebody who listens, until the block ends."""
    told, begun, gone = Told(), asyncio.Event(), asyncio.Event()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/v1/events",
        "raw_path": b"/api/v1/events",
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (b"host", b"registry.example"),
            *((name.lower().encode(), value.encode()) for name, value in (headers or {}).items()),
        ],
        "client": (address, 1),
        "server": ("registry.example", 80),
        "state": {},
    }
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            told.status = message["status"]
            told.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            told.text += message.get("body", b"").decode()
            told.news.set()
            begun.set()

    task = asyncio.create_task(app(scope, receive, send))
    try:
        async with asyncio.timeout(PATIENCE):
            await begun.wait()
        yield told
    finally:
        gone.set()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, PATIENCE)


async def test_each_change_is_told_once_and_in_order_also_to_who_was_away(
    app: Application, client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    lab = await join()
    await publish(lab, title="Before anybody listened")
    async with listening(app) as told:
        assert told.headers["content-type"].startswith("text/event-stream")
        assert told.headers["cache-control"] == "no-store"
        assert "retry: 2000" in told.text
        assert [(name, number) for name, number, _ in told.events] == [("position", 1)]
        one = await publish(lab, title="One")
        await revise(client, lab, one["id"], title="One, said better")
        assert await told.until(2) == [("published", 2), ("revised", 3)]
        await withdraw(client, lab, one["id"])
        assert await told.until(3) == [("published", 2), ("revised", 3), ("withdrawn", 4)]
        first = told.events[1][2]
    assert (first["id"], first["version"], first["kind"]) == (one["id"], 1, "lesson")
    assert first["record"] == one, "while it is what the record says"
    assert told.events[2][2]["revision"]["type"] == "correction"
    two = await publish(lab, title="Two")
    for back in ({"query": "after=2"}, {"query": "after=1", "headers": {"Last-Event-ID": "2"}}):
        async with listening(app, **back) as again:  # type: ignore[arg-type]
            assert await again.until(3) == [("revised", 3), ("withdrawn", 4), ("published", 5)]
            assert ["record" in data for _, _, data in again.events[1:]] == [False, True, True]
            assert again.events[-1][2]["record"] == two
    changes = (await client.get("/api/v1/changes?after=2")).json()["items"]
    kept = {"seq", "origin", "id", "version", "kind", "action", "at"}
    assert [{name: data[name] for name in kept} for _, _, data in again.events[1:]] == changes


async def test_a_question_is_told_what_answers_it_and_what_does_so_no_more(
    app: Application, client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    lab = await join()
    async with listening(app, "q=voice") as told:
        await publish(lab, title="Something else")
        one = await publish(lab, title="A cloned voice")
        await revise(client, lab, one["id"], title="A cloned face")
        await revise(client, lab, one["id"], title="A cloned face, again")
        await revise(client, lab, one["id"], title="A cloned voice after all")
        await withdraw(client, lab, one["id"])
        expected = [("published", 2), ("left", 3), ("revised", 5), ("withdrawn", 6)]
        assert await told.until(4) == expected
    async with listening(app, "q=voice&after=0") as again:
        assert await again.until(4) == expected, "and the same to who comes later"
        assert again.events[-1][1] == 6
    async with listening(app, "q=nothing&after=0") as other:
        await other.once(lambda: other.events[-1][1] == 6)
        assert other.changes == [], "its place moves on, so that nobody has to look there again"


async def test_nothing_is_told_of_what_was_taken_back(
    app: Application, client: httpx.AsyncClient, join: Join, publish: Publish, node: Node
) -> None:
    lab = await join()
    async with listening(app) as told:
        one = await publish(lab, title="Mentions somebody")
        two = await publish(lab, title="Is wrong")
        assert await told.until(2) == [("published", 1), ("published", 2)]
        async with node.database.write() as session:
            await erase(session, STEWARD, one["id"], "privacy", "It named a victim.")
        await withdraw(client, lab, two["id"])
        for number, after in enumerate((0, 1, 2)):
            address = f"198.51.100.{number}"
            async with listening(app, f"after={after}", address=address) as late:
                assert [name for name, _ in await late.until(4 - after)][-2:] == ["erased", "withdrawn"]
                assert "Mentions somebody" not in late.text
                assert late.text.count("Is wrong") <= 1, "in the withdrawal alone, which says so"
    async with listening(app, "q=wrong&after=0") as asked:
        assert await asked.until(3) == [("published", 2), ("erased", 3), ("withdrawn", 4)]


async def test_what_another_process_does_is_told_within_a_second(
    app: Application, join: Join, publish: Publish, node: Node
) -> None:
    lab = await join()
    # As if each commit were of somebody else: nobody tells the stream of it.
    of_streams = Broadcast.refresh
    told_here = [each for each in node.database.on_commit if getattr(each, "__func__", None) is of_streams]
    for each in told_here:
        node.database.on_commit.remove(each)
    assert told_here
    async with listening(app) as told:
        await publish(lab)
        assert await told.until(1) == [("published", 1)]


@pytest.mark.one_database
async def test_quiet_streams_are_kept_open_and_tell_their_place(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "HEARTBEAT_SECONDS", 0.02)
    async with listening(app) as told:
        await told.once(lambda: len(told.events) >= 3)
    assert {(name, number) for name, number, _ in told.events} == {("position", 0)}
    await asyncio.sleep(0.1)  # what was being read is read to its end


@pytest.mark.one_database
async def test_there_is_a_place_again_once_somebody_left(
    app: Application, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "MOST_STREAMS_EACH", 1)
    monkeypatch.setattr(broadcast, "MOST_STREAMS", 2)
    async with (
        listening(app) as first,
        listening(app) as second,
        listening(app, address="192.0.2.2") as other,
        listening(app, address="192.0.2.3") as third,
    ):
        assert (first.status, second.status, other.status, third.status) == (200, 429, 200, 503)
        assert int(second.headers["retry-after"]) > 0
        assert "end one" in second.text
    async with listening(app) as again:
        assert again.status == 200
    assert (await client.head("/api/v1/events")).status_code == 200


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("query", "header", "says"),
    [
        ("after=9", None, "Nothing has the number 9 yet"),
        ("after=-1", None, "after"),
        ("after=x", None, "after"),
        ("", "x\u00b2", "Last-Event-ID"),
        ("", "9" * 400, "Last-Event-ID"),
        ("", "7", "Nothing has the number 7 yet"),
    ],
)
async def test_what_cannot_be_followed_is_said(
    client: httpx.AsyncClient, query: str, header: str | None, says: str
) -> None:
    headers = {"Last-Event-ID": header.encode("latin-1")} if header else {}
    answer = await client.get(f"/api/v1/events?{query}", headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 400
    assert says in answer.text


@pytest.mark.one_database
def test_a_server_that_is_told_to_stop_ends_its_streams(settings: Settings) -> None:
    with serving(settings) as server:
        headers = Writer.of(settings).headers(server.url)
        with httpx.stream("GET", f"{server.url}/api/v1/events?q=voice", timeout=PATIENCE) as stream:
            lines = stream.iter_lines()
            assert next(line for line in lines if line.startswith("id:")) == "id: 0"
            publish_at(server.url, headers, "Another")
            publish_at(server.url, headers, "A voice")
            assert next(line for line in lines if line.startswith("event: published"))
            server.tell(signal.SIGTERM)
            with suppress(httpx.RemoteProtocolError):
                assert not [line for line in lines if line.startswith("event: published")]
        assert server.ended() == 0, server.log()
