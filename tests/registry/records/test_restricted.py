"""Restricted parts over HTTP: who is shown which, what it makes of the document, and their own versions."""

from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select

from registry.audit.models import Act
from registry.canonical import canonical, commitment
from registry.db import Database
from tests.conftest import Join, Member
from tests.registry.records.acting import (
    act,
    bring_out,
    draft,
    incident,
    lesson,
    put,
    revise,
    submit,
    withdraw,
)
from tests.registry.sharing.circles import EVERYTHING, end, gather

METHOD = {"id": "method", "tlp": "AMBER", "groups": ["labs"], "content": {"summary": "How it was done."}}
GREEN = {"id": "count", "tlp": "GREEN", "content": {"content": {"severity": "severity:critical"}}}
MINE = {"id": "mine", "tlp": "RED", "people": ["Ann@Example.org"], "content": {"title": "Mine"}}


async def beside(client: httpx.AsyncClient, who: Member, id: str) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/records/{id}/restricted", headers=who.headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"].startswith("private")
    found: dict[str, Any] = answer.json()
    return found


async def change(
    client: httpx.AsyncClient, who: Member, id: str, part: str, sent: Any, **headers: str
) -> httpx.Response:
    path = f"/api/v1/records/{id}/restricted/{part}"
    sending = {key.replace("_", "-"): value for key, value in headers.items()} | who.headers
    if sent is None:
        return await client.delete(path, headers=sending)
    return await client.put(path, json=sent, headers=sending)


def names(found: dict[str, Any]) -> list[str]:
    return sorted(one["part"] for one in found["items"])


