"""Two at once: one wins, the other is told, and nobody's work is lost without a word."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from registry.app import create_app
from registry.db import Database
from registry.extensions import Node
from registry.records.models import Draft, Record, Version
from registry.settings import Settings
from tests.conftest import Join, running
from tests.registry.records.acting import act, bring_out, draft, lesson, put, submit

TOLD = {409, 412, 404}


@pytest.fixture
async def second(node: Node, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of another process of the same registry."""
    database = Database(settings.database)
    async with running(create_app(node.on(database), run_readers=False)) as client:
        yield client
    await database.dispose()


def outcome(answers: list[httpx.Response]) -> Counter[int]:
    for answer in answers:
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["detail"]
    return Counter(answer.status_code for answer in answers)


async def count(database: Database, table: Any) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_a_draft_is_published_once(
    client: httpx.AsyncClient, second: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join()
    made = await submit(client, lab, lesson())
    id, etag = made.json()["id"], made.headers["etag"]
    answers = await asyncio.gather(
        *(act(one, lab, id, "publish", etag) for one in (client, second, client, second, client, second))
    )
    statuses = outcome(answers)
    assert statuses[200] == 1
    assert set(statuses) <= {200} | TOLD
    assert await count(database, Version) == 1
    assert await count(database, Draft) == 0
    assert (await client.get("/api/v1/changes")).json()["head"] == 1


async def test_of_several_who_replace_a_draft_one_does(
    client: httpx.AsyncClient, second: httpx.AsyncClient, join: Join
) -> None:
    lab = await join()
    made = await submit(client, lab, lesson())
    id, etag = made.json()["id"], made.headers["etag"]
    clients = [client, second] * 4
    answers = await asyncio.gather(
        *(put(one, lab, id, lesson(title=f"{number}"), etag) for number, one in enumerate(clients))
    )
    statuses = outcome(answers)
    assert statuses == {200: 1, 412: 7}
    (winner,) = (number for number, answer in enumerate(answers) if answer.status_code == 200)
    assert (await draft(client, lab, id)).json()["title"] == f"{winner}"
    assert (await draft(client, lab, id)).headers["etag"] == answers[winner].headers["etag"]


async def test_of_several_who_begin_a_revision_one_does(
    client: httpx.AsyncClient, second: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    etag = (await draft(client, lab, id)).headers["etag"]
    answers = await asyncio.gather(
        *(put(one, lab, id, lesson(title="Second"), etag) for one in (client, second, client, second))
    )
    assert outcome(answers) == {200: 1, 412: 3}
    assert await count(database, Draft) == 1


async def test_an_edit_and_a_publication_at_once_lose_nothing(
    client: httpx.AsyncClient, second: httpx.AsyncClient, join: Join
) -> None:
    lab = await join()
    for _ in range(4):
        made = await submit(client, lab, lesson(title="Before"))
        id, etag = made.json()["id"], made.headers["etag"]
        edited, published = await asyncio.gather(
            put(second, lab, id, lesson(title="After"), etag), act(client, lab, id, "publish", etag)
        )
        statuses = (edited.status_code, published.status_code)
        assert statuses in {(200, 412), (412, 200)}
        read = await client.get(f"/api/v1/records/{id}")
        if statuses == (412, 200):
            assert read.json()["title"] == "Before"
        else:
            assert read.status_code == 404
            assert (await draft(client, lab, id)).json()["title"] == "After"


async def test_a_revision_and_a_withdrawal_at_once_make_one_version(
    client: httpx.AsyncClient, second: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    newest = (await draft(client, lab, id)).headers["etag"]
    revision = {"type": "correction"}
    begun = await put(client, lab, id, lesson(title="Second", revision=revision), newest)
    revised, withdrawn = await asyncio.gather(
        act(client, lab, id, "publish", begun.headers["etag"]),
        act(second, lab, id, "withdraw", newest, {"code": "error"}),
    )
    statuses = outcome([revised, withdrawn])
    assert statuses[200] == 1
    assert await count(database, Version) == 2
    async with database.read() as session:
        record = (await session.scalars(select(Record))).one()
    assert record.current == 2
    assert record.listed is (revised.status_code == 200)


async def test_many_publications_at_once_have_one_order(
    client: httpx.AsyncClient, second: httpx.AsyncClient, join: Join
) -> None:
    lab = await join()
    drafts = [await submit(client, lab, lesson(title=f"{number}")) for number in range(12)]
    answers = await asyncio.gather(
        *(
            act((client, second)[number % 2], lab, made.json()["id"], "publish", made.headers["etag"])
            for number, made in enumerate(drafts)
        )
    )
    assert outcome(answers) == {200: 12}
    changes = (await client.get("/api/v1/changes")).json()
    assert [item["seq"] for item in changes["items"]] == list(range(1, 13))
    times = [item["at"] for item in changes["items"]]
    assert times == sorted(times), "a list that starts at a moment relies on it"


async def test_what_one_process_publishes_and_withdraws_the_other_shows_within_a_second(
    client: httpx.AsyncClient, second: httpx.AsyncClient, join: Join
) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    await asyncio.sleep(1)
    for one in (client, second):
        assert len((await one.get("/api/v1/records")).json()["items"]) == 1
    etag = (await draft(client, lab, id)).headers["etag"]
    await act(client, lab, id, "withdraw", etag, {"code": "error"})
    assert (await client.get("/api/v1/records")).json()["items"] == [], "at once where it was done"
    await asyncio.sleep(1)
    assert (await second.get("/api/v1/records")).json()["items"] == []
    assert "withdrawal" in (await second.get(f"/api/v1/records/{id}")).json()
