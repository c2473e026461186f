"""Reports over HTTP: who gets what of an incident, and in which form."""

from typing import Any

import httpx
import pytest

from tests.conftest import Join, Member, Publish

AWARE = "2026-03-02T10:00:00Z"
INCIDENT: dict[str, Any] = {
    "kind": "incident",
    "title": "Adverts for flats that do not exist",
    "tags": ["misuse:fraud"],
    "content": {
        "nature": ["misuse"],
        "setting": "in-the-wild",
        "assertion": {"status": "confirmed"},
        "times": {"started": "2026-03-01", "aware": AWARE},
        "contacts": [{"name": "Safety desk", "address": "safety@example.org"}],
        "harms": [{"tag": "harm:financial", "status": "realised"}],
    },
}


async def report(
    client: httpx.AsyncClient, id: str, regime: str = "eu-73", member: Member | None = None, **query: str
) -> httpx.Response:
    headers = member.headers if member else {}
    return await client.get(f"/api/v1/records/{id}/report/{regime}", params=query, headers=headers)


async def test_the_public_gets_what_the_public_record_says(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    record = await publish(await join(), **INCIDENT)
    answer = await report(client, record["id"])
    told = answer.json()
    assert (told["regime"], told["record"], told["version"]) == ("eu-73", record["id"], "1")
    assert "contact" in told["missing"]
    assert [clock["state"] for clock in told["clocks"]] == ["waiting"]
    assert "safety@example.org" not in answer.text
    assert AWARE[:10] not in answer.text
    assert answer.headers["etag"]


async def test_the_owner_gets_what_was_set_aside(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    mine, other = await join(), await join("other-lab")
    record = await publish(mine, **INCIDENT)
    answer = await report(client, record["id"], member=mine)
    told = answer.json()
    assert "contact" not in told["missing"]
    assert told["clocks"][0]["due"] == "2026-03-17T10:00:00.000Z"
    assert answer.headers["cache-control"].startswith("private")
    assert "safety@example.org" not in (await report(client, record["id"], member=other)).text


async def test_without_the_scope_the_owner_gets_the_public_record(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    writer = await join(scopes="records:write records:publish")
    record = await publish(writer, **INCIDENT)
    assert "safety@example.org" not in (await report(client, record["id"], member=writer)).text
    assert (await report(client, record["id"], member=writer, draft="true")).status_code == 403


async def test_a_draft_is_for_those_who_work_on_it(client: httpx.AsyncClient, join: Join) -> None:
    mine, other = await join(), await join("other-lab")
    made = await client.post("/api/v1/records", json=INCIDENT, headers=mine.headers)
    id = made.json()["id"]
    told = (await report(client, id, member=mine, draft="true")).json()
    assert (told["version"], told["clocks"][0]["starts"]) == ("draft", "2026-03-02T10:00:00.000Z")
    assert (await report(client, id, member=mine)).status_code == 404
    hidden = await report(client, id, member=other, draft="true")
    assert hidden.status_code == 404
    assert hidden.json()["detail"] == f"There is no record {id} here."
    assert (await report(client, id, draft="true")).status_code == 401


async def test_without_a_draft_the_version_that_a_revision_starts_from_is_told(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    mine = await join()
    record = await publish(mine, **INCIDENT)
    told = (await report(client, record["id"], member=mine, draft="true")).json()
    assert (told["version"], told["clocks"][0]["state"]) == ("1", "overdue")


@pytest.mark.parametrize(
    ("headers", "query", "media_type"),
    [
        ({}, {}, "application/json"),
        ({"Accept": "text/markdown"}, {}, "text/markdown"),
        ({"Accept": "text/markdown, application/json"}, {}, "application/json"),
        ({"Accept": "text/markdown"}, {"format": "json"}, "application/json"),
        ({}, {"format": "md"}, "text/markdown"),
    ],
)
async def test_it_is_told_as_json_or_as_markdown(
    client: httpx.AsyncClient,
    join: Join,
    publish: Publish,
    headers: dict[str, str],
    query: dict[str, str],
    media_type: str,
) -> None:
    record = await publish(await join(), **INCIDENT)
    answer = await client.get(f"/api/v1/records/{record['id']}/report/oecd", headers=headers, params=query)
    assert answer.headers["content-type"].startswith(media_type)
    assert "Accept" in answer.headers["vary"]


async def test_only_incidents_are_reported(client: httpx.AsyncClient, join: Join, publish: Publish) -> None:
    lesson = await publish(await join())
    answer = await report(client, lesson["id"])
    assert answer.status_code == 404
    assert "kind 'lesson'" in answer.json()["detail"]


async def test_what_cannot_be_is_told(client: httpx.AsyncClient, join: Join, publish: Publish) -> None:
    record = await publish(await join(), **INCIDENT)
    assert (await report(client, record["id"], "eu-74")).status_code == 404
    assert (await report(client, "CIR-7GQ2M4KX9Y")).status_code == 400
    assert (await report(client, "CIR-7GQ2M4KX9X")).status_code == 404
    assert (await report(client, record["id"], format="pdf")).status_code == 400
