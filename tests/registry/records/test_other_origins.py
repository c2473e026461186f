"""Records of other registries beside our own: whose is meant, who may do what, and where they are shown."""

import httpx
import pytest

from registry.actor import Actor, Scope
from registry.extensions import Node
from registry.records import erasure
from tests.conftest import ORIGIN, Join, Publish
from tests.registry.mirroring import PEER, mirror, version_of
from tests.registry.records.acting import act

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
STEWARD = Actor(name="steward", scopes=frozenset({Scope.REGISTRY_STEWARD}))


async def test_ours_wins_where_ids_clash(
    client: httpx.AsyncClient, node: Node, join: Join, publish: Publish
) -> None:
    lab = await join("lab")
    hidden = await client.post(
        "/api/v1/records",
        json={"kind": "lesson", "title": "Ours", "summary": "S.", "content": {"what_happened": "W."}},
        headers=lab.headers,
    )
    id = hidden.json()["id"]
    theirs = version_of("theirs", id=id)
    await mirror(node, theirs)
    path = f"/api/v1/records/{id}"
    # What is not published here takes no place, and tells nothing.
    assert (await client.get(path)).content == theirs.document
    done = await client.post(
        f"{path}/actions/publish", headers={**lab.headers, "If-Match": hidden.headers["etag"]}
    )
    assert done.status_code == 200, done.text
    ours = await client.get(path)
    assert ours.json()["origin"] == ORIGIN
    assert ours.headers["link"] == f'<{path}?origin={PEER}>; rel="alternate"'
    assert (await client.get(path, params={"origin": PEER})).content == theirs.document
    async with node.database.write() as session:
        await erasure.erase(session, STEWARD, id, "request", "It was asked for.")
    # Nobody takes the place of what was erased here.
    gone = await client.get(path)
    assert (gone.status_code, gone.json()["origins"]) == (410, [PEER])
    assert (await client.get(path, params={"origin": PEER})).status_code == 200
    unknown = await client.get(path, params={"origin": "nobody.example/log"})
    assert (unknown.status_code, unknown.json()["origins"]) == (404, [PEER])


async def test_nobody_works_on_what_is_theirs(client: httpx.AsyncClient, node: Node, join: Join) -> None:
    lab = await join("lab")
    steward = await join("editors", scopes="records:read records:write records:publish registry:steward")
    item = version_of("theirs")
    await mirror(node, item)
    path = f"/api/v1/records/{item.id}"
    for asker in (lab, steward):
        put = await client.put(f"{path}/draft", json={}, headers={**asker.headers, "If-Match": '"x"'})
        withdraw = await act(client, asker, item.id, "withdraw", '"x"', {"code": "error", "text": "No."})
        for refused in (put, withdraw):
            assert refused.status_code == 403, refused.text
            assert refused.json()["origin"] == PEER
            assert "Respond to it" in refused.json()["detail"]
        assert (await client.get(f"{path}/evidence", headers=asker.headers)).status_code == 200
    order = {"code": "Court of Example, 1 O 1/26", "reason": "An order."}
    etag = (await client.get(path)).headers["etag"]
    erased = await act(client, steward, item.id, "erase", etag, {**order, "code": "request"})
    assert erased.status_code == 403
    assert (await act(client, steward, item.id, "suppress", etag, order)).status_code == 200
    assert (await client.get(path)).status_code == 451
    assert not (await client.get("/api/v1/records")).json()["items"]
    # A new version of theirs does not lift our order.
    await mirror(node, version_of("theirs", 2))
    assert (await client.get(path)).status_code == 451


async def test_no_registry_takes_the_slug_of_another(
    client: httpx.AsyncClient, node: Node, join: Join, publish: Publish
) -> None:
    lab = await join("their-lab", name="Our Lab")
    ours = await publish(lab, title="Ours")
    squatting, other = version_of("a"), version_of("b", provider={"slug": "far-lab", "name": "Far Lab"})
    await mirror(node, squatting, other)

    async def listed(**query: str) -> list[str]:
        answer = await client.get("/api/v1/records", params=query)
        return [one["id"] for one in answer.json()["items"]]

    async def fed(path: str) -> tuple[str, list[str]]:
        feed = (await client.get(f"/feeds/{path}")).json()
        return feed["title"], [one["_candor"]["record"] for one in feed["items"]]

    assert await listed(provider="their-lab") == [ours["id"]]
    assert await listed(provider="their-lab", origin=PEER) == [squatting.id]
    assert await listed(provider="far-lab") == [other.id]
    assert await fed("provider/their-lab.json") == ("Candor: Our Lab", [ours["id"]])
    title, ids = await fed(f"provider/their-lab.json?origin={PEER}")
    assert (title, ids) == (f"Candor: Their Lab ({PEER})", [squatting.id])
    assert (await fed(f"all.json?origin={PEER}"))[1] == [other.id, squatting.id]
    assert (await fed(f"lesson.json?origin={ORIGIN}"))[1] == [ours["id"]]


async def test_feeds_say_whose_an_entry_is(client: httpx.AsyncClient, node: Node) -> None:
    item = version_of("a", attribution="anonymous", provider=None)
    await mirror(node, item)
    atom = (await client.get("/feeds/all.atom")).text
    assert "<source><id>urn:uuid:" in atom.replace("\n", "")
    assert f"<name>{PEER}</name><uri>https://peer.example/</uri>" in atom
    assert f'href="https://registry.example/records/{item.id}?origin={PEER}"' in atom
    rss = (await client.get("/feeds/all.rss")).text
    assert f'<source url="https://peer.example/feeds/all.rss">{PEER}</source>' in rss
    (entry,) = (await client.get("/feeds/all.json")).json()["items"]
    assert entry["_candor"]["origin"] == PEER


async def test_responses_cross_registries(
    client: httpx.AsyncClient, node: Node, join: Join, publish: Publish
) -> None:
    lab = await join("lab")
    ours = await publish(lab, title="Ours", kind="lesson")
    about = {"origin": ORIGIN, "id": ours["id"]}
    said = version_of(
        "said", kind="response", content={"about": about, "stance": "adopts", "text": "We do, too."}
    )
    page = f"/api/v1/records/{ours['id']}/responses"
    assert (await client.get(page)).json()["items"] == []
    await mirror(node, said)
    told = (await client.get(page)).json()
    assert told["items"][0]["origin"] == PEER
    assert told["summary"]["text"] == "1 adopted"
    waiting = (await client.get("/api/v1/queue", headers=lab.headers)).json()
    assert said.id in str(waiting)

    theirs = version_of("theirs")
    await mirror(node, theirs)
    await publish(
        lab,
        kind="response",
        title="We answer",
        content={"about": {"origin": PEER, "id": theirs.id}, "stance": "confirms", "text": "So did we."},
    )
    told = (await client.get(f"/api/v1/records/{theirs.id}/responses")).json()
    assert [one["origin"] for one in told["items"]] == [ORIGIN]
