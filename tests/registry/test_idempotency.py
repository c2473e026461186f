"""A POST under an Idempotency-Key is done once."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select, update

from registry import idempotency
from registry.extensions import Node
from registry.idempotency import Replay
from registry.records.models import Record
from tests.conftest import Join
from tests.registry.records.acting import lesson

KEY = {"Idempotency-Key": "3b8f1e8e-8f3a-4c8e-9a51-7c9d1c1f2b10"}


async def _records(node: Node) -> int:
    async with node.database.read() as session:
        return await session.scalar(select(func.count()).select_from(Record)) or 0


async def test_a_repeated_request_answers_the_same_and_is_not_done_twice(
    client: httpx.AsyncClient, join: Join, node: Node
) -> None:
    lab = await join()
    first = await client.post("/api/v1/records", json=lesson(), headers=lab.headers | KEY)
    again = await client.post("/api/v1/records", json=lesson(), headers=lab.headers | KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert await _records(node) == 1


async def test_requests_that_come_at_once_are_done_once(
    client: httpx.AsyncClient, join: Join, node: Node
) -> None:
    lab = await join()
    answers = await asyncio.gather(
        *(client.post("/api/v1/records", json=lesson(), headers=lab.headers | KEY) for _ in range(5))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await _records(node) == 1


async def test_another_request_under_the_same_key_is_refused(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    await client.post("/api/v1/records", json=lesson(), headers=lab.headers | KEY)
    other = await client.post("/api/v1/records", json=lesson(title="Another"), headers=lab.headers | KEY)
    assert other.status_code == 409
    assert "Idempotency-Key" in other.json()["detail"]


async def test_keys_of_two_organisations_do_not_meet(
    client: httpx.AsyncClient, join: Join, node: Node
) -> None:
    one, two = await join("one-lab"), await join("two-lab")
    first = await client.post("/api/v1/records", json=lesson(), headers=one.headers | KEY)
    second = await client.post("/api/v1/records", json=lesson(), headers=two.headers | KEY)
    assert first.json()["id"] != second.json()["id"]
    assert await _records(node) == 2


async def test_an_error_is_not_kept(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    wrong = await client.post("/api/v1/records", json=lesson(title=""), headers=lab.headers | KEY)
    right = await client.post("/api/v1/records", json=lesson(), headers=lab.headers | KEY)
    assert (wrong.status_code, right.status_code) == (422, 201)


async def test_what_is_stored_opens_for_nobody_else(
    client: httpx.AsyncClient, join: Join, node: Node
) -> None:
    lab = await join()
    answer = await client.post("/api/v1/records", json=lesson(), headers=lab.headers | KEY)
    async with node.database.read() as session:
        kept = (await session.scalars(select(Replay))).one()
    assert answer.json()["id"].encode() not in kept.answer
    assert KEY["Idempotency-Key"] not in kept.key


async def test_a_key_is_forgotten_after_a_day(client: httpx.AsyncClient, join: Join, node: Node) -> None:
    lab = await join()
    await client.post("/api/v1/records", json=lesson(), headers=lab.headers | KEY)
    async with node.database.write() as session:
        await session.execute(
            update(Replay).values(at=idempotency.now() - idempotency.KEPT - timedelta(minutes=1))
        )
    again = await client.post("/api/v1/records", json=lesson(), headers=lab.headers | KEY)
    assert "idempotency-replayed" not in again.headers
    assert await _records(node) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, '""'], ids=["empty", "long", "empty quotes"])
async def test_what_cannot_be_a_key_is_refused(client: httpx.AsyncClient, join: Join, key: str) -> None:
    lab = await join()
    answer = await client.post(
        "/api/v1/records", json=lesson(), headers=lab.headers | {"Idempotency-Key": key}
    )
    assert answer.status_code == 400
