"""Migrations: up and down on both databases, and models and migrations saying the same."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    func,
    inspect,
    select,
    text,
)

from registry.db import Base, Database
from registry.errors import Misconfigured
from registry.migrate import (
    alembic_config,
    downgrade,
    known_revisions,
    migrate,
    newest_revision,
    present_revision,
    require_current,
    restructuring,
    upgrade,
)


async def tables(database: Database) -> set[str]:
    async with database.engine.connect() as connection:
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


async def test_up_down_and_up_again(empty_database: Database) -> None:
    assert await present_revision(empty_database) is None
    await migrate(empty_database)
    assert await present_revision(empty_database) == newest_revision()
    assert await tables(empty_database) == {*Base.metadata.tables, "alembic_version"}
    async with empty_database.engine.begin() as connection:
        await downgrade(connection, "base")
    assert await tables(empty_database) == {"alembic_version"}
    await migrate(empty_database)
    assert await present_revision(empty_database) == newest_revision()


async def test_each_step_goes_up_and_down_by_itself(empty_database: Database) -> None:
    for revision in known_revisions():
        async with empty_database.engine.begin() as connection:
            await upgrade(connection, revision)
        async with empty_database.engine.begin() as connection:
            await downgrade(connection, "-1")
            await upgrade(connection, revision)
        assert await present_revision(empty_database) == revision


async def test_migrating_twice_changes_nothing(empty_database: Database) -> None:
    await migrate(empty_database)
    before = await shape(empty_database)
    await migrate(empty_database)
    assert await shape(empty_database) == before


async def shape(database: Database) -> dict[str, Any]:
    def look(connection: Connection) -> dict[str, Any]:
        found = inspect(connection)
        return {
            name: (
                [(column["name"], str(column["type"])) for column in found.get_columns(name)],
                found.get_indexes(name),
            )
            for name in sorted(found.get_table_names())
        }

    async with database.engine.connect() as connection:
        return await connection.run_sync(look)


async def test_models_and_migrations_agree(empty_database: Database) -> None:
    await migrate(empty_database)

    def differences(connection: Connection) -> Any:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, Base.metadata)

    async with empty_database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_every_constraint_has_the_name_that_models_give_it(empty_database: Database) -> None:
    await migrate(empty_database)

    def names(connection: Connection) -> dict[str, set[str | None]]:
        found = inspect(connection)
        return {
            table: {
                found.get_pk_constraint(table)["name"],
                *(one["name"] for one in found.get_unique_constraints(table)),
                *(one["name"] for one in found.get_foreign_keys(table)),
                *(one["name"] for one in found.get_indexes(table) if not one.get("duplicates_constraint")),
            }
            for table in Base.metadata.tables
        }

    async with empty_database.engine.connect() as connection:
        stored = await connection.run_sync(names)
    for name, table in Base.metadata.tables.items():
        items: list[Any] = [*table.constraints, *table.indexes]
        given: set[str | None] = {one.name for one in items}
        if None in stored[name]:  # SQLite's AUTOINCREMENT stands in the column, and its key has no name
            assert table.dialect_options["sqlite"]["autoincrement"]
            assert empty_database.is_sqlite
            given = given - {f"pk_{name}"} | {None}
        assert stored[name] == given
        given.discard(None)
        assert all(str(one).partition("_")[0] in ("pk", "uq", "fk", "ix", "ck") for one in given)


def test_history_is_one_line_and_files_bear_their_numbers() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    assert scripts.get_heads() == [newest_revision()]
    line = [script.revision for script in scripts.walk_revisions()]
    assert line[::-1] == known_revisions()
    assert scripts.get_bases() == [known_revisions()[0]]


async def be_at(database: Database, revision: str) -> None:
    async with database.write() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = :at"), {"at": revision})


async def test_an_empty_database_is_told_what_to_run(empty_database: Database) -> None:
    with pytest.raises(Misconfigured, match="Run `candor init`"):
        await require_current(empty_database)


async def test_an_outdated_database_is_told_what_to_run(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await require_current(database)
    present = newest_revision()
    monkeypatch.setattr("registry.migrate.known_revisions", lambda: [present, "9999"])
    with pytest.raises(Misconfigured, match=r"needs 9999.*candor backup.*candor init"):
        await require_current(database)


async def test_a_database_of_a_newer_program_is_left_alone(database: Database) -> None:
    await be_at(database, "9999")
    before = await shape(database)
    for refused in (require_current, migrate):
        with pytest.raises(Misconfigured, match=r"9999.*newer version"):
            await refused(database)
    assert await shape(database) == before


async def test_a_migration_that_fails_leaves_nothing_behind(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic.operations import Operations

    create = Operations.create_table

    def fail(self: Any, name: str, *rest: Any, **more: Any) -> Any:
        if name == "version":
            raise LookupError("the power went out")
        return create(self, name, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Operations, "create_table", fail)
        with pytest.raises(LookupError):
            await migrate(empty_database)
    assert await tables(empty_database) == set()
    await migrate(empty_database)
    assert await present_revision(empty_database) == newest_revision()


async def test_looking_at_a_database_that_is_not_there_begins_none(tmp_path: Any) -> None:
    file = tmp_path / "none.sqlite"
    database = Database(f"sqlite:///{file}")
    assert await present_revision(database) is None
    await database.dispose()
    assert not await asyncio.to_thread(file.exists)


async def test_rows_survive_every_step_up(empty_database: Database) -> None:
    for revision in known_revisions():
        async with restructuring(empty_database) as connection:
            await upgrade(connection, revision)
        async with empty_database.engine.begin() as connection:
            filled = await connection.run_sync(_fill)
    assert set(filled) == set(Base.metadata.tables)
    assert set(filled.values()) == {1}


async def test_records_that_are_there_get_their_names(empty_database: Database) -> None:
    document = {
        "source": {"scheme": "AIID", "id": "12"},
        "aliases": [
            {"scheme": "cve", "id": "CVE-2026-1  x"},
            {"scheme": "owasp-llm", "id": "LLM01", "type": "part-of"},
        ],
    }
    async with restructuring(empty_database) as connection:
        await upgrade(connection, "0021")
    async with empty_database.engine.begin() as connection:
        await connection.run_sync(_fill)
        body = json.dumps(document).encode()
        await connection.execute(text("UPDATE version SET document = :body"), {"body": body})
    async with restructuring(empty_database) as connection:
        await upgrade(connection, "0022")
    async with empty_database.engine.connect() as connection:
        names = (await connection.execute(text("SELECT name FROM record_name ORDER BY name"))).scalars().all()
    assert names == ["aiid:12", "cve:cve-2026-1 x"]


async def test_records_that_are_there_get_what_they_report(empty_database: Database) -> None:
    document = {
        "id": "CIR-000000000H",
        "origin": "registry.example/log",
        "kind": "incident",
        "tags": ["misuse:fraud/phishing"],
        "provider": {"slug": "lab", "domain": "lab.example", "verified": True},
        "content": {"safeguards": [{"id": "1", "tag": "safeguard:filter", "outcome": "bypassed"}]},
    }
    async with restructuring(empty_database) as connection:
        await upgrade(connection, "0023")
    async with empty_database.engine.begin() as connection:
        await connection.run_sync(_fill)
        await connection.execute(text("UPDATE record SET kind = 'incident'"))
        body = json.dumps(document).encode()
        await connection.execute(text("UPDATE version SET document = :body"), {"body": body})
    async with restructuring(empty_database) as connection:
        await upgrade(connection, "0024")
    async with empty_database.engine.connect() as connection:
        subjects = await connection.execute(text("SELECT role, subject FROM outcome_subject"))
        assert set(map(tuple, subjects)) == {
            ("against", "CIR-000000000H registry.example/log"),
            ("against", "misuse:fraud"),
            ("against", "misuse:fraud/phishing"),
            ("with", "safeguard:filter"),
        }
        outcomes = await connection.execute(text("SELECT number, pointer, outcome FROM outcome"))
        assert list(map(tuple, outcomes)) == [(1, "/content/safeguards/1", "bypassed")]
        publishers = await connection.execute(text("SELECT slug, domain FROM record_publisher"))
        assert list(map(tuple, publishers)) == [("lab", "lab.example")]


def _fill(connection: Connection) -> dict[str, int]:
    """Put a row into each table that has none; answers how many each holds."""
    metadata = MetaData()
    metadata.reflect(connection)
    held = {}
    for table in metadata.sorted_tables:
        if table.name == "alembic_version":
            continue
        if not connection.scalar(select(func.count()).select_from(table)):
            connection.execute(table.insert().values({c.name: _some(c) for c in table.columns}))
        held[table.name] = connection.scalar(select(func.count()).select_from(table)) or 0
    return held


def _some(column: Column[Any]) -> Any:
    """A value for the column. Keys are 1, so that whatever refers to a row finds it."""
    if column.nullable and not column.foreign_keys:
        return None
    match column.type:
        case Boolean():
            return False
        case Integer():
            return 1
        case DateTime():
            return datetime(2026, 5, 1, tzinfo=UTC)
        case JSON():
            return {}
        case LargeBinary():
            return b"x"
        case _:
            return "x"
