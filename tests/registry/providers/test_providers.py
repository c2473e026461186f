"""Organisations: added, decided on, and shown as far as everybody may know of them."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from registry.changelog.models import Change
from registry.db import Database
from registry.errors import Conflict, Forbidden, Invalid, NotFound
from registry.extensions import Node
from registry.providers import clients, queries, service
from registry.providers.models import Client, Provider
from registry.providers.onboarding import Decision
from tests.conftest import Join


async def add(node: Node, slug: str = "example-lab", name: str = "Example Lab", **more: Any) -> Provider:
    async with node.database.write() as session:
        return await service.add(session, slug, name, origin=node.origin, by="test", **more)


async def test_a_new_organisation_may_write_and_not_publish(node: Node, database: Database) -> None:
    made = await add(node, domain="Lab.Example", sector="sector:J")
    assert (made.state, made.domain, made.domain_verified) == ("sandbox", "lab.example", False)
    async with database.read() as session:
        changes = await session.scalars(select(Change).where(Change.topic == "provider"))
        assert [(one.action, one.subject, one.actor, one.public_seq) for one in changes] == [
            ("added", "example-lab", "test", None)
        ]


async def test_every_decision_is_in_the_log(node: Node, database: Database) -> None:
    await add(node, approve=True)
    for decision in (Decision.SUSPEND, Decision.APPROVE, Decision.CLOSE):
        async with database.write() as session:
            await service.change_state(session, "example-lab", decision, origin=node.origin, by="steward")
    async with database.read() as session:
        changes = await session.scalars(select(Change).where(Change.topic == "provider").order_by(Change.seq))
        assert [one.action for one in changes] == ["added", "approved", "suspended", "approved", "closed"]


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"slug": "Example"}, ["/slug"]),
        ({"slug": "-lab"}, ["/slug"]),
        ({"slug": "lab-"}, ["/slug"]),
        ({"slug": ""}, ["/slug"]),
        ({"slug": "x" * 64}, ["/slug"]),
        ({"slug": "lab/../x"}, ["/slug"]),
        ({"name": " "}, ["/name"]),
        ({"name": "x" * 201}, ["/name"]),
        ({"name": "Two\nlines"}, ["/name"]),
        ({"name": "A\x00B"}, ["/name"]),
        ({"name": "A\u202eB"}, ["/name"]),
        ({"domain": "not a domain"}, ["/domain"]),
        ({"domain": "https://lab.example"}, ["/domain"]),
        ({"domain": "localhost"}, ["/domain"]),
        ({"sector": ""}, ["/sector"]),
        ({"sector": "x" * 129}, ["/sector"]),
        ({"slug": "!", "name": "", "domain": "!", "sector": "\n"}, ["/slug", "/name", "/sector", "/domain"]),
    ],
)
async def test_what_no_document_could_hold_is_refused_all_at_once(
    node: Node, database: Database, fields: dict[str, Any], pointers: list[str]
) -> None:
    with pytest.raises(Invalid) as refused:
        await add(node, **fields)
    assert [finding.pointer for finding in refused.value.findings] == pointers
    assert all(finding.suggestion for finding in refused.value.findings)
    async with database.read() as session:
        assert (await session.scalars(select(Provider))).all() == []


@pytest.mark.parametrize("slug", ["a", "x" * 63, "a-b-c", "0"])
async def test_slugs_of_any_allowed_length_work_to_the_end(node: Node, database: Database, slug: str) -> None:
    """PostgreSQL holds columns to their lengths: a client's id is longer than its provider's slug."""
    await add(node, slug, "Ünïcode & Söhne")
    async with database.write() as session:
        made = await service.add_client(session, slug, "records:read", origin=node.origin, by="test")
    assert made.client_id.startswith(f"{slug}.")
    assert made.scopes == ("records:read",)
    async with database.read() as session:
        found = await clients.machine(session, made.client_id)
    assert found is not None
    assert found.provider.slug == slug


async def test_a_slug_is_taken_once(node: Node) -> None:
    await add(node)
    with pytest.raises(Conflict, match="example-lab"):
        await add(node)


async def test_an_unknown_slug_is_told_with_the_nearest(node: Node, database: Database) -> None:
    await add(node, approve=True)
    async with database.read() as session:
        with pytest.raises(NotFound, match="Did you mean example-lab"):
            await queries.by_slug(session, "exmple-lab")
        with pytest.raises(NotFound) as refused:
            await queries.by_slug(session, "zzz")
        assert "mean" not in refused.value.detail
        assert (await queries.by_slug(session, "Example-LAB")).slug == "example-lab"


@pytest.mark.parametrize(
    ("scopes", "error"),
    [("", Invalid), ("records:reed", Forbidden), ("records:read everything", Forbidden)],
)
async def test_a_client_holds_known_scopes_and_at_least_one(
    node: Node, database: Database, scopes: str, error: type[Exception]
) -> None:
    await add(node)
    with pytest.raises(error):
        async with database.write() as session:
            await service.add_client(session, "example-lab", scopes, origin=node.origin, by="test")
    async with database.read() as session:
        assert (await session.scalars(select(Client))).all() == []


async def test_two_clients_of_one_organisation_are_two(node: Node, database: Database) -> None:
    await add(node)
    made = []
    for _ in range(2):
        async with database.write() as session:
            made.append(
                await service.add_client(
                    session, "example-lab", "records:read", origin=node.origin, by="test"
                )
            )
    assert made[0].client_id != made[1].client_id
    assert made[0].client_secret != made[1].client_secret
    assert made[0].client_secret not in repr(made[0]), "a secret is shown where it is asked for"


# --- over HTTP ---


async def test_everybody_may_know_who_was_approved(client: httpx.AsyncClient, node: Node) -> None:
    await add(node, "newcomer", "Newcomer")
    await add(node, approve=True, domain="lab.example", sector="sector:J")
    answer = await client.get("/api/v1/providers")
    assert answer.status_code == 200
    (item,) = answer.json()["items"]
    assert item.keys() == {"slug", "name", "domain", "verified", "sector", "state", "since"}
    assert (item["slug"], item["state"], item["verified"]) == ("example-lab", "approved", False)
    assert (await client.get("/api/v1/providers/example-lab")).json() == item


async def test_who_was_never_approved_cannot_be_told_from_who_is_not_there(
    client: httpx.AsyncClient, node: Node
) -> None:
    await add(node, "example-lab", approve=True)
    await add(node, "exampel-lab", "Newcomer")
    hidden = await client.get("/api/v1/providers/exampel-lab")
    absent = await client.get("/api/v1/providers/exumple-lab")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text.replace("exampel", "X") == absent.text.replace("exumple", "X")


async def test_what_was_decided_shows_at_once(client: httpx.AsyncClient, node: Node) -> None:
    await add(node, approve=True)
    assert (await client.get("/api/v1/providers/example-lab")).json()["state"] == "approved"
    async with node.database.write() as session:
        await service.change_state(session, "example-lab", Decision.SUSPEND, origin=node.origin, by="test")
    assert (await client.get("/api/v1/providers/example-lab")).json()["state"] == "suspended"
    assert (await client.get("/api/v1/providers")).json()["items"][0]["state"] == "suspended"


@pytest.mark.parametrize("slug", ["nobody", "%00", "a%20b", "x" * 500, "%F0%9F%A6%84"])
async def test_no_address_of_a_provider_breaks(client: httpx.AsyncClient, join: Join, slug: str) -> None:
    await join()
    answer = await client.get(f"/api/v1/providers/{slug}")
    assert answer.status_code == (400 if slug == "%00" else 404)
    assert answer.headers["content-type"] == "application/problem+json"
