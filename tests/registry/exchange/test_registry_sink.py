"""Imports into a registry, on both databases: what is stored, and what a second run finds."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import func, select

from registry.actor import Actor, Scope
from registry.exchange.item import Item
from registry.exchange.run import Report, run
from registry.exchange.sink import DrySink, RegistrySink
from registry.extensions import Node
from registry.providers import service as providers
from registry.providers.models import Provider
from registry.records.models import Draft, Record, Version
from registry.records.versions import Desk
from tests.registry.exchange.test_run import counts, lesson


@pytest.fixture
async def owner(node: Node) -> Provider:
    async with node.database.write() as session:
        return await providers.add(
            session, "example-import", "Example", origin=node.origin, approve=True, by="test"
        )


async def sink_of(node: Node, owner: Provider, *, publish: bool = True) -> RegistrySink:
    scopes = frozenset((Scope.RECORDS_WRITE, Scope.RECORDS_PUBLISH))
    actor = Actor(name="test", provider=owner.pk, provider_slug=owner.slug, approved=True, scopes=scopes)
    desk = Desk(node.origin, await node.vocabulary.current(fresh=True))
    return RegistrySink(node.database, desk, actor, owner, node.secret, publish)


async def bring(
    node: Node, owner: Provider, items: Sequence[Item], *, publish: bool = True, batch: int = 2
) -> Report:
    sink = await sink_of(node, owner, publish=publish)
    return await run(items, sink, vocabulary=sink.desk.vocabulary, batch=batch)


async def documents(node: Node) -> dict[str, dict[str, Any]]:
    """The newest version of each record, by title."""
    async with node.database.read() as session:
        query = (
            select(Version.document)
            .join(Record, Record.pk == Version.record_pk)
            .where(Version.number == Record.current)
        )
        found = [json.loads(document) for document in await session.scalars(query)]
    return {document["title"]: document for document in found}


async def size(node: Node, table: Any) -> int:
    async with node.database.read() as session:
        return int(await session.scalar(select(func.count()).select_from(table)) or 0)


async def test_records_refer_to_each_other_and_a_second_run_changes_nothing(
    node: Node, owner: Provider
) -> None:
    items = [lesson(1, 3), lesson(2), lesson(3, 1, 99)]
    assert counts(await bring(node, owner, items)) == (3, 0, 0, 0)
    stored = await documents(node)
    assert stored["Lesson 1"]["relations"][0]["target"]["id"] == stored["Lesson 3"]["id"]
    assert [each["target"]["id"] for each in stored["Lesson 3"]["relations"]] == [stored["Lesson 1"]["id"]]
    assert stored["Lesson 1"]["basis"] == "imported"
    assert stored["Lesson 1"]["provider"]["slug"] == "example-import"

    assert counts(await bring(node, owner, items)) == (0, 0, 3, 0)
    assert (await size(node, Record), await size(node, Version)) == (3, 3)


async def test_a_newer_snapshot_revises_one_record(node: Node, owner: Provider) -> None:
    await bring(node, owner, [lesson(1), lesson(2)])
    before = await documents(node)
    report = await bring(node, owner, [lesson(1), lesson(2, summary="Now with a summary.")])
    assert counts(report) == (0, 1, 1, 0)
    after = await documents(node)
    assert after["Lesson 1"] == before["Lesson 1"]
    assert (after["Lesson 2"]["version"], after["Lesson 2"]["id"]) == (2, before["Lesson 2"]["id"])
    assert after["Lesson 2"]["revision"]["type"] == "new-information"


async def test_drafts_are_published_by_a_later_run(node: Node, owner: Provider) -> None:
    assert counts(await bring(node, owner, [lesson(1)], publish=False)) == (1, 0, 0, 0)
    assert (await size(node, Draft), await size(node, Version)) == (1, 0)
    assert counts(await bring(node, owner, [lesson(1)], publish=False)) == (0, 0, 1, 0)
    report = await bring(node, owner, [lesson(1)])
    assert (report.created, len(report.rejected)) == (0, 0)
    assert (await size(node, Draft), await size(node, Version)) == (0, 1)


async def test_two_providers_may_import_the_same_source(node: Node, owner: Provider) -> None:
    async with node.database.write() as session:
        other = await providers.add(
            session, "second-import", "Second", origin=node.origin, approve=True, by="test"
        )
    await bring(node, owner, [lesson(1)])
    assert counts(await bring(node, other, [lesson(1)])) == (1, 0, 0, 0)
    assert await size(node, Record) == 2


async def test_a_dry_run_tells_and_writes_nothing(node: Node, owner: Provider) -> None:
    await bring(node, owner, [lesson(1), lesson(2)])
    sink = DrySink(await sink_of(node, owner))
    report = await run([lesson(1), lesson(2, title="Other"), lesson(3)], sink, vocabulary=None)
    assert counts(report) == (1, 1, 1, 0)
    assert await size(node, Record) == 2


async def test_ids_come_from_keys_alone(node: Node, owner: Provider) -> None:
    sink = await sink_of(node, owner)
    assert sink.id_for(("aiid", "6")) == sink.id_for(("aiid", "6"))
    assert sink.id_for(("aiid", "6")) != sink.id_for(("aiid", "7")) != sink.id_for(("avid", "7"))


async def test_a_dry_run_without_a_registry(node: Node) -> None:
    assert counts(await run([lesson(1, 2), lesson(2)], DrySink(), vocabulary=None)) == (2, 0, 0, 0)