async def test_each_is_shown_what_is_shared_with_them_laid_over_the_document(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab, member = await join(scopes=EVERYTHING), await join("member", scopes=EVERYTHING)
    approved, newcomer = await join("approved"), await join("newcomer", approve=False)
    await gather(client, "labs", lab, member)
    id = await bring_out(client, lab, incident(restricted=[METHOD, GREEN, MINE]))
    public = (await client.get(f"/api/v1/records/{id}")).json()
    seen = {who.slug: await beside(client, who, id) for who in (lab, member, approved, newcomer)}
    assert {slug: names(one) for slug, one in seen.items()} == {
        "example-lab": ["count", "method", "mine", "set-aside"],
        "member": ["count", "method"],
        "approved": ["count"],
        "newcomer": [],
    }
    assert seen["newcomer"]["document"] == public
    assert seen["approved"]["document"]["content"]["severity"] == "severity:critical"
    assert seen["approved"]["document"]["summary"] == public["summary"]
    assert seen["member"]["document"]["summary"] == "How it was done."
    assert seen["example-lab"]["document"]["content"]["times"]["aware"] == "2026-01-20"
    for one in seen["example-lab"]["items"]:
        assert one["commit"] == commitment(bytes.fromhex(one["salt"]), canonical(one["content"]))
    # People are told to the owner alone, and of groups a member is told its own.
    assert {one["part"]: one["people"] for one in seen["example-lab"]["items"]}["mine"] == ["Ann@Example.org"]
    assert all("people" not in one for one in seen["member"]["items"])
    assert (await client.get(f"/api/v1/records/{id}/restricted")).status_code == 401
    blind = await join("blind", scopes="records:write")
    assert (await client.get(f"/api/v1/records/{id}/restricted", headers=blind.headers)).status_code == 403
    await end(client, member, "labs", "member")
    assert names(await beside(client, member, id)) == ["count"]


async def test_other_circles_are_not_told_to_a_member(client: httpx.AsyncClient, join: Join) -> None:
    lab, member = await join(scopes=EVERYTHING), await join("member", scopes=EVERYTHING)
    await gather(client, "labs", lab, member)
    await gather(client, "quiet-circle", lab)
    part = {**METHOD, "groups": ["labs", "quiet-circle"]}
    id = await bring_out(client, lab, lesson(restricted=[part]))
    assert "quiet-circle" not in str(await beside(client, member, id))
    assert (await beside(client, lab, id))["items"][0]["groups"] == ["labs", "quiet-circle"]


async def test_what_is_hidden_and_what_is_not_there_are_one_answer(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab, other = await join(scopes=EVERYTHING), await join("other", scopes=EVERYTHING)
    id = await bring_out(client, lab, lesson(restricted=[MINE]))
    hidden = await bring_out(
        client, lab, lesson(handling={"tlp": "RED"}, restricted=[{**GREEN, "content": {"summary": "!"}}])
    )
    bare = await bring_out(client, lab, lesson())
    said = set()
    for path in (f"{id}/restricted/mine", f"{id}/restricted/nothing", f"{bare}/restricted/mine"):
        for number in ("1", "2", "x", "0", "99999999999"):
            answer = await client.get(f"/api/v1/records/{path}/versions/{number}", headers=other.headers)
            assert answer.status_code == 404
            said.add(answer.json()["detail"].replace(id, "ID").replace(bare, "ID"))
    assert len(said) == 1
    assert (await beside(client, other, id))["items"] == []
    for path in (f"{hidden}/restricted", f"{hidden}/restricted/count/versions/1"):
        one = await client.get(f"/api/v1/records/{path}", headers=other.headers)
        two = await client.get(
            f"/api/v1/records/{path.replace(hidden, 'CIR-000000000H')}", headers=other.headers
        )
        assert (one.status_code, two.status_code) == (404, 404)
        assert one.json()["detail"].replace(hidden, "") == two.json()["detail"].replace("CIR-000000000H", "")
    for sent in (MINE, None):
        refused = await change(client, other, id, "mine", sent, If_Match="*")
        assert refused.status_code == 404


async def test_a_part_is_added_replaced_and_removed_without_a_new_version_of_the_record(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab, member = await join(scopes=EVERYTHING), await join("member", scopes=EVERYTHING)
    await gather(client, "labs", lab, member)
    id = await bring_out(client, lab, lesson())
    before = (await client.get(f"/api/v1/records/{id}")).content
    sent = {key: value for key, value in METHOD.items() if key != "id"}
    assert (await change(client, lab, id, "method", sent)).status_code == 428
    assert (await change(client, lab, id, "method", sent, If_Match="*")).status_code == 412
    added = await change(client, lab, id, "method", sent, If_None_Match="*")
    assert (added.status_code, added.json()["number"]) == (200, 1)
    assert (await change(client, lab, id, "method", sent, If_None_Match="*")).status_code == 412
    again = await change(client, lab, id, "method", sent, If_Match=added.headers["etag"])
    assert again.json()["number"] == 1, "the same once more is no new version"
    other = {**sent, "content": {"summary": "Better told."}}
    replaced = await change(client, lab, id, "method", other, If_Match=added.headers["etag"])
    assert replaced.json()["number"] == 2
    stale = await change(client, lab, id, "method", sent, If_Match=added.headers["etag"])
    assert (stale.status_code, stale.json()["present"]) == (412, replaced.json()["commit"])
    assert (await beside(client, member, id))["document"]["summary"] == "Better told."
    first = await client.get(f"/api/v1/records/{id}/restricted/method/versions/1", headers=member.headers)
    assert first.json()["content"] == {"summary": "How it was done."}

    removed = await change(client, lab, id, "method", None, If_Match=replaced.headers["etag"])
    assert (removed.json()["number"], removed.json()["state"]) == (3, "removed")
    assert (await beside(client, member, id))["items"] == []
    for number in (1, 2, 3):
        path = f"/api/v1/records/{id}/restricted/method/versions/{number}"
        assert (await client.get(path, headers=member.headers)).status_code == 404
        assert (await client.get(path, headers=lab.headers)).status_code == 200
    assert (await client.get(path, headers=lab.headers)).json()["content"] is None
    assert (await change(client, lab, id, "method", None, If_Match="*")).status_code == 404
    back = await change(client, lab, id, "method", sent, If_None_Match="*")
    assert back.json()["number"] == 4

    assert (await client.get(f"/api/v1/records/{id}")).content == before
    async with database.read() as session:
        acts = (await session.scalars(select(Act).where(Act.action.like("part-%")).order_by(Act.pk))).all()
    assert [act.action for act in acts] == ["part-added", "part-replaced", "part-removed", "part-added"]
    assert "How it was done" not in str([act.detail for act in acts])


async def test_wider_later_is_not_wider_before(client: httpx.AsyncClient, join: Join) -> None:
    """A first version for one circle stays with it when a second, tamer one is for everybody approved."""
    lab, member = await join(scopes=EVERYTHING), await join("member", scopes=EVERYTHING)
    other = await join("other", scopes=EVERYTHING)
    await gather(client, "labs", lab, member)
    id = await bring_out(client, lab, lesson(restricted=[METHOD]))
    etag = (await beside(client, lab, id))["items"][0]["commit"]
    tame = {"tlp": "GREEN", "content": {"summary": "In general terms."}}
    assert (await change(client, lab, id, "method", tame, If_Match=etag)).status_code == 200
    first, second = (f"/api/v1/records/{id}/restricted/method/versions/{n}" for n in (1, 2))
    read = {
        who.slug: [(await client.get(path, headers=who.headers)).status_code for path in (first, second)]
        for who in (lab, member, other)
    }
    assert read == {"example-lab": [200, 200], "member": [200, 200], "other": [404, 200]}


async def test_a_draft_does_not_put_back_what_was_replaced_meanwhile(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join(scopes=EVERYTHING)
    id = await bring_out(client, lab, lesson(restricted=[{**METHOD, "groups": None, "tlp": "GREEN"}]))
    read = await draft(client, lab, id)
    begun = await put(client, lab, id, lesson(revision={"type": "correction"}), read.headers["etag"])
    etag = (await beside(client, lab, id))["items"][0]["commit"]
    tame = {"tlp": "GREEN", "content": {"summary": "In general terms."}}
    await change(client, lab, id, "method", tame, If_Match=etag)
    assert (await act(client, lab, id, "publish", begun.headers["etag"])).status_code == 412
    etag = (await draft(client, lab, id)).headers["etag"]
    assert (await act(client, lab, id, "publish", etag)).status_code == 200
    assert (await beside(client, lab, id))["document"]["summary"] == "In general terms."


async def test_a_revision_without_a_part_removes_it_and_one_that_says_nothing_keeps_it(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join(scopes=EVERYTHING)
    part = {"id": "m", "tlp": "GREEN", "content": {"summary": "More."}}
    id = await bring_out(client, lab, lesson(restricted=[part]))
    assert (await revise(client, lab, id, title="Clearer")).status_code == 200
    assert names(await beside(client, lab, id)) == ["m"]
    assert (await revise(client, lab, id, restricted=[{**part, "id": "n"}])).status_code == 200
    assert names(await beside(client, lab, id)) == ["n"]
    kept = await client.get(f"/api/v1/records/{id}/restricted/m/versions/2", headers=lab.headers)
    assert kept.json()["content"] is None


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ({"tlp": "PURPLE", "content": {}}, [("unknown-value", "/tlp")]),
        ({"content": {"summary": "!"}}, [("missing-field", "/tlp")]),
        (
            {"tlp": "GREEN", "content": {"content": {"severty": "high"}}},
            [("unknown-field", "/content/content/severty")],
        ),
        ({"tlp": "GREEN", "content": {"tags": ["misuse:fruad"]}}, [("unknown-tag", "/content/tags/0")]),
        ({"tlp": "AMBER", "groups": ["nobodys"], "content": {}}, [("unknown-group", "/groups/0")]),
        ([], [("wrong-type", "")]),
    ],
)
async def test_mistakes_are_told_where_they_stand(
    client: httpx.AsyncClient, join: Join, sent: Any, found: list[tuple[str, str]]
) -> None:
    lab = await join(scopes=EVERYTHING)
    id = await bring_out(client, lab, lesson())
    answer = await change(client, lab, id, "m", sent, If_None_Match="*")
    assert answer.status_code == 422
    errors = [one for one in answer.json()["findings"] if one["severity"] == "error"]
    assert [(one["code"], one["pointer"]) for one in errors] == found
    assert (await beside(client, lab, id))["items"] == []


async def test_parts_of_what_is_withdrawn_are_removed_and_not_replaced(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join(scopes=EVERYTHING)
    id = await bring_out(client, lab, lesson(restricted=[{**GREEN, "content": {"summary": "!"}}]))
    await withdraw(client, lab, id)
    etag = (await beside(client, lab, id))["items"][0]["commit"]
    sent = {"tlp": "GREEN", "content": {"summary": "?"}}
    assert (await change(client, lab, id, "count", sent, If_Match=etag)).status_code == 409
    assert (await change(client, lab, id, "count", None, If_Match=etag)).status_code == 200
    made = await submit(client, lab, lesson())
    assert (await change(client, lab, made.json()["id"], "m", sent, If_None_Match="*")).status_code == 409


async def test_a_part_for_named_people_is_read_by_them(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    """People sign in elsewhere; here the question is asked as they would."""
    from registry.actor import Actor, Scope
    from registry.records.restricted import queries

    lab = await join(scopes=EVERYTHING)
    id = await bring_out(client, lab, lesson(restricted=[MINE]))
    reads = frozenset({Scope.RECORDS_READ})
    ann, bo = (
        Actor(name=f"{one}@example.org", person=f"{one}@example.org", scopes=reads) for one in ("ann", "bo")
    )
    async with database.read() as session:
        found = [[part.part for part in (await queries.parts(session, who, id)).parts] for who in (ann, bo)]
        mine = await queries.parts(session, ann, id)
    assert found == [["mine"], []]
    assert mine.document["title"] == "Mine"
    assert msgspec.json.encode(mine.document)
