"""Relations that would lead back to where they began are refused, however many records lie between."""

import httpx
import pytest

from tests.conftest import Join, Publish


def derives_from(id: str) -> list[dict[str, object]]:
    return [{"type": "derived-from", "target": {"id": id}}]


@pytest.mark.parametrize("between", [0, 1, 3])
async def test_a_revision_that_closes_a_circle_is_refused_with_its_place(
    client: httpx.AsyncClient, join: Join, publish: Publish, between: int
) -> None:
    member = await join()
    first = await publish(member)
    last = first
    for _ in range(between + 1):
        last = await publish(member, relations=derives_from(last["id"]))

    path = f"/api/v1/records/{first['id']}"
    read = await client.get(f"{path}/draft", headers=member.headers)
    put = await client.put(
        f"{path}/draft",
        headers={**member.headers, "If-Match": read.headers["etag"]},
        json={
            "kind": "lesson",
            "title": "A lesson",
            "relations": derives_from(last["id"]),
            "revision": {"type": "correction"},
            "content": {"what_happened": "Something happened."},
        },
    )
    assert put.status_code == 200, put.text
    refused = await client.post(
        f"{path}/actions/publish", headers={**member.headers, "If-Match": put.headers["etag"]}
    )
    assert refused.status_code == 422
    assert [finding["code"] for finding in refused.json()["findings"]] == ["cyclic-relation"]
    assert (await client.get(path)).json()["version"] == 1


async def test_relations_that_may_go_both_ways_are_left_alone(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    member = await join()
    first = await publish(member)
    second = await publish(member, relations=[{"type": "related", "target": {"id": first["id"]}}])
    assert second["relations"][0]["target"]["id"] == first["id"]
