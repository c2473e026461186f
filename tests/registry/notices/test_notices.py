"""Notices: sent by anybody, followed by their senders alone, answered by stewards."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from registry.audit.models import Act
from registry.extensions import Node
from registry.notices.models import Notice
from tests.conftest import BASE_URL, Join, Member, Publish

NOTICES = "/api/v1/notices"
NOBODYS = "CIR-000000000H"
TEXT = "The date is wrong.\r\nIt was in May, <b>not</b> in March."


@pytest.fixture
async def steward(join: Join) -> Member:
    return await join("editors", scopes="registry:steward records:read")


async def send(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    notice = {"kind": "correction", "about": NOBODYS, "text": TEXT} | fields
    answer = await client.post(NOTICES, json=notice)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["location"] == body["status"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    return body


async def act(
    client: httpx.AsyncClient, steward: Member, receipt: str, action: str, **body: Any
) -> httpx.Response:
    return await client.post(f"{NOTICES}/{receipt}/actions/{action}", json=body, headers=steward.headers)


async def test_a_notice_is_followed_under_its_receipt(
    client: httpx.AsyncClient, node: Node, steward: Member
) -> None:
    made = await send(client, contact="Me@Home.Example", language="de")
    status = await client.get(made["status"])
    assert status.json() == {
        "number": made["number"],
        "kind": "correction",
        "about": NOBODYS,
        "state": "received",
        "received": status.json()["received"],
        "answers": [],
    }
    assert status.headers["cache-control"].startswith("private")
    assert (await client.get(f"{NOTICES}/{made['number']}")).status_code == 404, "a number opens nothing"
    assert (await client.get(f"{NOTICES}/{made['receipt'][:-1]}x")).status_code == 404
    queue = await client.get(NOTICES, headers=steward.headers)
    (item,) = queue.json()["items"]
    assert (item["text"], item["contact"], item["language"], item["exists"]) == (
        TEXT.replace("\r\n", "\n"),
        "Me@home.example",
        "de",
        False,
    )
    assert item["age_seconds"] >= 0
    assert queue.json()["median_seconds_to_first_answer"] is None
    answered = await act(client, steward, made["number"], "answer", text="It is corrected.")
    assert answered.status_code == 200, answered.text
    seen = (await client.get(made["status"])).json()
    assert (seen["state"], [(one["action"], one["text"]) for one in seen["answers"]]) == (
        "answered",
        [("answer", "It is corrected.")],
    )
    assert "editors" not in str(seen)
    assert (await client.get(NOTICES, headers=steward.headers)).json()["median_seconds_to_first_answer"] >= 0
    assert (await act(client, steward, made["number"], "close")).json()["state"] == "closed"
    assert (await act(client, steward, made["number"], "answer", text="More.")).status_code == 409
    assert (await client.get(NOTICES, headers=steward.headers)).json()["items"] == []
    closed = await client.get(NOTICES, params={"state": "closed"}, headers=steward.headers)
    assert len(closed.json()["items"]) == 1
    async with node.database.read() as session:
        row = (await session.scalars(select(Notice))).one()
        acts = (await session.scalars(select(Act).where(Act.topic == "notice").order_by(Act.pk))).all()
    assert made["receipt"] not in row.receipt_hash
    assert [(one.action, one.subject) for one in acts] == [
        (action, made["number"]) for action in ("receive", "answer", "close")
    ]
    assert TEXT not in str([one.detail for one in acts])


async def test_what_is_hidden_is_answered_like_what_does_not_exist(
    client: httpx.AsyncClient, join: Join, publish: Publish, steward: Member
) -> None:
    lab = await join()
    public = (await publish(lab))["id"]
    hidden = (await publish(lab, handling={"tlp": "GREEN"}))["id"]
    told = []
    for id in (public, hidden, NOBODYS):
        made = await send(client, about=id.lower())
        status = (await client.get(made["status"])).json()
        told.append((sorted(made), made["state"], sorted(status), status["answers"]))
    assert told[0] == told[1] == told[2]
    items = (await client.get(NOTICES, headers=steward.headers)).json()["items"]
    assert [(item["record"], item["exists"]) for item in items] == [
        (public, True),
        (hidden, True),
        (NOBODYS, False),
    ]


@pytest.mark.parametrize(
    ("about", "record"),
    [
        (f"{BASE_URL}/records/{NOBODYS}", NOBODYS),
        (f"{BASE_URL}/api/v1/records/{NOBODYS.lower()}/versions/1", NOBODYS),
        ("https://other.example/records/CIR-1", None),
        (f"{BASE_URL}/about", None),
        (f" {NOBODYS} ", NOBODYS),
    ],
)
async def test_what_it_is_about_is_an_id_or_an_address(
    client: httpx.AsyncClient, steward: Member, about: str, record: str | None
) -> None:
    await send(client, about=about)
    (item,) = (await client.get(NOTICES, headers=steward.headers)).json()["items"]
    assert item.get("record") == record


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"kind": "complaint"}, ["/kind"]),
        ({"kind": ["correction"]}, ["/kind"]),
        ({"about": "CIR-0000000000"}, ["/about"]),
        ({"about": "javascript:alert(1)"}, ["/about"]),
        ({"about": f"{BASE_URL}/records/CIR-1"}, ["/about"]),
        ({"about": "https://[x/"}, ["/about"]),
        ({"about": "x" * 501}, ["/about"]),
        ({"text": " \n "}, ["/text"]),
        ({"text": "x" * 10_001}, ["/text"]),
        ({"text": {"x": 1}}, ["/text"]),
        ({"contact": "nobody"}, ["/contact"]),
        ({"language": "<b>"}, ["/language"]),
        ({"state": "closed"}, ["/state"]),
        ({"kind": 1, "about": None, "text": None, "contact": 1}, ["/kind", "/about", "/text", "/contact"]),
    ],
)
async def test_everything_wrong_is_told_at_once(
    client: httpx.AsyncClient, node: Node, fields: dict[str, Any], pointers: list[str]
) -> None:
    answer = await client.post(NOTICES, json={"kind": "leak", "about": NOBODYS, "text": "x"} | fields)
    assert answer.status_code == 422, answer.text
    assert [item["pointer"] for item in answer.json()["findings"]] == pointers
    async with node.database.read() as session:
        assert (await session.scalars(select(Notice))).all() == []


async def test_large_and_broken_bodies_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post(NOTICES, json={"text": "x" * 70_000})).status_code == 413
    assert (await client.post(NOTICES, json=[])).status_code == 400
    assert (await client.post(NOTICES, content=b"a=b")).status_code == 400


async def test_only_stewards_read_the_queue_and_act(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join(scopes="provider:admin records:review")
    made = await send(client)
    assert (await client.get(NOTICES)).status_code == 401
    assert (await client.get(NOTICES, headers=lab.headers)).status_code == 403
    for action in ("answer", "relay", "suppress", "unsuppress", "erase", "close"):
        assert (await act(client, lab, made["receipt"], action, text="x")).status_code == 403
        assert (await client.post(f"{NOTICES}/{made['receipt']}/actions/{action}")).status_code == 401


async def test_a_reply_is_published_as_a_response(
    client: httpx.AsyncClient, join: Join, publish: Publish, steward: Member
) -> None:
    id = (await publish(await join()))["id"]
    made = await send(client, about=id, kind="defamation")
    nameless = await act(client, steward, made["number"], "relay", text="We were not asked.")
    assert (nameless.status_code, nameless.json()["findings"][0]["pointer"]) == (422, "/name")
    relayed = await act(
        client,
        steward,
        made["number"],
        "relay",
        text="We were not asked.",
        name="Example Bank",
        role="affected",
    )
    assert relayed.status_code == 200, relayed.text
    (answer,) = (await client.get(made["status"])).json()["answers"]
    response = (await client.get(f"/api/v1/records/{answer['response']}")).json()
    assert response["stated_by"][0] | {"id": ""} == {
        "id": "",
        "name": "Example Bank",
        "role": "affected",
        "statement": "We were not asked.",
    }
    assert response["content"]["about"]["id"] == id
    assert response["provider"]["slug"] == "editors"
    listed = (await client.get(f"/api/v1/records/{id}/responses")).json()["items"]
    assert [item["id"] for item in listed] == [answer["response"]]
    nowhere = await send(client)
    kept = await act(client, steward, nowhere["number"], "relay", text="We disagree.", name="Example Bank")
    assert kept.json()["answers"][0].keys() == {"at", "action", "text"}


async def test_a_record_is_withheld_by_an_order_and_shown_again(
    client: httpx.AsyncClient, join: Join, publish: Publish, steward: Member
) -> None:
    id = (await publish(await join()))["id"]
    made = await send(client, about=id, kind="privacy")
    bare = await act(client, steward, made["number"], "suppress", code="X-1")
    assert bare.status_code == 422
    assert (await client.get(made["status"])).json()["state"] == "received", "nothing half done"
    done = await act(client, steward, made["number"], "suppress", code="X-1", reason="An order came.")
    assert done.status_code == 200, done.text
    assert (await client.get(f"/api/v1/records/{id}")).status_code == 451
    (item,) = (await client.get(NOTICES, headers=steward.headers)).json()["items"]
    assert item["suppressed"] == "X-1"
    await act(client, steward, made["number"], "close")
    lifted = await act(client, steward, made["number"], "unsuppress", reason="The order was lifted.")
    assert lifted.json()["state"] == "closed"
    assert (await client.get(f"/api/v1/records/{id}")).status_code == 200
    nowhere = await send(client)
    refused = await act(client, steward, nowhere["number"], "suppress", code="X-1", reason="An order came.")
    assert refused.status_code == 409
    assert (await act(client, steward, made["number"], "burn")).status_code == 404


async def test_a_record_is_erased_on_a_notice(
    client: httpx.AsyncClient, join: Join, publish: Publish, steward: Member
) -> None:
    id = (await publish(await join()))["id"]
    made = await send(client, about=id, kind="privacy")
    bare = await act(client, steward, made["number"], "erase", code="personal-data")
    assert (bare.status_code, bare.json()["findings"][0]["pointer"]) == (422, "/reason")
    done = await act(
        client, steward, made["number"], "erase", code="personal-data", reason="It named a victim."
    )
    assert done.status_code == 200, done.text
    assert (await client.get(f"/api/v1/records/{id}")).status_code == 410
    (answer,) = (await client.get(made["status"])).json()["answers"]
    assert answer["text"] == "The record was erased."


async def test_stewards_and_whom_it_concerns_find_it_in_their_queue(
    client: httpx.AsyncClient, join: Join, publish: Publish, steward: Member
) -> None:
    lab, rival = await join(), await join("rival")
    id = (await publish(lab))["id"]
    made = await send(client, about=id, contact="me@home.example")

    async def waits(who: Member) -> list[tuple[str, str]]:
        answer = await client.get("/api/v1/queue", headers=who.headers)
        assert answer.status_code == 200, answer.text
        for private in ("home.example", "in March", made["receipt"]):
            assert private not in answer.text
        return [(item["type"], item["subject"]) for item in answer.json()["items"]]

    assert await waits(steward) == [("notice", made["number"])]
    assert await waits(lab) == [("notice-received", id)]
    assert await waits(rival) == []
    await act(client, steward, made["number"], "answer", text="Thank you.")
    assert await waits(steward) == []
    await act(client, steward, made["number"], "close")
    assert await waits(lab) == []
