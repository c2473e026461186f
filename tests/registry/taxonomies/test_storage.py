"""Taxonomies in the database: immutable versions, the changelog, and the keeper that follows them."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from registry.actor import Actor
from registry.changelog.models import Change
from registry.db import Database
from registry.errors import Invalid
from registry.taxonomies import queries
from registry.taxonomies.importing import import_files
from registry.taxonomies.keeper import CHECK_SECONDS, VocabularyKeeper
from registry.taxonomies.own import load_own
from registry.taxonomies.service import Outcome, install_own, store
from registry.taxonomies.sources import Options
from registry.taxonomies.vocabulary import Taxonomy, Term

ACTOR = Actor(name="tester")
ORIGIN = "registry.example/log"
FIRST = Taxonomy("example", "1", "Example", "Example", "CC0-1.0", terms=(Term("a", "A"), Term("b", "B")))
CHANGED = replace(FIRST, terms=(Term("a", "A, said better"),))


async def put(database: Database, taxonomy: Taxonomy) -> Outcome:
    async with database.write() as session:
        return await store(session, taxonomy, actor=ACTOR, origin=ORIGIN)


async def changes(database: Database, subject: str = "example") -> list[Change]:
    async with database.read() as session:
        query = (
            select(Change).where(Change.topic == "taxonomy", Change.subject == subject).order_by(Change.seq)
        )
        return list(await session.scalars(query))


async def test_initialising_stores_the_own_vocabularies_once(database: Database) -> None:
    again = await install_own(database, origin=ORIGIN)
    assert {outcome.result for outcome in again} == {"unchanged"}
    assert [outcome.namespace for outcome in again] == [taxonomy.namespace for taxonomy in load_own()]
    async with database.read() as session:
        vocabulary = await queries.load_vocabulary(session)
    assert vocabulary.known("misuse:fraud/voice-clone")
    assert len(await changes(database, "misuse")) == 1


async def test_what_is_stored_comes_back_as_it_was(database: Database) -> None:
    assert (await put(database, FIRST)).result == "created"
    async with database.read() as session:
        stored = await queries.versions(session, "example")
        assert (await queries.taxonomies(session, [stored[0].id]))[stored[0].id] == FIRST
    assert stored[0].digest == FIRST.digest


async def test_storing_the_same_again_changes_nothing(database: Database) -> None:
    await put(database, FIRST)
    assert (await put(database, FIRST)).result == "unchanged"
    assert len(await changes(database)) == 1


async def test_a_new_version_stands_beside_the_old_one(database: Database) -> None:
    await put(database, FIRST)
    assert (await put(database, replace(CHANGED, version="2"))).result == "revised"
    async with database.read() as session:
        stored = await queries.versions(session, "example")
        kept = await queries.taxonomies(session, [one.id for one in stored])
        vocabulary = await queries.load_vocabulary(session)
    assert [one.version for one in stored] == ["2", "1"]
    assert kept[stored[1].id] == FIRST
    assert vocabulary.label("example:a") == "A, said better"
    assert not vocabulary.known("example:b")


async def test_a_changed_text_of_the_same_version_gets_a_version_of_its_own(database: Database) -> None:
    await put(database, FIRST)
    outcome = await put(database, CHANGED)
    assert outcome.version == f"1+{CHANGED.digest[:8]}"
    assert (await put(database, CHANGED)).result == "unchanged"
    back = await put(database, FIRST)
    assert back.result == "revised"
    assert back.version == f"1+{FIRST.digest[:8]}"
    assert (await put(database, CHANGED)).version == f"1+{CHANGED.digest[:8]}.2"
    async with database.read() as session:
        vocabulary = await queries.load_vocabulary(session)
        assert len(await queries.versions(session, "example")) == 4
    assert vocabulary.label("example:a") == "A, said better"


async def test_the_changelog_tells_what_happened_and_nothing_is_public(database: Database) -> None:
    await put(database, FIRST)
    await put(database, CHANGED)
    created, revised = await changes(database)
    assert (created.action, created.actor, created.origin) == ("created", "tester", ORIGIN)
    assert (revised.action, revised.detail["terms"]) == ("revised", 1)
    assert created.public_seq is None
    assert "taxonomies" in created.scopes


async def test_a_faulty_taxonomy_is_refused_with_all_its_faults(database: Database) -> None:
    faulty = replace(FIRST, licence="", terms=(Term("a", "A", parents=("gone",)), Term("a", "")))
    with pytest.raises(Invalid) as caught:
        await put(database, faulty)
    codes = {finding.code for finding in caught.value.findings}
    assert codes == {"missing", "unknown-parent", "duplicate-term"}
    assert await changes(database) == []


async def test_two_who_store_the_same_at_once_store_it_once(database: Database) -> None:
    outcomes = await asyncio.gather(*(put(database, FIRST) for _ in range(4)))
    assert sorted(outcome.result for outcome in outcomes) == [
        "created",
        "unchanged",
        "unchanged",
        "unchanged",
    ]


async def test_the_keeper_sees_its_own_process_at_once(database: Database) -> None:
    keeper = VocabularyKeeper(database)
    before = await keeper.current()
    assert await keeper.current() is before
    assert before.known("misuse:fraud")
    await put(database, FIRST)
    after = await keeper.current()
    assert after.known("example:a")
    assert not before.known("example:a")


async def test_a_write_of_something_else_keeps_the_snapshot(database: Database) -> None:
    keeper = VocabularyKeeper(database)
    before = await keeper.current()
    await put(database, load_own()[0])
    assert await keeper.current() is before


async def test_the_keeper_sees_other_processes_within_a_second(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, elsewhere = (
        VocabularyKeeper(database),
        Database(database.url.render_as_string(hide_password=False)),
    )
    try:
        await keeper.current()
        await put(elsewhere, FIRST)
        assert not (await keeper.current()).known("example:a")
        assert (await keeper.current(fresh=True)).known("example:a")
        await put(elsewhere, CHANGED)
        start = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: start + CHECK_SECONDS)
        assert not (await keeper.current()).known("example:b")
    finally:
        await elsewhere.dispose()


async def test_the_keeper_reads_again_only_what_changed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = VocabularyKeeper(database)
    await keeper.current()
    await put(database, FIRST)
    asked: list[list[int]] = []
    read = queries.taxonomies

    async def counting(session: object, ids: list[int]) -> object:
        asked.append(list(ids))
        return await read(session, ids)  # type: ignore[arg-type]

    monkeypatch.setattr(queries, "taxonomies", counting)
    assert (await keeper.current()).known("misuse:fraud")
    assert [len(ids) for ids in asked] == [1]


async def test_an_import_stores_what_is_right_and_names_the_rest(database: Database, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"namespace": "a", "version": 1, "predicates": [{"value": "x"}, {}]}')
    (tmp_path / "b.json").write_text('{"namespace": "b"')
    (tmp_path / "c.json").write_text('{"namespace": "c", "predicates": [{"value": "x"}]}')

    async def run(*, dry_run: bool = False) -> dict[str, object]:
        report = await import_files(
            database, "misp-taxonomy", tmp_path, Options(), actor=ACTOR, origin=ORIGIN, dry_run=dry_run
        )
        return report.as_json()

    dry = await run(dry_run=True)
    async with database.read() as session:
        assert await queries.versions(session, "a") == []
    first = await run()
    assert dry == first
    assert (first["created"], first["revised"], first["unchanged"]) == (2, 0, 0)
    rejected = first["rejected"]
    assert isinstance(rejected, list)
    assert [item["item"] for item in rejected] == ["b.json", "a.json#/predicates/1/value"]
    second = await run()
    assert (second["created"], second["revised"], second["unchanged"]) == (0, 0, 2)


async def test_every_real_nexus_file_is_stored(database: Database, corpora: Path) -> None:
    report = await import_files(
        database, "nexus", corpora / "ibm-ai-atlas-nexus", Options(), actor=ACTOR, origin=ORIGIN
    )
    assert report.rejected == ()
    assert len({outcome.namespace for outcome in report.outcomes}) == len(report.outcomes) == 30
    async with database.read() as session:
        vocabulary = await queries.load_vocabulary(session)
    assert "weakness:prompt-injection" in vocabulary.crosswalked("owasp-llm:LLM01")
