"""Publication, revision, withdrawal and reinstatement: what readers then find, to the byte."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
import rfc8785
from sqlalchemy import insert, select, update

from registry.actor import Scope
from registry.db import Database
from registry.records.models import Draft, Record, RecordLink, Version
from tests.conftest import Join, Publish
from tests.registry.records.acting import (
    act,
    bring_out,
    draft,
    incident,
    lesson,
    put,
    reinstate,
    revise,
    submit,
    titles,
    withdraw,
)

CLOSED = {"Accept-Encoding": "identity"}


async def versions_of(database: Database, id: str) -> list[Version]:
    async with database.read() as session:
        rows = await session.scalars(
            select(Version)
            .join(Record, Record.pk == Version.record_pk)
            .where(Record.id == id)
            .order_by(Version.pk)
        )
        return list(rows)


async def read(client: httpx.AsyncClient, id: str, path: str = "", **headers: str) -> httpx.Response:
    return await client.get(f"/api/v1/records/{id}{path}", headers=CLOSED | headers)


# --- publishing ---


async def test_a_published_version_is_served_as_the_bytes_that_were_committed_to(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson(title="Ünïcødé 🦄", narrative="*a*\n\nb", tags=["misuse:fraud"]))
    (stored,) = await versions_of(database, id)
    assert stored.commit == hashlib.sha256(stored.salt + stored.document).hexdigest()
    assert len(stored.salt) == 32
    assert stored.document == rfc8785.dumps(msgspec.json.decode(stored.document)), "RFC 8785"
    for path in ("", "/versions/1"):
        answer = await read(client, id, path)
        assert answer.content == stored.document
        assert answer.headers["etag"] == f'"{stored.commit}"'
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["last-modified"] == stored.at.strftime("%a, %d %b %Y %H:%M:%S GMT")


async def test_the_document_holds_what_the_registry_stamps(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join(domain="lab.example")
    before = datetime.now(UTC)
    document = (await read(client, await bring_out(client, lab, lesson()))).json()
    assert document["schema"] == "candor-record/1"
    assert document["version"] == 1
    assert document["origin"] == "registry.example/log"
    assert document["provider"] == {
        "slug": "example-lab",
        "name": "Example-Lab",
        "domain": "lab.example",
        "verified": False,
    }
    assert document["license"] == "CC-BY-4.0"
    assert document["published"] == document["modified"] == document["updated"]
    at = datetime.fromisoformat(document["published"])
    assert timedelta(milliseconds=-2) < at - before < timedelta(minutes=1)
    assert not {"prev", "handling", "restricted"} & document.keys()
    assert not any(value in (None, [], {}, "") for value in document.values())


async def test_the_answer_to_publishing_names_the_version(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    made = await submit(client, lab, lesson())
    done = await act(client, lab, made.json()["id"], "publish", made.headers["etag"])
    assert done.status_code == 200
    commit = done.json()["commit"]
    assert done.json() == {
        "id": made.json()["id"],
        "kind": "lesson",
        "version": "1",
        "commit": commit,
        "etag": commit,
        "state": "published",
    }
    assert done.headers["etag"] == f'"{commit}"'
    assert (await read(client, made.json()["id"])).headers["etag"] == f'"{commit}"'


async def test_publishing_takes_its_scope_and_the_drafts_present_etag(
    client: httpx.AsyncClient, join: Join
) -> None:
    writer = await join(scopes=Scope.RECORDS_WRITE)
    made = await submit(client, writer, lesson())
    id = made.json()["id"]
    assert (await act(client, writer, id, "publish", made.headers["etag"])).status_code == 403
    lab = await join("other-lab")
    mine = await submit(client, lab, lesson())
    other = mine.json()["id"]
    await put(client, lab, other, lesson(title="Changed"), mine.headers["etag"])
    assert (await act(client, lab, other, "publish", mine.headers["etag"])).status_code == 412
    assert (await read(client, other)).status_code == 404


@pytest.mark.parametrize("action", ["edit", "Publish", "publish ", "x" * 100])
async def test_an_action_that_is_not_there_is_not_found(
    client: httpx.AsyncClient, join: Join, action: str
) -> None:
    lab = await join()
    made = await submit(client, lab, lesson())
    answer = await act(client, lab, made.json()["id"], action, made.headers["etag"])
    assert answer.status_code == 404
    assert "submit, return, approve, publish" in answer.json()["detail"]


async def test_nobody_publishes_what_others_must_approve_first(client: httpx.AsyncClient, join: Join) -> None:
    lab, _ = await join(), await join("other-lab")
    made = await submit(client, lab, lesson(co_providers=["other-lab"]))
    answer = await act(client, lab, made.json()["id"], "publish", made.headers["etag"])
    assert answer.status_code == 409
    assert "approved" in answer.json()["detail"]


async def test_an_embargo_holds_back_publication_until_it_ends(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join()
    made = await submit(client, lab, lesson(handling={"embargo_until": "2100-01-01T00:00:00Z"}))
    id, etag = made.json()["id"], made.headers["etag"]
    held = await act(client, lab, id, "publish", etag)
    assert held.status_code == 409
    assert "embargo until 2100" in held.json()["detail"]
    assert (await read(client, id)).status_code == 404
    async with database.write() as session:
        past = {"tlp": "CLEAR", "embargo_until": "2026-01-01T00:00:00Z"}
        await session.execute(update(Draft).values(handling=past))
    assert (await act(client, lab, id, "publish", etag)).status_code == 200
    assert "embargo" not in (await read(client, id)).text


# --- revising ---


async def test_a_revision_is_a_new_version_and_the_old_one_stays(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson(title="First"))
    first = await read(client, id, "/versions/1")
    done = await revise(client, lab, id, title="Second")
    assert done.json()["version"] == "2"
    newest = await read(client, id)
    assert (newest.json()["title"], newest.json()["version"]) == ("Second", 2)
    assert newest.json()["published"] == first.json()["published"]
    assert newest.json()["modified"] >= first.json()["modified"]
    assert newest.json()["revision"] == {"type": "correction", "note": "A number was wrong."}
    assert (await read(client, id, "/versions/1")).content == first.content
    assert (await read(client, id, "/versions/2")).content == newest.content
    history = (await read(client, id, "/versions")).json()
    assert [(one["version"], one["action"]) for one in history["items"]] == [
        ("2", "revised"),
        ("1", "published"),
    ]
    assert [one["commit"] for one in history["items"]] == [
        version.commit for version in reversed(await versions_of(database, id))
    ]


async def test_a_revision_says_what_changed(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    begun = await put(client, lab, id, lesson(title="Second"), (await draft(client, lab, id)).headers["etag"])
    answer = await act(client, lab, id, "publish", begun.headers["etag"])
    assert answer.status_code == 422
    assert [(one["code"], one["pointer"]) for one in answer.json()["findings"]] == [
        ("revision-missing", "/revision")
    ]
    assert (await read(client, id)).json()["version"] == 1


async def test_an_editorial_revision_does_not_move_modified(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    await revise(client, lab, id, revision={"type": "editorial"})
    document = (await read(client, id)).json()
    assert document["modified"] == document["published"] <= document["updated"]


@pytest.mark.parametrize(
    "label", ["0", "3", "-1", "p1", "p0", "1.0", "²", "99999999999999999999", "x", "p", "1 "]
)
async def test_a_version_that_is_not_there_is_not_found(
    client: httpx.AsyncClient, join: Join, label: str
) -> None:
    id = await bring_out(client, await join(), lesson())
    assert (await read(client, id, f"/versions/{label}")).status_code == 404


# --- withdrawing ---


async def test_a_withdrawn_record_leaves_lists_at_once_and_stays_reachable(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson(title="Wrong", tags=["misuse:fraud"]))
    await bring_out(client, lab, lesson(title="Right", tags=["misuse:fraud"]))
    lists: list[dict[str, Any]] = [
        {},
        {"tag": "misuse:fraud"},
        {"kind": "lesson"},
        {"provider": "example-lab"},
    ]
    for query in lists:
        assert await titles(client, **query) == ["Right", "Wrong"]
    newest = await read(client, id)
    words = {"code": "error", "text": "It was not so.", "replaced_by": {"id": id}}
    done = await act(client, lab, id, "withdraw", newest.headers["etag"], words)
    assert done.status_code == 200
    assert (done.json()["state"], done.json()["version"]) == ("withdrawn", "2")
    for query in lists:
        assert await titles(client, **query) == ["Right"]
    gone = await read(client, id)
    assert gone.status_code == 200
    assert gone.json()["withdrawal"] == words
    assert gone.json()["title"] == "Wrong", "what was cited can be read"
    assert (await read(client, id, "/versions/1")).content == newest.content
    stats = (await client.get("/api/v1/stats")).json()
    assert stats["kinds"] == {"lesson": 1}

    await reinstate(client, lab, id)
    back = (await read(client, id)).json()
    assert (back["version"], back["revision"]["type"]) == (3, "status")
    assert "withdrawal" not in back
    for query in lists:
        assert await titles(client, **query) == ["Right", "Wrong"], "where it stood before"


async def test_a_withdrawal_says_why(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    etag = (await read(client, id)).headers["etag"]
    wrongs: list[dict[str, Any]] = [
        {},
        {"code": ""},
        {"text": "no code"},
        {"code": 1},
        {"code": "x", "other": 1},
    ]
    for wrong in (*wrongs, {"code": "x", "replaced_by": {"id": "CIR-0000000000"}}):
        answer = await act(client, lab, id, "withdraw", etag, wrong)
        assert answer.status_code == 422, wrong
        assert all(finding["pointer"] and finding["suggestion"] for finding in answer.json()["findings"])
    assert (await read(client, id)).headers["etag"] == etag


async def test_a_reinstatement_may_bear_a_note(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    etag = (await withdraw(client, lab, id)).headers["etag"]
    for wrong in ({"note": {"deep": 1}}, {"note": "x" * 20_001}, {"other": "x"}):
        assert (await act(client, lab, id, "reinstate", etag, wrong)).status_code == 422
    assert (await act(client, lab, id, "reinstate", etag, {"note": "Cleared up."})).status_code == 200
    assert (await read(client, id)).json()["revision"] == {"type": "status", "note": "Cleared up."}


async def test_what_is_not_published_cannot_be_withdrawn_nor_twice(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join()
    made = await submit(client, lab, lesson())
    refused = await act(client, lab, made.json()["id"], "withdraw", made.headers["etag"], {"code": "error"})
    assert refused.status_code == 412, "there is no version that the ETag could be of"
    id = await bring_out(client, lab, lesson())
    etag = (await read(client, id)).headers["etag"]
    again = (await act(client, lab, id, "reinstate", etag)).json()
    assert (again["status"], "open now" in again["detail"]) == (409, True)
    gone = (await withdraw(client, lab, id)).headers["etag"]
    assert (await act(client, lab, id, "withdraw", gone, {"code": "error"})).status_code == 409
    assert (await put(client, lab, id, lesson(), gone)).status_code == 409
    stale = await act(client, lab, id, "reinstate", etag)
    assert stale.status_code == 412


async def test_a_withdrawal_takes_the_draft_of_a_revision_with_it(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    etag = (await draft(client, lab, id)).headers["etag"]
    await put(client, lab, id, lesson(title="Unfinished"), etag)
    await withdraw(client, lab, id)
    async with database.read() as session:
        assert (await session.scalars(select(Draft))).all() == []


async def test_a_record_that_came_to_follow_from_itself_can_be_withdrawn(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join()
    one = await bring_out(client, lab, lesson())
    supersedes = [{"type": "supersedes", "target": {"id": one}}]
    two = await bring_out(client, lab, lesson(relations=supersedes))
    async with database.write() as session:  # as another registry may have sent it
        keys = dict((await session.execute(select(Record.id, Record.pk))).all())
        link = {"record_pk": keys[one], "role": "supersedes", "target_origin": "registry.example/log"}
        await session.execute(insert(RecordLink).values(**link, target_id=two))
    refused = await revise(client, lab, two, title="Again")
    assert [finding["code"] for finding in refused.json()["findings"]] == ["cyclic-relation"]
    await withdraw(client, lab, two)
    assert await titles(client) == ["A lesson"]


async def test_nobody_acts_on_the_records_of_others(client: httpx.AsyncClient, join: Join) -> None:
    lab, other = await join(), await join("other-lab")
    id = await bring_out(client, lab, lesson())
    etag = (await read(client, id)).headers["etag"]
    for answer in (
        await act(client, other, id, "withdraw", etag, {"code": "error"}),
        await put(client, other, id, lesson(), etag),
        await draft(client, other, id),
    ):
        assert answer.status_code == 404
    assert (await read(client, id)).headers["etag"] == etag


# --- changes and responses ---


async def test_changes_tell_everything_public_in_order(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    first = await bring_out(client, lab, lesson())
    second = await bring_out(client, lab, incident())
    await revise(client, lab, first, title="Second")
    await withdraw(client, lab, second)
    await reinstate(client, lab, second)
    answer = (await client.get("/api/v1/changes")).json()
    assert [
        (one["seq"], one["id"], one["version"], one["kind"], one["action"]) for one in answer["items"]
    ] == [
        (1, first, 1, "lesson", "published"),
        (2, second, 1, "incident", "published"),
        (3, first, 2, "lesson", "revised"),
        (4, second, 2, "incident", "withdrawn"),
        (5, second, 3, "incident", "reinstated"),
    ]
    assert (answer["next_after"], answer["head"]) == (5, 5)
    assert {one["origin"] for one in answer["items"]} == {"registry.example/log"}
    part = (await client.get("/api/v1/changes", params={"after": 2, "limit": 2})).json()
    assert [one["seq"] for one in part["items"]] == [3, 4]
    assert (part["next_after"], part["head"]) == (4, 5)
    rest = (await client.get("/api/v1/changes", params={"after": 5})).json()
    assert rest == {"items": [], "next_after": 5, "head": 5}


@pytest.mark.parametrize("query", [{"after": "-1"}, {"after": "x"}, {"limit": "0"}, {"limit": "1001"}])
async def test_changes_are_asked_for_within_limits(client: httpx.AsyncClient, query: dict[str, str]) -> None:
    answer = await client.get("/api/v1/changes", params=query)
    assert answer.status_code == 400
    assert answer.json()["findings"][0]["pointer"] == f"/{next(iter(query))}"


async def test_responses_are_found_at_what_they_speak_of(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    lab, other = await join(), await join("other-lab")
    about = await bring_out(client, lab, lesson())
    address = f"/api/v1/records/{about}/responses"
    assert await titles(client, address) == []
    say = {"kind": "response", "content": {"about": {"id": about}, "stance": "supplements"}}
    first = await publish(other, title="Seen too", **say)
    await publish(lab, title="Thanks", **say)
    await publish(lab, title="Related only", relations=[{"type": "related", "target": {"id": about}}])
    assert await titles(client, address) == ["Thanks", "Seen too"]
    await withdraw(client, other, first["id"])
    assert await titles(client, address) == ["Thanks"]
    await reinstate(client, other, first["id"])
    assert await titles(client, address) == ["Thanks", "Seen too"]


async def test_a_response_that_turns_to_another_record_leaves_the_first(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join()
    one, two = await bring_out(client, lab, lesson()), await bring_out(client, lab, lesson())
    response = {"kind": "response", "title": "R", "content": {"about": {"id": one}, "stance": "supplements"}}
    id = await bring_out(client, lab, response)
    assert await titles(client, f"/api/v1/records/{one}/responses") == ["R"]
    assert await titles(client, f"/api/v1/records/{two}/responses") == []
    await revise(client, lab, id, content={"about": {"id": two}, "stance": "supplements"})
    assert await titles(client, f"/api/v1/records/{one}/responses") == []
    assert await titles(client, f"/api/v1/records/{two}/responses") == ["R"]
