"""Private feeds: what a key opens at this moment, for whom, and that it is told nowhere."""

import json
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from registry import logs
from registry.extensions import Node
from registry.providers import service as providers
from registry.providers.onboarding import Decision
from tests.conftest import Join, Member
from tests.registry.records.acting import bring_out, lesson, withdraw
from tests.registry.sharing.circles import EVERYTHING, end, gather

AMBER = {"tlp": "AMBER", "groups": ["labs"]}


async def make(client: httpx.AsyncClient, who: Member, name: str = "My reader") -> dict[str, Any]:
    made = await client.post("/api/v1/feed-keys", json={"name": name}, headers=who.headers)
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


async def read(client: httpx.AsyncClient, made: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(made["urls"]["json"], params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def titles(client: httpx.AsyncClient, made: dict[str, Any], **query: Any) -> list[str]:
    return [one["title"] for one in await read(client, made, **query)]


async def test_it_holds_what_its_owner_may_see_now(client: httpx.AsyncClient, join: Join, node: Node) -> None:
    lab, member = await join(scopes=EVERYTHING), await join("member", scopes=EVERYTHING)
    other = await join("other")
    await gather(client, "labs", lab, member)
    await bring_out(client, lab, lesson(title="Public"))
    shared = await bring_out(client, lab, lesson(title="Circle", handling=AMBER, tags=["misuse:fraud"]))
    await bring_out(client, lab, lesson(title="Nobody", handling={"tlp": "RED"}))
    await bring_out(client, lab, lesson(title="Approved", handling={"tlp": "GREEN"}))
    keys = {who.slug: await make(client, who) for who in (lab, member, other)}
    assert {slug: await titles(client, key) for slug, key in keys.items()} == {
        "example-lab": ["[TLP:GREEN] Approved", "[TLP:RED] Nobody", "[TLP:AMBER] Circle", "Public"],
        "member": ["[TLP:GREEN] Approved", "[TLP:AMBER] Circle", "Public"],
        "other": ["[TLP:GREEN] Approved", "Public"],
    }
    assert await titles(client, keys["member"], tag="misuse:fraud") == ["[TLP:AMBER] Circle"]
    assert await titles(client, keys["member"], kind="incident") == []
    assert await titles(client, keys["member"], limit=1) == ["[TLP:GREEN] Approved"]
    (entry,) = await read(client, keys["member"], tag="misuse:fraud")
    assert "tlp:AMBER" in str(entry["tags"]) or "TLP:AMBER" in str(entry["tags"])
    assert f"/records/{shared}/versions/p1" in json.dumps(entry)
    for suffix in ("rss", "atom"):
        text = (await client.get(keys["member"]["urls"][suffix])).text
        assert "Circle" in text
        assert "TLP:AMBER" in text
        assert keys["member"]["key"] not in text, "an entry that is passed on does not pass on the way in"

    await end(client, member, "labs", "member")
    assert await titles(client, keys["member"]) == ["[TLP:GREEN] Approved", "Public"]
    await withdraw(client, lab, shared)
    assert "[TLP:AMBER] Withdrawn: Circle" in await titles(client, keys["example-lab"])
    async with node.database.write() as session:
        await providers.change_state(session, "member", Decision.SUSPEND, origin=node.origin, by="test")
    assert (await client.get(keys["member"]["urls"]["json"])).status_code == 404


async def test_a_key_is_shown_once_named_and_revoked(client: httpx.AsyncClient, join: Join) -> None:
    lab, other = await join(), await join("other")
    made = await make(client, lab, "Читалка")
    listed = await client.get("/api/v1/feed-keys", headers=lab.headers)
    assert [(one["id"], one["name"], one["last_used"]) for one in listed.json()["items"]] == [
        (made["id"], "Читалка", None)
    ]
    assert made["key"] not in listed.text
    assert (await client.get("/api/v1/feed-keys", headers=other.headers)).json()["items"] == []
    await titles(client, made)
    used = await client.get("/api/v1/feed-keys", headers=lab.headers)
    assert used.json()["items"][0]["last_used"] is not None
    path = f"/api/v1/feed-keys/{made['id']}"
    assert (await client.delete(path, headers=other.headers)).status_code == 404
    assert (await client.delete(path, headers=lab.headers)).status_code == 204
    assert (await client.get(made["urls"]["json"])).status_code == 404
    assert (await client.delete(path, headers=lab.headers)).status_code == 404


async def test_a_key_opens_its_feed_and_nothing_else(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    made = await make(client, lab)
    bearer = {"Authorization": f"Bearer {made['key']}"}
    assert (await client.get("/api/v1/records", headers=bearer)).status_code == 401
    token = lab.headers["Authorization"].partition(" ")[2]
    for key in (token, "", "x", "x" * 500, made["key"][:-1], "..", made["id"]):
        for suffix in ("json", "rss", "html", ""):
            answer = await client.get(f"/feeds/private/{key}.{suffix}")
            assert answer.status_code in (400, 404), (key, suffix)
    writer = await join("writer", scopes="records:write")
    refused = await client.post("/api/v1/feed-keys", json={"name": "x"}, headers=writer.headers)
    assert refused.status_code == 403
    assert (await client.post("/api/v1/feed-keys", json={"name": "x"})).status_code == 401


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 101])
async def test_a_key_has_a_name(client: httpx.AsyncClient, join: Join, name: str) -> None:
    lab = await join()
    made = await client.post("/api/v1/feed-keys", json={"name": name}, headers=lab.headers)
    assert made.status_code == 422
    assert [one["code"] for one in made.json()["findings"]] == ["bad-name"]


async def test_no_cache_keeps_it_and_no_log_tells_the_key(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    made = await make(client, lab)
    with capture_logs(processors=[logs._mask]) as lines:
        first = await client.get(made["urls"]["json"])
    assert made["key"] not in str(lines)
    assert "/feeds/private/***" in str(lines)
    assert first.headers["cache-control"] == "private, no-store"
    assert first.headers["referrer-policy"] == "no-referrer"
    await bring_out(client, lab, lesson(title="New"))
    assert await titles(client, made) == ["New"]
    unchanged = await client.get(
        made["urls"]["atom"],
        headers={"If-None-Match": (await client.get(made["urls"]["atom"])).headers["etag"]},
    )
    assert unchanged.status_code == 304
    assert unchanged.headers["cache-control"] == "private, no-store"
