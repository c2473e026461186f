"""GET /api/v1/search and /api/v1/suggest over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from registry.extensions import Extension, Node
from search import extension
from search.embedded import EmbeddedEngine
from search.open import open_engine
from tests.conftest import only_app, running
from tests.search.documents import document, fill


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (extension,)


@pytest.fixture
async def http(node: Node) -> AsyncIterator[httpx.AsyncClient]:
    engine = open_engine(node.settings)
    assert isinstance(engine, EmbeddedEngine)
    await fill(
        engine,
        [
            document("CIR-7GQ2M4KX9X", title="Voice <clone> fraud", tags=["misuse:fraud/voice-clone"]),
            document("CIR-000000000H", title="Weather", kind="lesson"),
        ],
    )
    async with running(only_app(node, (extension,))) as client:
        yield client


async def get(client: httpx.AsyncClient, path: str) -> Any:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_search(http: httpx.AsyncClient) -> None:
    found = await get(http, "/api/v1/search?q=voice&tag=misuse:fraud&facets=tag,kind")
    assert set(found) == {
        "query",
        "total",
        "total_is_exact",
        "hits",
        "facets",
        "timeline",
        "taxonomies",
        "engine",
        "position",
    }
    assert found["hits"][0]["record"]["id"] == "CIR-7GQ2M4KX9X"
    assert found["hits"][0]["highlights"]["title"] == [
        {"text": "Voice", "mark": True},
        {"text": " <clone> fraud"},
    ]
    assert found["query"]["filters"] == {"tag": ["misuse:fraud"]}


async def test_a_word_read_otherwise_is_told(http: httpx.AsyncClient) -> None:
    found = await get(http, "/api/v1/search?q=voiec+")
    assert found["findings"][0]["code"] == "unknown-word"
    assert found["total"] == 1


async def test_validators(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/v1/search?q=voice")
    assert answer.headers["content-type"] == "application/json"
    again = await http.get("/api/v1/search?q=voice", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    other = await http.get("/api/v1/search?q=weather")
    assert other.headers["etag"] != answer.headers["etag"]
    head = await http.head("/api/v1/search?q=voice")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("limit=x&sort=y&kind=z", {"/limit", "/sort", "/kind"}),
        ("q=a&q=b", {"/q"}),
        ("nonsense=1", {"/nonsense"}),
        ("occurred_from=never", {"/occurred_from"}),
        ("as_of=2024", {"/as_of"}),
    ],
)
async def test_bad_parameters_are_told_at_once(
    http: httpx.AsyncClient, query: str, pointers: set[str]
) -> None:
    answer = await http.get(f"/api/v1/search?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert {finding["pointer"] for finding in answer.json()["findings"]} == pointers


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "q=%ff%fe",
        "q=%F0%9F%92%A9",
        "q=" + "%E6%B7%B1" * 3000,
        "q=%22" * 1,
        "&&&=&=",
        "q=%E2%80%AE",
        "tag=%1f",
    ],
)
async def test_odd_bytes_get_an_answer(http: httpx.AsyncClient, query: str) -> None:
    assert (await http.get(f"/api/v1/search?{query}")).status_code in (200, 400)


async def test_too_many_parameters_are_refused(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/v1/search?" + "&".join(f"a{number}=1" for number in range(600)))
    assert answer.status_code == 400


async def test_an_offset_past_the_end_is_an_empty_page(http: httpx.AsyncClient) -> None:
    found = await get(http, "/api/v1/search?offset=9999")
    assert (found["total"], found["hits"]) == (2, [])


async def test_suggestions(http: httpx.AsyncClient) -> None:
    found = await get(http, "/api/v1/suggest?q=voi")
    assert {
        "type": "record",
        "value": "CIR-7GQ2M4KX9X",
        "label": "Voice <clone> fraud",
        "origin": "registry.example/log",
    } in found["items"]
    assert found["position"] == 1
    assert (await get(http, "/api/v1/suggest?q="))["items"] == []
    assert (await http.get("/api/v1/suggest?q=a&limit=99")).status_code == 400


async def test_openapi_tells_every_parameter(http: httpx.AsyncClient) -> None:
    paths = (await get(http, "/schema/openapi.json"))["paths"]
    names = {parameter["name"] for parameter in paths["/api/v1/search"]["get"]["parameters"]}
    assert {"q", "tag", "alias", "occurred_from", "sort", "limit", "offset", "facets"} <= names
    assert {p["name"] for p in paths["/api/v1/suggest"]["get"]["parameters"]} == {"q", "limit"}


async def test_without_an_index_nothing_is_answered(node: Node) -> None:
    async with running(only_app(node, (extension,))) as client:
        for path in ("/api/v1/search?q=x", "/api/v1/suggest?q=x"):
            answer = await client.get(path)
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
