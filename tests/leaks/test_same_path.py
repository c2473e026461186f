"""What is hidden and what does not exist are answered alike: the same words, the same questions to the
database.

A clock could otherwise tell one from the other. So it is asserted by structure, and not by a clock.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import event

import frontend
import search
from registry.app import Application
from registry.extensions import Extension, Node
from tests.conftest import Join
from tests.leaks.exits import route_templates
from tests.leaks.test_silent_acts import NOT_COMPARED
from tests.leaks.world import UNKNOWN, act, draft, index, join_all, starts

WRITES: tuple[tuple[str, str], ...] = (
    ("PUT", "/api/v1/records/{id}/draft"),
    ("PUT", "/api/v1/records/{id}/handling"),
    *(
        ("POST", f"/api/v1/records/{{id}}/actions/{action}")
        for action in (
            "submit",
            "return",
            "approve",
            "publish",
            "schedule",
            "cancel",
            "withdraw",
            "reinstate",
            "invite",
            "leave",
        )
    ),
)
# The front and the keeper of the vocabulary look for news now and then, and who holds a token is looked up
# once a second, whatever is asked for.
BESIDE = ("changelog", "taxonomy", "token", "sharing_group")
BODIES: dict[str, Any] = {
    "return": {"comments": [{"pointer": "/title", "text": "Say more."}]},
    "schedule": {"at": "2999-01-01T00:00:00Z"},
    "withdraw": {"code": "error", "text": "It was wrong."},
    "invite": {"provider": "loud-lab"},
}


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (search.extension, frontend.extension)


@contextmanager
def _questions(node: Node) -> Iterator[list[str]]:
    """The statements that the database is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")) and not any(
            f"FROM {table}" in statement for table in BESIDE
        ):
            asked.append(statement)

    engine = node.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_hidden_and_missing_take_the_same_path(
    app: Application, client: httpx.AsyncClient, join: Join, node: Node
) -> None:
    members = await join_all(join, "loud-lab", "quiet-lab")
    quiet, stranger = members["quiet-lab"], members["loud-lab"]
    begun, _ = await draft(client, quiet, title="Only a draft")
    private, etag = await draft(
        client, quiet, title="For some", handling={"tlp": "RED", "people": ["ann@example.org"]}
    )
    await act(client, quiet, private, "publish", etag)
    await index(app)
    reads = [
        ("GET", address)
        for address in starts([UNKNOWN], [], route_templates(app, "GET") - NOT_COMPARED)
        if UNKNOWN in address
    ]
    writes = [(method, address.replace("{id}", UNKNOWN)) for method, address in WRITES]
    assert len(reads) > 10

    async def path_to(
        id: str, method: str, address: str, headers: dict[str, str]
    ) -> tuple[int, str, list[str]]:
        body = BODIES.get(address.rpartition("/")[2], {}) if method != "GET" else None
        with _questions(node) as asked:
            answer = await client.request(
                method, address.replace(UNKNOWN, id), json=body, headers={**headers, "If-Match": '"x"'}
            )
        return answer.status_code, answer.text.replace(id, "*"), list(asked)

    for headers in ({}, stranger.headers):
        for method, address in [*reads, *writes]:
            missing = await path_to(UNKNOWN, method, address, headers)
            for id in (begun, private):
                assert await path_to(id, method, address, headers) == missing, (method, address)
