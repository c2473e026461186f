"""Sharing groups over HTTP and by command: who may, what it changes, and that it changes at once."""

import httpx
import pytest
from sqlalchemy import select

from registry.audit.models import Act
from registry.db import Database
from registry.extensions import Node
from registry.providers import service as providers
from registry.providers.onboarding import Decision
from tests.conftest import Join, Member
from tests.registry.records.acting import bring_out, lesson
from tests.registry.sharing.circles import EVERYTHING, address, answer, begin, end, gather, invite

AMBER = {"tlp": "AMBER", "groups": ["labs"]}


async def status(client: httpx.AsyncClient, who: Member, id: str) -> int:
    return (await client.get(f"/api/v1/records/{id}", headers=who.headers)).status_code


async def test_a_member_reads_from_accepting_until_leaving(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join(scopes=EVERYTHING)
    bank, other = await join("bank", scopes=EVERYTHING), await join("other", scopes=EVERYTHING)
    made = await begin(client, lab)
    assert (made["owner"], made["state"]) == ("example-lab", "member")
    id = await bring_out(client, lab, lesson(handling=AMBER))

    invited = await invite(client, lab, "labs", "bank")
    assert [(one["provider"], one["state"]) for one in invited.json()["members"]] == [
        ("example-lab", "member"),
        ("bank", "invited"),
    ]
    assert await status(client, bank, id) == 404, "who is only invited reads nothing"
    shown = (await client.get(address(bank), headers=bank.headers)).json()["items"]
    assert [(one["slug"], one["state"], one["members"]) for one in shown] == [("labs", "invited", [])]

    assert (await answer(client, bank, "labs", "accept")).json()["state"] == "member"
    assert await status(client, bank, id) == 200
    assert await status(client, other, id) == 404
    assert (await end(client, bank, "labs", "bank")).status_code == 204
    assert await status(client, bank, id) == 404, "at once, with the token that it had"
    assert (await client.get(address(bank), headers=bank.headers)).json()["items"] == []


async def test_who_is_removed_or_declines_is_out_and_may_be_asked_again(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab, bank = await join(scopes=EVERYTHING), await join("bank", scopes=EVERYTHING)
    await gather(client, "labs", lab, bank)
    id = await bring_out(client, lab, lesson(handling=AMBER))
    assert (await end(client, lab, "labs", "bank")).status_code == 204
    assert await status(client, bank, id) == 404
    assert (await invite(client, lab, "labs", "bank")).status_code == 201
    assert (await answer(client, bank, "labs", "decline")).json()["state"] == "none"
    assert (await answer(client, bank, "labs", "accept")).status_code == 404
    assert (await invite(client, lab, "labs", "bank")).status_code == 201
    assert (await invite(client, lab, "labs", "bank")).status_code == 409


async def test_a_closed_group_lets_nobody_read_and_its_name_stays_taken(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab, bank = await join(scopes=EVERYTHING), await join("bank", scopes=EVERYTHING)
    await gather(client, "labs", lab, bank)
    id = await bring_out(client, lab, lesson(handling=AMBER))
    assert (await client.delete(address(bank, "labs"), headers=bank.headers)).status_code == 403
    assert (await client.delete(address(lab, "labs"), headers=lab.headers)).status_code == 204
    assert await status(client, bank, id) == 404
    assert await status(client, lab, id) == 200
    taken = await client.post(address(bank), json={"slug": "labs", "name": "Mine now"}, headers=bank.headers)
    assert taken.status_code == 409


async def test_only_its_own_administrators_act_for_an_organisation(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab, bank = await join(scopes=EVERYTHING), await join("bank", scopes=EVERYTHING)
    plain = await join("plain")
    await gather(client, "labs", lab, bank)
    calls = [
        ("GET", address(lab), None),
        ("POST", address(lab), {"slug": "mine", "name": "Mine"}),
        ("GET", address(lab, "labs"), None),
        ("DELETE", address(lab, "labs"), None),
        ("GET", address(lab, "labs", "members"), None),
        ("POST", address(lab, "labs", "members"), {"provider": "plain"}),
        ("POST", address(lab, "labs", "members", "bank", "accept"), None),
        ("DELETE", address(lab, "labs", "members", "bank"), None),
    ]
    for method, path, sent in calls:
        for who, expected in ((None, 401), (plain, 403), (bank, 403)):
            done = await client.request(method, path, json=sent, headers=who.headers if who else {})
            assert done.status_code == expected, (method, path, expected)
            unknown = path.replace("/example-lab/", "/no-such-provider/")
            same = await client.request(method, unknown, json=sent, headers=who.headers if who else {})
            assert (same.status_code, same.json()["detail"]) == (expected, done.json()["detail"])
    # A member invites nobody and removes nobody, and accepts for nobody.
    assert (await invite(client, bank, "labs", "plain")).status_code == 403
    assert (await end(client, bank, "labs", "example-lab")).status_code == 403
    assert (await end(client, lab, "labs", "example-lab")).status_code == 409
    other = address(bank, "labs", "members", "plain", "accept")
    assert (await client.post(other, headers=bank.headers)).status_code == 403


async def test_a_group_of_others_is_no_group_at_all(client: httpx.AsyncClient, join: Join) -> None:
    lab, other = await join(scopes=EVERYTHING), await join("other", scopes=EVERYTHING)
    await begin(client, lab, "quiet-circle")
    for name in ("quiet-circle", "no-such-thing"):
        answers = [
            await client.get(address(other, name), headers=other.headers),
            await client.get(address(other, name, "members"), headers=other.headers),
            await invite(client, other, name, "other"),
            await answer(client, other, name, "accept"),
            await end(client, other, name, "other"),
        ]
        said = [(one.status_code, one.json()["detail"].replace(name, "")) for one in answers]
        assert said == [(404, "There is no sharing group '' here.")] * 5
    asked = await invite(client, lab, "quiet-circle", "nobody-at-all")
    assert asked.status_code == 404


async def test_who_is_not_approved_begins_no_group_and_is_invited_to_none(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join(scopes=EVERYTHING)
    newcomer = await join("newcomer", approve=False, scopes=EVERYTHING)
    made = await client.post(
        address(newcomer), json={"slug": "mine", "name": "Mine"}, headers=newcomer.headers
    )
    assert made.status_code == 403
    await begin(client, lab)
    asked = [await invite(client, lab, "labs", slug) for slug in ("newcomer", "nobody")]
    assert [one.status_code for one in asked] == [404, 404]


async def test_who_is_suspended_reads_nothing_and_reads_again_once_approved(
    client: httpx.AsyncClient, join: Join, node: Node
) -> None:
    lab, bank = await join(scopes=EVERYTHING), await join("bank", scopes=EVERYTHING)
    await gather(client, "labs", lab, bank)
    id = await bring_out(client, lab, lesson(handling=AMBER))
    for decision, expected in ((Decision.SUSPEND, 401), (Decision.APPROVE, 200)):
        async with node.database.write() as session:
            await providers.change_state(session, "bank", decision, origin=node.origin, by="test")
        assert await status(client, bank, id) == expected


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        ({"slug": "Not A Slug", "name": "a\nb"}, ["bad-slug", "bad-name"]),
        ({"slug": "x" * 64, "name": ""}, ["bad-slug", "bad-name"]),
        ({"slug": 7, "members": []}, ["wrong-type", "wrong-type", "unknown-field"]),
    ],
)
async def test_every_mistake_is_told_at_once(
    client: httpx.AsyncClient, join: Join, sent: object, codes: list[str]
) -> None:
    lab = await join(scopes=EVERYTHING)
    made = await client.post(address(lab), json=sent, headers=lab.headers)
    assert made.status_code == 422
    assert [one["code"] for one in made.json()["findings"]] == codes
    assert (await client.get(address(lab), headers=lab.headers)).json()["items"] == []


async def test_names_in_every_script_are_kept(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join(scopes=EVERYTHING)
    for number, name in enumerate(
        ("Банки против мошенников", "بنوك ضد الاحتيال", "反詐欺聯盟", "धोखाधड़ी विरोध")
    ):
        body = {"slug": f"g{number}", "name": name}
        made = await client.post(address(lab), json=body, headers=lab.headers)
        assert made.json()["name"] == name


async def test_each_move_is_written_down_for_both(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab, bank = await join(scopes=EVERYTHING), await join("bank", scopes=EVERYTHING)
    await gather(client, "labs", lab, bank)
    await end(client, bank, "labs", "bank")
    async with database.read() as session:
        acts = (await session.scalars(select(Act).where(Act.topic == "group").order_by(Act.pk))).all()
    told: dict[str, set[int | None]] = {}
    for act in acts:
        told.setdefault(act.action, set()).add(act.provider_pk)
    assert list(told) == ["begun", "invited", "accepted", "left"]
    # Who answers for itself is both who acts and whom it concerns.
    assert [len(who) for who in told.values()] == [1, 2, 1, 1]
    assert {act.actor for act in acts} == {lab.client_id, bank.client_id}


async def test_a_repeated_invitation_under_one_key_is_one(client: httpx.AsyncClient, join: Join) -> None:
    lab, _ = await join(scopes=EVERYTHING), await join("bank")
    await begin(client, lab)
    headers = {**lab.headers, "Idempotency-Key": "once-and-again"}
    where = address(lab, "labs", "members")
    one = await client.post(where, json={"provider": "bank"}, headers=headers)
    two = await client.post(where, json={"provider": "bank"}, headers=headers)
    assert (one.status_code, two.status_code, one.json()) == (201, 201, two.json())
