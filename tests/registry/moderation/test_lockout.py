"""Guessing makes waiting longer, and nobody is locked out by somebody else."""

from collections.abc import Awaitable
from dataclasses import replace

import httpx
import pytest

from registry.counters import Counters
from registry.errors import TooMany, Unavailable
from registry.extensions import Node
from registry.moderation.lockout import FREE_FROM_ALL, FREE_FROM_ONE, delay, failed, guard, succeeded
from tests.conftest import Join

HERE, THERE = "192.0.2.1", "2001:db8::1"


async def waits(asked: Awaitable[None]) -> int:
    try:
        await asked
    except TooMany as error:
        return error.retry_after or 0
    return 0


def test_delays_grow_to_a_limit() -> None:
    assert [delay(n, 5, 900) for n in (0, 4, 5, 6, 7, 14, 15, 10**6)] == [0, 0, 1, 2, 4, 512, 900, 900]


async def test_failures_lock_one_network_out(node: Node, counters_url: str | None) -> None:
    node = replace(node, counters=Counters(counters_url))
    for _ in range(FREE_FROM_ONE + 4):
        await failed(node, "ann", HERE)
    assert 10 <= await waits(guard(node, "ann", HERE)) <= 16
    assert await waits(guard(node, "ann", THERE)) == 0
    assert await waits(guard(node, "bob", HERE)) == 0
    await succeeded(node, "ann", HERE)
    assert await waits(guard(node, "ann", HERE)) == 0
    await node.counters.close()


async def test_guessing_from_everywhere_does_not_lock_the_owner_out(node: Node) -> None:
    await succeeded(node, "ann", THERE)
    for number in range(FREE_FROM_ALL + 10):
        await failed(node, "ann", f"198.51.100.{number}")
    assert await waits(guard(node, "ann", "203.0.113.1")) > 0
    assert await waits(guard(node, "ann", THERE)) == 0
    assert await waits(guard(node, "ann", "2001:db8::ffff")) == 0  # the same /64


async def test_guessing_is_not_free_while_nobody_counts(node: Node) -> None:
    node = replace(node, counters=Counters("redis://127.0.0.1:1/0"))
    with pytest.raises(Unavailable):
        await guard(node, "ann", HERE)
    await failed(node, "ann", HERE)
    await succeeded(node, "ann", HERE)


async def test_the_token_endpoint_locks_out(client: httpx.AsyncClient, join: Join) -> None:
    member = await join("lab")

    async def ask(id: str, secret: str) -> httpx.Response:
        form = {"grant_type": "client_credentials"}
        return await client.post("/oauth/token", data=form, auth=(id, secret))

    for id in (member.client_id, "lab.nobody"):
        answers = [await ask(id, "wrong") for _ in range(FREE_FROM_ONE + 2)]
        # One that does not exist is locked out in the same way.
        assert [answer.status_code for answer in answers][-2:] == [429, 429]
        assert {answer.status_code for answer in answers[:FREE_FROM_ONE]} == {401}
        assert "retry-after" in answers[-1].headers
    assert (await ask(member.client_id, member.client_secret)).status_code == 429
