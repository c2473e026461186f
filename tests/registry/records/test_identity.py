"""One thing in several records: aliases across registries, and claims that two are the same."""

from typing import Any

import httpx
import pytest

from registry.extensions import Node
from tests.conftest import ORIGIN, Join, Publish
from tests.registry.mirroring import PEER, mirror, their_id, version_of
from tests.registry.records.acting import act

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
THIRD = "third.example/log"


def same_as(origin: str, id: str) -> dict[str, Any]:
    return {"relations": [{"id": "1", "type": "same-as", "target": {"origin": origin, "id": id}}]}


async def test_names_join_records_across_registries(
    client: httpx.AsyncClient, node: Node, join: Join, publish: Publish
) -> None:
    alias = {"aliases": [{"scheme": "CVE", "id": "CVE-2026-0001"}]}
    ours = await publish(await join("lab"), **alias)
    theirs = version_of("a", aliases=[{"scheme": "cve", "id": "cve-2026-0001"}])
    covering = version_of("b", aliases=[{"scheme": "cve", "id": "CVE-2026-0001", "type": "covers"}])
    await mirror(node, theirs, covering)
    found = (await client.get(f"/api/v1/records/{ours['id']}/identity")).json()
    assert [(one["origin"], one["id"], one["grounds"]) for one in found["items"]] == [
        (PEER, theirs.id, ["alias"])
    ]
    back = (await client.get(f"/api/v1/records/{theirs.id}/identity")).json()
    assert [one["id"] for one in back["items"]] == [ours["id"]]


async def test_a_claim_counts_once_it_is_accepted(
    client: httpx.AsyncClient, node: Node, join: Join, publish: Publish
) -> None:
    lab, steward = await join("lab"), await join("editors", scopes="records:read registry:steward")
    ours = await publish(lab, title="Ours")
    theirs = version_of("a", **same_as(ORIGIN, ours["id"]))
    third = version_of("c", origin=THIRD, **same_as(PEER, theirs.id))
    await mirror(node, theirs, third)
    path = f"/api/v1/records/{ours['id']}"

    async def others() -> tuple[list[str], list[str]]:
        found = (await client.get(f"{path}/identity")).json()
        return sorted(one["id"] for one in found["items"]), [one["by"]["id"] for one in found["claims"]]

    assert await others() == ([], [theirs.id])
    etag = (await client.get(path)).headers["etag"]
    asked = {"origin": PEER, "id": theirs.id, "reason": "Both tell of it."}
    assert (await act(client, lab, ours["id"], "accept-same", etag, asked)).status_code == 403
    unsaid = {**asked, "origin": THIRD, "id": third.id}
    assert (await act(client, steward, ours["id"], "accept-same", etag, unsaid)).status_code == 409
    done = await act(client, steward, ours["id"], "accept-same", etag, asked)
    assert done.status_code == 200, done.text
    assert await others() == ([theirs.id], [])
    acts = (await client.get("/api/v1/audit", headers=steward.headers)).json()["items"]
    assert "accept-same" in [one["action"] for one in acts]
    # Both owners say it of the next, so that nobody needs to decide.
    both = [*same_as(ORIGIN, ours["id"])["relations"], *same_as(THIRD, third.id)["relations"]]
    both[1] = {**both[1], "id": "2"}
    await mirror(node, version_of("a", 2, relations=both))
    assert await others() == (sorted((theirs.id, third.id)), [])
    # What a steward keeps apart stays apart, whoever says otherwise.
    done = await act(client, steward, ours["id"], "refuse-same", etag, asked)
    assert done.status_code == 200, done.text
    assert (await others())[0] == []


async def test_no_chain_makes_a_group_of_everything(client: httpx.AsyncClient, node: Node) -> None:
    def relations(number: int) -> list[dict[str, Any]]:
        beside = [each for each in (number - 1, number + 1) if 0 <= each < 60]
        return [
            {"id": str(each), "type": "same-as", "target": {"id": their_id(f"n{each}")}} for each in beside
        ]

    await mirror(node, *(version_of(f"n{number}", relations=relations(number)) for number in range(60)))
    found = (await client.get(f"/api/v1/records/{their_id('n0')}/identity")).json()
    assert found["larger"]
    assert 0 < len(found["items"]) < 32
