"""What waits for somebody: by the scopes they hold, the oldest first, page by page."""

from typing import Any

import httpx
import pytest

from registry.actor import Scope
from registry.db import Database
from tests.conftest import Join, Member, member_of
from tests.registry.records.acting import act, lesson, submit

ALL = " ".join(scope for scope in Scope if scope is not Scope.REGISTRY_STEWARD)

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


async def asked(client: httpx.AsyncClient, member: Member, **query: Any) -> dict[str, Any]:
    answer = await client.get("/api/v1/queue", params=query, headers=member.headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"].startswith("private")
    body: dict[str, Any] = answer.json()
    return body


async def test_each_role_is_told_what_it_can_do_something_about(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab, other = await join(scopes=ALL), await join("other-lab", scopes=ALL)
    ids = {}
    for state, actions in {
        "returned": ("submit", "return"),
        "submitted": ("submit",),
        "approved": ("submit", "approve"),
        "scheduled": ("schedule",),
    }.items():
        made = await submit(client, lab, lesson(title=f"One that is {state}"))
        ids[state], etag = made.json()["id"], made.headers["etag"]
        for action in actions:
            body = {"comments": [{"text": "x"}]} if action == "return" else {"at": "2100-01-01T00:00:00Z"}
            done = await act(client, lab, ids[state], action, etag, body)
            assert done.status_code == 200, done.text
            etag = done.headers["etag"]
    told = {
        "records:write": ["returned"],
        "records:review": ["submitted"],
        "records:publish": ["approved", "scheduled"],
        "records:read": [],
    }
    for scope, types in told.items():
        holder = await member_of(database, client, lab.slug, scope)
        items = (await asked(client, holder))["items"]
        assert [(item["type"], item["subject"]) for item in items] == [(one, ids[one]) for one in types]
    everything = (await asked(client, lab))["items"]
    assert [item["type"] for item in everything] == list(ids)
    assert everything[-1]["due"] == "2100-01-01T00:00:00.000Z"
    assert all(item["text"].startswith("One that is") for item in everything)
    for item in everything:
        assert (await client.get(item["link"], headers=lab.headers)).status_code == 200
    assert (await asked(client, lab, type="approved"))["items"] == [everything[2]]
    assert (await asked(client, other))["items"] == []


async def test_it_is_read_page_by_page_while_things_are_dealt_with(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join(scopes=ALL)
    made = []
    for number in range(5):
        one = await submit(client, lab, lesson(title=f"{number}"))
        sent = await act(client, lab, one.json()["id"], "submit", one.headers["etag"])
        made.append((one.json()["id"], sent.headers["etag"]))
    first = await asked(client, lab, limit=2)
    assert [item["subject"] for item in first["items"]] == [id for id, _ in made[:2]]
    await act(client, lab, *(made[0][0], "publish", made[0][1]))
    second = await asked(client, lab, limit=2, cursor=first["next"])
    assert [item["subject"] for item in second["items"]] == [id for id, _ in made[2:4]]
    third = await asked(client, lab, limit=2, cursor=second["next"])
    assert ([item["subject"] for item in third["items"]], third["next"]) == ([made[4][0]], None)


@pytest.mark.parametrize("cursor", ["x", "MTo5", "YQpiCmM", "é"])
async def test_it_is_for_somebody_and_reads_no_cursor_of_others(
    client: httpx.AsyncClient, join: Join, cursor: str
) -> None:
    assert (await client.get("/api/v1/queue")).status_code == 401
    lab = await join(scopes=ALL)
    answer = await client.get("/api/v1/queue", params={"cursor": cursor}, headers=lab.headers)
    assert answer.status_code == 400
