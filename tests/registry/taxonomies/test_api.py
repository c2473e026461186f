"""Taxonomies over HTTP."""

from dataclasses import replace

import httpx
import pytest

from registry.actor import Actor
from registry.extensions import Node
from registry.taxonomies.own import load_own
from registry.taxonomies.service import store
from registry.taxonomies.vocabulary import Crosswalk, Taxonomy, Term

OUTSIDE = Taxonomy(
    "outside",
    "1",
    "Outside",
    "Example",
    "CC0-1.0",
    terms=(Term("old", "Old", deprecated_by="new"), Term("new", "New"), Term("new/part", "Part")),
    crosswalks=(
        Crosswalk("outside:new", "misuse:fraud", "exact"),
        Crosswalk("outside:new", "gone:x", "related"),
    ),
)


async def put(node: Node, taxonomy: Taxonomy) -> None:
    async with node.database.write() as session:
        await store(session, taxonomy, actor=Actor(name="tester"), origin=node.origin)


async def test_the_list_shows_every_taxonomy_without_its_terms(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/taxonomies")
    assert answer.status_code == 200
    body = answer.json()
    assert body["next"] is None
    assert [item["namespace"] for item in body["items"]] == [taxonomy.namespace for taxonomy in load_own()]
    misuse = next(item for item in body["items"] if item["namespace"] == "misuse")
    assert misuse["terms"] > 40
    assert misuse["loaded_at"].endswith("Z")
    assert (misuse["publisher"], misuse["version"]) == ("Candor", "1")


async def test_one_taxonomy_with_its_terms(client: httpx.AsyncClient) -> None:
    body = (await client.get("/api/v1/taxonomies/severity")).json()
    assert [term["tag"] for term in body["terms"]][-1] == "severity:critical"
    assert body["terms"][2]["alt_labels"] == ["medium"]
    assert [one["version"] for one in body["versions"]] == ["1"]


async def test_earlier_versions_stay_readable(client: httpx.AsyncClient, node: Node) -> None:
    await put(node, OUTSIDE)
    await put(node, replace(OUTSIDE, version="2", terms=(Term("new", "Newer"),), crosswalks=()))
    newest = (await client.get("/api/v1/taxonomies/outside")).json()
    assert newest["version"] == "2"
    assert [one["version"] for one in newest["versions"]] == ["2", "1"]
    first = (await client.get("/api/v1/taxonomies/outside", params={"version": "1"})).json()
    assert first["terms"][1]["label"] == "New"
    missing = await client.get("/api/v1/taxonomies/outside", params={"version": "3"})
    assert missing.status_code == 404
    assert "version '3'" in missing.json()["detail"]


async def test_a_term_with_what_lies_around_it(client: httpx.AsyncClient, node: Node) -> None:
    await put(node, OUTSIDE)
    fraud = (await client.get("/api/v1/taxonomies/misuse/fraud")).json()
    assert fraud["tag"] == "misuse:fraud"
    assert "misuse:fraud/voice-clone" in [link["tag"] for link in fraud["narrower"]]
    crosswalks = {one["tag"]: one for one in fraud["crosswalks"]}
    assert crosswalks["outside:new"] == {
        "tag": "outside:new",
        "label": "New",
        "match": "exact",
        "known": True,
    }
    assert crosswalks["mit-risk:4.3"]["known"] is False
    clone = (await client.get("/api/v1/taxonomies/misuse/fraud/voice-clone")).json()
    assert clone["broader"] == clone["ancestors"] == [{"tag": "misuse:fraud", "label": "Fraud and scams"}]
    old = (await client.get("/api/v1/taxonomies/outside/old")).json()
    assert old["deprecated_by"] == "outside:new"


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/api/v1/taxonomies/nothing", "'nothing'"),
        ("/api/v1/taxonomies/misuse/fruad", "Nearest: misuse:fraud"),
        ("/api/v1/taxonomies/org/example-lab", "org:example-lab"),
        ("/api/v1/taxonomies/misuse/" + "x" * 3000, "There is no term"),
    ],
)
async def test_what_is_not_there(client: httpx.AsyncClient, path: str, hint: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert hint in answer.json()["detail"]
    assert len(answer.json()["detail"]) < 600


async def test_answers_have_validators_and_change_with_the_vocabulary(
    client: httpx.AsyncClient, node: Node
) -> None:
    first = await client.get("/api/v1/taxonomies")
    etag = first.headers["etag"]
    for path in ("", "/misuse", "/misuse/fraud"):
        assert "last-modified" in (await client.get(f"/api/v1/taxonomies{path}")).headers
    assert (await client.get("/api/v1/taxonomies", headers={"If-None-Match": etag})).status_code == 304
    assert (await client.head("/api/v1/taxonomies/misuse/fraud")).status_code == 200
    before = (await client.get("/api/v1/taxonomies/misuse/fraud")).json()
    await put(node, OUTSIDE)
    second = await client.get("/api/v1/taxonomies", headers={"If-None-Match": etag})
    assert second.status_code == 200
    assert second.headers["etag"] != etag
    after = (await client.get("/api/v1/taxonomies/misuse/fraud")).json()
    assert len(after["crosswalks"]) == len(before["crosswalks"]) + 1
