"""What providers do to records over HTTP, in one line each."""

from typing import Any

import httpx

from tests.conftest import Member

STAMPED = ("schema", "id", "origin", "provider", "provider_sector", "prev")


def lesson(**fields: Any) -> dict[str, Any]:
    return {
        "kind": "lesson",
        "title": "A lesson",
        "summary": "What was learnt.",
        "references": ["https://lab.example/post"],
        "content": {"what_happened": "Something happened.", "recommendations": ["Look twice."]},
        **fields,
    }


def incident(**fields: Any) -> dict[str, Any]:
    content = {
        "assertion": {"status": "confirmed"},
        "severity": "severity:high",
        "times": {"started": "2026-01", "aware": "2026-01-20"},
        "filings": [{"regime": "eu-73", "authority": "A market surveillance authority"}],
        "contacts": [{"name": "Press office", "role": "press", "address": "press@lab.example"}],
        **fields.pop("content", {}),
    }
    return {
        "kind": "incident",
        "title": "An incident",
        "summary": "What happened.",
        "content": content,
    } | fields


async def submit(client: httpx.AsyncClient, member: Member, submission: dict[str, Any]) -> httpx.Response:
    return await client.post("/api/v1/records", json=submission, headers=member.headers)


async def draft(client: httpx.AsyncClient, member: Member, id: str) -> httpx.Response:
    return await client.get(f"/api/v1/records/{id}/draft", headers=member.headers)


async def put(
    client: httpx.AsyncClient, member: Member, id: str, submission: dict[str, Any], etag: str | None
) -> httpx.Response:
    headers = member.headers | ({"If-Match": etag} if etag is not None else {})
    return await client.put(f"/api/v1/records/{id}/draft", json=submission, headers=headers)


async def act(
    client: httpx.AsyncClient,
    member: Member,
    id: str,
    action: str,
    etag: str | None,
    body: dict[str, Any] | None = None,
) -> httpx.Response:
    headers = member.headers | ({"If-Match": etag} if etag is not None else {})
    return await client.post(f"/api/v1/records/{id}/actions/{action}", json=body or {}, headers=headers)


async def bring_out(client: httpx.AsyncClient, member: Member, submission: dict[str, Any]) -> str:
    """Submit and publish; answers the id."""
    made = await submit(client, member, submission)
    assert made.status_code == 201, made.text
    id: str = made.json()["id"]
    done = await act(client, member, id, "publish", made.headers["etag"])
    assert done.status_code == 200, done.text
    return id


async def revise(client: httpx.AsyncClient, member: Member, id: str, **changes: Any) -> httpx.Response:
    """Publish the record as it is with some changes."""
    read = await draft(client, member, id)
    submission = {key: value for key, value in read.json().items() if key not in STAMPED} | changes
    submission.setdefault("revision", {"type": "correction", "note": "A number was wrong."})
    replaced = await put(client, member, id, submission, read.headers["etag"])
    assert replaced.status_code == 200, replaced.text
    return await act(client, member, id, "publish", replaced.headers["etag"])


async def withdraw(client: httpx.AsyncClient, member: Member, id: str) -> httpx.Response:
    newest = await client.get(f"/api/v1/records/{id}", headers=member.headers)
    done = await act(client, member, id, "withdraw", newest.headers["etag"], {"code": "error"})
    assert done.status_code == 200, done.text
    return done


async def reinstate(client: httpx.AsyncClient, member: Member, id: str) -> httpx.Response:
    newest = await client.get(f"/api/v1/records/{id}", headers=member.headers)
    done = await act(client, member, id, "reinstate", newest.headers["etag"])
    assert done.status_code == 200, done.text
    return done


async def titles(client: httpx.AsyncClient, address: str = "/api/v1/records", **query: Any) -> list[str]:
    answer = await client.get(address, params=query)
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]
