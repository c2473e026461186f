"""People for tests: made in the database, signed in through the services."""

from collections.abc import Iterable

import httpx

from registry.auth import cookies, sessions
from registry.auth.models import Membership, Person
from registry.auth.roles import Role
from registry.db import now
from registry.extensions import Node
from registry.providers.queries import by_slug


async def person(
    node: Node, email: str, *, steward: bool = False, roles: dict[str, Iterable[Role]] | None = None
) -> int:
    """A person with their roles by organisation; answers their key."""
    async with node.database.write() as session:
        made = Person(email=email, steward=steward, created_at=now(), recovery=[])
        session.add(made)
        await session.flush()
        for slug, given in (roles or {}).items():
            provider = await by_slug(session, slug)
            session.add(
                Membership(
                    person_pk=made.pk, provider_pk=provider.pk, roles=[*map(str, given)], created_at=now()
                )
            )
        return made.pk


async def sign_in(node: Node, pk: int, *, second_factor: bool = False) -> dict[str, str]:
    """The `Cookie` header of a new session."""
    async with node.database.write() as session:
        found = await session.get(Person, pk)
        assert found is not None
        value = await sessions.start(session, found, method="link", second_factor=second_factor)
    return cookie(node, value)


def cookie(node: Node, value: str) -> dict[str, str]:
    return {"Cookie": f"{cookies.name(node.settings, cookies.SESSION)}={value}"}


async def csrf(node: Node, headers: dict[str, str]) -> dict[str, str]:
    """The same headers, with the session's token."""
    value = headers["Cookie"].partition("=")[2]
    async with node.database.read() as session:
        held = await sessions.signed_in(session, value, secret=node.secret)
    assert held is not None
    return {**headers, "X-CSRF-Token": held.csrf}


async def drafts(client: httpx.AsyncClient, headers: dict[str, str]) -> int:
    """The status of submitting a draft."""
    from tests.registry.records.acting import lesson

    return (await client.post("/api/v1/records", json=lesson(), headers=headers)).status_code
