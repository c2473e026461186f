"""What `as_of` may be, what an answer tells of it, and what the past must not weigh on."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import lxml.html
import pytest

import frontend
import search
from registry.app import Application
from registry.db import now
from registry.extensions import Extension, Node
from registry.providers import service as providers
from registry.records.versions import Desk
from search.document import Projector
from search.embedded import queries
from search.indexer import IndexReader
from search.open import open_engine
from search.request import AsOf
from tests.conftest import Join, Publish
from tests.leaks.world import index
from tests.registry.records.acting import lesson
from tests.registry.records.test_imports import Bench
from tests.search.documents import asked, document, engine_with, ids, place, project
from tests.search.test_asof import catch_up
from tests.search.test_indexer import withdraw


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (search.extension, frontend.extension)


async def test_what_was_withdrawn_since_is_shown_and_marked(
    app: Application, client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    member = await join()
    kept = await publish(member, title="A kept lesson")
    lost = await publish(member, title="A lost lesson")
    between = now()
    await withdraw(client, member, lost)
    await index(app)

    async def found(**query: Any) -> dict[str, Any]:
        answer = await client.get("/api/v1/search", params={"q": "lesson", "sort": "oldest", **query})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    assert [hit["record"]["id"] for hit in (await found())["hits"]] == [kept["id"]]
    answer = await found(as_of=2)
    hits = {hit["record"]["id"]: hit for hit in answer["hits"]}
    assert [hits[one["id"]]["record"] for one in (kept, lost)] == [kept, lost]
    assert [hit["version"] for hit in answer["hits"]] == [1, 1]
    was, became = (hits[one["id"]]["since_then"] for one in (kept, lost))
    assert (was["state"], was["version"], was["at"]) == ("current", 1, kept["updated"])
    assert (became["state"], became["version"], became["code"]) == ("withdrawn", 2, "error")
    assert answer["as_of"] == {"position": 2, "at": lost["updated"], "erased": 0}
    assert (answer["query"]["as_of"], answer["query"]["canonical"]) == (
        "2",
        "q=lesson&as_of=2&sort=oldest",
    )
    # A moment is the last position at its end, and cited as that.
    answer = await found(as_of=between.isoformat())
    assert (answer["total"], answer["as_of"]["position"]) == (2, 2)
    assert answer["query"]["canonical"] == "q=lesson&as_of=2&sort=oldest"
    assert (await found(as_of="2001-05"))["as_of"]["position"] == (await found(as_of=0))["total"] == 0
    page = lxml.html.fromstring((await client.get("/records?q=lesson&as_of=2")).text)
    assert "As it stood at position 2" in page.text_content()
    assert "Withdrawn since then" in page.text_content()
    addresses = [link.get("href") for link in page.iterfind(".//a[@href]")]
    assert {f"/records/{kept['id']}/v/1", f"/records/{lost['id']}/v/1", "/records?q=lesson"} <= set(addresses)
    assert (await client.get("/feeds/search.json?q=lesson&as_of=2")).status_code == 400


@pytest.mark.one_database
async def test_what_is_still_to_come_cannot_be_asked_for(app: Application, client: httpx.AsyncClient) -> None:
    await index(app)
    tomorrow = f"{now() + timedelta(days=1):%Y-%m-%d}"
    for asked_for, hint in (
        ("1", "up to 0"),
        ("2024", "2024-12"),
        (f"{now():%Y-%m}", "2024-05-17"),
        (tomorrow, "2024-05-17"),
    ):
        answer = await client.get("/api/v1/search", params={"as_of": asked_for})
        (finding,) = answer.json()["findings"]
        assert (answer.status_code, finding["code"], finding["pointer"]) == (400, "not-yet", "/as_of")
        assert hint in finding["suggestion"]


async def test_the_past_weighs_on_nothing_that_is_live(tmp_path: Path) -> None:
    """Neither on the rarity of words nor on the length of texts, nor on what is suggested or alike."""
    engine = await engine_with(
        tmp_path,
        [
            document("CIR-0000000001", title="Rare amber", summary="Common words about cobalt."),
            document(
                "CIR-0000000002", title="Cobalt", summary="Amber among many other common words of length."
            ),
            document("CIR-0000000003", title="Common cobalt words"),
        ],
    )
    questions = [asked(words) for words in ("amber cobalt", "common words", "cobalt", "amber")]

    async def answers() -> list[Any]:
        return [ids(await engine.search(question)) for question in questions] + [
            (await engine.suggest("am", limit=5)).items
        ]

    def scores() -> list[float]:
        snapshot = engine.store.snapshot()
        plan = queries.plan(snapshot, questions[0], hidden=frozenset(), exact=False)
        return [score for score, _ in snapshot.ranked(plan.scored(), 10)[1]]

    before, weighed = await answers(), scores()
    words = {"title": "Amber amber amber", "summary": "amber " * 50}
    past = [
        replace(project(document("CIR-0000000004", version=number, **words)), since=number, until=number + 1)
        for number in range(1, 400)
    ]
    async with engine.writing():
        await engine.update(past, [], place(400))
    assert await answers() == before
    assert scores() == weighed
    then = replace(asked("amber", limit=5), as_of=AsOf(7, 7))
    answer = await engine.search(then)
    assert (ids(answer)[0], answer.total) == ("CIR-0000000004", 3)
    assert (await engine.keys(then)).versions[0] == 7


@pytest.mark.one_database
async def test_a_revision_costs_the_same_however_many_there_were(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with node.database.write() as session:
        provider = await providers.add(
            session, "importer", "Importer", origin=node.origin, approve=True, by="test"
        )
    bench = Bench(node, Desk(node.origin, await node.vocabulary.current()), provider)
    reader = IndexReader(node, open_engine(node.settings))
    for number in range(12):
        await bench.bring(bench.item("1", lesson(title=f"Revision {number}")))
    projected: list[int] = []
    original = Projector.project_bytes

    def counting(self: Projector, stored: bytes) -> Any:
        found = original(self, stored)
        projected.append(found.version)
        return found

    monkeypatch.setattr(Projector, "project_bytes", counting)
    await catch_up(node, reader)
    assert sorted(projected) == list(range(1, 13))
    for number in (13, 14):
        projected.clear()
        await bench.bring(bench.item("1", lesson(title=f"Revision {number}")))
        await catch_up(node, reader)
        assert sorted(projected) == [number - 1, number]
    await reader.release()
