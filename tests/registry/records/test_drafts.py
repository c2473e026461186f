"""Drafts: submitted, read, replaced under If-Match, and seen by nobody else."""

from typing import Any

import httpx
import pytest
from sqlalchemy import event, func, select

from registry.actor import Scope
from registry.canonical import digest
from registry.db import Base, Database
from registry.ids import new_id
from registry.records.models import Draft
from tests.conftest import Join
from tests.registry.records.acting import (
    STAMPED,
    act,
    bring_out,
    draft,
    incident,
    lesson,
    put,
    revise,
    submit,
)


async def rows(database: Database) -> dict[str, int]:
    async with database.read() as session:
        return {
            table.name: await session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


# --- submitting ---


async def test_a_submission_becomes_a_draft(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join(groups=["labs"])
    made = await submit(client, lab, lesson(tags=["misuse:fraud"]))
    assert made.status_code == 201
    body = made.json()
    assert (body["kind"], body["state"], body["findings"]) == ("lesson", "draft", [])
    assert made.headers["location"] == f"/api/v1/records/{body['id']}/draft"
    assert made.headers["etag"] == f'"{body["etag"]}"'
    assert made.headers["cache-control"].startswith("private")

    read = await draft(client, lab, body["id"])
    document = read.json()
    assert read.headers["etag"] == made.headers["etag"]
    assert body["etag"] == f"{digest(read.content)}.1", "the ETag is the hash of the draft bytes, and a count"
    assert document["id"] == body["id"]
    assert document["provider"]["slug"] == "example-lab"
    assert document["tags"] == ["misuse:fraud"]
    assert document["prev"] is None
    assert not {"version", "published", "modified", "updated", "handling", "restricted"} & document.keys()


async def test_a_wrong_submission_is_told_everything_at_once(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join(groups=["labs"])
    before = await rows(database)
    answer = await submit(
        client, lab, {"kind": "lesson", "tags": ["misuse:frod"], "summry": "x", "content": {"causes": "x"}}
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 422
    found = {(finding["code"], finding["pointer"]) for finding in problem["findings"]}
    assert {pointer for _, pointer in found} >= {"/title", "/tags/0", "/summry"}
    near = next(finding for finding in problem["findings"] if finding["pointer"] == "/tags/0")
    assert "misuse:fraud" in near["suggestion"]
    assert await rows(database) == before


async def test_warnings_come_with_the_draft(client: httpx.AsyncClient, join: Join) -> None:
    made = await submit(client, await join(groups=["labs"]), lesson(handling={"tlp": "AMBER"}))
    assert made.status_code == 201
    assert [finding["severity"] for finding in made.json()["findings"]] == ["warning"]


async def test_validation_says_the_same_and_stores_nothing(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join(groups=["labs"])
    before = await rows(database)
    wrongs = [
        lesson(tags=["misuse:frod"]),
        lesson(handling={"groups": ["labs"]}),
        {"kind": "incident", "title": "T", "content": {"times": {"aware": "2026"}}},
    ]
    for wrong in wrongs:
        checked = await client.post("/api/v1/validate", json=wrong)
        assert checked.status_code == 200
        assert checked.json()["valid"] is False
        assert checked.json()["findings"] == (await submit(client, lab, wrong)).json()["findings"]
    assert (await client.post("/api/v1/validate", json=lesson())).json() == {"valid": True, "findings": []}
    assert await rows(database) == before


@pytest.mark.parametrize(
    ("scopes", "status"),
    [(Scope.RECORDS_READ, 403), (Scope.RECORDS_PUBLISH, 403), (Scope.RECORDS_WRITE, 201)],
)
async def test_submitting_takes_the_scope_to_write(
    client: httpx.AsyncClient, join: Join, scopes: str, status: int
) -> None:
    lab = await join(scopes=scopes)
    assert (await submit(client, lab, lesson())).status_code == status


async def test_nobody_writes_without_a_token_whatever_they_send(
    client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise AssertionError("a stranger holds up writers")

    monkeypatch.setattr(database, "write", refuse)
    id = new_id()
    for content in (b'{"kind": "lesson"}', b"{", b"\xff" * 100, b" " * 2_000_000):
        for method, path in (
            ("POST", "/api/v1/records"),
            ("PUT", f"/api/v1/records/{id}/draft"),
            ("POST", f"/api/v1/records/{id}/actions/publish"),
        ):
            answer = await client.request(method, path, content=content)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_provider_that_is_not_approved_writes_drafts_and_publishes_nothing(
    client: httpx.AsyncClient, join: Join
) -> None:
    newcomer = await join("newcomer", approve=False)
    made = await submit(client, newcomer, lesson())
    assert made.status_code == 201
    refused = await act(client, newcomer, made.json()["id"], "publish", made.headers["etag"])
    assert refused.status_code == 403
    assert "not approved" in refused.json()["detail"]
    assert (await client.get(f"/api/v1/records/{made.json()['id']}")).status_code == 404


# --- replacing, under If-Match ---


async def test_a_draft_is_replaced_by_whoever_read_it_last(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join(groups=["labs"])
    made = await submit(client, lab, lesson())
    id, first = made.json()["id"], made.headers["etag"]
    second = await put(client, lab, id, lesson(title="Better"), first)
    assert second.status_code == 200
    assert second.headers["etag"] not in (first, None)
    assert (await draft(client, lab, id)).json()["title"] == "Better"

    stale = await put(client, lab, id, lesson(title="Lost"), first)
    assert stale.status_code == 412
    assert stale.json()["present"] == second.headers["etag"].strip('"')
    assert (await draft(client, lab, id)).json()["title"] == "Better"


async def test_without_if_match_nothing_is_replaced(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join(groups=["labs"])
    made = await submit(client, lab, lesson())
    id = made.json()["id"]
    answer = await put(client, lab, id, lesson(title="Lost"), None)
    assert answer.status_code == 428
    for action, body in (("publish", {}), ("withdraw", {"code": "error"}), ("reinstate", {})):
        assert (await act(client, lab, id, action, None, body)).status_code == 428


@pytest.mark.parametrize("form", ['"{etag}"', "{etag}", 'W/"{etag}"', '"x", "{etag}"', '"{etag}-br"', "*"])
async def test_every_form_of_the_present_etag_is_understood(
    client: httpx.AsyncClient, join: Join, form: str
) -> None:
    lab = await join(groups=["labs"])
    made = await submit(client, lab, lesson())
    etag = made.headers["etag"].strip('"')
    assert (await put(client, lab, made.json()["id"], lesson(), form.format(etag=etag))).status_code == 200


@pytest.mark.parametrize("form", ['"{etag}-x"', '"{etag}.1"', '"x"', '""', '"{etag}-"', "é"])
async def test_no_other_etag_is_taken_for_it(client: httpx.AsyncClient, join: Join, form: str) -> None:
    lab = await join(groups=["labs"])
    made = await submit(client, lab, lesson())
    etag = made.headers["etag"].strip('"')
    headers = {**lab.headers, "If-Match": form.format(etag=etag).encode("latin-1")}
    answer = await client.put(
        f"/api/v1/records/{made.json()['id']}/draft",
        json=lesson(),
        headers=headers,  # type: ignore[arg-type]
    )
    assert answer.status_code == 412


async def test_the_same_text_again_is_another_state_of_the_draft(
    client: httpx.AsyncClient, join: Join
) -> None:
    """The count moves with handling and restricted parts, which the bytes do not hold."""
    lab = await join(groups=["labs"])
    made = await submit(client, lab, lesson())
    again = await put(client, lab, made.json()["id"], lesson(), made.headers["etag"])
    first, second = made.json()["etag"], again.json()["etag"]
    assert first.partition(".")[0] == second.partition(".")[0]
    assert (first.partition(".")[2], second.partition(".")[2]) == ("1", "2")


async def test_the_kind_of_a_record_does_not_change(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join(groups=["labs"])
    made = await submit(client, lab, lesson())
    answer = await put(client, lab, made.json()["id"], incident(), made.headers["etag"])
    assert answer.status_code == 409
    assert "lesson" in answer.json()["detail"]


async def test_elements_keep_their_ids_from_draft_to_draft(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join(groups=["labs"])
    made = await submit(client, lab, lesson(references=["https://a.example/", "https://b.example/"]))
    id = made.json()["id"]
    first = (await draft(client, lab, id)).json()["references"]
    swapped = lesson(references=["https://c.example/", "https://b.example/"])
    await put(client, lab, id, swapped, made.headers["etag"])
    second = (await draft(client, lab, id)).json()["references"]
    ids = {reference["url"]: reference["id"] for reference in (*first, *second)}
    assert len(set(ids.values())) == 3
    assert second[1] == first[1]


# --- what stands beside the draft ---


async def beside(client: httpx.AsyncClient, member: Any, id: str) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/records/{id}/handling", headers=member.headers)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


async def test_handling_and_parts_stay_while_the_text_is_edited(
    client: httpx.AsyncClient, join: Join
) -> None:
    """Whoever edits what they read of a draft has not seen them, and must not lift an embargo by that."""
    lab = await join(groups=["labs"])
    handling = {"tlp": "AMBER", "groups": ["labs"], "embargo_until": "2100-01-01T00:00:00Z"}
    part = {"id": "method", "tlp": "RED", "people": ["ann@example.org"], "content": {"summary": "More."}}
    made = await submit(client, lab, incident(handling=handling, restricted=[part]))
    id = made.json()["id"]
    before = await beside(client, lab, id)
    assert before["state"] == "draft"
    assert before["handling"] == handling
    assert {one["id"] for one in before["restricted"]} == {"method", "set-aside"}

    read = await draft(client, lab, id)
    assert not {"handling", "restricted"} & read.json().keys()
    edited = {key: value for key, value in read.json().items() if key not in STAMPED}
    edited["title"] = "Clearer"
    replaced = await put(client, lab, id, edited, read.headers["etag"])
    assert replaced.status_code == 200
    assert await beside(client, lab, id) == before
    assert (await draft(client, lab, id)).json()["title"] == "Clearer"


async def test_handling_and_parts_that_are_sent_replace_those_before(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join(groups=["labs"])
    part = {"id": "method", "tlp": "RED", "people": ["ann@example.org"], "content": {"summary": "More."}}
    made = await submit(client, lab, lesson(handling={"tlp": "GREEN"}, restricted=[part]))
    id = made.json()["id"]
    replaced = await put(
        client, lab, id, lesson(handling={"tlp": "CLEAR"}, restricted=[]), made.headers["etag"]
    )
    assert replaced.status_code == 200
    now = await beside(client, lab, id)
    assert now["handling"] == {"tlp": "CLEAR"}
    assert now["restricted"] == []


async def test_naming_an_audience_without_a_level_is_not_for_everybody(
    client: httpx.AsyncClient, join: Join
) -> None:
    answer = await submit(client, await join(groups=["labs"]), lesson(handling={"groups": ["labs"]}))
    assert answer.status_code == 422
    assert [(one["code"], one["pointer"]) for one in answer.json()["findings"]] == [
        ("tlp-missing", "/handling/tlp")
    ]


# --- revisions ---


async def test_without_a_draft_one_reads_what_a_revision_starts_from(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join(groups=["labs"])
    id = await bring_out(client, lab, lesson())
    newest = await client.get(f"/api/v1/records/{id}")
    read = await draft(client, lab, id)
    commit = read.headers["etag"].strip('"')
    assert newest.headers["etag"] == f'"{commit}-br"', "the same, but for the name of the coding"
    assert read.json()["prev"] == commit
    assert not {"version", "published", "modified", "updated"} & read.json().keys()
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Draft)) == 0, "reading begins none"

    submission = {key: value for key, value in read.json().items() if key not in STAMPED}
    begun = await put(client, lab, id, submission, read.headers["etag"])
    assert begun.status_code == 200
    assert (await draft(client, lab, id)).headers["etag"] == begun.headers["etag"]
    assert (await client.get(f"/api/v1/records/{id}")).content == newest.content, "readers see none of it"


async def test_a_revision_that_is_begun_from_a_version_gone_by_is_refused(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join(groups=["labs"])
    id = await bring_out(client, lab, lesson())
    old = (await draft(client, lab, id)).headers["etag"]
    assert (await revise(client, lab, id, title="Second")).status_code == 200
    assert (await put(client, lab, id, lesson(title="Third"), old)).status_code == 412


# --- hidden ---


async def statements_of(database: Database, asking: Any) -> tuple[httpx.Response, list[str]]:
    """An answer, and the statements that the database was asked for it."""
    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        # The front looks for changes on its own, whenever that is, and whose a token is, now and then.
        if not any(word in statement for word in ("changelog", "token", "sharing_group", "BEGIN", "PRAGMA")):
            asked.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        answer = await asking
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    return answer, asked


READS = ("", "/versions", "/versions/1", "/versions/p1", "/responses", "/draft", "/handling", "/similar")


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("tlp", ["CLEAR", "AMBER"])
async def test_a_draft_cannot_be_told_from_what_is_not_there(
    client: httpx.AsyncClient, join: Join, database: Database, path: str, tlp: str
) -> None:
    """To everybody but its owner: the same status, the same words, by the same questions to the database."""
    lab, stranger = await join(groups=["labs"]), await join("stranger")
    submission = lesson(handling={"tlp": tlp, **({"groups": ["labs"]} if tlp == "AMBER" else {})})
    hidden, absent = (await submit(client, lab, submission)).json()["id"], new_id()
    for headers in ({}, stranger.headers):
        answers = []
        for id in (hidden, absent):
            answer, asked = await statements_of(
                database, client.get(f"/api/v1/records/{id}{path}", headers=headers)
            )
            kept = {
                name: value
                for name, value in answer.headers.items()
                if name not in ("x-request-id", "content-length")
            }
            answers.append((answer.status_code, answer.text.replace(id, "ID"), kept, asked))
        assert answers[0] == answers[1]
        assert answers[0][0] == (401 if path in ("/draft", "/handling") and not headers else 404)


async def test_writes_to_a_draft_of_others_are_answered_as_if_there_were_none(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab, stranger = await join(groups=["labs"]), await join("stranger")
    made = await submit(client, lab, lesson())
    hidden, absent = made.json()["id"], new_id()
    before = await rows(database)
    answers = []
    for id in (hidden, absent):
        tried = [
            await put(client, stranger, id, lesson(), made.headers["etag"]),
            await put(client, stranger, id, lesson(), None),
            await act(client, stranger, id, "publish", made.headers["etag"]),
            await act(client, stranger, id, "withdraw", made.headers["etag"], {"code": "error"}),
            await act(client, stranger, id, "reinstate", made.headers["etag"]),
        ]
        answers.append([(one.status_code, one.text.replace(id, "ID")) for one in tried])
    assert answers[0] == answers[1]
    assert {status for status, _ in answers[0]} == {404}
    assert await rows(database) == before


async def test_a_draft_leaves_no_trace_in_public(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join(groups=["labs"])
    public = ("/api/v1/records", "/api/v1/changes", "/api/v1/stats", "/feeds/all.json", "/readyz")
    before = [(await client.get(path)).text for path in public]
    made = await submit(client, lab, lesson())
    await put(client, lab, made.json()["id"], lesson(title="Again"), made.headers["etag"])
    after = [(await client.get(path)).text for path in public]
    assert before == after


@pytest.mark.parametrize("id", ["CIR-7GQ2M4KX9Y", "CIR-", "7GQ2M4KX9X", "CIR-UUUUUUUUUU", "x" * 300])
async def test_an_id_that_is_mistyped_is_told_as_such(client: httpx.AsyncClient, join: Join, id: str) -> None:
    lab = await join(groups=["labs"])
    for path in ("", "/versions", "/versions/1", "/responses", "/draft"):
        answer = await client.get(f"/api/v1/records/{id}{path}", headers=lab.headers)
        assert answer.status_code == 400
        assert answer.json()["type"] == "urn:candor:problem:malformed"


async def test_an_id_is_read_in_any_case_and_with_letters_that_look_like_digits(
    client: httpx.AsyncClient, join: Join
) -> None:
    id = await bring_out(client, await join(groups=["labs"]), lesson())
    for written in (id.lower(), id.replace("0", "O").replace("1", "I"), f" {id}"):
        assert (await client.get(f"/api/v1/records/{written}")).json()["id"] == id


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_a_revision_names_no_version_that_was_shared_below_clear(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join("lab")
    made = await submit(client, lab, lesson(handling={"tlp": "GREEN"}))
    id = made.json()["id"]
    shared = await act(client, lab, id, "publish", made.headers["etag"])
    assert shared.json()["version"] == "p1", shared.text
    assert (await draft(client, lab, id)).json()["prev"] is None
