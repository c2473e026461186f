"""Scheduled publication: at its time, once, together or not at all, and nothing of it before."""

import asyncio
import os
import signal
import sys
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from registry.actor import Scope
from registry.audit.models import Act
from registry.clock import instant
from registry.db import Database, now
from registry.extensions import Node
from registry.providers.models import Provider
from registry.records import firing
from registry.records.api_shared import desk_of
from registry.records.models import Draft, Record, Version
from registry.settings import Settings
from tests.conftest import Join, Member
from tests.registry.records.acting import act, draft, lesson, put, submit

ALL = " ".join(scope for scope in Scope if scope is not Scope.REGISTRY_STEWARD)
LATER = "2100-01-01T09:00:00Z"


async def scheduled(
    client: httpx.AsyncClient, member: Member, *together: str, at: str = LATER, **fields: Any
) -> tuple[str, str]:
    made = await submit(client, member, lesson(**fields))
    id = made.json()["id"]
    body = {"at": at, "with": list(together)}
    done = await act(client, member, id, "schedule", made.headers["etag"], body)
    assert done.status_code == 200, done.text
    return id, done.headers["etag"]


async def beside(client: httpx.AsyncClient, member: Member, id: str) -> dict[str, Any]:
    body: dict[str, Any] = (await client.get(f"/api/v1/records/{id}/handling", headers=member.headers)).json()
    return body


async def due_now(database: Database, *ids: str) -> None:
    """Let the time of what is scheduled have come."""
    async with database.write() as session:
        of = select(Record.pk).where(Record.id.in_(ids)) if ids else select(Record.pk)
        moment = now() - timedelta(seconds=1)
        await session.execute(
            update(Draft).where(Draft.record_pk.in_(of), Draft.due_at.is_not(None)).values(due_at=moment)
        )


async def fire(node: Node) -> int:
    return await firing.fire(node.database, await desk_of(node))


async def out(client: httpx.AsyncClient) -> set[str]:
    return {item["id"] for item in (await client.get("/api/v1/records")).json()["items"]}


async def waiting(client: httpx.AsyncClient, member: Member) -> list[tuple[str, str]]:
    items = (await client.get("/api/v1/queue", headers=member.headers)).json()["items"]
    return [(item["type"], item["subject"]) for item in items]


async def test_a_scheduled_draft_goes_out_at_its_time_and_not_before(
    client: httpx.AsyncClient, join: Join, node: Node, database: Database
) -> None:
    lab = await join(scopes=ALL)
    public = ("/api/v1/records", "/api/v1/changes", "/api/v1/stats", "/feeds/all.json", "/readyz")
    before = [(await client.get(path)).text for path in public]
    id, etag = await scheduled(client, lab)
    view = await beside(client, lab, id)
    assert view["state"] == "approved"
    assert view["schedule"] == {"at": "2100-01-01T09:00:00.000Z", "with": [], "by": lab.client_id}
    assert view["handling"]["embargo_until"] == "2100-01-01T09:00:00.000Z"
    assert "embargo" not in (await draft(client, lab, id)).text
    assert await fire(node) == 0
    assert [(await client.get(path)).text for path in public] == before
    early = await act(client, lab, id, "publish", etag)
    assert (early.status_code, "under embargo" in early.json()["detail"]) == (409, True)
    assert await waiting(client, lab) == [("scheduled", id)]

    await due_now(database)
    assert await fire(node) == 1
    assert await fire(node) == 0
    document = (await client.get(f"/api/v1/records/{id}")).json()
    assert document["version"] == 1
    assert "embargo" not in str(document)
    async with database.read() as session:
        last = (await session.scalars(select(Act).order_by(Act.pk.desc()).limit(1))).one()
    assert (last.action, last.actor, last.subject) == ("published", lab.client_id, id)
    assert await waiting(client, lab) == []


async def test_a_worker_sleeps_until_the_time_has_come(
    client: httpx.AsyncClient, join: Join, node: Node
) -> None:
    lab = await join(scopes=ALL)
    runner = firing.Firing(node.database, lambda: desk_of(node))
    node.database.on_commit.append(woken := _wakes(runner))
    running = asyncio.create_task(runner.run())
    try:
        at = now() + timedelta(seconds=1.2)
        id, _ = await scheduled(client, lab, at=instant(at))
        while (answer := await client.get(f"/api/v1/records/{id}")).status_code == 404:
            assert now() < at + timedelta(seconds=10)
            await asyncio.sleep(0.02)
        assert datetime.fromisoformat(answer.json()["published"]) >= at.replace(microsecond=0)
    finally:
        running.cancel()
        node.database.on_commit.remove(woken)


def _wakes(runner: firing.Firing) -> Any:
    async def wake() -> None:
        runner.wake()

    return wake


