"""What administrators do to sharing groups over HTTP, in one line each."""

from typing import Any

import httpx

from registry.actor import Scope
from tests.conftest import Member

EVERYTHING = " ".join(scope.value for scope in Scope if scope is not Scope.REGISTRY_STEWARD)


def address(member: Member, *steps: str) -> str:
    return "/".join(["/api/v1/providers", member.slug, "sharing-groups", *steps])


async def begin(client: httpx.AsyncClient, owner: Member, slug: str = "labs") -> dict[str, Any]:
    body = {"slug": slug, "name": slug.title()}
    made = await client.post(address(owner), json=body, headers=owner.headers)
    assert made.status_code == 201, made.text
    group: dict[str, Any] = made.json()
    return group


async def invite(client: httpx.AsyncClient, owner: Member, group: str, slug: str) -> httpx.Response:
    where = address(owner, group, "members")
    return await client.post(where, json={"provider": slug}, headers=owner.headers)


async def answer(client: httpx.AsyncClient, member: Member, group: str, word: str) -> httpx.Response:
    where = address(member, group, "members", member.slug, word)
    return await client.post(where, headers=member.headers)


async def end(client: httpx.AsyncClient, by: Member, group: str, slug: str) -> httpx.Response:
    return await client.delete(address(by, group, "members", slug), headers=by.headers)


async def gather(client: httpx.AsyncClient, group: str, owner: Member, *members: Member) -> None:
    """A group with these members, each of which accepted."""
    await begin(client, owner, group)
    for member in members:
        assert (await invite(client, owner, group, member.slug)).status_code == 201
        assert (await answer(client, member, group, "accept")).status_code == 200
