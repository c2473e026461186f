"""Campaigns as they are kept and told: joined with what changed, and nothing of what may not be seen."""

import random
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from registry.app import Application
from registry.db import Database
from registry.extensions import Node
from registry.records.campaigns import reader as campaigns
from registry.records.campaigns.clusters import clusters
from registry.records.campaigns.models import Campaign, CampaignMember
from registry.records.campaigns.queries import holders_of, traits_of
from registry.records.models import Record
from tests.conftest import Join, Member
from tests.registry.records.acting import act, bring_out, incident, reinstate, revise, withdraw

SCOPES = "records:read records:write records:review records:publish"


@pytest.fixture(autouse=True)
def _unscreened(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shared would have to be resolved each time."""

    async def nothing(*_: Any, **__: Any) -> list[Any]:
        return []

    monkeypatch.setattr("registry.records.screening.look", nothing)


def told(title: str, *domains: str, **fields: Any) -> dict[str, Any]:
    content = {"indicators": [{"type": "domain", "value": domain} for domain in domains]}
    return incident(title=title, content=content, **fields)


async def caught_up(app: Application) -> None:
    [tail] = [tail for tail in app.tails if tail.reader.name == campaigns.NAME]
    await tail.catch_up()


async def listed(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get("/api/v1/campaigns", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def of(client: httpx.AsyncClient, id: str) -> dict[str, Any] | None:
    answer = await client.get(f"/api/v1/records/{id}/campaign")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] | None = answer.json()["campaign"]
    return found


async def labs(join: Join) -> list[Member]:
    return [await join(slug, scopes=SCOPES) for slug in ("one-lab", "two-lab", "three-lab")]


async def test_records_of_several_organisations_look_like_one_campaign(
    client: httpx.AsyncClient, app: Application, join: Join
) -> None:
    one, two, three = await labs(join)
    steward = await join("house", scopes="registry:steward records:read")
    first = await bring_out(client, one, told("Calls", "pay.evil.example", "x.evil.example"))
    second = await bring_out(client, two, told("Mails", "hxxps://pay[.]evil[.]example/login"))
    third = await bring_out(
        client, three, told("Shops", "hxxps://x[.]evil[.]example", attribution="anonymous")
    )
    await bring_out(client, three, told("Else", "other.example.net"))
    hidden = await bring_out(
        client, three, told("Told to some", "pay.evil.example", handling={"tlp": "GREEN"})
    )
    await caught_up(app)
    [looks] = await listed(client)
    assert [record["id"] for record in looks["records"]] == [third, second, first]
    assert (looks["size"], looks["organisations"]) == (3, 3)
    assert looks["shared"] == [
        {"kind": "indicator", "value": "x.evil.example", "records": 2},
        {"kind": "host", "value": "pay.evil.example", "records": 2},
    ]
    assert "provider" not in looks["records"][0]
    assert await of(client, second) == looks
    assert await listed(client, organisations=4) == []
    assert (await client.get(f"/api/v1/records/{hidden}/campaign")).status_code == 404

    # What may not be seen any more is gone at once, with what it joined, and what it counted for.
    await withdraw(client, one, first)
    assert await listed(client) == []
    assert await of(client, second) is None
    await caught_up(app)
    assert await of(client, second) is None
    await reinstate(client, one, first)
    await caught_up(app)
    assert await of(client, first) == looks | {"records": looks["records"]}
    order = {"code": "An order", "reason": "It was told to."}
    etag = (await client.get(f"/api/v1/records/{third}")).headers["etag"]
    assert (await act(client, steward, third, "suppress", etag, order)).status_code == 200
    [left] = await listed(client)
    assert ([record["id"] for record in left["records"]], left["organisations"]) == ([second, first], 2)
    # An erasure leaves no row.
    etag = (await client.get(f"/api/v1/records/{first}")).headers["etag"]
    gone = {"code": "safety", "reason": "It named a victim."}
    assert (await act(client, steward, first, "erase", etag, gone)).status_code == 200
    assert await listed(client) == []


async def test_pages_and_revisions(client: httpx.AsyncClient, app: Application, join: Join) -> None:
    one, two, _ = await labs(join)
    pairs = []
    for number in range(3):
        ids = [
            await bring_out(client, lab, told(f"Pair {number}", f"p{number}.evil.example"))
            for lab in (one, two)
        ]
        pairs.append(ids)
    await caught_up(app)
    first = (await client.get("/api/v1/campaigns", params={"limit": 2})).json()
    assert [item["records"][0]["id"] for item in first["items"]] == [pairs[2][1], pairs[1][1]]
    rest = (await client.get("/api/v1/campaigns", params={"limit": 2, "cursor": first["next"]})).json()
    assert ([item["records"][0]["id"] for item in rest["items"]], rest["next"]) == ([pairs[0][1]], None)
    content = told("x", "p0.evil.example", "p2.evil.example")["content"]
    done = await revise(client, one, pairs[0][0], content=content)
    assert done.status_code == 200, done.text
    await caught_up(app)
    sizes = [item["size"] for item in await listed(client)]
    assert sizes == [4, 2]


async def _kept(database: Database) -> dict[int, set[int]]:
    async with database.read() as session:
        rows = (await session.execute(select(CampaignMember.cluster, CampaignMember.record_pk))).all()
        lines = set(await session.scalars(select(Campaign.cluster)))
    found: dict[int, set[int]] = {}
    for cluster, pk in rows:
        found.setdefault(cluster, set()).add(pk)
    assert set(found) == lines
    return found


@pytest.mark.one_database
async def test_what_is_kept_is_what_all_would_give(
    client: httpx.AsyncClient,
    app: Application,
    node: Node,
    join: Join,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After each change, the clusters are those that would be made of everything from the beginning."""
    monkeypatch.setattr("registry.records.campaigns.clusters.MOST_HOLDERS", 4)
    monkeypatch.setattr(campaigns, "MOST_HOLDERS", 4)
    draw = random.Random(5)
    [lab, *_] = await labs(join)
    out: list[str] = []
    back: list[str] = []

    def some() -> dict[str, Any]:
        names = [f"{letter}.evil.example" for letter in draw.sample("abcdefg", draw.randint(0, 2))]
        return told("A case", *names)

    for _ in range(30):
        what = draw.random()
        if what < 0.5 or not out:
            out.append(await bring_out(client, lab, some()))
        elif what < 0.75:
            await revise(client, lab, draw.choice(out), content=some()["content"])
        elif what < 0.9 or not back:
            back.append(out.pop(draw.randrange(len(out))))
            await withdraw(client, lab, back[-1])
        else:
            out.append(back.pop())
            await reinstate(client, lab, out[-1])
        if draw.random() < 0.5:
            continue
        await caught_up(app)
        async with node.database.read() as session:
            held = await traits_of(session, list(await session.scalars(select(Record.pk))))
            counted = await holders_of(session, frozenset(t for traits in held.values() for t in traits))
        expected = {records[0]: set(records) for records in clusters(held, counted)}
        assert await _kept(node.database) == expected
