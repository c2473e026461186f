"""From draft to publication: who may do what when, and what is told to whom comes late."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from registry.actor import Scope
from registry.audit.models import Act
from registry.db import Database
from registry.providers.models import Provider
from tests.conftest import Join, Member, member_of
from tests.registry.records.acting import (
    STAMPED,
    act,
    bring_out,
    draft,
    incident,
    lesson,
    put,
    submit,
)

ALL = " ".join(scope for scope in Scope if scope is not Scope.REGISTRY_STEWARD)
COMMENT = {"comments": [{"pointer": "/title", "text": "Say where."}]}
LATER = {"at": "2100-01-01T09:00:00Z"}
BODIES: dict[str, dict[str, Any]] = {
    "return": COMMENT,
    "schedule": LATER,
    "withdraw": {"code": "error"},
    "invite": {"provider": "other-lab"},
}
# What leads from one state to the next, and so from nothing to every state.
WAYS: dict[str, list[str]] = {
    "draft": [],
    "submitted": ["submit"],
    "returned": ["submit", "return"],
    "approved": ["submit", "approve"],
    "scheduled": ["submit", "approve", "schedule"],
    "published": ["publish"],
    "withdrawn": ["publish", "withdraw"],
}
OPEN = {
    "draft": {"submit", "publish", "schedule", "invite"},
    "submitted": {"return", "approve", "publish", "schedule", "invite"},
    "returned": {"invite"},
    "approved": {"return", "publish", "schedule", "invite"},
    # Under embargo it is not published before its time.
    "scheduled": {"return", "schedule", "cancel", "invite"},
    "published": {"withdraw"},
    "withdrawn": {"reinstate"},
}
SCOPES = {
    "submit": Scope.RECORDS_WRITE,
    "return": Scope.RECORDS_REVIEW,
    "approve": Scope.RECORDS_REVIEW,
    "publish": Scope.RECORDS_PUBLISH,
    "schedule": Scope.RECORDS_PUBLISH,
    "cancel": Scope.RECORDS_PUBLISH,
    "withdraw": Scope.RECORDS_PUBLISH,
    "reinstate": Scope.RECORDS_PUBLISH,
    "invite": Scope.RECORDS_WRITE,
    "leave": Scope.RECORDS_PUBLISH,
}


async def brought(client: httpx.AsyncClient, member: Member, state: str) -> tuple[str, str]:
    """A record in that state: its id, and the ETag of its draft or newest version."""
    made = await submit(client, member, lesson())
    assert made.status_code == 201, made.text
    id, etag = made.json()["id"], made.headers["etag"]
    for action in WAYS[state]:
        done = await act(client, member, id, action, etag, BODIES.get(action))
        assert done.status_code == 200, done.text
        etag = done.headers["etag"]
    return id, etag


async def beside(client: httpx.AsyncClient, member: Member, id: str) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/records/{id}/handling", headers=member.headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


# The moves themselves are held for every state without a database; here they are held through HTTP.
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize("state", WAYS)
async def test_every_action_in_every_state_for_every_role(
    client: httpx.AsyncClient, join: Join, state: str
) -> None:
    lab, _ = await join(scopes=ALL), await join("other-lab", scopes=ALL)
    stranger = await join("stranger", scopes=ALL)
    for action in SCOPES:
        id, etag = await brought(client, lab, state)
        body = BODIES.get(action)
        assert (await client.post(f"/api/v1/records/{id}/actions/{action}", json=body)).status_code == 401
        assert (await act(client, stranger, id, action, etag, body)).status_code == 404, action
        assert (await act(client, lab, id, action, None, body)).status_code in (428, 409), action
        done = await act(client, lab, id, action, etag, body)
        if action in OPEN[state]:
            assert done.status_code == 200, (action, done.text)
        else:
            # Where there is no version, nothing that was read can be the newest.
            assert done.status_code in (409, 412), (action, done.text)
            assert done.json()["detail"]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize("scope", [one for one in Scope if one is not Scope.REGISTRY_STEWARD])
async def test_each_action_takes_its_scope(client: httpx.AsyncClient, join: Join, scope: Scope) -> None:
    holder = await join(scopes=scope)
    for action, wanted in SCOPES.items():
        answer = await act(client, holder, "CIR-7GQ2M4KX9X", action, '"x"', BODIES.get(action))
        assert answer.status_code == (404 if scope is wanted else 403), (action, answer.text)


async def test_a_draft_goes_the_whole_way(client: httpx.AsyncClient, join: Join, database: Database) -> None:
    lab = await join(scopes=ALL)
    id, etag = await brought(client, lab, "submitted")
    back = await act(client, lab, id, "return", etag, COMMENT)
    assert back.json()["state"] == "returned"
    view = await beside(client, lab, id)
    assert [(one["pointer"], one["text"]) for one in view["comments"]] == [("/title", "Say where.")]
    assert view["comments"][0]["by"] == lab.client_id

    read = await draft(client, lab, id)
    assert read.headers["etag"] == back.headers["etag"]
    submission = {key: value for key, value in read.json().items() if key not in STAMPED}
    fixed = await put(client, lab, id, submission | {"title": "At the bank"}, back.headers["etag"])
    assert fixed.json()["state"] == "draft"
    assert (await beside(client, lab, id))["comments"], "its author still reads what is asked for"
    again = await act(client, lab, id, "submit", fixed.headers["etag"])
    yes = await act(client, lab, id, "approve", again.headers["etag"])
    assert yes.json()["state"] == "approved"
    assert (await beside(client, lab, id))["approved_by"] == lab.client_id
    out = await act(client, lab, id, "publish", yes.headers["etag"])
    assert out.json() | {"commit": "", "etag": ""} == {
        "id": id,
        "kind": "lesson",
        "version": "1",
        "commit": "",
        "etag": "",
        "state": "published",
    }
    async with database.read() as session:
        acts = (await session.scalars(select(Act).where(Act.subject == id).order_by(Act.pk))).all()
    assert [one.action for one in acts] == [
        "drafted",
        "submitted",
        "returned",
        "edited",
        "submitted",
        "approved",
        "published",
    ]
    assert all("bank" not in str(one.detail) for one in acts)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/comments"),
        ({"comments": []}, "/comments"),
        ({"comments": [{"pointer": "/title"}]}, "/comments/0/text"),
        ({"comments": [{"pointer": "/nowhere", "text": "x"}]}, "/comments/0/pointer"),
        (
            {
                "comments": [
                    {"pointer": "/references/0/url", "text": "x"},
                    {"pointer": "/references/9", "text": "x"},
                ]
            },
            "/comments/1/pointer",
        ),
        ({"comments": [{"pointer": "title", "text": "x"}]}, "/comments/0/pointer"),
        ({"comments": [{"pointer": "/title", "text": "x"}], "why": "x"}, "/why"),
        ({"comments": [{"pointer": "", "text": "x" * 4001}]}, "/comments/0/text"),
    ],
)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_a_return_says_what_and_where(
    client: httpx.AsyncClient, join: Join, body: dict[str, Any], pointer: str
) -> None:
    lab = await join(scopes=ALL)
    id, etag = await brought(client, lab, "submitted")
    answer = await act(client, lab, id, "return", etag, body)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["findings"]] == [pointer]
    assert (await beside(client, lab, id))["state"] == "submitted"


@pytest.mark.parametrize(
    "text", ["Straße in Zürich", "東京で何が", "في القاهرة", "בתל אביב", "दिल्ली में", "👩‍🔬 e\u0301"]
)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_comments_are_written_in_any_script(client: httpx.AsyncClient, join: Join, text: str) -> None:
    lab = await join(scopes=ALL, name=text)
    id, etag = await brought(client, lab, "submitted")
    comments = {"comments": [{"text": text}]}
    assert (await act(client, lab, id, "return", etag, comments)).status_code == 200
    assert (await beside(client, lab, id))["comments"][0]["text"] == text


# --- four eyes ---


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_under_the_four_eyes_rule_no_author_decides(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join(scopes=ALL)
    async with database.write() as session:
        await session.execute(update(Provider).values(four_eyes=True))
    editor, reviewer = [await member_of(database, client, lab.slug, ALL) for _ in range(2)]
    made = await submit(client, lab, lesson())
    id, etag = made.json()["id"], made.headers["etag"]
    for action in ("publish", "schedule"):
        early = await act(client, reviewer, id, action, etag, BODIES.get(action))
        assert early.status_code == 409
        assert "four-eyes" in early.json()["detail"]
    edited = await put(client, editor, id, lesson(title="Edited"), etag)
    sent = await act(client, reviewer, id, "submit", edited.headers["etag"])
    for author in (lab, editor):
        refused = await act(client, author, id, "approve", sent.headers["etag"])
        assert refused.status_code == 403
        assert "four-eyes" in refused.json()["detail"]
    yes = await act(client, reviewer, id, "approve", sent.headers["etag"])
    assert yes.status_code == 200
    for action in ("publish", "schedule"):
        assert (
            await act(client, editor, id, action, yes.headers["etag"], BODIES.get(action))
        ).status_code == 403
    assert (await act(client, reviewer, id, "publish", yes.headers["etag"])).status_code == 200

    # The next draft has authors of its own.
    read = await draft(client, reviewer, id)
    submission = {key: value for key, value in read.json().items() if key not in STAMPED}
    submission["revision"] = {"type": "correction"}
    begun = await put(client, reviewer, id, submission, read.headers["etag"])
    assert (await beside(client, lab, id))["authors"] == [reviewer.client_id]
    sent = await act(client, lab, id, "submit", begun.headers["etag"])
    assert (await act(client, lab, id, "approve", sent.headers["etag"])).status_code == 200


# --- what changed ---


async def test_who_comes_late_is_told_what_changed_by_whom_and_when(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join(scopes=ALL)
    made = await submit(client, lab, incident())
    id, first = made.json()["id"], made.headers["etag"]
    second = await put(client, lab, id, incident(title="Other"), first)
    await put(client, lab, id, incident(title="Other", summary="Else."), second.headers["etag"])
    for etag, changed in ((first, ["/summary", "/title"]), (second.headers["etag"], ["/summary"])):
        late = await put(client, lab, id, incident(), etag)
        assert late.status_code == 412
        assert late.json()["changed"] == changed
        assert late.json()["changed_by"] == lab.client_id
        assert late.json()["changed_at"].endswith("Z")
    unknown = await put(client, lab, id, incident(), '"x.1"')
    assert unknown.status_code == 412
    assert "changed" not in unknown.json()
    assert unknown.json()["changed_by"] == lab.client_id


async def test_who_reads_a_version_gone_by_is_told_what_changed(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    read = await draft(client, lab, id)
    old = read.headers["etag"]
    submission = {key: value for key, value in read.json().items() if key not in STAMPED}
    submission |= {"title": "New", "revision": {"type": "correction"}}
    begun = await put(client, lab, id, submission, old)
    await act(client, lab, id, "publish", begun.headers["etag"])
    late = await act(client, lab, id, "withdraw", old, {"code": "error"})
    assert late.status_code == 412
    assert "/title" in late.json()["changed"]
    assert "/summary" not in late.json()["changed"]


# --- handling ---


async def put_handling(
    client: httpx.AsyncClient, member: Member, id: str, etag: str | None, body: dict[str, Any]
) -> httpx.Response:
    headers = member.headers | ({"If-Match": etag} if etag else {})
    return await client.put(f"/api/v1/records/{id}/handling", json=body, headers=headers)


async def test_handling_is_put_beside_the_text(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join(scopes=ALL)
    id, etag = await brought(client, lab, "approved")
    before = await draft(client, lab, id)
    view = await beside(client, lab, id)
    assert (await put_handling(client, lab, id, None, view)).status_code == 428
    done = await put_handling(client, lab, id, etag, view | {"handling": {"tlp": "GREEN"}})
    assert done.status_code == 200, done.text
    assert done.json()["handling"] == {"tlp": "GREEN"}
    assert done.json()["state"] == "draft", "whoever approved it approved another handling"
    after = await draft(client, lab, id)
    assert after.content == before.content
    assert after.headers["etag"] == done.headers["etag"] != etag
    stale = await put_handling(client, lab, id, etag, {"handling": {"tlp": "CLEAR"}})
    assert stale.status_code == 412
    assert "/handling/tlp" in stale.json()["changed"]
    wrong = await put_handling(client, lab, id, done.headers["etag"], {"handling": {"tlp": "PINK"}})
    assert wrong.status_code == 422
    assert [one["pointer"] for one in wrong.json()["findings"]] == ["/handling/tlp"]
    part = {"id": "method", "tlp": "RED", "people": ["ann@example.org"], "content": {"summary": "More."}}
    with_part = await put_handling(client, lab, id, done.headers["etag"], {"restricted": [part]})
    assert with_part.json()["restricted"] == [part]
    assert with_part.json()["handling"] == {"tlp": "GREEN"}


async def test_clear_is_never_taken_back(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    etag = (await draft(client, lab, id)).headers["etag"]
    answer = await put_handling(client, lab, id, etag, {"handling": {"tlp": "GREEN"}})
    assert answer.status_code == 409
    assert "never taken back" in answer.json()["detail"]


# --- who may not publish ---


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_a_hold_lets_write_and_publishes_nothing(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    from registry.db import now

    lab = await join(scopes=ALL)
    id, etag = await brought(client, lab, "approved")
    out, newest = await brought(client, lab, "published")
    async with database.write() as session:
        await session.execute(update(Provider).values(held_at=now(), hold_reason="A burst."))
    for action in ("publish", "schedule"):
        refused = await act(client, lab, id, action, etag, BODIES.get(action))
        assert refused.status_code == 403
        assert "holds" in refused.json()["detail"]
    assert (await act(client, lab, out, "withdraw", newest, {"code": "error"})).status_code == 403
    assert (await submit(client, lab, lesson())).status_code == 201


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_a_researcher_publishes_responses_only(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    one = await join(scopes=ALL)
    async with database.write() as session:
        await session.execute(update(Provider).values(kind="researcher"))
    made = await submit(client, one, lesson())
    refused = await act(client, one, made.json()["id"], "publish", made.headers["etag"])
    assert refused.status_code == 403
    assert "responses only" in refused.json()["detail"]


# --- screening ---


@pytest.mark.parametrize("way", [["submit"], []])
async def test_what_screening_finds_blocks_publication_until_it_is_resolved(
    client: httpx.AsyncClient, join: Join, way: list[str]
) -> None:
    lab = await join(scopes=ALL)
    made = await submit(client, lab, lesson(summary="Call Ann at +49 30 901820 now, or +49 30 901821."))
    id, etag = made.json()["id"], made.headers["etag"]
    for action in way:
        done = await act(client, lab, id, action, etag)
        assert [one["code"] for one in done.json()["findings"]] == ["screening-phone-number"] * 2
        etag = done.headers["etag"]
    held = await act(client, lab, id, "publish", etag)
    assert held.status_code == 422, held.text
    assert {one["pointer"] for one in held.json()["findings"]} == {"/summary"}
    hits = (await beside(client, lab, id))["screening"]
    assert [(hit["number"], hit["state"]) for hit in hits] == [(1, "open"), (2, "open")]
    for hit in hits:
        path = f"/api/v1/records/{id}/findings/{hit['number']}/resolve"
        assert (await client.post(path, json={}, headers=lab.headers)).status_code == 422
        done = await client.post(path, json={"reason": "A hotline."}, headers=lab.headers)
        assert done.status_code == 200, done.text
        assert done.json()["state"] == "resolved"
        assert (await client.post(path, json={"reason": "Again."}, headers=lab.headers)).status_code == 409
    assert (await act(client, lab, id, "publish", etag)).status_code == 200


async def test_findings_of_others_are_not_there(client: httpx.AsyncClient, join: Join) -> None:
    lab, stranger = await join(scopes=ALL), await join("stranger", scopes=ALL)
    id, _ = await brought(client, lab, "submitted")
    for member, path in ((stranger, id), (lab, "CIR-7GQ2M4KX9X")):
        answer = await client.post(
            f"/api/v1/records/{path}/findings/1/resolve", json={"reason": "x"}, headers=member.headers
        )
        assert answer.status_code == 404
