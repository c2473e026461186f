"""Many submissions in one request: each on its own, repeatable, within a day's quota."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from registry.app import Application
from registry.db import Database, now
from registry.extensions import Extension, Node
from registry.providers.models import Client
from registry.records import batch
from registry.records.models import DraftQuota, Record
from registry.settings import Settings
from tests.conftest import Join, Member, only_app
from tests.registry.records.acting import act, lesson, submit

LINES = {"Content-Type": "application/x-ndjson"}


def lines_of(*submissions: Any) -> bytes:
    return b"".join(
        (one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in submissions
    )


async def send(
    client: httpx.AsyncClient, member: Member, content: Any, **headers: str
) -> tuple[httpx.Response, list[dict[str, Any]]]:
    answer = await client.post(
        "/api/v1/records:batch", content=content, headers=member.headers | LINES | headers
    )
    return answer, [json.loads(line) for line in answer.text.splitlines()] if answer.is_success else []


async def records(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(Record)) or 0


async def test_each_line_is_taken_or_told_what_is_wrong(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join()
    answer, told = await send(
        client,
        lab,
        lines_of(lesson(), b"{", lesson(tags=["misuse:frod"]), b"", lesson(title="Other"), b"[]"),
    )
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert answer.headers["cache-control"].startswith("private")
    assert [one["line"] for one in told] == [1, 2, 3, 5, 6]
    assert [one.get("state") for one in told] == ["draft", None, None, "draft", None]
    assert [one.get("problem", {}).get("status") for one in told] == [None, 400, 422, None, 422]
    assert told[2]["findings"][0]["pointer"] == "/tags/0"
    assert await records(database) == 2
    done = await act(client, lab, told[0]["id"], "publish", f'"{told[0]["etag"]}"')
    assert done.status_code == 200


async def test_a_repeated_batch_answers_the_same_and_goes_on_where_it_was_cut_off(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join()
    key = {"Idempotency-Key": "b-1"}
    _, first = await send(client, lab, lines_of(lesson(), lesson(title="Second")), **key)
    whole = lines_of(lesson(), lesson(title="Second"), lesson(title="Third"))
    _, again = await send(client, lab, whole, **key)
    assert again[:2] == first
    assert again[2]["state"] == "draft"
    assert await records(database) == 3
    _, other = await send(client, lab, lines_of(lesson(title="Changed")), **key)
    assert other[0]["problem"]["status"] == 409
    assert await records(database) == 3


async def test_two_that_send_the_same_at_once_make_it_once(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join()
    body = lines_of(*(lesson(title=f"{number}") for number in range(4)))
    answers = await asyncio.gather(*(send(client, lab, body, **{"Idempotency-Key": "k"}) for _ in range(3)))
    assert answers[0][1] == answers[1][1] == answers[2][1]
    assert await records(database) == 4


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("limit", "value", "kept"),
    [("MOST_LINES", 2, 2), ("MOST_BYTES", 700, 1), ("LONGEST_LINE", 300, 0)],
)
async def test_limits_end_a_batch_with_a_line_that_says_so(
    client: httpx.AsyncClient,
    join: Join,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    value: int,
    kept: int,
) -> None:
    lab = await join()
    monkeypatch.setattr(batch, limit, value)
    line = json.dumps(lesson(summary="x" * 200)).encode() + b"\n"

    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield line
            await asyncio.sleep(0.01)

    _, told = await send(client, lab, slowly())
    assert [one.get("state") for one in told] == ["draft"] * kept + [None]
    assert told[-1]["problem"]["status"] == 413
    assert await records(database) == kept


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_what_is_no_batch_is_refused_before_it_is_read(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    assert (await client.post("/api/v1/records:batch", content=b"x")).status_code == 401
    reader = await join("reader", scopes="records:read")
    assert (await send(client, reader, b""))[0].status_code == 403
    assert (await send(client, lab, b"", **{"Content-Type": "text/csv"}))[0].status_code == 415
    assert (await send(client, lab, b"", **{"Content-Encoding": "gzip"}))[0].status_code == 415
    assert (await send(client, lab, b"", **{"Content-Length": str(2**40)}))[0].status_code == 413
    assert (await send(client, lab, b"", **{"Idempotency-Key": "x" * 300}))[0].status_code == 400
    assert (await send(client, lab, b""))[1] == []


async def test_a_client_that_is_revoked_in_mid_flight_writes_no_more(
    client: httpx.AsyncClient, join: Join, node: Node
) -> None:
    lab = await join()

    written = asyncio.Event()

    async def tell() -> None:
        written.set()

    node.database.on_commit.append(tell)

    async def revoke() -> None:
        await written.wait()
        async with node.database.write() as session:
            await session.execute(update(Client).values(revoked_at=now()))

    revoking = asyncio.create_task(revoke())
    _, told = await send(client, lab, lines_of(*(lesson(title=f"{n}") for n in range(60))))
    await revoking
    made = [one for one in told if "id" in one]
    assert 1 <= len(made) < 60
    assert {one["problem"]["status"] for one in told[len(made) :]} == {401}
    assert await records(node.database) == len(made)


# --- quota ---


@pytest.fixture
async def app(node: Node, settings: Settings, extensions: tuple[Extension, ...]) -> Application:
    from dataclasses import replace

    narrow = settings.model_copy(update={"drafts_per_day": 5})
    return only_app(replace(node, settings=narrow), extensions)


async def test_a_day_has_only_so_many_drafts(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab, other = await join(), await join("other-lab")
    first = await submit(client, lab, lesson())
    assert first.headers["ratelimit-policy"] == '"drafts";q=5;w=86400'
    assert first.headers["ratelimit"].startswith('"drafts";r=4;t=')
    wrong = await submit(client, lab, lesson(tags=["misuse:frod"]))
    assert wrong.status_code == 422
    answers = await asyncio.gather(*(submit(client, lab, lesson(title=f"{n}")) for n in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 4 + [429] * 4
    late = next(answer for answer in answers if answer.status_code == 429)
    assert 0 < int(late.headers["retry-after"]) <= 86400
    answer, told = await send(client, lab, lines_of(lesson()))
    assert answer.headers["ratelimit"].startswith('"drafts";r=0;t=')
    assert told[0]["problem"]["status"] == 429
    assert (await submit(client, other, lesson())).status_code == 201
    assert await records(database) == 6
    async with database.write() as session:
        await session.execute(update(DraftQuota).values(day="2020-01-01"))
    assert (await submit(client, lab, lesson())).status_code == 201
    async with database.read() as session:
        assert (
            "2020-01-01"
            not in (await session.scalars(select(DraftQuota.day).where(DraftQuota.used == 5))).all()
        )
