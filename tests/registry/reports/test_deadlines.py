"""What an organisation is told that it has to file, and by when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from registry.actor import Actor, Scope
from registry.clock import instant, read_instant
from registry.db import now
from registry.extensions import Node
from registry.providers import queries as providers
from registry.reports.deadlines import deadlines, own_deadlines
from tests.conftest import Join, Publish
from tests.registry.reports.test_api import INCIDENT
from tests.registry.reports.test_regimes import FULL, with_content

AWARE = datetime(2026, 3, 2, 10, tzinfo=UTC)
ALL = {"eu-73", "eu-gpai", "us-ca-sb53", "us-ny-raise"}


def regimes(document: dict[str, Any], at: datetime = AWARE + timedelta(days=1)) -> set[str]:
    return {each.regime for each in deadlines(document, at)}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (FULL, ALL),
        ({**FULL, "basis": "on-behalf"}, ALL),
        ({**FULL, "basis": "third-party"}, set()),
        (with_content(setting="exercise"), set()),
        (with_content(times={"started": "2026-03-01"}), set()),
        (with_content(event_class="near-miss"), set()),
        (with_content(event_class="near-miss", filings=[{"regime": "eu-gpai"}]), {"eu-gpai"}),
        (with_content(filings=[{"regime": "eu-73"}]), ALL),
        (with_content(filings=[{"regime": "eu-73", "filed": "2026-03-02"}]), ALL - {"eu-73"}),
        ({**FULL, "absent": [{"pointer": "/content/filings", "reason": "not-applicable"}]}, set()),
    ],
)
def test_what_is_told(document: dict[str, Any], told: set[str]) -> None:
    assert regimes(document) == told


def test_what_is_long_over_is_told_no_more() -> None:
    raise_act = [each for each in deadlines(FULL, AWARE + timedelta(days=4)) if each.regime == "us-ny-raise"]
    assert [(each.overdue, each.since) for each in raise_act] == [(True, AWARE)]
    assert "us-ny-raise" in regimes(FULL, AWARE + timedelta(days=92))
    assert "us-ny-raise" not in regimes(FULL, AWARE + timedelta(days=94))


def test_the_nearest_limit_of_a_regime_is_told() -> None:
    threat = {"tag": "harm:physical/injury", "status": "potential"}
    document = with_content(status="ongoing", harms=[threat])
    told = [each for each in deadlines(document, AWARE) if each.regime == "us-ca-sb53"]
    assert [each.due for each in told] == [AWARE + timedelta(hours=24)]


async def test_own_incidents_are_looked_at_drafts_included(
    node: Node, client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    mine, other = await join(), await join("other-lab")
    aware = instant(now() - timedelta(days=1))
    body = {**INCIDENT, "content": {**INCIDENT["content"], "times": {"aware": aware}}}
    published = await publish(mine, **body)
    draft = (await client.post("/api/v1/records", json=body, headers=mine.headers)).json()
    withdrawn = await publish(mine, **body)
    commit = (await client.get(f"/api/v1/records/{withdrawn['id']}")).headers["etag"]
    await client.post(
        f"/api/v1/records/{withdrawn['id']}/actions/withdraw",
        json={"code": "error"},
        headers={**mine.headers, "If-Match": commit},
    )
    await publish(mine)
    async with node.database.read() as session:
        owner = await providers.by_slug(session, mine.slug)
        another = await providers.by_slug(session, other.slug)
        reader = Actor("a", provider=owner.pk, scopes=frozenset({Scope.RECORDS_READ}))
        found = await own_deadlines(session, reader)
        assert await own_deadlines(session, Actor("a", provider=owner.pk)) == []
        stranger = Actor("b", provider=another.pk, scopes=reader.scopes)
        assert await own_deadlines(session, stranger) == []
        assert await own_deadlines(session, Actor("c", scopes=reader.scopes)) == []
    assert {each.record for each in found} == {published["id"], draft["id"]}
    assert {each.regime for each in found} == ALL
    assert [each.due for each in found] == sorted(each.due for each in found)


async def test_they_stand_in_the_queue_until_they_are_filed(client: httpx.AsyncClient, join: Join) -> None:
    mine, other = await join(), await join("other-lab")
    content = {**INCIDENT["content"], "times": {"aware": instant(now() - timedelta(days=4))}}
    made = await client.post("/api/v1/records", json={**INCIDENT, "content": content}, headers=mine.headers)
    id = made.json()["id"]

    async def due(headers: dict[str, str]) -> dict[str, dict[str, Any]]:
        items = (await client.get("/api/v1/queue", headers=headers)).json()["items"]
        return {item["type"]: item for item in items if item["subject"] == id}

    told = await due(mine.headers)
    assert {sort for sort in told if sort.startswith("report-")} == {f"report-{name}" for name in ALL}
    item = told["report-us-ny-raise"]
    assert "overdue" in item["text"]
    assert read_instant(item["due"]) - read_instant(item["since"]) == timedelta(hours=72)
    assert (await client.get(item["link"], headers=mine.headers)).json()["version"] == "draft"
    assert await due(other.headers) == {}
    filings = [{"regime": "us-ny-raise", "filed": instant(now())}]
    await client.put(
        f"/api/v1/records/{id}/draft",
        json={**INCIDENT, "content": {**content, "filings": filings}},
        headers={**mine.headers, "If-Match": made.headers["etag"]},
    )
    assert "report-us-ny-raise" not in await due(mine.headers)
    assert "report-eu-73" in await due(mine.headers)
