"""What several registries hold, found once; and whose organisation a slug means."""

import httpx
import pytest

import search
from registry.app import Application
from registry.extensions import Extension, Node
from tests.conftest import ORIGIN, Join, Publish
from tests.leaks.world import index
from tests.registry.mirroring import PEER, mirror, version_of

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
THIRD = "third.example/log"


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (search.extension,)


async def test_one_source_is_shown_once(client: httpx.AsyncClient, node: Node, app: Application) -> None:
    source = {"basis": "imported", "source": {"scheme": "aiid", "id": "42"}}
    first, second = version_of("a", **source), version_of("b", origin=THIRD, **source)
    other = version_of("c", basis="imported", source={"scheme": "aiid", "id": "43"})
    await mirror(node, first, second, other)

    async def found(**query: str) -> tuple[int, list[str], dict[str, int]]:
        await index(app)
        answer = (await client.get("/api/v1/search", params={"facets": "origin", **query})).json()
        told = {one["value"]: one["count"] for one in answer["facets"]["origin"]}
        return answer["total"], sorted(hit["record"]["id"] for hit in answer["hits"]), told

    async def listed(**query: str) -> list[str]:
        answer = await client.get("/api/v1/records", params=query)
        return sorted(one["id"] for one in answer.json()["items"])

    once, all_told = sorted((first.id, other.id)), {PEER: 2, THIRD: 1}
    assert await found() == (2, once, all_told)
    assert await listed() == once
    assert await found(origin=THIRD) == (1, [second.id], all_told)
    assert await listed(origin=THIRD) == [second.id]
    hits = (await client.get("/api/v1/search", params={"alias": "aiid:42"})).json()["hits"]
    assert [hit.get("copies") for hit in hits] == [[{"origin": THIRD, "id": second.id}]]
    # Once the one that stood for both is gone, the other is shown.
    await mirror(node, version_of("a", 2, withdrawal={"code": "error", "text": "Wrong."}, **source))
    assert (await found())[1] == sorted((second.id, other.id))
    assert await listed() == sorted((second.id, other.id))
    await mirror(node, version_of("a", 3, **source))
    assert (await found())[:2] == (2, once)


async def test_a_slug_means_an_organisation_of_ours(
    client: httpx.AsyncClient, node: Node, app: Application, join: Join, publish: Publish
) -> None:
    ours = await publish(await join("their-lab", name="Our Lab"), title="Ours")
    squatting = version_of("a")
    far = version_of("b", provider={"slug": "far-lab", "name": "Far Lab"})
    await mirror(node, squatting, far)
    await index(app)

    async def found(**query: str) -> list[str]:
        answer = (await client.get("/api/v1/search", params=query)).json()
        return [hit["record"]["id"] for hit in answer["hits"]]

    assert await found(provider="their-lab") == [ours["id"]]
    assert await found(provider="their-lab", origin=PEER) == [squatting.id]
    assert await found(provider=f"their-lab@{PEER}") == [squatting.id]
    assert await found(provider="their-lab", origin=ORIGIN) == [ours["id"]]
    assert await found(provider="far-lab") == [far.id]
    facets = (await client.get("/api/v1/search", params={"facets": "provider"})).json()["facets"]
    assert {one["value"]: one["label"] for one in facets["provider"]} == {
        "their-lab": "Our Lab",
        f"their-lab@{PEER}": "Their Lab",
        f"far-lab@{PEER}": "Far Lab",
    }

    async def fed(slug: str) -> list[str]:
        feed = (await client.get(f"/feeds/search.json?provider={slug}")).json()
        return [one["_candor"]["record"] for one in feed["items"]]

    assert await fed("their-lab") == [ours["id"]]
    assert await fed("far-lab") == [far.id]
    listed = (await client.get(f"/api/v1/records?provider=their-lab@{PEER}")).json()["items"]
    assert [one["id"] for one in listed] == [squatting.id]
