"""Joint records: one text, approved byte for byte by each who publishes it."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from registry.actor import Scope
from registry.db import Database
from registry.providers.models import Provider
from registry.records.models import Invitation
from tests.conftest import Join, Member
from tests.registry.records.acting import STAMPED, act, draft, lesson, put, submit

ALL = " ".join(scope for scope in Scope if scope is not Scope.REGISTRY_STEWARD)


async def etag_of(client: httpx.AsyncClient, member: Member, id: str) -> str:
    return (await draft(client, member, id)).headers["etag"]


async def beside(client: httpx.AsyncClient, member: Member, id: str) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/records/{id}/handling", headers=member.headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def three(join: Join) -> tuple[Member, Member, Member]:
    return (
        await join("lab", scopes=ALL, domain="lab.example"),
        await join("bank", scopes=ALL),
        await join("shop", scopes=ALL),
    )


async def published_by(
    client: httpx.AsyncClient, owner: Member, *others: Member, **fields: Any
) -> tuple[str, httpx.Response]:
    submission = lesson(co_providers=[other.slug for other in others], **fields)
    made = await submit(client, owner, submission)
    assert made.status_code == 201, made.text
    id = made.json()["id"]
    return id, await approved_and_published(client, id, owner, *others)


async def approved_and_published(
    client: httpx.AsyncClient, id: str, owner: Member, *others: Member
) -> httpx.Response:
    for other in others:
        yes = await act(client, other, id, "approve", await etag_of(client, other, id))
        assert yes.status_code == 200, yes.text
    return await act(client, owner, id, "publish", await etag_of(client, owner, id))


async def listed(client: httpx.AsyncClient, *slugs: str) -> list[str]:
    query = [("provider", slug) for slug in slugs]
    answer = await client.get("/api/v1/records", params=query)
    return [item["id"] for item in answer.json()["items"]]


async def fed(client: httpx.AsyncClient, slug: str) -> list[str]:
    answer = await client.get(f"/feeds/provider/{slug}.json")
    return [item["url"].rsplit("/", 1)[1] for item in answer.json()["items"]]


async def test_it_is_published_once_all_have_approved_these_exact_bytes(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab, bank, shop = await three(join)
    made = await submit(client, lab, lesson(co_providers=["bank", "shop"]))
    id = made.json()["id"]
    read = await draft(client, bank, id)
    assert [one["slug"] for one in read.json()["co_providers"]] == ["bank", "shop"]
    assert (await act(client, bank, id, "approve", read.headers["etag"])).status_code == 200
    waits = await act(client, lab, id, "publish", await etag_of(client, lab, id))
    assert waits.status_code == 409
    assert waits.json()["waiting_for"] == ["shop"]
    view = await beside(client, shop, id)
    assert [(one["provider"], one["approved"]) for one in view["approvals"]] == [
        ("bank", True),
        ("shop", False),
    ]

    edited = await put(client, lab, id, lesson(title="Clearer"), await etag_of(client, lab, id))
    assert edited.status_code == 200, edited.text
    assert not any(one["approved"] for one in (await beside(client, lab, id))["approvals"]), "void"
    late = await act(client, shop, id, "approve", read.headers["etag"])
    assert late.status_code == 412
    assert late.json()["changed"] == ["/approvals", "/title"]
    # What stands beside the bytes may change while others approve them.
    seen = await etag_of(client, shop, id)
    assert (await act(client, bank, id, "approve", seen)).status_code == 200
    assert (await act(client, shop, id, "approve", seen)).status_code == 200
    done = await act(client, lab, id, "publish", await etag_of(client, lab, id))
    assert done.status_code == 200, done.text

    document = (await client.get(f"/api/v1/records/{id}")).json()
    assert [document["provider"]["slug"], *(one["slug"] for one in document["co_providers"])] == [
        "lab",
        "bank",
        "shop",
    ]
    assert document["origin"] == "registry.example/log"
    for slug in ("lab", "bank", "shop"):
        assert await listed(client, slug) == [id]
        assert await fed(client, slug) == [id]
    assert await listed(client, "bank", "shop") == [id]
    async with database.read() as session:
        assert all(row.member for row in await session.scalars(select(Invitation)))


async def test_a_revision_needs_all_again_and_one_may_leave_by_itself(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab, bank, shop = await three(join)
    id, done = await published_by(client, lab, bank, shop)
    assert done.status_code == 200, done.text
    read = await draft(client, lab, id)
    text = {key: value for key, value in read.json().items() if key not in STAMPED}
    text |= {"title": "Better", "revision": {"type": "correction"}}
    begun = await put(client, lab, id, text, read.headers["etag"])
    assert begun.status_code == 200, begun.text
    alone = await act(client, lab, id, "publish", begun.headers["etag"])
    assert (alone.status_code, alone.json()["waiting_for"]) == (409, ["bank", "shop"])
    assert (await act(client, bank, id, "approve", begun.headers["etag"])).status_code == 200

    newest = (await client.get(f"/api/v1/records/{id}")).headers["etag"]
    assert (await act(client, shop, id, "leave", None)).status_code == 428
    assert (await act(client, shop, id, "leave", begun.headers["etag"])).status_code == 412
    assert (await act(client, lab, id, "leave", newest)).status_code == 409
    left = await act(client, shop, id, "leave", newest)
    assert left.status_code == 200, left.text
    assert (left.json()["version"], left.json()["state"]) == ("2", "published")
    document = (await client.get(f"/api/v1/records/{id}")).json()
    assert [one["slug"] for one in document["co_providers"]] == ["bank"]
    assert document["revision"]["type"] == "status"
    assert (await listed(client, "shop"), await fed(client, "shop")) == ([], [])
    assert await listed(client, "bank") == [id]
    assert (await draft(client, shop, id)).status_code == 404
    # The draft names one less, and follows the version that told it: who approved it does so again.
    after = await draft(client, lab, id)
    assert [one["slug"] for one in after.json()["co_providers"]] == ["bank"]
    assert after.json()["prev"] == left.json()["commit"]
    out = await approved_and_published(client, id, lab, bank)
    assert out.json()["version"] == "3"


async def test_an_invitation_is_made_taken_back_and_declined(client: httpx.AsyncClient, join: Join) -> None:
    lab, bank, shop = await three(join)
    made = await submit(client, lab, lesson())
    id = made.json()["id"]
    assert (await draft(client, bank, id)).status_code == 404
    asked = await act(client, lab, id, "invite", made.headers["etag"], {"provider": "bank"})
    assert asked.status_code == 200, asked.text
    twice = await act(client, lab, id, "invite", asked.headers["etag"], {"provider": "bank"})
    assert twice.status_code == 409
    both = await act(client, lab, id, "invite", asked.headers["etag"], {"provider": "shop"})
    queue = (await client.get("/api/v1/queue", headers=bank.headers)).json()["items"]
    assert [(item["type"], item["subject"]) for item in queue] == [("invitation", id)]
    gone = await act(client, bank, id, "leave", both.headers["etag"])
    assert gone.json() == {"id": id, "state": "left"}
    assert (await draft(client, bank, id)).status_code == 404
    none = await put(client, lab, id, lesson(co_providers=[]), await etag_of(client, lab, id))
    assert none.status_code == 200, none.text
    assert "co_providers" not in (await draft(client, lab, id)).json()
    assert (await draft(client, shop, id)).status_code == 404
    assert (await act(client, lab, id, "publish", none.headers["etag"])).status_code == 200


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        (["lab"], ["co-provider-self"]),
        (["nobody"], ["unknown-provider"]),
        (["bnk", "sandbox"], ["unknown-provider", "unknown-provider"]),
    ],
)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_only_those_who_may_publish_are_invited(
    client: httpx.AsyncClient, join: Join, sent: list[str], codes: list[str]
) -> None:
    lab, _, _ = await three(join)
    await join("sandbox", approve=False)
    made = await submit(client, lab, lesson(co_providers=sent))
    assert made.status_code == 422
    assert [one["code"] for one in made.json()["findings"]] == codes
    assert [one["pointer"] for one in made.json()["findings"]] == [
        f"/co_providers/{at}" for at in range(len(sent))
    ]
    mine = await submit(client, lab, lesson())
    etag = mine.headers["etag"]
    one = await act(client, lab, mine.json()["id"], "invite", etag, {"provider": sent[0]})
    assert [(one["code"], one["pointer"]) for one in one.json()["findings"]] == [(codes[0], "/provider")]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_guests_see_the_text_and_not_what_is_said_among_its_authors(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab, bank, shop = await three(join)
    parts = [
        {"id": "ours", "tlp": "RED", "people": ["ann@lab.example"], "content": {"summary": "Ours."}},
        {"id": "all", "tlp": "GREEN", "content": {"summary": "For providers."}},
    ]
    made = await submit(client, lab, lesson(co_providers=["bank"], restricted=parts))
    id = made.json()["id"]
    sent = await act(client, lab, id, "submit", made.headers["etag"])
    comments = {"comments": [{"text": "Between us."}]}
    await act(client, lab, id, "return", sent.headers["etag"], comments)
    mine, theirs = await beside(client, lab, id), await beside(client, bank, id)
    assert [part["id"] for part in mine["restricted"]] == ["ours", "all"]
    assert [part["id"] for part in theirs["restricted"]] == ["all"]
    assert (theirs["comments"], theirs["authors"], theirs["screening"]) == ([], [], [])
    early = await act(client, bank, id, "approve", await etag_of(client, bank, id))
    assert early.status_code == 409
    # A guest approves and leaves, and does nothing else.
    for action, body in (("publish", {}), ("submit", {}), ("invite", {"provider": "shop"})):
        refused = await act(client, bank, id, action, await etag_of(client, bank, id), body)
        assert refused.status_code == 404, action
    assert (await put(client, bank, id, lesson(), await etag_of(client, bank, id))).status_code == 404
    for stranger in (shop,):
        for path in ("draft", "handling"):
            answer = await client.get(f"/api/v1/records/{id}/{path}", headers=stranger.headers)
            assert answer.status_code == 404
    assert (await client.get(f"/api/v1/records/{id}", headers=bank.headers)).status_code == 404


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize("attribution", ["sector", "anonymous"])
async def test_where_the_provider_is_not_named_nobody_beside_it_is(
    client: httpx.AsyncClient, join: Join, attribution: str
) -> None:
    lab, bank, _ = await three(join)
    id, done = await published_by(client, lab, bank, attribution=attribution)
    assert done.status_code == 200, done.text
    text = (await client.get(f"/api/v1/records/{id}")).text
    assert not [slug for slug in ("lab", "bank") if f'"{slug}"' in text]
    for slug in ("lab", "bank"):
        assert (await listed(client, slug), await fed(client, slug)) == ([], [])
    newest = (await client.get(f"/api/v1/records/{id}")).headers["etag"]
    left = await act(client, bank, id, "leave", newest)
    assert left.json() == {"id": id, "state": "left"}
    assert (await client.get(f"/api/v1/records/{id}")).headers["etag"] == newest, "nothing tells of it"


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_who_approved_and_was_suspended_is_not_shown_as_a_publisher(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab, bank, _ = await three(join)
    made = await submit(client, lab, lesson(co_providers=["bank"]))
    id = made.json()["id"]
    await act(client, bank, id, "approve", made.headers["etag"])
    async with database.write() as session:
        await session.execute(update(Provider).where(Provider.slug == "bank").values(state="suspended"))
    refused = await act(client, lab, id, "publish", await etag_of(client, lab, id))
    assert refused.status_code == 409
    assert "bank" in refused.json()["detail"]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_names_in_every_script_stand_side_by_side(client: httpx.AsyncClient, join: Join) -> None:
    names = {"lab": "Labor Zürich", "bank": "بنك المثال", "shop": "例え商店", "club": "מועדון הדוגמה"}
    members = {slug: await join(slug, scopes=ALL, name=name) for slug, name in names.items()}
    id, done = await published_by(client, *members.values())
    assert done.status_code == 200, done.text
    document = (await client.get(f"/api/v1/records/{id}")).json()
    assert [one["name"] for one in document["co_providers"]] == list(names.values())[1:]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_a_withdrawal_ends_what_others_were_asked(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab, bank, shop = await three(join)
    id, done = await published_by(client, lab, bank)
    read = await draft(client, lab, id)
    text = {key: value for key, value in read.json().items() if key not in STAMPED}
    text |= {"co_providers": ["shop"], "revision": {"type": "correction"}}
    assert (await put(client, lab, id, text, read.headers["etag"])).status_code == 200
    assert (await draft(client, shop, id)).status_code == 200
    gone = await act(client, lab, id, "withdraw", done.headers["etag"], {"code": "error"})
    assert gone.status_code == 200
    async with database.read() as session:
        rows = (await session.scalars(select(Invitation))).all()
    assert [(row.invited, row.member) for row in rows] == [(True, True)]
    back = await act(client, lab, id, "reinstate", gone.headers["etag"])
    assert back.status_code == 200
    assert await listed(client, "bank") == [id]