async def test_a_schedule_is_moved_cancelled_and_ended_by_an_edit(
    client: httpx.AsyncClient, join: Join, node: Node, database: Database
) -> None:
    lab = await join(scopes=ALL)
    id, etag = await scheduled(client, lab)
    sooner = await act(client, lab, id, "schedule", etag, {"at": "2099-01-01T00:00:00+02:00"})
    assert sooner.status_code == 200, sooner.text
    assert (await beside(client, lab, id))["schedule"]["at"] == "2098-12-31T22:00:00.000Z"
    off = await act(client, lab, id, "cancel", sooner.headers["etag"])
    assert off.status_code == 200
    view = await beside(client, lab, id)
    assert "schedule" not in view
    assert view["handling"] == {"tlp": "CLEAR"}
    assert view["state"] == "approved"
    assert (await act(client, lab, id, "cancel", off.headers["etag"])).status_code == 409
    on = await act(client, lab, id, "schedule", off.headers["etag"], {"at": LATER})
    edited = await put(client, lab, id, lesson(title="Edited"), on.headers["etag"])
    view = await beside(client, lab, id)
    assert (view["state"], view["missed"]["reason"]) == ("draft", "edited")
    assert "schedule" not in view
    assert ("missed", id) in await waiting(client, lab)
    await due_now(database)
    assert await fire(node) == 0
    # The embargo of the text that was scheduled is not lifted by that.
    assert (await act(client, lab, id, "publish", edited.headers["etag"])).status_code == 409


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/at"),
        ({"at": "2001-01-01T00:00:00Z"}, "/at"),
        ({"at": "9999-01-01T00:00:00Z"}, "/at"),
        ({"at": "2100-01-01"}, "/at"),
        ({"at": LATER, "with": ["CIR-7GQ2M4KX9Y"]}, "/with/0"),
        ({"at": LATER, "then": 1}, "/then"),
    ],
)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_a_schedule_says_when(
    client: httpx.AsyncClient, join: Join, body: dict[str, Any], pointer: str
) -> None:
    lab = await join(scopes=ALL)
    made = await submit(client, lab, lesson())
    answer = await act(client, lab, made.json()["id"], "schedule", made.headers["etag"], body)
    assert answer.status_code == 422, answer.text
    assert [one["pointer"] for one in answer.json()["findings"]] == [pointer]


# --- together ---


async def test_ones_own_drafts_are_scheduled_by_one_call_and_go_out_together(
    client: httpx.AsyncClient, join: Join, node: Node, database: Database
) -> None:
    lab = await join(scopes=ALL)
    others = [(await submit(client, lab, lesson(title=f"{n}"))).json()["id"] for n in range(2)]
    id, _ = await scheduled(client, lab, *others)
    assert set((await beside(client, lab, others[0]))["schedule"]["with"]) == {id, others[1]}
    await due_now(database)
    assert await firing.fire(node.database, await desk_of(node), limit=1) == 3, "a bundle is never cut"
    assert await out(client) == {id, *others}


async def test_several_organisations_go_out_together_or_not_at_all(
    client: httpx.AsyncClient, join: Join, node: Node, database: Database
) -> None:
    lab, bank = await join(scopes=ALL), await join("bank", scopes=ALL)
    theirs = await submit(client, bank, lesson())
    absent = "CIR-7GQ2M4KX9X"
    # Whether another's record is there is told to nobody.
    answers = []
    for other in (theirs.json()["id"], absent):
        made = await submit(client, lab, lesson())
        done = await act(
            client, lab, made.json()["id"], "schedule", made.headers["etag"], {"at": LATER, "with": [other]}
        )
        shown = await beside(client, lab, made.json()["id"])
        answers.append((done.status_code, str(shown["schedule"]).replace(other, "ID")))
    assert answers[0] == answers[1]

    one, _ = await scheduled(client, lab, theirs.json()["id"])
    alone, _ = await scheduled(client, lab, absent)
    both = {"at": LATER, "with": [one]}
    agreed = await act(client, bank, theirs.json()["id"], "schedule", theirs.headers["etag"], both)
    assert agreed.status_code == 200, agreed.text
    await due_now(database, one, theirs.json()["id"], alone)
    await fire(node)
    assert await out(client) == {one, theirs.json()["id"]}
    assert (await beside(client, lab, alone))["missed"]["reason"] == "together"

    # Consent to another set, or taken back, is none.
    mine, _ = await scheduled(client, lab)
    other, etag = await scheduled(client, bank, mine)
    mine_etag = (await draft(client, lab, mine)).headers["etag"]
    await act(client, lab, mine, "schedule", mine_etag, {"at": LATER, "with": [other]})
    assert (await act(client, bank, other, "cancel", etag)).status_code == 200
    await due_now(database, mine)
    await fire(node)
    assert mine not in await out(client)
    assert ("missed", mine) in await waiting(client, lab)
    assert ("approved", other) in await waiting(client, bank)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "suspended"},
        {"state": "closed"},
        {"held_at": datetime.fromisoformat("2026-01-01T00:00:00+00:00")},
    ],
    ids=["suspended", "closed", "held"],
)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_who_may_not_publish_any_more_publishes_nothing_and_nobody_with_them(
    client: httpx.AsyncClient, join: Join, node: Node, database: Database, change: dict[str, Any]
) -> None:
    lab, bank = await join(scopes=ALL), await join("bank", scopes=ALL)
    theirs = await submit(client, bank, lesson())
    mine, _ = await scheduled(client, lab, theirs.json()["id"])
    both = {"at": LATER, "with": [mine]}
    await act(client, bank, theirs.json()["id"], "schedule", theirs.headers["etag"], both)
    free, _ = await scheduled(client, lab)
    async with database.write() as session:
        await session.execute(update(Provider).where(Provider.slug == "bank").values(**change))
    await due_now(database)
    await fire(node)
    assert await out(client) == {free}
    view = await beside(client, lab, mine)
    assert view["missed"]["reason"] == "together"
    assert "bank" not in str(view["missed"])
    async with database.read() as session:
        acts = (await session.scalars(select(Act).where(Act.action == "missed"))).all()
        rows = (await session.execute(select(Record.id, Draft.missed, Draft.due_at).join(Draft))).all()
    assert {one.subject for one in acts} == {mine, theirs.json()["id"]}
    assert {row.id: row.missed["reason"] for row in rows} == {
        mine: "together",
        theirs.json()["id"]: "forbidden",
    }
    assert not any(row.due_at for row in rows)


