"""A draft with something in it waits until somebody says why it may stay."""

from typing import Any

import httpx
import pytest

from registry.actor import Scope
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
