"""Members over HTTP: who may change them, what that does at once, and who stays."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from registry.audit.models import Act
from registry.auth import people
from registry.auth.roles import Role, parse_roles, scopes_of
from registry.errors import Invalid
from registry.extensions import Node
from tests.conftest import Join
from tests.registry.auth.people import csrf, drafts, person, sign_in

LAB, OTHER = "lab-one", "lab-two"


@pytest.fixture
async def admin(node: Node, join: Join) -> dict[str, str]:
    await join(LAB)
    await join(OTHER, approve=False)
    pk = await person(node, "root@lab.example", roles={LAB: [Role.ADMINISTRATOR]})
    return await csrf(node, await sign_in(node, pk))


async def ask(client: httpx.AsyncClient, who: dict[str, str], method: str, path: str, **more: Any) -> Any:
    return await client.request(method, f"/api/v1/providers/{path}", headers=who, **more)


async def test_a_member_comes_changes_and_goes(
    client: httpx.AsyncClient, node: Node, admin: dict[str, str]
) -> None:
    body = {"email": " Ada@LAB.example ", "roles": ["publisher", "author"], "name": "Ada"}
    made = await ask(client, admin, "POST", f"{LAB}/members", json=body)
    assert made.status_code == 201, made.text
    assert (made.json()["email"], made.json()["roles"]) == ("ada@lab.example", ["author", "publisher"])
    assert (await ask(client, admin, "POST", f"{LAB}/members", json=body)).status_code == 409
    async with node.database.read() as session:
        found = await people.find(session, "ada@lab.example")
    assert found is not None
    ada = await csrf(node, await sign_in(node, found.pk))
    assert await drafts(client, ada) == 201

    path = f"{LAB}/members/{made.json()['id']}"
    changed = await ask(client, admin, "PATCH", path, json={"roles": ["administrator"]})
    assert changed.json()["roles"] == ["administrator"]
    assert await drafts(client, ada) == 401, "who has other roles begins anew with them"
    ada = await csrf(node, await sign_in(node, found.pk))
    assert await drafts(client, ada) == 403
    assert (await ask(client, ada, "GET", f"{LAB}/members")).status_code == 200

    assert (await ask(client, admin, "DELETE", path)).status_code == 204
    assert (await ask(client, ada, "GET", f"{LAB}/members")).status_code == 401
    assert [one["email"] for one in (await ask(client, admin, "GET", f"{LAB}/members")).json()["items"]] == [
        "root@lab.example"
    ]
    async with node.database.read() as session:
        acts = await session.execute(
            select(Act.action, Act.actor).where(Act.topic == "member").order_by(Act.pk)
        )
        assert acts.all() == [(did, "root@lab.example") for did in ("added", "roles-changed", "removed")]


async def test_the_last_administrator_stays(
    client: httpx.AsyncClient, node: Node, admin: dict[str, str]
) -> None:
    id = (await ask(client, admin, "GET", f"{LAB}/members")).json()["items"][0]["id"]
    steward = await csrf(node, await sign_in(node, await person(node, "s@registry.example", steward=True)))
    for who in (admin, steward):
        assert (await ask(client, who, "DELETE", f"{LAB}/members/{id}")).status_code == 409
        patched = await ask(client, who, "PATCH", f"{LAB}/members/{id}", json={"roles": ["author"]})
        assert patched.status_code == 409
    assert (await ask(client, admin, "GET", f"{LAB}/members")).status_code == 200


async def test_only_administrators_of_it_and_stewards_may(
    client: httpx.AsyncClient, node: Node, join: Join, admin: dict[str, str]
) -> None:
    machine = (await join("lab-three", scopes="records:read records:write")).headers
    author = await csrf(
        node, await sign_in(node, await person(node, "a@lab.example", roles={LAB: [Role.AUTHOR]}))
    )
    steward = await csrf(node, await sign_in(node, await person(node, "s@registry.example", steward=True)))
    body = {"email": "x@lab.example", "roles": ["author"]}
    expected = [
        ({}, LAB, 401),
        (machine, LAB, 403),
        (author, LAB, 403),
        (admin, OTHER, 404),
        (admin, "lab-three", 403),
        (admin, "no-such", 404),
        (steward, OTHER, 201),
        (admin, LAB, 201),
    ]
    for who, slug, status in expected:
        answer = await ask(client, who, "POST", f"{slug}/members", json=body)
        assert answer.status_code == status, (slug, answer.text)
        read = await ask(client, who, "GET", f"{slug}/members")
        assert read.status_code == (200 if status == 201 else status)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"email": "ada", "roles": ["author"]}, "/email"),
        ({"email": "a@b.example\nBcc: c@d.example", "roles": ["author"]}, "/email"),
        ({"email": "a@b.example, c@d.example", "roles": ["author"]}, "/email"),
        ({"email": 5, "roles": ["author"]}, "/email"),
        ({"email": "a@" + "b" * 300 + ".example", "roles": ["author"]}, "/email"),
        ({"email": "a@b.example", "roles": []}, "/roles"),
        ({"email": "a@b.example", "roles": ["author", "steward"]}, "/roles/1"),
        ({"email": "a@b.example", "roles": [{}]}, "/roles/0"),
        ({"email": "a@b.example", "roles": "author", "password": "x"}, "/password"),
        ([], ""),
    ],
)
async def test_what_cannot_be_read_is_told(
    client: httpx.AsyncClient, admin: dict[str, str], body: Any, pointer: str
) -> None:
    answer = await ask(client, admin, "POST", f"{LAB}/members", json=body)
    assert answer.status_code == 422, answer.text
    assert [finding["pointer"] for finding in answer.json()["findings"]] == [pointer]


@pytest.mark.parametrize("id", ["0", "999", "x", "1" * 30, "%00", "-1", "١"])
async def test_a_member_that_is_not_there(client: httpx.AsyncClient, admin: dict[str, str], id: str) -> None:
    answer = await ask(client, admin, "PATCH", f"{LAB}/members/{id}", json={"roles": ["author"]})
    assert answer.status_code in (400, 404)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        (" ünï@Bücher.example ", "ünï@xn--bcher-kva.example"),
        ("u\u0308@example.org", "ü@example.org"),
        ("名前@例え.example", "名前@xn--r8jz45g.example"),
        ("اسم@example.org", "اسم@example.org"),
    ],
)
def test_addresses_in_every_script_have_one_form(given: str, kept: str) -> None:
    assert people.address(given) == kept
    assert people.address(kept) == kept


def test_roles_add_up() -> None:
    assert {*map(str, scopes_of(["author", "publisher"]))} == {
        "records:read",
        "records:write",
        "records:publish",
    }
    assert parse_roles("publisher, author") == (Role.AUTHOR, Role.PUBLISHER)
    with pytest.raises(Invalid):
        parse_roles(None)
