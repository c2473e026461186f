"""Unusual activity: what is told, once, and what stewards answer."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from registry.actor import Actor, Scope
from registry.audit.models import Act
from registry.audit.service import note
from registry.changelog.append import Entry, append
from registry.changelog.models import Change
from registry.changelog.tail import read_changes
from registry.db import now
from registry.extensions import Node
from registry.ids import new_id
from registry.moderation.anomalies.models import Anomaly, HourCount, KnownNetwork
from registry.moderation.anomalies.queries import activity
from registry.moderation.anomalies.reader import ActivityReader, network_mark
from registry.moderation.anomalies.rules import RULES, Activity
from registry.providers import service as providers
from registry.providers.models import Provider
from registry.records.models import Record
from registry.settings import WATCHED, Settings
from tests.conftest import Join, Publish

STEWARD = f"{Scope.REGISTRY_STEWARD} {Scope.RECORDS_READ}"


# --- the rules ---


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (Activity(), set()),
        (Activity(writes=60), set()),
        (Activity(writes=61), {"burst-of-writes"}),
        (Activity(writes=100, usual_writes=20), set()),
        (Activity(writes=101, usual_writes=20), {"burst-of-writes"}),
        (Activity(publications=20), set()),
        (Activity(publications=21), {"burst-of-publications"}),
        (Activity(publications=50, usual_publications=10), set()),
        (Activity(withdrawals=3, listed=3), set()),
        (Activity(withdrawals=4, listed=10), {"mass-withdrawal"}),
        (Activity(withdrawals=4, listed=40), set()),
        (Activity(withdrawals=101, listed=1000), {"mass-withdrawal"}),
        (Activity(kinds={"incident": 10}, kinds_before={"lesson": 5}), {"off-pattern-kind"}),
        (Activity(kinds={"incident": 9}, kinds_before={"lesson": 5}), set()),
        (Activity(kinds={"incident": 10}, kinds_before={"lesson": 4}), set()),
        (Activity(kinds={"incident": 10}, kinds_before={"lesson": 5, "incident": 1}), set()),
        (Activity(new_networks=("a", "b")), {"new-network"}),
    ],
)
def test_rules(seen: Activity, told: set[str]) -> None:
    assert {rule.name for rule in RULES if rule.find(seen)} == told


def test_networks_are_kept_as_marks() -> None:
    secret = b"s" * 32
    one = network_mark(secret, "ann", "192.0.2.1")
    assert one is not None
    assert one == network_mark(secret, "ann", "192.0.2.200")
    assert one == network_mark(secret, "ann", "::ffff:192.0.2.9")
    assert one != network_mark(secret, "ann", "192.0.3.1")
    assert network_mark(secret, "ann", "2001:db8:1:2::1") == network_mark(secret, "ann", "2001:db8:1:ff::")
    other = network_mark(secret, "bob", "192.0.2.1")
    assert other is not None
    assert other[1] != one[1]
    assert network_mark(b"t" * 32, "ann", "192.0.2.1") != one
    assert network_mark(secret, "ann", "") is None
    assert network_mark(secret, "ann", "a.b") is None


# --- the reader ---


class Office:
    """An organisation whose acts are written down as the services write them."""

    def __init__(self, node: Node, pk: int) -> None:
        self.node, self.pk = node, pk

    async def act(
        self,
        action: str = "published",
        count: int = 1,
        *,
        kind: str = "lesson",
        actor: str = "lab.client",
        address: str = "192.0.2.1",
        ago: timedelta = timedelta(),
    ) -> None:
        at = now() - ago
        async with self.node.database.write() as session:
            for _ in range(count):
                record = Record(
                    origin=self.node.origin,
                    id=new_id(),
                    kind=kind,
                    provider_pk=self.pk,
                    life="published",
                    listed=action == "published",
                    tlp="CLEAR",
                    created_at=at,
                )
                session.add(record)
                entry = Entry("record", action, record.id, self.node.origin, actor, at, 1, kind)
                await session.flush()
                await append(session, [entry])
            by = Actor(name=actor, address=address)
            await note(session, by, "record", action, record.id, provider=self.pk)


async def office(node: Node) -> Office:
    async with node.database.write() as session:
        made = await providers.add(session, "lab", "Lab", origin=node.origin, approve=True, by="test")
        return Office(node, made.pk)


async def follow(node: Node, *, reader: ActivityReader | None = None) -> list[str]:
    reader = reader or ActivityReader(node)
    while True:
        after = await reader.position()
        async with node.database.read() as session:
            changes = await read_changes(session, after=after, limit=reader.batch)
        if not changes:
            break
        await reader.consume(changes, upto=changes[-1].seq)
    async with node.database.read() as session:
        return list(await session.scalars(select(Anomaly.rule).order_by(Anomaly.pk)))


async def counted(node: Node) -> int:
    async with node.database.read() as session:
        return await session.scalar(select(func.sum(HourCount.count))) or 0


async def test_a_burst_is_told_once(node: Node) -> None:
    lab = await office(node)
    await lab.act(count=21)
    assert await follow(node) == ["burst-of-publications"]
    await lab.act(count=5)
    assert await follow(node) == ["burst-of-publications"]
    async with node.database.read() as session:
        [row] = (await session.scalars(select(Anomaly))).all()
        act = (await session.scalars(select(Act).where(Act.topic == "anomaly"))).one()
    assert row.detail == {"publications": 21, "usual": 0}
    # The organisation's own trail does not tell it what it is watched for.
    assert (act.action, act.actor, act.provider_pk) == ("raised", "registry", None)


async def test_nothing_is_counted_twice(node: Node) -> None:
    lab = await office(node)
    await lab.act(count=3)
    await follow(node)
    async with node.database.read() as session:
        changes = await read_changes(session, after=0, limit=1000)
    await ActivityReader(node).consume(changes, upto=changes[-1].seq)
    assert await counted(node) == 3


async def test_what_is_usual_is_not_told(node: Node) -> None:
    lab = await office(node)
    for day in range(2, 7):
        await lab.act(count=10, ago=timedelta(days=day))
    await lab.act(count=40)
    assert await follow(node) == []
    async with node.database.read() as session:
        seen = await activity(session, lab.pk, now())
    assert (seen.publications, seen.usual_publications, seen.kinds_before) == (40, 10, {"lesson": 50})


async def test_what_is_long_over_is_counted_and_not_told(node: Node) -> None:
    lab = await office(node)
    await lab.act(count=30, ago=timedelta(hours=5))
    await lab.act(count=2, ago=timedelta(days=40))
    assert await follow(node) == []
    assert await counted(node) == 30


async def test_the_operators_imports_are_nobodys_activity(node: Node) -> None:
    lab = await office(node)
    await lab.act(count=30, actor="cli")
    reader = ActivityReader(node)
    assert await follow(node, reader=reader) == []
    assert await counted(node) == 0
    await reader.release()
    assert await reader.position() == 0


async def test_mass_withdrawal(node: Node) -> None:
    lab = await office(node)
    await lab.act(count=20, ago=timedelta(days=3))
    await lab.act("withdrawn", 3)
    assert await follow(node) == []
    await lab.act("withdrawn", 1)
    assert await follow(node) == ["mass-withdrawal"]


async def test_a_kind_that_is_off_the_pattern(node: Node) -> None:
    lab = await office(node)
    await lab.act(count=5, ago=timedelta(days=3))
    await lab.act(count=10, kind="incident")
    assert await follow(node) == ["off-pattern-kind"]


async def test_a_new_network(node: Node) -> None:
    lab = await office(node)
    await lab.act("drafted")
    assert await follow(node) == []
    await lab.act("drafted", address="192.0.2.77")
    assert await follow(node) == []
    await lab.act("drafted", address="198.51.100.1")
    assert await follow(node) == ["new-network"]
    await lab.act("drafted", address="198.51.100.1")
    await lab.act("drafted", actor="lab.other", address="203.0.113.1")
    assert await follow(node) == ["new-network"]
    async with node.database.read() as session:
        kept = (await session.scalars(select(KnownNetwork))).all()
    assert len(kept) == 3
    assert not any("." in row.who or "." in row.network for row in kept)


async def test_a_rule_may_hold_by_itself(node: Node) -> None:
    settings = {**node.settings.model_dump(), "hold_on": "mass-withdrawal"}
    node = replace(node, settings=Settings(_env_file=None, **settings))
    lab = await office(node)
    await lab.act("withdrawn", 4)
    assert await follow(node) == ["mass-withdrawal"]
    async with node.database.read() as session:
        held = await session.get_one(Provider, lab.pk)
    assert held.held_at is not None
    assert "mass-withdrawal" in (held.hold_reason or "")


def test_rules_that_hold_have_to_exist() -> None:
    with pytest.raises(ValueError, match="no-such-rule"):
        Settings(hold_on=("no-such-rule",), _env_file=None)
    assert tuple(rule.name for rule in RULES) == WATCHED


# --- stewards ---


async def listed(client: httpx.AsyncClient, headers: dict[str, str], **query: Any) -> Any:
    return (await client.get("/api/v1/anomalies", params=query, headers=headers)).json()


async def test_stewards_answer(client: httpx.AsyncClient, node: Node, join: Join) -> None:
    lab = await office(node)
    await lab.act("withdrawn", 4)
    await lab.act(count=21)
    await follow(node)
    steward = (await join("stewards", scopes=STEWARD)).headers
    other = (await join("other")).headers
    for headers, status in ((other, 403), ({}, 401)):
        assert (await client.get("/api/v1/anomalies", headers=headers)).status_code == status
        refused = await client.post("/api/v1/anomalies/1/answer", headers=headers, json={})
        assert refused.status_code == status
    first = await listed(client, steward, limit=1)
    second = await listed(client, steward, limit=1, cursor=first["next"])
    items = [*first["items"], *second["items"]]
    assert {item["rule"] for item in items} == {"mass-withdrawal", "burst-of-publications"}
    assert all(item["provider"] == "lab" and item["state"] == "open" and item["about"] for item in items)

    queue = (await client.get("/api/v1/queue", headers=steward)).json()["items"]
    assert [item["type"] for item in queue].count("anomaly") == 2
    assert (await client.get("/api/v1/queue", headers=other)).json()["items"] == []

    async def answer(number: int, **body: Any) -> httpx.Response:
        return await client.post(f"/api/v1/anomalies/{number}/answer", headers=steward, json=body)

    wrong = await answer(items[0]["number"], answer="ignore", reason=" ")
    assert wrong.status_code == 422
    assert {finding["pointer"] for finding in wrong.json()["findings"]} == {"/answer", "/reason"}
    assert (await answer(10**9, answer="dismiss", reason="why")).status_code == 404
    done = await answer(items[0]["number"], answer="dismiss", reason="They told us before.")
    assert done.status_code == 200, done.text
    assert (done.json()["state"], done.json()["held"]) == ("answered", False)
    assert (await answer(items[0]["number"], answer="hold", reason="why")).status_code == 409
    held = await answer(items[1]["number"], answer="hold", reason="Somebody else holds their secret.")
    assert held.json()["held"] is True
    assert (await listed(client, steward, state="open"))["items"] == []
    queue = (await client.get("/api/v1/queue", headers=steward)).json()["items"]
    assert "anomaly" not in [item["type"] for item in queue]
    async with node.database.read() as session:
        acts = select(Act.action).where(Act.topic == "anomaly").order_by(Act.pk)
        assert list(await session.scalars(acts))[-2:] == ["dismiss", "hold"]


async def test_a_clock_that_was_set_back_does_no_harm(node: Node) -> None:
    lab = await office(node)
    await lab.act(count=2)
    async with node.database.write() as session:
        await session.execute(update(Change).values(at=now() + timedelta(hours=3)))
    assert await follow(node) == []


async def test_whoever_is_held_writes_and_publishes_nothing(
    client: httpx.AsyncClient, node: Node, join: Join, publish: Publish
) -> None:
    member = await join("lab")
    document = await publish(member)
    async with node.database.read() as session:
        pk = await session.scalar(select(Provider.pk).where(Provider.slug == "lab"))
    assert pk is not None
    await Office(node, pk).act("withdrawn", 4)
    await follow(node)
    steward = (await join("stewards", scopes=STEWARD)).headers
    number = (await listed(client, steward))["items"][0]["number"]
    body = {"answer": "hold", "reason": "Somebody else holds their secret."}
    answered = await client.post(f"/api/v1/anomalies/{number}/answer", headers=steward, json=body)
    assert answered.status_code == 200, answered.text
    draft = {"kind": "lesson", "title": "t", "summary": "s", "content": {"what_happened": "x"}}
    made = await client.post("/api/v1/records", json=draft, headers=member.headers)
    assert made.status_code == 201
    for path, etag in (
        (f"/api/v1/records/{made.json()['id']}/actions/publish", made.headers["etag"]),
        (f"/api/v1/records/{document['id']}/actions/withdraw", "*"),
    ):
        reason = {} if path.endswith("publish") else {"code": "other", "text": "x"}
        refused = await client.post(path, headers={**member.headers, "If-Match": etag}, json=reason)
        assert refused.status_code == 403, refused.text
        assert "holds" in refused.json()["detail"]
