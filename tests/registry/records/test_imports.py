"""Imports: known again by their source, revised when it changes, and never against somebody's work."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from registry.actor import Actor, Scope
from registry.changelog.models import Change
from registry.db import Base, Database
from registry.errors import CandorError, Conflict, Invalid
from registry.extensions import Node
from registry.ids import derived_id
from registry.providers import service as providers
from registry.providers.models import Provider
from registry.records import drafts, erasure, list_queries, publishing, queries
from registry.records.content.check import check
from registry.records.imports import Incoming, import_batch
from registry.records.models import Draft, Record, RestrictedPart, Version
from registry.records.versions import Desk
from tests.registry.records.acting import incident, lesson

CLI = Actor(name="cli", approved=True, scopes=frozenset({Scope.RECORDS_WRITE, Scope.RECORDS_PUBLISH}))


@dataclass
class Bench:
    """A registry to import into, and whose records they become."""

    node: Node
    desk: Desk
    provider: Provider

    @property
    def database(self) -> Database:
        return self.node.database

    @property
    def owner(self) -> Actor:
        return Actor(
            name="lab.client",
            provider=self.provider.pk,
            approved=True,
            scopes=frozenset({Scope.RECORDS_READ, Scope.RECORDS_WRITE, Scope.RECORDS_PUBLISH}),
        )

    def item(self, source_id: str, submission: dict[str, Any] | None = None, **fields: Any) -> Incoming:
        raw = {**(submission or lesson()), "basis": "imported", **fields}
        raw["source"] = {"scheme": "test", "id": source_id}
        checked = check(raw, vocabulary=self.desk.vocabulary, lenient=True)
        assert checked.submission is not None, checked.findings
        digest = hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
        id = derived_id(self.node.secret, "test", source_id)
        return Incoming(("test", source_id), id, checked.submission, digest, raw)

    async def bring(self, *items: Incoming, publish: bool = True) -> list[str]:
        async with self.database.write() as session:
            return await import_batch(session, self.desk, CLI, self.provider, items, publish=publish)

    async def newest(self, item: Incoming) -> dict[str, Any]:
        async with self.database.read() as session:
            stored = await queries.newest(session, self.owner, item.id)
        document: dict[str, Any] = msgspec.json.decode(stored.document)
        return document

    async def everything(self) -> dict[str, list[Any]]:
        async with self.database.read() as session:
            return {
                table.name: [tuple(row) for row in await session.execute(select(table).order_by(*table.c))]
                for table in Base.metadata.sorted_tables
                if table.name
                in ("record", "version", "draft", "record_tag", "record_link", "restricted_part")
            }

    async def count(self, table: Any) -> int:
        async with self.database.read() as session:
            return await session.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
async def bench(node: Node) -> Bench:
    async with node.database.write() as session:
        provider = await providers.add(
            session, "importer", "Importer", origin=node.origin, approve=True, by="test"
        )
    return Bench(node, Desk(node.origin, await node.vocabulary.current()), provider)


async def test_items_become_public_records_under_their_key(bench: Bench) -> None:
    items = [bench.item(f"{number}", lesson(title=f"{number}")) for number in range(5)]
    assert await bench.bring(*items) == ["created"] * 5
    for number, item in enumerate(items):
        document = await bench.newest(item)
        assert document["id"] == item.id
        assert (document["title"], document["version"], document["basis"]) == (f"{number}", 1, "imported")
        assert document["source"] == {"scheme": "test", "id": f"{number}"}
        assert document["provider"]["slug"] == "importer"
    async with bench.database.read() as session:
        changes = await list_queries.changes(session, after=0, limit=10)
    assert [(change.seq, change.id, change.action) for change in changes] == [
        (number + 1, item.id, "published") for number, item in enumerate(items)
    ]


async def test_a_second_run_changes_nothing(bench: Bench) -> None:
    items = [bench.item("a"), bench.item("b", incident())]
    await bench.bring(*items)
    before, changes = await bench.everything(), await bench.count(Change)
    assert await bench.bring(*items) == ["unchanged", "unchanged"]
    assert await bench.everything() == before
    assert await bench.count(Change) == changes


async def test_what_changed_is_revised_and_nothing_else(bench: Bench) -> None:
    one = bench.item("a", lesson(references=["https://a.example/", "https://b.example/"]))
    two = bench.item("b")
    await bench.bring(one, two)
    before = await bench.newest(one)
    changed = bench.item("a", lesson(title="Better", references=["https://c.example/", "https://b.example/"]))
    assert await bench.bring(changed, two, bench.item("c")) == ["revised", "unchanged", "created"]
    after = await bench.newest(one)
    assert (after["version"], after["title"]) == (2, "Better")
    assert after["revision"] == {"type": "new-information", "note": "The source changed."}
    assert after["published"] == before["published"]
    assert after["references"][1] == before["references"][1], "elements keep their ids"
    assert after["references"][0]["id"] not in {one["id"] for one in before["references"]}
    assert (await bench.newest(two))["version"] == 1
    assert await bench.bring(changed) == ["unchanged"]


async def test_one_source_id_under_two_schemes_is_two_items(bench: Bench) -> None:
    one = bench.item("same")
    other = Incoming(
        ("other", "same"), derived_id(b"x", "same"), one.submission, one.digest, one.raw, one.lenient
    )
    assert await bench.bring(one, other) == ["created", "created"]
    assert await bench.bring(one, other) == ["unchanged", "unchanged"]


async def test_a_withdrawn_record_stays_withdrawn_whatever_its_source_says(bench: Bench) -> None:
    item = bench.item("a")
    await bench.bring(item)
    async with bench.database.write() as session:
        stored = await queries.newest(session, bench.owner, item.id)
        await publishing.withdraw(
            session, bench.desk, bench.owner, item.id, {"code": "error"}, if_match=stored.commit
        )
    before = await bench.everything()
    assert await bench.bring(item, bench.item("b")) == ["unchanged", "created"]
    assert await bench.bring(bench.item("a", lesson(title="Changed"))) == ["unchanged"]
    after = await bench.everything()
    assert [row for row in after["version"] if row in before["version"]] == before["version"]
    assert (await bench.newest(item))["withdrawal"] == {"code": "error"}


async def test_what_was_erased_is_not_taken_in_again(bench: Bench) -> None:
    item = bench.item("a")
    await bench.bring(item)
    steward = Actor(name="ann@example.org", scopes=frozenset({Scope.REGISTRY_STEWARD}))
    async with bench.database.write() as session:
        await erasure.erase(session, steward, item.id, "personal-data", "It named a victim.")
    for again in (item, bench.item("a", lesson(title="Changed"))):
        with pytest.raises(Conflict, match="erased here"):
            await bench.bring(again)


async def test_drafts_first_then_publication(bench: Bench) -> None:
    items = [bench.item("a"), bench.item("b")]
    assert await bench.bring(*items, publish=False) == ["created", "created"]
    assert (await bench.count(Draft), await bench.count(Version)) == (2, 0)
    before = await bench.everything()
    assert await bench.bring(*items, publish=False) == ["unchanged", "unchanged"]
    assert await bench.everything() == before
    assert await bench.bring(*items) == ["revised", "revised"]
    assert (await bench.count(Draft), await bench.count(Version)) == (0, 2)
    assert "revision" not in await bench.newest(items[0])
    assert await bench.bring(*items) == ["unchanged", "unchanged"]


async def test_a_changed_item_waits_as_a_draft_and_is_published_later(bench: Bench) -> None:
    await bench.bring(bench.item("a"))
    changed = bench.item("a", lesson(title="Better"))
    assert await bench.bring(changed, publish=False) == ["revised"]
    assert (await bench.newest(changed))["version"] == 1
    assert await bench.bring(changed, publish=False) == ["unchanged"]
    assert await bench.bring(changed) == ["revised"]
    after = await bench.newest(changed)
    assert (after["version"], after["title"], "revision" in after) == (2, "Better", True)
    assert await bench.count(Draft) == 0


async def edit(bench: Bench, item: Incoming, **changes: Any) -> None:
    """Somebody goes over an imported record by hand."""
    async with bench.database.write() as session:
        state = await drafts.read_draft(session, bench.owner, item.id)
        submission = {**lesson(), "source": {"scheme": "test", "id": item.key[1]}, **changes}
        await drafts.replace_draft(session, bench.desk, bench.owner, item.id, submission, if_match=state.etag)


async def test_an_imported_draft_that_somebody_went_over_is_published_as_they_left_it(bench: Bench) -> None:
    item = bench.item("a")
    await bench.bring(item, publish=False)
    await edit(bench, item, title="Gone over")
    assert await bench.bring(item) == ["revised"]
    assert (await bench.newest(item))["title"] == "Gone over"


async def test_a_revision_that_somebody_writes_is_neither_published_nor_lost(bench: Bench) -> None:
    item = bench.item("a")
    await bench.bring(item)
    await edit(bench, item, title="By hand", revision={"type": "correction"})
    assert await bench.bring(item) == ["unchanged"]
    with pytest.raises(Conflict, match=r"lab\.client is working on a draft"):
        await bench.bring(bench.item("a", lesson(title="From the source")))
    async with bench.database.read() as session:
        (draft,) = (await session.scalars(select(Draft))).all()
    assert b"By hand" in draft.document
    assert (await bench.newest(item))["version"] == 1


async def test_filings_and_contacts_are_set_aside_and_not_lost(bench: Bench) -> None:
    item = bench.item("a", incident())
    await bench.bring(item)
    assert "filings" not in (await bench.newest(item))["content"]
    async with bench.database.read() as session:
        (part,) = (await session.scalars(select(RestrictedPart))).all()
    assert msgspec.json.decode(part.content)["content"]["filings"][0]["regime"] == "eu-73"
    drafted = bench.item("b", incident())
    await bench.bring(drafted, publish=False)
    await bench.bring(drafted)
    assert await bench.count(RestrictedPart) == 2


@pytest.mark.parametrize(
    ("second", "error"),
    [
        (lambda bench: bench.item("b", incident()), Conflict),
        (lambda bench: bench.item("c", lesson(co_providers=["other-lab"])), Conflict),
        (
            lambda bench: Incoming(
                ("test", "b"), bench.item("b").id, {}, "changed", {"kind": "lesson", "title": 7}
            ),
            Invalid,
        ),
    ],
    ids=["another kind", "joint", "not usable any more"],
)
async def test_what_cannot_be_written_leaves_its_batch_unwritten(
    bench: Bench, second: Any, error: type[CandorError]
) -> None:
    await bench.bring(bench.item("b"))
    before = await bench.everything()
    with pytest.raises(error):
        await bench.bring(bench.item("a"), second(bench))
    assert await bench.everything() == before


async def test_a_batch_is_written_as_a_whole_or_not_at_all(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from registry.records import versions

    before = await bench.everything()

    async def fail(*_: Any, **__: Any) -> None:
        raise LookupError("the power went out")

    monkeypatch.setattr(versions, "append", fail)
    with pytest.raises(LookupError):
        await bench.bring(*(bench.item(f"{number}", incident()) for number in range(3)))
    assert await bench.everything() == before


async def test_long_names_from_elsewhere_fit(bench: Bench) -> None:
    """PostgreSQL holds columns to their lengths; what others name things is longer than one thinks."""
    item = bench.item(
        "x" * 400,
        lesson(
            a_field_that_nobody_here_knows_of_at_all={"id": "CIR-7GQ2M4KX9X", "origin": {"odd": 1}},
            tags=["elsewhere:" + "y" * 180],
        ),
    )
    assert await bench.bring(item) == ["created"]
    async with bench.database.read() as session:
        record = (await session.scalars(select(Record))).one()
    assert record.source_id == "x" * 400


async def test_an_empty_batch_is_no_change(bench: Bench) -> None:
    before = await bench.count(Change)
    assert await bench.bring() == []
    assert await bench.count(Change) == before
