"""Who may do what: every endpoint, asked by everybody, about what is theirs and what is not.

`who_may.txt` holds the expected answers, one line for an address. A route that stands in no line fails the
test, so that nobody adds one without saying who may use it. What is sent bears an ETag that nothing has, and
an empty body where somebody's standing would change for the lines that follow: whoever may is told so by an
answer about the content.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest

import frontend
import search
from registry.app import Application
from registry.extensions import Extension, Node
from tests.conftest import Join, member_of
from tests.leaks.exits import route_templates, template_of
from tests.leaks.world import EVERYTHING, UNKNOWN, act, draft, published

# Who may is decided before the database is asked for anything that differs between the two.
pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

TABLE = Path(__file__).with_name("who_may.txt")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OWN = {
    "reader": "records:read",
    "author": "records:read records:write",
    "reviewer": "records:read records:write records:review",
    "publisher": "records:read records:write records:publish",
    "admin": "records:read provider:admin",
}
ASKERS = ("nobody", "sandbox", "foreign", *OWN, "steward")
# By the end of the address: bodies that are right, where another would be refused before it matters who asks.
BODIES: dict[str, Any] = {
    "/actions/return": {"comments": [{"pointer": "/title", "text": "Say more."}]},
    "/actions/schedule": {"at": "2999-01-01T00:00:00Z"},
    "/actions/withdraw": {"code": "error", "text": "It was wrong."},
    "/actions/invite": {"provider": "other-lab"},
    "/clients": {"scopes": ["records:read"]},
    "/members": {"email": "ann@example.org", "roles": ["author"]},
    "/members/nothing": {"roles": ["author"]},
    "/sharing-groups": {"slug": "labs", "name": "Labs"},
}
# What does not end by itself.
QUERIES = {"/api/v1/events": {"wait": "false"}}
SENT = {"If-Match": '"x"', "Accept": "application/json"}


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (search.extension, frontend.extension)


def expected() -> list[tuple[str, str, list[str]]]:
    """Method, address, and the answers in the order of `ASKERS`."""
    rows = (line.split() for line in TABLE.read_text("utf-8").splitlines() if not line.startswith("#"))
    return [(method, address, answers) for method, address, *answers in filter(None, rows)]


async def _headers(node: Node, client: httpx.AsyncClient, join: Join) -> dict[str, dict[str, str]]:
    """What each of them sends to say who they are."""
    await join("own-lab")
    asking = {
        "nobody": {},
        "sandbox": (await join("new-lab", approve=False, scopes=EVERYTHING)).headers,
        "foreign": (await join("other-lab", scopes=EVERYTHING)).headers,
        "steward": (await join("editors", scopes="records:read registry:steward")).headers,
    }
    for role, scopes in OWN.items():
        asking[role] = (await member_of(node.database, client, "own-lab", scopes)).headers
    return asking


async def _ids(client: httpx.AsyncClient, join: Join, node: Node) -> dict[str, str]:
    """A record of `own-lab` in each state that matters, by the name that the table gives it."""
    own = await member_of(node.database, client, "own-lab", EVERYTHING)
    begun, _ = await draft(client, own, title="A draft")
    public, _ = await published(client, own, title="A public lesson")
    shared, etag = await draft(
        client, own, title="A shared lesson", handling={"tlp": "RED", "people": ["ann@example.org"]}
    )
    await act(client, own, shared, "publish", etag)
    return {"draft": begun, "public": public, "shared": shared, "missing": UNKNOWN}


async def answers(
    app: Application, node: Node, client: httpx.AsyncClient, join: Join, rows: Iterable[tuple[str, str]]
) -> list[list[str]]:
    """The status that each of `ASKERS` gets, for each method and address."""
    asking = await _headers(node, client, join)
    names = await _ids(client, join, node)
    said = []
    for method, address in rows:
        path = re.sub(r"\{(\w+)\}", lambda gap: names[gap.group(1)], address)
        line = []
        sent: Any = next((sent for end, sent in BODIES.items() if path.endswith(end)), {})
        for asker in ASKERS:
            body = sent if method in ("POST", "PUT", "PATCH") else None
            headers = {**SENT, **asking[asker]}
            answer = await client.request(method, path, json=body, headers=headers, params=QUERIES.get(path))
            line.append(str(answer.status_code))
        said.append(line)
    return said


async def test_everybody_gets_the_answer_that_the_table_says(
    app: Application, node: Node, client: httpx.AsyncClient, join: Join
) -> None:
    rows = expected()
    got = await answers(app, node, client, join, [(method, address) for method, address, _ in rows])
    wrong = [
        f"{method} {address}: {asker} got {now} and not {then}"
        for (method, address, line), there in zip(rows, got, strict=True)
        for asker, then, now in zip(ASKERS, line, there, strict=True)
        if then != now
    ]
    assert wrong == []


async def test_every_endpoint_stands_in_the_table(app: Application) -> None:
    for method in METHODS:
        templates = route_templates(app, method)
        told = {
            template_of(re.sub(r"[{}]", "", address), templates)
            for verb, address, _ in expected()
            if verb == method
        }
        assert sorted(templates - told) == [], method
