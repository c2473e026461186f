"""Sessions: what a cookie opens, when it stops, and that no other site can use it."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, select, update

from registry.auth import sessions
from registry.auth.models import Membership, Person, PersonSession
from registry.auth.roles import Role
from registry.db import Base, now
from registry.extensions import Node
from registry.providers import service as providers
from registry.providers.onboarding import Decision
from tests.conftest import Join, Publish
from tests.registry.auth.people import cookie, csrf, drafts, person, sign_in

AUTHOR = {"lab-one": [Role.AUTHOR]}


@pytest.fixture
async def author(node: Node, join: Join) -> dict[str, str]:
    """The headers of an author of `lab-one`, with their session's token."""
    await join("lab-one")
    return await csrf(node, await sign_in(node, await person(node, "ada@lab.example", roles=AUTHOR)))


async def change(node: Node, table: Any, **values: Any) -> None:
    async with node.database.write() as session:
        await session.execute(update(table).values(**values))


async def test_a_session_does_what_its_roles_allow(
    client: httpx.AsyncClient, node: Node, author: dict[str, str]
) -> None:
    made = await client.post(
        "/api/v1/records",
        json={"kind": "lesson", "title": "A", "summary": "B", "content": {"what_happened": "C"}},
        headers=author,
    )
    assert made.status_code == 201, made.text
    draft = await client.get(f"/api/v1/records/{made.json()['id']}/draft", headers=author)
    assert draft.status_code == 200
    assert draft.headers["cache-control"].startswith("private")
    assert {"Authorization", "Cookie"} <= set(draft.headers["vary"].replace(",", " ").split())
    refused = await client.post(
        f"/api/v1/records/{made.json()['id']}/actions/publish",
        headers={**author, "If-Match": made.headers["etag"]},
    )
    assert refused.status_code == 403


@pytest.mark.parametrize("how", ["idle", "absolute", "ended", "unknown", "twice", "long", "empty"])
async def test_a_session_that_is_over_is_nobodys(
    client: httpx.AsyncClient, node: Node, author: dict[str, str], how: str
) -> None:
    """Public pages stay readable: the browser goes on sending the cookie."""
    match how:
        case "idle":
            await change(node, PersonSession, seen_at=now() - sessions.IDLE - timedelta(seconds=1))
        case "absolute":
            await change(node, PersonSession, ends_at=now() - timedelta(seconds=1))
        case "ended":
            async with node.database.write() as session:
                assert await sessions.end_all(session, 1) == 1
        case "unknown":
            author |= cookie(node, "x" * 43)
        case "twice":
            author |= {"Cookie": author["Cookie"] + "; " + author["Cookie"]}
        case "long":
            author |= cookie(node, "x" * 4000)
        case "empty":
            author |= cookie(node, "")
    assert await drafts(client, author) == 401
    assert (await client.get("/api/v1/records", headers=author)).status_code == 200


async def test_what_is_taken_away_is_gone_at_once(
    client: httpx.AsyncClient, node: Node, author: dict[str, str]
) -> None:
    assert await drafts(client, author) == 201

    async def decide(decision: Decision) -> None:
        async with node.database.write() as session:
            await providers.change_state(session, "lab-one", decision, origin=node.origin, by="test")

    await decide(Decision.SUSPEND)
    assert await drafts(client, author) == 403
    await decide(Decision.APPROVE)
    assert await drafts(client, author) == 201
    await change(node, Membership, roles=["administrator"])
    assert await drafts(client, author) == 403
    await change(node, Membership, roles=["author"])
    assert await drafts(client, author) == 201
    async with node.database.write() as session:
        await session.execute(delete(Membership))
    assert await drafts(client, author) == 403


async def test_a_rotated_session_leaves_its_old_cookie_worthless(
    client: httpx.AsyncClient, node: Node, author: dict[str, str]
) -> None:
    async with node.database.write() as session:
        pk = await session.scalar(select(PersonSession.pk))
        assert pk is not None
        value = await sessions.rotate(session, pk)
    assert await drafts(client, author) == 401
    renewed = await csrf(node, cookie(node, value))
    assert await drafts(client, renewed) == 201
    assert await drafts(client, {**renewed, "X-CSRF-Token": author["X-CSRF-Token"]}) == 403


async def test_half_a_session_opens_nothing(
    client: httpx.AsyncClient, node: Node, author: dict[str, str]
) -> None:
    await change(node, Person, totp_confirmed_at=now())
    assert await drafts(client, author) == 401
    await change(node, PersonSession, second_factor=True)
    assert await drafts(client, author) == 201


OURS = "https://registry.example"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"Origin": OURS}, 201),
        ({"Origin": OURS, "Sec-Fetch-Site": "same-origin"}, 201),
        ({"X-CSRF-Token": ""}, 403),
        ({"X-CSRF-Token": "0" * 64}, 403),
        ({"X-CSRF-Token": "é"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "http://registry.example"}, 403),
        ({"Origin": "https://registry.example.elsewhere.example"}, 403),
        ({"Origin": "https://registry.example:444"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://["}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
async def test_no_other_site_can_use_a_session(
    client: httpx.AsyncClient, author: dict[str, str], headers: dict[str, str], status: int
) -> None:
    sent = {name: value.encode() for name, value in (author | headers).items()}
    assert await drafts(client, sent) == status  # type: ignore[arg-type]


async def test_a_token_needs_no_proof_of_its_site(
    client: httpx.AsyncClient, node: Node, join: Join, author: dict[str, str]
) -> None:
    lab = await join("lab-two")
    foreign = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    assert await drafts(client, {**lab.headers, **foreign}) == 201
    assert await drafts(client, {**lab.headers, "Cookie": author["Cookie"]}) == 201, "the token speaks"


async def test_an_answer_to_a_session_is_never_shared(
    client: httpx.AsyncClient, node: Node, join: Join, publish: Publish, author: dict[str, str]
) -> None:
    """Neither answered from what was kept for everybody, nor kept for them."""
    lab = await join("lab-two")
    shared = await publish(lab, handling={"tlp": "GREEN"})
    path = f"/api/v1/records/{shared['id']}"
    assert (await client.get(path)).status_code == 404
    read = await client.get(path, headers=author)
    assert read.status_code == 200
    assert read.headers["cache-control"].startswith("private")
    assert (await client.get(path)).status_code == 404
    listed = await client.get("/api/v1/records")
    again = await client.get("/api/v1/records", headers=author)
    assert (listed.headers["cache-control"][:6], again.headers["cache-control"][:7]) == ("public", "private")
    assert "Cookie" in again.headers["vary"]
    assert (await client.get("/api/v1/records")).headers["cache-control"] == listed.headers["cache-control"]


async def test_no_cookie_stands_in_the_database(node: Node, author: dict[str, str]) -> None:
    value = author["Cookie"].partition("=")[2]
    held = ""
    async with node.database.read() as session:
        for table in Base.metadata.sorted_tables:
            held += "\n".join(str(tuple(row)) for row in await session.execute(select(table)))
    assert "ada@lab.example" in held
    assert value not in held
    assert author["X-CSRF-Token"] not in held
