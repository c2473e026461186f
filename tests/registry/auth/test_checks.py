"""What was checked is kept for a second, and never longer than the next commit."""

from typing import Any

import httpx
import pytest
from sqlalchemy import event

from registry.actor import Actor
from registry.auth import checks
from registry.auth.checks import Checks
from registry.extensions import Node
from tests.conftest import Join
from tests.registry.auth.people import person, sign_in

ADA = Actor(name="ada")


async def test_a_check_is_kept_until_something_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(checks.time, "monotonic", lambda: clock[0])
    kept = Checks()
    kept.keep(b"a", ADA, kept.moment())
    assert kept.find(b"a") is ADA
    assert kept.find(b"b") is None
    await kept.forget()
    assert kept.find(b"a") is None
    before = kept.moment()
    await kept.forget()
    kept.keep(b"a", ADA, before)
    assert kept.find(b"a") is None, "read before the commit"
    kept.keep(b"a", ADA, kept.moment())
    clock[0] += checks.SECONDS
    assert kept.find(b"a") is None, "a second later"


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MOST", 10)
    kept = Checks()
    for number in range(100):
        kept.keep(str(number).encode(), ADA, kept.moment())
    assert len(kept._kept) <= 10


async def test_nobody_costs_no_look_and_somebody_few(
    client: httpx.AsyncClient, node: Node, join: Join
) -> None:
    lab = await join()
    session = await sign_in(node, await person(node, "ada@lab.example"))
    asked: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "FROM token" in statement or "FROM session" in statement:
            asked.append(statement)

    event.listen(node.database.engine.sync_engine, "before_cursor_execute", note)
    for headers, looks in (({}, 0), ({"Cookie": "other=1"}, 0), (lab.headers, 1), (session, 1)):
        asked.clear()
        for _ in range(5):
            assert (await client.get("/api/v1/providers", headers=headers)).status_code == 200
        assert len(asked) == looks, headers
