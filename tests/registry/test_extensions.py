"""Extensions: loaded by name, refused by name, and a registry that goes without."""

from collections.abc import AsyncIterator
from importlib.metadata import EntryPoint
from typing import Any

import httpx
import pytest

from registry import extensions as module
from registry.app import Application, create_app
from registry.errors import Misconfigured
from registry.extensions import Extension, Node, load_extensions
from tests.conftest import Join, Publish, running

BESIDE_US = EntryPoint("beside", "collections:OrderedDict", module.GROUP)


def test_all_that_are_installed_are_loaded_unless_some_are_named() -> None:
    assert {"search", "frontend"} <= {extension.name for extension in load_extensions()}
    assert [extension.name for extension in load_extensions(["search"])] == ["search"]
    assert load_extensions([]) == ()


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(Misconfigured, match=r"'serach'.*there are: .*search"):
        load_extensions(["search", "serach"])


def test_what_is_no_extension_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "entry_points", lambda group: [BESIDE_US])
    with pytest.raises(Misconfigured, match="'beside'"):
        load_extensions(["beside"])


async def test_an_extension_of_somebody_else_brings_routes_readers_and_a_finder(node: Node) -> None:
    seen: list[str] = []

    class Reader:
        name = "somebody"
        batch = 10

        async def position(self) -> int | None:
            return None

        async def consume(self, changes: Any, *, upto: int) -> None:
            seen.extend(change.topic for change in changes)

        async def release(self) -> None:
            seen.append("released")

    from litestar import get

    @get("/beside", sync_to_thread=False)
    def beside() -> str:
        return "here"

    theirs = Extension("somebody", routes=lambda _: [beside], readers=lambda _: [Reader()])
    app = create_app(node, [theirs], run_readers=False)
    async with running(app) as client:
        assert (await client.get("/beside")).text == "here"
    [tail] = [each for each in app.tails if each.reader.name == "somebody"]
    await tail.catch_up()
    assert "taxonomy" in seen
    await tail.give_up()
    assert seen[-1] == "released"


@pytest.fixture
async def app(node: Node) -> Application:
    return create_app(node, load_extensions([]), run_readers=False)


@pytest.fixture
async def client(app: Application) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client


async def test_a_registry_without_extensions_serves_records_and_tells_what_it_lacks(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    record = await publish(await join(), title="Served without search")
    address = f"/api/v1/records/{record['id']}"
    assert (await client.get(address)).json()["title"] == "Served without search"
    assert (await client.get("/api/v1/records")).json()["items"][0]["id"] == record["id"]
    assert "Served without search" in (await client.get("/feeds/all.rss")).text
    for lacking in ("/feeds/search.rss?q=anything", "/feeds/search.json?q=anything", f"{address}/similar"):
        answer = await client.get(lacking)
        assert answer.status_code == 503, lacking
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:candor:problem:unavailable"
    for absent in ("/api/v1/search?q=anything", "/records"):
        assert (await client.get(absent)).status_code in (404, 503), absent
