"""Suppression: withheld on every path of this node at once, told with its code, and taken back whole."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from registry.app import Application
from registry.audit.models import Act
from registry.extensions import Extension, Node, load_extensions
from tests.conftest import Join, Member, Publish
from tests.registry.records.acting import act, draft, revise, titles, withdraw

CODE = "Court of Example, 12 O 34/26"
STEWARD = "registry:steward records:read"
TITLE = "Quokka numbers"


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return load_extensions(["frontend", "search"])


@pytest.fixture
async def steward(client: httpx.AsyncClient, join: Join) -> Member:
    return await join("stewards", scopes=STEWARD)


async def order(
    client: httpx.AsyncClient, steward: Member, id: str, action: str = "suppress", **body: Any
) -> httpx.Response:
    newest = await client.get(f"/api/v1/records/{id}", headers=steward.headers)
    fields = {"code": CODE, "reason": "An injunction was served.", **body}
    return await act(client, steward, id, action, newest.headers.get("etag", '"x"'), fields)


async def catch_up(app: Application) -> None:
    for tail in app.tails:
        await tail.catch_up()


def plain(answer: httpx.Response) -> str:
    """The answer without the marks that a search puts on words."""
    return answer.text.replace("<mark>", "").replace("</mark>", "")


PATHS = (
    "/api/v1/records/{id}",
    "/api/v1/records/{id}/versions",
    "/api/v1/records/{id}/versions/1",
    "/api/v1/records/{id}/responses",
    "/api/v1/records/{id}/similar",
    "/feeds/record/{id}.json",
    "/feeds/record/{id}.rss",
    "/records/{id}",
    "/records/{id}/v/1",
)
LISTS = (
    "/api/v1/records",
    "/api/v1/records?kind=lesson",
    "/api/v1/records?tag=misuse:fraud",
    "/api/v1/records?provider=example-lab",
    "/api/v1/search?q=quokka",
    "/feeds/all.json",
    "/feeds/lesson.rss",
    "/feeds/tag/misuse:fraud.atom",
    "/feeds/provider/example-lab.json",
    "/feeds/search.json?q=quokka",
    "/sitemap.xml",
    "/records",
    "/records?q=quokka",
    "/providers/example-lab",
    "/",
)


async def test_it_leaves_every_path_at_once_and_comes_back(
    client: httpx.AsyncClient, app: Application, join: Join, publish: Publish, steward: Member
) -> None:
    lab = await join()
    id = (await publish(lab, title=TITLE, tags=["misuse:fraud"]))["id"]
    other = (await publish(lab, title="Another", relations=[{"type": "related", "target": {"id": id}}]))["id"]
    await catch_up(app)
    told = [address for address in LISTS if address != "/feeds/search.json?q=quokka"]
    for address in PATHS + LISTS:  # now they stand in the front's memory
        answer = await client.get(address.format(id=id))
        assert answer.status_code == 200, address
        assert TITLE in plain(answer) or address not in told or address == "/sitemap.xml", address
    before = (await client.get("/api/v1/changes")).json()

    done = await order(client, steward, id)
    assert done.status_code == 200, done.text
    assert done.json() == {"id": id, "suppressed": True, "code": CODE}
    for address in PATHS:
        answer = await client.get(address.format(id=id))
        assert answer.status_code == 451, address
        assert TITLE not in answer.text, address
        assert answer.headers["cache-control"] == "no-store"
        if address.startswith("/api/"):
            assert (answer.json()["order"], answer.json()["title"]) == (
                CODE,
                "Withheld here by a legal order",
            )
    for address in LISTS:
        answer = await client.get(address)
        assert answer.status_code == 200, address
        assert TITLE not in plain(answer), address
        assert f"/records/{id}" not in answer.text, address
    # What happened keeps its numbers, and whoever follows them is told.
    after = (await client.get("/api/v1/changes")).json()
    assert after["items"][: len(before["items"])] == before["items"]
    assert [(item["id"], item["action"]) for item in after["items"][len(before["items"]) :]] == [
        (id, "suppressed")
    ]
    assert (await client.get(f"/api/v1/records/{other}")).status_code == 200

    await catch_up(app)
    assert (await client.get("/api/v1/search?q=quokka")).json()["total"] == 0
    lifted = await order(client, steward, id, "unsuppress")
    assert lifted.json() == {"id": id, "suppressed": False}
    await catch_up(app)
    for address in PATHS:
        assert (await client.get(address.format(id=id))).status_code == 200, address
    for address in told:
        if address != "/sitemap.xml":
            assert TITLE in plain(await client.get(address)), address
    assert len((await client.get(f"/api/v1/records/{id}/versions")).json()["items"]) == 1, (
        "no version was written"
    )


async def test_its_owner_and_stewards_read_it_still(
    client: httpx.AsyncClient, join: Join, publish: Publish, steward: Member
) -> None:
    lab, rival = await join(), await join("rival")
    document = await publish(lab, title=TITLE)
    id = document["id"]
    await order(client, steward, id)
    for reader in (lab, steward):
        answer = await client.get(f"/api/v1/records/{id}", headers=reader.headers)
        assert (answer.status_code, answer.json()) == (200, document)
        assert answer.headers["cache-control"].startswith("private")
    assert (await draft(client, lab, id)).status_code == 200
    assert (await client.get(f"/api/v1/records/{id}", headers=rival.headers)).status_code == 451


async def test_a_revision_and_a_withdrawal_do_not_lift_it(
    client: httpx.AsyncClient, join: Join, publish: Publish, steward: Member
) -> None:
    lab = await join()
    id = (await publish(lab, title=TITLE))["id"]
    await order(client, steward, id)
    assert (await revise(client, lab, id, title="Quokka numbers, again")).status_code == 200
    assert (await client.get(f"/api/v1/records/{id}")).status_code == 451
    assert await titles(client) == []
    await withdraw(client, lab, id)
    assert (await order(client, steward, id, "unsuppress")).status_code == 200
    answer = await client.get(f"/api/v1/records/{id}")
    assert (answer.status_code, "withdrawal" in answer.json()) == (200, True)
    assert await titles(client) == []


async def test_what_was_shared_is_withheld_from_those_it_was_shared_with_and_nobody_else_is_told(
    client: httpx.AsyncClient, join: Join, publish: Publish, steward: Member
) -> None:
    lab, friend = await join(), await join("friend")
    id = (await publish(lab, title=TITLE, handling={"tlp": "GREEN"}))["id"]
    head = (await client.get("/api/v1/changes")).json()["head"]
    assert (await order(client, steward, id)).status_code == 200
    assert (await client.get(f"/api/v1/records/{id}", headers=friend.headers)).status_code == 451
    hidden = await client.get(f"/api/v1/records/{id}")
    assert hidden.status_code == 404
    assert CODE not in hidden.text
    assert (await client.get("/api/v1/changes")).json()["head"] == head


@pytest.mark.parametrize(
    ("action", "body", "status", "pointers"),
    [
        ("suppress", {"code": ""}, 422, ["/code"]),
        ("suppress", {"code": "x" * 201, "reason": "a\nb"}, 422, ["/code", "/reason"]),
        ("suppress", {"code": ["x"], "reason": None}, 422, ["/code", "/reason"]),
        ("suppress", {"code": "A\u202eB"}, 400, ["/code"]),
        ("unsuppress", {"reason": ""}, 422, ["/reason"]),
        ("unsuppress", {}, 409, []),
    ],
)
async def test_an_order_is_named_with_a_reason(
    client: httpx.AsyncClient,
    join: Join,
    publish: Publish,
    steward: Member,
    action: str,
    body: dict[str, Any],
    status: int,
    pointers: list[str],
) -> None:
    id = (await publish(await join()))["id"]
    answer = await order(client, steward, id, action, **body)
    assert answer.status_code == status, answer.text
    assert [item["pointer"] for item in answer.json().get("findings", [])] == pointers


async def test_only_stewards_may_and_only_with_what_they_read(
    client: httpx.AsyncClient, node: Node, join: Join, publish: Publish, steward: Member
) -> None:
    lab = await join()
    id = (await publish(lab))["id"]
    body = {"code": CODE, "reason": "An injunction was served."}
    etag = (await client.get(f"/api/v1/records/{id}")).headers["etag"]
    assert (await act(client, lab, id, "suppress", etag, body)).status_code == 403
    address = f"/api/v1/records/{id}/actions/suppress"
    assert (await client.post(address, json=body)).status_code == 401
    assert (await act(client, steward, id, "suppress", None, body)).status_code == 428
    assert (await act(client, steward, id, "suppress", '"x"', body)).status_code == 412
    assert (await act(client, steward, "CIR-000000000H", "suppress", etag, body)).status_code == 404
    assert (await act(client, steward, id, "suppress", etag, body)).status_code == 200
    assert (await act(client, steward, id, "suppress", etag, body)).status_code == 409
    async with node.database.read() as session:
        acts = (
            await session.scalars(select(Act).where(Act.topic == "record", Act.action == "suppress"))
        ).all()
    assert [(one.subject, one.detail) for one in acts] == [(id, body)]
    assert acts[0].provider_pk is not None
