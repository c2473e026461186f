"""Searches that are kept: over HTTP by clients, and on their page by people."""

from typing import Any

import httpx
import lxml.html
import pytest

import frontend
import search
from registry.auth.roles import Role
from registry.extensions import Extension, Node
from search.saved import service
from tests.conftest import Join, member_of
from tests.leaks.world import EVERYTHING
from tests.registry.auth.people import csrf, person, sign_in

QUESTION = "kind=incident&tag=atlas%3Aaml.t0051&tag=misuse%3Afraud"


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (search.extension, frontend.extension)


async def test_a_question_is_kept_canonically_by_an_organisation(
    client: httpx.AsyncClient, node: Node, join: Join
) -> None:
    own = (await join("own-lab", scopes=EVERYTHING)).headers
    other = (await join("other-lab", scopes=EVERYTHING)).headers
    reader = (await member_of(node.database, client, "own-lab", "records:read")).headers
    address = "https://registry.example/records?tag=misuse:fraud&kind=Incident&tag=atlas:AML.T0051&offset=20"
    sent = {"name": "Fraud", "search": address}
    made = await client.post("/api/v1/searches", json=sent, headers=own)
    assert made.status_code == 201, made.text
    one = made.json()
    assert (one["search"], one["owner"]) == (QUESTION, "organisation")
    assert one["links"]["page"] == f"https://registry.example/records?{QUESTION}"
    assert one["links"]["feeds"]["atom"].startswith(
        "https://registry.example/feeds/search.atom?kind=incident"
    )
    assert "format=csv&part=lists&kind=incident" in one["links"]["exports"]["CSV of lists"]
    assert (await client.get(made.headers["location"], headers=reader)).json() == one
    again = await client.post("/api/v1/searches", json=sent | {"name": "Twice"}, headers=own)
    assert again.status_code == 409

    assert (await client.get("/api/v1/searches", headers=reader)).json()["items"] == [one]
    assert (await client.get("/api/v1/searches", headers=other)).json()["items"] == []
    place = f"/api/v1/searches/{one['id']}"
    assert (await client.get(place, headers=other)).status_code == 404
    assert (await client.delete(place, headers=other)).status_code == 404
    assert (await client.delete(place, headers=reader)).status_code == 403
    assert (await client.delete(place, headers=own)).status_code == 204
    assert (await client.get(place, headers=own)).status_code == 404


@pytest.mark.one_database
async def test_what_cannot_be_kept_is_told(
    client: httpx.AsyncClient, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = (await join("own-lab", scopes=EVERYTHING)).headers

    async def pointers(**sent: Any) -> set[str]:
        answer = await client.post("/api/v1/searches", json=sent, headers=own)
        assert answer.status_code == 422, answer.text
        return {finding["pointer"] for finding in answer.json()["findings"]}

    assert await pointers(name="", search="kind=x&nonsense=1") == {
        "/name",
        "/search/kind",
        "/search/nonsense",
    }
    assert await pointers(name=3, owner="me", colour="red") == {"/name", "/search", "/owner", "/colour"}
    assert await pointers(name="All", search="limit=3") == {"/search"}
    assert await pointers(name="Long", search=f"q={'x ' * 3000}") == {"/search"}
    alone = await client.post(
        "/api/v1/searches", json={"name": "Mine", "search": "q=x", "owner": "person"}, headers=own
    )
    assert alone.status_code == 403
    monkeypatch.setattr(service, "MOST", 1)
    for number, status in ((1, 201), (2, 409)):
        answer = await client.post(
            "/api/v1/searches", json={"name": "One", "search": f"q={number}"}, headers=own
        )
        assert answer.status_code == status


@pytest.mark.one_database
async def test_people_keep_searches_on_a_page(client: httpx.AsyncClient, node: Node, join: Join) -> None:
    await join("own-lab", scopes=EVERYTHING)
    ann = await sign_in(node, await person(node, "ann@example.org", roles={"own-lab": [Role.AUTHOR]}))
    bob = await sign_in(node, await person(node, "bob@example.org", roles={"own-lab": [Role.ADMINISTRATOR]}))
    assert (await client.get("/searches")).headers["location"] == "/sign-in?next=/searches"
    token = (await csrf(node, ann))["X-CSRF-Token"]
    for owner, name in (("person", "Mine <b>"), ("organisation", "Ours")):
        form = {"csrf_token": token, "name": name, "search": QUESTION, "owner": owner}
        done = await client.post("/searches", data=form, headers=ann)
        assert (done.status_code, done.headers["location"]) == (303, "/searches")
    page = lxml.html.document_fromstring((await client.get("/searches", headers=ann)).content)
    assert page.xpath("//li//strong//bdi/text()") == ["Mine <b>", "Ours"]
    assert page.xpath("//li//strong/a/@href") == [f"/records?{QUESTION}"] * 2
    theirs = await client.get("/searches", headers=bob)
    assert "Ours" in theirs.text
    assert "Mine" not in theirs.text
    assert theirs.headers["cache-control"] == "private, no-store"
    twice = await client.post("/searches", data=form, headers=ann)
    assert twice.status_code == 422
    assert "kept already" in twice.text
    for action in page.xpath("//li//form/@action"):
        done = await client.post(action, data={"csrf_token": token}, headers=ann)
        assert done.status_code == 303
    assert "None so far" in (await client.get("/searches", headers=ann)).text
    unmeant = await client.post("/searches", data={**form, "csrf_token": "x"}, headers=ann)
    assert unmeant.status_code == 403
