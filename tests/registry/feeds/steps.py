"""What the tests of feeds do over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any

import feedparser
import httpx
import jsonschema

from tests.conftest import Member
from tests.registry.feeds.rules import JSON_FEED, atom_violations, rss_violations

TYPES = {"rss": "application/rss+xml", "atom": "application/atom+xml", "json": "application/feed+json"}


async def read(client: httpx.AsyncClient, address: str, **parameters: Any) -> list[dict[str, Any]]:
    """The items of a JSON Feed."""
    answer = await client.get(f"/feeds/{address}.json", params=parameters)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def titles(items: Sequence[Mapping[str, Any]]) -> list[str]:
    return [item["title"] for item in items]


async def act(client: httpx.AsyncClient, member: Member, id: str, action: str, body: dict[str, Any]) -> None:
    newest = await client.get(f"/api/v1/records/{id}")
    headers = {**member.headers, "If-Match": newest.headers["etag"]}
    done = await client.post(f"/api/v1/records/{id}/actions/{action}", json=body, headers=headers)
    assert done.status_code == 200, done.text


async def withdraw(client: httpx.AsyncClient, member: Member, id: str) -> None:
    await act(client, member, id, "withdraw", {"code": "error", "text": "It was wrong."})


async def revise(client: httpx.AsyncClient, member: Member, id: str, **changes: Any) -> None:
    newest = await client.get(f"/api/v1/records/{id}/draft", headers=member.headers)
    stamped = ("schema", "id", "origin", "provider", "prev")
    submission = {key: value for key, value in newest.json().items() if key not in stamped} | changes
    submission.setdefault("revision", {"type": "correction", "note": "A number was wrong."})
    headers = {**member.headers, "If-Match": newest.headers["etag"]}
    put = await client.put(f"/api/v1/records/{id}/draft", json=submission, headers=headers)
    assert put.status_code == 200, put.text
    headers["If-Match"] = put.headers["etag"]
    done = await client.post(f"/api/v1/records/{id}/actions/publish", headers=headers)
    assert done.status_code == 200, done.text


def check(answer: httpx.Response, suffix: str, fetched: str) -> None:
    if suffix == "json":
        jsonschema.Draft202012Validator(JSON_FEED).validate(answer.json())
        assert answer.json()["feed_url"] == fetched
        return
    violations = rss_violations if suffix == "rss" else atom_violations
    assert violations(answer.content) == []
    seen = feedparser.parse(answer.content)
    assert not seen.bozo
    assert [link.href for link in seen.feed.links if link.rel == "self"] == [fetched]
