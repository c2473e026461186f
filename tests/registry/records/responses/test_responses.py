"""Responses over HTTP: what may be answered to what, and what the record is told to amount to."""

from typing import Any

import httpx
import pytest
from sqlalchemy import update

from registry.db import Database
from registry.providers.models import Provider
from registry.records.responses.queries import unanswered
from tests.conftest import Join, Member
from tests.registry.records.acting import act, bring_out, lesson, revise, submit, withdraw
from tests.registry.sharing.circles import EVERYTHING, answer, begin, gather, invite


def response(id: str, stance: str = "adopts", part: str | None = None, **more: Any) -> dict[str, Any]:
    about = {"id": id, **({"part": part} if part else {})}
    content: dict[str, Any] = {"about": about, "stance": stance, "text": "So we did."}
    if outcome := more.pop("outcome", None):
        content["effectiveness"] = {"outcome": outcome, "basis": "measured"}
    return {"kind": "response", "title": "A response", "content": content, **more}


async def told(client: httpx.AsyncClient, id: str, who: Member | None = None, **query: Any) -> dict[str, Any]:
    headers = who.headers if who else {}
    answer = await client.get(f"/api/v1/records/{id}/responses", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def codes(answer: httpx.Response) -> list[tuple[str, str]]:
    return [
        (one["code"], one["pointer"])
        for one in answer.json().get("findings", [])
        if one["severity"] == "error"
    ]


async def part_of(client: httpx.AsyncClient, id: str) -> str:
    document = (await client.get(f"/api/v1/records/{id}")).json()
    return f"/content/recommendations/{document['content']['recommendations'][0]['id']}"


async def test_adoption_and_evidence_are_told_as_they_come(client: httpx.AsyncClient, join: Join) -> None:
    lab, bank, shop = await join(), await join("bank"), await join("shop")
    id = await bring_out(client, lab, lesson())
    assert (await told(client, id))["summary"]["text"] == ""
    part = await part_of(client, id)
    first = await bring_out(client, bank, response(id, part=part))
    assert (await told(client, id))["summary"]["text"] == "1 adopted", "the front's copy is gone at once"
    await bring_out(client, shop, response(id))
    await bring_out(client, shop, response(id, "evaluates", outcome="partial"))
    found = await told(client, id)
    assert found["summary"]["text"] == "2 adopted, 1 evaluated: partial"
    assert found["summary"]["parts"] == {
        part: {"text": "1 adopted", "stances": {"adopts": 1}, "outcomes": {}}
    }
    assert len(found["items"]) == 3
    await withdraw(client, bank, first)
    found = await told(client, id)
    assert (found["summary"]["text"], len(found["items"])) == ("1 adopted, 1 evaluated: partial", 2)


async def test_pages_hold_each_response_once(client: httpx.AsyncClient, join: Join) -> None:
    lab, bank = await join(), await join("bank")
    id = await bring_out(client, lab, lesson())
    made = [await bring_out(client, bank, response(id, stance)) for stance in ("adopts", "confirms", "plans")]
    seen, following = [], None
    while True:
        page = await told(client, id, limit=2, **({"cursor": following} if following else {}))
        seen += [one["id"] for one in page["items"]]
        assert page["summary"]["organisations"] == 1
        if not (following := page["next"]):
            break
    assert seen == made[::-1]


async def test_nobody_adopts_their_own_and_everybody_may_reply(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab, bank = await join(), await join("bank")
    id = await bring_out(client, lab, lesson())
    for stance in ("endorses", "confirms", "adopts"):
        refused = await submit(client, lab, response(id, stance))
        assert refused.status_code == 422
        assert codes(refused) == [("own-record", "/content/stance")]
    disputed = await bring_out(client, bank, response(id, "disputes"))
    async with database.read() as session:
        pk = 1
        waiting = [(row.id, of) for row, of in await unanswered(session, pk)]
    assert waiting == [(disputed, id)]
    reply = await bring_out(client, lab, response(disputed, "supplements"))
    found = await told(client, id)
    assert found["replies"] == {disputed: [reply]}
    assert found["summary"]["text"] == "1 disputed"
    async with database.read() as session:
        assert await unanswered(session, pk) == []
    await bring_out(client, lab, response(id, "supplements"))
    assert (await told(client, id))["summary"]["text"] == "1 disputed", "what its owner adds is not counted"


async def test_a_part_has_to_be_there(client: httpx.AsyncClient, join: Join) -> None:
    lab, bank = await join(), await join("bank")
    id = await bring_out(client, lab, lesson())
    refused = await submit(client, bank, response(id, part="/content/recommendations/nothing"))
    assert codes(refused) == [("unknown-part", "/content/about/part")]
    assert await part_of(client, id) in refused.text
    checked = await client.post(
        "/api/v1/validate", json=response(id, part="/content/recommendations/nothing"), headers=bank.headers
    )
    assert codes(checked) == [("unknown-part", "/content/about/part")]


async def test_what_is_hidden_is_answered_as_what_is_not_there(client: httpx.AsyncClient, join: Join) -> None:
    lab, member, stranger = (
        await join(scopes=EVERYTHING),
        await join("member", scopes=EVERYTHING),
        await join("stranger", scopes=EVERYTHING),
    )
    await gather(client, "labs", lab, member)
    amber = {"tlp": "AMBER", "groups": ["labs"]}
    shared = await bring_out(client, lab, lesson(handling=amber))
    draft = (await submit(client, lab, lesson())).json()["id"]
    said = set()
    for id in (shared, draft, "CIR-000000000H"):
        refused = await submit(client, stranger, response(id, part="/content/causes/1"))
        assert codes(refused) == [("unknown-record", "/content/about/id")]
        said.add(refused.text.replace(id, "ID"))
    assert len(said) == 1
    # Who may read it may not tell of it in public either, but may answer within the circle.
    assert codes(await submit(client, member, response(shared))) == [("unknown-record", "/content/about/id")]
    within = await bring_out(client, member, response(shared, handling=amber))
    found = await told(client, shared, lab)
    assert [one["id"] for one in found["restricted"]] == [within]
    assert found["items"] == []
    assert (await client.get(f"/api/v1/records/{shared}/responses")).status_code == 404


async def test_what_was_fine_in_the_circle_does_not_go_public(client: httpx.AsyncClient, join: Join) -> None:
    """The level can change after the text was checked; publication looks once more."""
    lab, member = await join(scopes=EVERYTHING), await join("member", scopes=EVERYTHING)
    await gather(client, "labs", lab, member)
    amber = {"tlp": "AMBER", "groups": ["labs"]}
    shared = await bring_out(client, lab, lesson(handling=amber))
    made = await submit(client, member, response(shared, handling=amber))
    id, headers = made.json()["id"], member.headers | {"If-Match": made.headers["etag"]}
    cleared = await client.put(
        f"/api/v1/records/{id}/handling", json={"handling": {"tlp": "CLEAR"}}, headers=headers
    )
    assert cleared.status_code == 200, cleared.text
    refused = await act(client, member, id, "publish", cleared.headers["etag"])
    assert codes(refused) == [("unknown-record", "/content/about/id")]


async def test_handling_names_groups_of_ones_own(client: httpx.AsyncClient, join: Join) -> None:
    """The same finding where there is no such group: at submission, handling and publication."""
    lab, other = await join(scopes=EVERYTHING), await join("other", scopes=EVERYTHING)
    await gather(client, "labs", lab)
    said = set()
    for group in ("labs", "nothing"):
        amber = {"tlp": "AMBER", "groups": [group]}
        part = {"id": "m", **amber, "content": {"summary": "!"}}
        refused = await submit(client, other, lesson(handling=amber, restricted=[part]))
        assert codes(refused) == [
            ("unknown-group", "/handling/groups/0"),
            ("unknown-group", "/restricted/0/groups/0"),
        ]
        made = await submit(client, other, lesson())
        put = await client.put(
            f"/api/v1/records/{made.json()['id']}/handling",
            json={"handling": amber},
            headers=other.headers | {"If-Match": made.headers["etag"]},
        )
        assert codes(put) == [("unknown-group", "/handling/groups/0")]
        said.add(refused.text.replace(group, "GROUP"))
    assert len(said) == 1
    made = await submit(client, lab, lesson(handling={"tlp": "AMBER", "groups": ["labs"]}))
    gone = await client.delete(f"/api/v1/providers/{lab.slug}/sharing-groups/labs", headers=lab.headers)
    assert gone.status_code == 204
    late = await act(client, lab, made.json()["id"], "publish", made.headers["etag"])
    assert codes(late) == [("unknown-group", "/handling/groups/0")]


async def test_commitments_are_to_parts_that_are_there(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    part = {"id": "m", "tlp": "GREEN", "content": {"summary": "More."}}
    wrong = {"id": "m", "commit": "0" * 64}
    assert codes(await submit(client, lab, lesson(restricted_commits=[wrong]))) == [
        ("unknown-commit", "/restricted_commits/0")
    ]
    id = await bring_out(client, lab, lesson(restricted=[part]))
    beside = (await client.get(f"/api/v1/records/{id}/restricted", headers=lab.headers)).json()
    right = {"id": "m", "commit": beside["items"][0]["commit"]}
    assert (await revise(client, lab, id, restricted_commits=[right])).status_code == 200
    assert (await client.get(f"/api/v1/records/{id}")).json()["restricted_commits"] == [right]


@pytest.mark.parametrize("kind", ["organisation", "researcher"])
async def test_a_researcher_publishes_responses_only(
    client: httpx.AsyncClient, join: Join, database: Database, kind: str
) -> None:
    lab, ann = await join(), await join("ann")
    id = await bring_out(client, lab, lesson())
    async with database.write() as session:
        await session.execute(update(Provider).where(Provider.slug == "ann").values(kind=kind))
    made = await submit(client, ann, lesson())
    done = await act(client, ann, made.json()["id"], "publish", made.headers["etag"])
    assert done.status_code == (200 if kind == "organisation" else 403)
    await bring_out(client, ann, response(id, "confirms"))
    assert (await told(client, id))["summary"]["text"] == "1 confirmed"
    green = await bring_out(client, lab, lesson(handling={"tlp": "GREEN"}))
    assert (await client.get(f"/api/v1/records/{green}", headers=ann.headers)).status_code == 200


async def waiting(client: httpx.AsyncClient, who: Member) -> list[tuple[str, str]]:
    answer = await client.get("/api/v1/queue", headers=who.headers)
    assert answer.status_code == 200, answer.text
    return [(one["type"], one["subject"]) for one in answer.json()["items"]]


async def test_a_provider_is_told_of_responses_until_it_looked_or_replied(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab, bank = await join(), await join("bank", scopes=EVERYTHING)
    id = await bring_out(client, lab, lesson())
    first = await bring_out(client, bank, response(id))
    assert await waiting(client, lab) == [("response", first)]
    assert await waiting(client, bank) == []
    seen = f"/api/v1/records/{id}/responses/seen"
    assert (await client.post(seen, headers=bank.headers)).status_code == 404
    assert (await client.post(seen)).status_code == 401
    assert (await client.post(seen, headers=lab.headers)).status_code == 200
    assert await waiting(client, lab) == []
    second = await bring_out(client, bank, response(id, "disputes"))
    assert await waiting(client, lab) == [("response", second)]
    await bring_out(client, lab, response(second, "supplements"))
    assert await waiting(client, lab) == []
    assert ("response", second) not in await waiting(client, bank)


async def test_an_invitation_waits_for_the_administrators(client: httpx.AsyncClient, join: Join) -> None:
    lab, bank = await join(scopes=EVERYTHING), await join("bank", scopes=EVERYTHING)
    await begin(client, lab)
    await invite(client, lab, "labs", "bank")
    assert await waiting(client, bank) == [("group-invitation", "labs")]
    await answer(client, bank, "labs", "accept")
    assert await waiting(client, bank) == []