async def test_what_stands_in_the_way_of_one_is_no_others(
    client: httpx.AsyncClient, join: Join, node: Node, database: Database
) -> None:
    """Two that follow from each other cannot both be published; the batch goes on without them."""
    lab = await join(scopes=ALL)
    first = (await submit(client, lab, lesson())).json()["id"]
    second, _ = await scheduled(
        client, lab, relations=[{"type": "supersedes", "target": {"id": first}}], title="Second"
    )
    read = await draft(client, lab, first)
    back = lesson(relations=[{"type": "supersedes", "target": {"id": second}}])
    kept = await put(client, lab, first, back, read.headers["etag"])
    await act(client, lab, first, "schedule", kept.headers["etag"], {"at": LATER, "with": [second]})
    free, _ = await scheduled(client, lab, title="Free")
    await due_now(database)
    while await fire(node):
        pass
    assert await out(client) == {free}
    assert (await beside(client, lab, first))["missed"]["reason"] == "invalid"


# --- several workers ---

WORKER = """
import asyncio
from registry.node import open_node
from registry.records import firing
from registry.records.api_shared import desk_of
from registry.settings import load

whole = firing.fire
firing.fire = lambda database, desk: whole(database, desk, limit=2)

async def main():
    async with open_node(load()) as node:
        await firing.Firing(node.database, lambda: desk_of(node)).run()

asyncio.run(main())
"""


async def test_three_workers_publish_each_once_also_when_one_is_killed(
    client: httpx.AsyncClient, join: Join, database: Database, settings: Settings
) -> None:
    lab = await join(scopes=ALL)
    ids = [(await submit(client, lab, lesson(title=f"{n}"))).json()["id"] for n in range(40)]
    async with database.write() as session:
        keys = dict((await session.execute(select(Record.pk, Record.id))).all())
        for row in await session.scalars(select(Draft)):
            row.step, row.due_at, row.together = "approved", now(), [keys[row.record_pk]]
    environment = os.environ | {
        "CANDOR_DATA": str(settings.data),
        "CANDOR_DATABASE_URL": settings.database,
        "CANDOR_ORIGIN": str(settings.origin),
    }
    workers = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, env=environment) for _ in range(3)
    ]
    try:
        killed = False
        end = now() + timedelta(seconds=60)
        while (left := await _count(database, Draft)) and now() < end:
            if left < 40 and not killed:
                workers[0].send_signal(signal.SIGKILL)
                killed = True
            await asyncio.sleep(0.005)
    finally:
        for worker in workers:
            if worker.returncode is None:
                worker.kill()
            await worker.wait()
    assert killed
    assert left == 0
    async with database.read() as session:
        versions = (await session.scalars(select(Version).order_by(Version.public_seq))).all()
        acts = (await session.scalars(select(Act.subject).where(Act.action == "published"))).all()
    assert [version.public_seq for version in versions] == list(range(1, 41))
    assert {version.record_pk for version in versions} == set(keys)
    assert sorted(acts) == sorted(ids)


async def _count(database: Database, table: Any) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0
