"""A draft with something in it waits until somebody says why it may stay."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from registry.actor import Scope
from registry.clock import instant
from registry.db import now
from tests.conftest import Join, Member, Publish

SCOPES = f"{Scope.RECORDS_READ} {Scope.RECORDS_WRITE} {Scope.RECORDS_REVIEW} {Scope.RECORDS_PUBLISH}"
LESSON: dict[str, Any] = {
    "kind": "lesson",
    "title": "A lesson",
    "summary": "What was learnt.",
    "content": {"what_happened": "Write to anna.berg@lab.example, who knows."},
}


async def begin(client: httpx.AsyncClient, member: Member, **fields: Any) -> tuple[str, str]:
    made = await client.post("/api/v1/records", json={**LESSON, **fields}, headers=member.headers)
    assert made.status_code == 201, made.text
    return made.json()["id"], made.headers["etag"]


async def act(client: httpx.AsyncClient, member: Member, id: str, action: str, etag: str) -> httpx.Response:
    headers = {**member.headers, "If-Match": etag}
    return await client.post(f"/api/v1/records/{id}/actions/{action}", headers=headers)


async def resolve(
    client: httpx.AsyncClient, member: Member, id: str, number: int, reason: Any
) -> httpx.Response:
    path = f"/api/v1/records/{id}/findings/{number}/resolve"
    return await client.post(path, headers=member.headers, json={"reason": reason})


async def test_a_finding_blocks_until_it_is_resolved(client: httpx.AsyncClient, join: Join) -> None:
    member = await join("lab", scopes=SCOPES)
    other = await join("other", scopes=SCOPES)
    id, etag = await begin(client, member)
    refused = await act(client, member, id, "publish", etag)
    assert refused.status_code == 422, refused.text
    [finding] = refused.json()["findings"]
    assert (finding["code"], finding["pointer"]) == ("screening-email-address", "/content/what_happened")
    assert "anna.berg" not in refused.text
    assert (await resolve(client, member, id, 1, " ")).status_code == 422
    assert (await resolve(client, member, id, 2, "why")).status_code == 404
    assert (await resolve(client, other, id, 1, "why")).status_code == 404
    resolved = await resolve(client, member, id, 1, "She asked to be named.")
    assert resolved.status_code == 200, resolved.text
    assert (await resolve(client, member, id, 1, "again")).status_code == 409
    draft = await client.get(f"/api/v1/records/{id}/draft", headers=member.headers)
    published = await act(client, member, id, "publish", draft.headers["etag"])
    assert published.status_code == 200, published.text


@pytest.mark.parametrize("tlp", ["CLEAR", "RED"])
async def test_a_hidden_record_is_not_felt(
    client: httpx.AsyncClient, join: Join, publish: Publish, tlp: str
) -> None:
    """An indicator of a record that the submitter may not see blocks nothing, and is not told."""
    owner, member = await join("owner", scopes=SCOPES), await join("lab", scopes=SCOPES)
    incident = {
        "kind": "incident",
        "content": {"status": "contained", "indicators": [{"type": "domain", "value": "pay.evil.example"}]},
    }
    handling = {"handling": {"tlp": tlp, **({"people": ["a@b.example"]} if tlp == "RED" else {})}}
    told = await publish(owner, title="Calls in a familiar voice", **incident, **handling)
    id, etag = await begin(client, member, **incident)
    answer = await act(client, member, id, "publish", etag)
    if tlp == "RED":
        assert answer.status_code == 200, answer.text
        assert told["id"] not in answer.text
    else:
        assert answer.status_code == 422
        assert answer.json()["findings"][0]["code"] == "screening-shared-indicator"
        assert told["id"] in answer.text


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_drafts_of_others_are_for_stewards(client: httpx.AsyncClient, join: Join) -> None:
    """What is handed in somewhere else, or waits for its time there, is felt by stewards alone."""
    owner, member = await join("owner", scopes=SCOPES), await join("lab", scopes=SCOPES)
    steward = await join("house", scopes="registry:steward records:read")
    told = {
        "kind": "incident",
        "title": "Calls in a familiar voice",
        "aliases": [{"scheme": "case", "id": "2026-7"}],
        "content": {"status": "contained", "indicators": [{"type": "domain", "value": "pay.evil.example"}]},
    }
    handed_in, etag = await begin(client, owner, **told)
    await act(client, owner, handed_in, "submit", etag)
    waiting, etag = await begin(client, owner, **{**told, "aliases": []})
    headers = {**owner.headers, "If-Match": etag}
    address = f"/api/v1/records/{waiting}/actions/schedule"
    later = instant(now() + timedelta(days=3))
    # A second of one's own is told, and blocks until somebody says why it may stay.
    refused = await client.post(address, json={"at": later}, headers=headers)
    assert handed_in in refused.text
    await resolve(client, owner, waiting, 1, "Another matter.")
    etag = (await client.get(f"/api/v1/records/{waiting}/draft", headers=owner.headers)).headers["etag"]
    headers["If-Match"] = etag
    done = await client.post(address, json={"at": later}, headers=headers)
    assert done.status_code == 200, done.text

    id, etag = await begin(client, member, **told)
    submitted = await act(client, member, id, "submit", etag)
    assert submitted.status_code == 200
    assert submitted.json().get("findings", []) == []
    handling = await client.get(f"/api/v1/records/{id}/handling", headers=member.headers)
    for answer in (submitted, handling):
        assert handed_in not in answer.text
        assert waiting not in answer.text
    queue = await client.get("/api/v1/queue?type=match", headers=steward.headers)
    matches = [item["text"] for item in queue.json()["items"] if item["subject"] == id]
    assert [sum(other in text for text in matches) for other in (handed_in, waiting)] == [2, 1]
    assert sum("known elsewhere by the same name" in text for text in matches) == 1
    for who in (owner, member):
        mine = await client.get("/api/v1/queue", headers=who.headers)
        assert "match" not in {item["type"] for item in mine.json()["items"]}
    resolved = await resolve(client, steward, id, 1_000_001, "Both were told.")
    assert resolved.status_code == 200, resolved.text
    published = await act(client, member, id, "publish", submitted.headers["etag"])
    assert published.status_code == 200, published.text


async def test_a_relation_to_a_hidden_record_is_one_to_an_unknown(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    owner, member = await join("owner", scopes=SCOPES), await join("lab", scopes=SCOPES)
    hidden = await publish(owner, handling={"tlp": "RED", "people": ["a@b.example"]})
    answers = []
    for target in (hidden["id"], "CIR-7GQ2M4KX9X"):
        draft = {**LESSON, "relations": [{"type": "related", "target": {"id": target}}]}
        checked = await client.post("/api/v1/validate", json=draft, headers=member.headers)
        id, etag = await begin(client, member, relations=draft["relations"])
        submitted = await act(client, member, id, "submit", etag)
        told = {
            key: value for key, value in submitted.json().items() if key not in ("id", "etag", "document")
        }
        answers.append((checked.json()["findings"], submitted.status_code, told.get("findings")))
    assert answers[0] == answers[1]
