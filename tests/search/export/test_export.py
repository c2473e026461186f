"""Exports and citations of searches, over HTTP and against the database."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import rispy
from pybtex.database import parse_string

from registry.app import Application
from registry.extensions import Extension, Node
from search import extension
from search.export import stream
from search.export.asked import read_export
from search.export.stream import begin
from search.finder import SearchFinder
from search.open import open_engine
from tests.conftest import Join
from tests.leaks.world import EVERYTHING, act, index, published, revise
from tests.search.test_cli import run


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (extension,)


@pytest.fixture
async def world(app: Application, client: httpx.AsyncClient, join: Join) -> dict[str, Any]:
    """Three lessons that answer, and one that does not."""
    member = await join("example-lab", scopes=EVERYTHING)
    made = [
        await published(client, member, title=f"{word} voices", tags=["misuse:fraud"])
        for word in ("=cmd|", "Two", "Three")
    ]
    await published(client, member, title="Something else")
    await index(app)
    return {"member": member, "ids": [id for id, _ in made], "etags": [etag for _, etag in made]}


async def exported(client: httpx.AsyncClient, query: str) -> httpx.Response:
    answer = await client.get(f"/api/v1/search/export?{query}")
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.one_database
async def test_every_format(client: httpx.AsyncClient, world: dict[str, Any]) -> None:
    ids = world["ids"]
    plain = await exported(client, "q=voices&sort=oldest")
    head, *records, end = [json.loads(line) for line in plain.text.splitlines()]
    listed = (await client.get("/api/v1/search?q=voices&sort=oldest")).json()["hits"]
    assert records == [hit["record"] for hit in listed]
    assert (head["export"]["total"], head["export"]["position"]) == (3, 4)
    assert head["export"]["url"].endswith("/records?q=voices&as_of=4&sort=oldest")
    assert end == {"end": {"records": 3, "left_out": 0}}
    assert (await client.get(f"/api/v1/records/{ids[0]}")).content + b"\n" in plain.content
    assert plain.headers["candor-position"] == "4"
    assert plain.headers["candor-total"] == "3"
    assert plain.headers["content-disposition"] == 'attachment; filename="candor-records-4.ndjson"'
    assert plain.headers["content-type"] == "application/x-ndjson"

    sheet = await exported(client, "q=voices&format=csv")
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert sheet.content.startswith(b"\xef\xbb\xbfid,origin,version,kind,title,")
    rows = list(csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig"), newline="")))
    assert sorted(row["id"] for row in rows) == sorted(ids)
    assert "'=cmd| voices" in {row["title"] for row in rows}
    lists = await exported(client, "q=voices&format=csv&part=lists&bom=false")
    assert lists.content.startswith(b"id,origin,version,field,")
    assert lists.headers["content-disposition"].endswith('"candor-records-4-lists.csv"')

    entries = parse_string((await exported(client, "q=voices&format=bibtex")).text, "bibtex").entries
    assert sorted(entries) == sorted(f"{id}-v1" for id in ids)
    assert len(rispy.loads((await exported(client, "q=voices&format=ris")).text)) == 3
    items = msgspec.json.decode((await exported(client, "q=voices&format=csl-json")).content)
    assert len(items) == 3
    assert (await exported(client, "q=nothing&format=csl-json")).json() == []

    only = await client.head("/api/v1/search/export?q=voices&format=csv")
    assert (only.status_code, only.content, only.headers["candor-total"]) == (200, b"", "3")


@pytest.mark.one_database
async def test_a_search_is_cited_as_it_stands(client: httpx.AsyncClient, world: dict[str, Any]) -> None:
    told = await client.get("/api/v1/search/citation?q=voices&tag=misuse:fraud")
    assert "search for “voices”, tag misuse:fraud [search position 4, 3 records]" in told.text
    assert told.text.endswith("/records?q=voices&tag=misuse%3Afraud&as_of=4\n")
    item = (await client.get("/api/v1/search/citation?q=voices&format=csl-json")).json()[0]
    assert item["issued"]["date-parts"][0][0] >= 2026


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("export?format=xml&limit=5&kind=z", {"/format", "/limit", "/kind"}),
        ("export?format=ris&part=lists&bom=maybe", {"/part", "/bom"}),
        ("export?format=csv&format=ris", {"/format"}),
        ("citation?format=xml", {"/format"}),
        ("citation?offset=3", {"/offset"}),
    ],
)
async def test_what_cannot_be_read_is_told_before_the_first_byte(
    client: httpx.AsyncClient, query: str, pointers: set[str]
) -> None:
    answer = await client.get(f"/api/v1/search/{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert {finding["pointer"] for finding in answer.json()["findings"]} == pointers


@pytest.mark.one_database
async def test_without_an_index_nothing_is_sent(client: httpx.AsyncClient) -> None:
    for path in ("export", "citation"):
        answer = await client.get(f"/api/v1/search/{path}?q=x")
        assert answer.status_code == 503
        assert answer.headers["retry-after"]


async def _read(chunks: AsyncIterator[tuple[bytes, int]]) -> list[Any]:
    return [json.loads(line) for line in b"".join([chunk async for chunk, _ in chunks]).splitlines()]


async def test_what_changes_while_it_is_sent_does_not_change_it_and_what_leaves_does_not_come_out(
    app: Application, client: httpx.AsyncClient, node: Node, world: dict[str, Any]
) -> None:
    member, (first, second, third), etags = world["member"], world["ids"], world["etags"]
    finder = SearchFinder(node, open_engine(node.settings))
    export = read_export({"q": ["voices"], "sort": ["oldest"]})
    begun = await begin(node, finder, export)
    etag = await revise(client, member, first, etags[0], title="No more of it")
    await act(client, member, first, "publish", etag)
    await act(client, member, second, "withdraw", etags[1], {"code": "error", "text": "It was wrong."})
    await published(client, member, title="More voices")
    head, *records, end = await _read(begun.chunks)
    said = {one["id"]: (one["version"], one["title"]) for one in records}
    assert said == {first: (1, "=cmd| voices"), third: (1, "Three voices")}
    assert (head["export"]["total"], end) == (3, {"end": {"records": 2, "left_out": 1}})


async def test_as_of_a_position_it_is_what_was_public_then(
    app: Application, client: httpx.AsyncClient, world: dict[str, Any]
) -> None:
    member, (first, second, third), etags = world["member"], world["ids"], world["etags"]
    before = (await exported(client, "q=voices&format=csv")).content
    cited = (await client.get("/api/v1/search/citation?q=voices&format=ris")).content
    etag = await revise(client, member, first, etags[0], title="No more of it")
    await act(client, member, first, "publish", etag)
    await act(client, member, second, "withdraw", etags[1], {"code": "error", "text": "It was wrong."})
    await published(client, member, title="More voices")
    await index(app)
    assert (await client.get("/api/v1/search/citation?q=voices&format=ris&as_of=4")).content == cited
    lines = (await exported(client, "q=voices&as_of=4")).text.splitlines()
    head, end = json.loads(lines[0]), json.loads(lines[-1])
    assert head["export"]["erased"] == 0
    assert end == {"end": {"records": 3, "left_out": 0, "withdrawn_since": [second]}}
    sheet = await exported(client, "q=voices&format=csv&as_of=4")
    assert sheet.headers["candor-position"] == "4"
    rows = {
        row["id"]: row for row in csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig"), newline=""))
    }
    assert rows[second].pop("withdrawn") == "since"
    then = csv.DictReader(io.StringIO(before.decode("utf-8-sig"), newline=""))
    assert all({**row, **rows[row["id"]]} == row for row in then)
    items = (await exported(client, "q=voices&format=csl-json&as_of=4")).json()
    assert {item["id"]: item.get("note") for item in items}[f"{second}-v1"] == "Withdrawn since"
    assert {item["id"] for item in items} == {f"{first}-v1", f"{second}-v1", f"{third}-v1"}
    now = (await exported(client, "q=voices&format=csl-json")).json()
    assert len(now) == 2


@pytest.mark.one_database
async def test_who_goes_away_ends_the_work(
    app: Application, client: httpx.AsyncClient, world: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.embedded.engine.WALK", 1)
    asked: list[int] = []
    original = stream.documents_at

    async def counted(*given: Any, **named: Any) -> Any:
        asked.append(1)
        return await original(*given, **named)

    monkeypatch.setattr(stream, "documents_at", counted)
    gone = asyncio.Event()

    async def receive() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            gone.set()
            await asyncio.sleep(0.05)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": "/api/v1/search/export",
        "raw_path": b"/api/v1/search/export",
        "query_string": b"q=voices",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("registry.example", 443),
        "root_path": "",
    }
    await app(scope, receive, send)
    assert len(asked) == 1


@pytest.mark.one_database
def test_the_command_writes_a_file_or_a_citation(
    world: dict[str, Any], node: Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CANDOR_DATA", str(node.settings.data))
    monkeypatch.setenv("CANDOR_BASE_URL", node.settings.url)
    file = tmp_path / "found.csv"
    asked = ("search", "voices", "--export", "csv", "--part", "lists", "-o", str(file))
    assert run(*asked)[0] == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"))))
    assert {row["id"] for row in rows} == set(world["ids"])
    assert [each.name for each in tmp_path.glob(".*")] == []
    code, printed = run("search", "--tag", "misuse:fraud", "--cite", "text")
    assert (code, printed.count("position 4, 3 records")) == (0, 1)
