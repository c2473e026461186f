"""Reading the audit trail: whose acts one sees, in which order, and as files that spreadsheets may open."""

import csv
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from registry.actor import Actor
from registry.audit import queries
from registry.audit.service import note
from registry.extensions import Node
from registry.providers.queries import by_slug
from registry.settings import Settings
from tests.conftest import Join, Member
from tests.registry.calling import Call, caller, point_at

AUDIT = "/api/v1/audit"
Act = Callable[..., Awaitable[None]]


@pytest.fixture
def act(node: Node) -> Act:
    """Note an act of somebody concerning an organisation."""

    async def add(slug: str, by: str, action: str = "publish", subject: str = "CIR-1", **detail: Any) -> None:
        async with node.database.write() as session:
            provider = await by_slug(session, slug)
            actor = Actor(name=f"{by}.x", provider_slug=by, address="192.0.2.7")
            await note(session, actor, "record", action, subject, provider=provider.pk, **detail)

    return add


async def read(client: httpx.AsyncClient, who: Member, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(AUDIT, params=query, headers=who.headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"].startswith("private")
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_administrators_read_what_concerns_them_and_stewards_everything(
    client: httpx.AsyncClient, join: Join, act: Act
) -> None:
    lab = await join("lab", scopes="provider:admin")
    rival = await join("rival", scopes="provider:admin")
    steward = await join("stewards", scopes="registry:steward")
    await act("lab", "lab", "publish")
    await act("lab", "stewards", "suppress", code="X-1")
    await act("rival", "rival", "withdraw")
    mine = await read(client, lab, topic="record")
    assert [(item["action"], item.get("address")) for item in mine] == [
        ("suppress", None),
        ("publish", "192.0.2.7"),
    ]
    assert mine[0]["detail"] == {"code": "X-1"}
    assert [item["action"] for item in await read(client, rival, topic="record")] == ["withdraw"]
    everything = await read(client, steward, topic="record")
    assert [item["action"] for item in everything] == ["withdraw", "suppress", "publish"]
    assert {item["address"] for item in everything} == {"192.0.2.7"}
    assert len(await read(client, steward, provider="lab", topic="record")) == 2
    for query, expected in (
        ({"action": "suppress"}, ["suppress"]),
        ({"actor": "lab.x"}, ["publish"]),
        ({"subject": "CIR-2"}, []),
        ({"since": "2020-01-01", "topic": "record"}, ["suppress", "publish"]),
        ({"until": "2020-01-01"}, []),
    ):
        assert [item["action"] for item in await read(client, lab, **query)] == expected, query


async def test_who_may_not_is_told_so(client: httpx.AsyncClient, join: Join) -> None:
    writer, lab = await join("writer"), await join("lab", scopes="provider:admin")
    for address in (AUDIT, f"{AUDIT}/export"):
        assert (await client.get(address)).status_code == 401
        assert (await client.get(address, headers=writer.headers)).status_code == 403
        other = await client.get(address, params={"provider": "writer"}, headers=lab.headers)
        nobody = await client.get(address, params={"provider": "nobody"}, headers=lab.headers)
        assert (other.status_code, other.json()["detail"]) == (403, nobody.json()["detail"])
        for query in ({"since": "yesterday"}, {"limit": 0}, {"cursor": "MQ"}, {"format": "xml"}):
            if "format" in query and address == AUDIT:
                continue
            if address != AUDIT and not {"since", "format"} & set(query):
                continue
            assert (await client.get(address, params=query, headers=lab.headers)).status_code == 400, query


async def test_pages_neither_skip_nor_repeat_nor_tell_how_busy_others_are(
    client: httpx.AsyncClient, join: Join, act: Act
) -> None:
    lab, _ = await join("lab", scopes="provider:admin"), await join("rival")
    for number in range(5):
        await act("lab", "lab", subject=f"CIR-{number}")
        await act("rival", "rival")
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2, "topic": "record"} | ({"cursor": cursor} if cursor else {})
        answer = (await client.get(AUDIT, params=query, headers=lab.headers)).json()
        seen += [item["subject"] for item in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break
        assert len(cursor) > 60, "sealed"
        await act("lab", "lab", subject="CIR-9")
    assert seen == [f"CIR-{number}" for number in range(4, -1, -1)]


async def test_files_hold_the_same_and_no_formulas(
    client: httpx.AsyncClient, join: Join, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE", 2)
    lab = await join("lab", scopes="provider:admin")
    for subject in ("=1+1", "+1", "-1", "@x", 'plain, with "quotes"\nand lines'):
        await act("lab", "lab", subject=subject)
    listed = await read(client, lab, topic="record")
    lines = await client.get(f"{AUDIT}/export", params={"topic": "record"}, headers=lab.headers)
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in lines.text.splitlines()] == listed
    table = await client.get(
        f"{AUDIT}/export", params={"format": "csv", "topic": "record"}, headers=lab.headers
    )
    assert table.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
    assert [row["subject"] for row in rows] == [
        'plain, with "quotes"\nand lines',
        "'@x",
        "'-1",
        "'+1",
        "'=1+1",
    ]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_the_command_prints_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    point_at(settings, monkeypatch)
    candor: Call = caller(monkeypatch, capsys)
    assert candor("provider", "add", "lab", "--name", "Lab").code == 0
    assert candor("provider", "hold", "lab", "--reason", "To be looked at.").code == 0
    acts = candor("audit", "--provider", "lab", "--json").json["acts"]
    assert [(one["action"], one["actor"]) for one in acts] == [("hold", "cli"), ("add", "cli")]
    assert candor("audit", "--csv").out.splitlines()[0].startswith("at,actor")
    assert "hold" in candor("audit", "--since", "2020-01-01").out
    assert candor("audit", "--since", "x").code == 1
    assert candor("audit", "--provider", "nobody").code == 1
