"""Sessions: who reads, who writes, and what happens when both want to at once."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError, StatementError
from structlog.testing import capture_logs

from registry.changelog.models import Counter, NodeFact
from registry.db import Database, async_url, may_write


async def test_a_write_is_there_afterwards_and_a_failed_one_is_not(database: Database) -> None:
    async with database.write() as session:
        session.add(NodeFact(name="kept", value="1"))

    async def fail() -> None:
        async with database.write() as session:
            session.add(NodeFact(name="lost", value="1"))
            await session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with database.read() as session:
        names = set(await session.scalars(select(NodeFact.name)))
    assert "kept" in names
    assert "lost" not in names


async def test_a_session_knows_whether_it_may_write(database: Database) -> None:
    async with database.read() as session:
        assert not may_write(session)
    async with database.write() as session:
        assert may_write(session)


async def test_writers_that_read_first_do_not_fail_each_other(database: Database) -> None:
    """On SQLite a deferred transaction that reads and then writes fails as locked, however long one waits."""
    url = database.url.render_as_string(hide_password=False)
    processes = [Database(url) for _ in range(3)]

    async def raise_counter(process: Database) -> None:
        async with process.write() as session:
            query = select(Counter.value).where(Counter.name == "public").with_for_update()
            value = (await session.scalar(query)) or 0
            await asyncio.sleep(0.005)
            await session.execute(update(Counter).where(Counter.name == "public").values(value=value + 1))

    try:
        await asyncio.gather(*(raise_counter(processes[number % 3]) for number in range(12)))
    finally:
        for process in processes:
            await process.dispose()
    async with database.read() as session:
        assert await session.scalar(select(Counter.value).where(Counter.name == "public")) == 12


async def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    async with database.write() as session:
        session.add(NodeFact(name="unfinished", value="1"))
        await session.flush()
        async with asyncio.timeout(5), database.read() as reading:
            assert await reading.scalar(select(NodeFact).where(NodeFact.name == "unfinished")) is None


async def test_what_depends_on_a_write_runs_before_it_returns(database: Database) -> None:
    seen: list[str] = []

    async def look() -> None:
        async with database.read() as session:
            seen.extend(await session.scalars(select(NodeFact.value).where(NodeFact.name == "new")))

    database.on_commit.append(look)
    async with database.write() as session:
        session.add(NodeFact(name="new", value="1"))
    assert seen == ["1"]
    with pytest.raises(LookupError):
        async with database.write():
            raise LookupError
    assert seen == ["1"], "nothing was committed"


async def test_what_fails_after_a_commit_does_not_undo_it(database: Database) -> None:
    called = []

    async def fail() -> None:
        called.append("fail")
        raise LookupError("no")

    async def go_on() -> None:
        called.append("go on")

    database.on_commit += [fail, go_on]
    with capture_logs() as lines:
        async with database.write() as session:
            session.add(NodeFact(name="new", value="1"))
    assert called == ["fail", "go on"]
    assert [line["log_level"] for line in lines] == ["error"]
    async with database.read() as session:
        assert await session.get(NodeFact, "new") is not None


async def test_an_error_does_not_show_what_was_written(database: Database) -> None:
    async with database.write() as session:
        session.add(NodeFact(name="same", value="an embargoed draft"))
    with pytest.raises(IntegrityError) as failed:
        async with database.write() as session:
            session.add(NodeFact(name="same", value="an embargoed draft"))
    assert "embargoed" not in str(failed.value)


async def test_times_are_aware_and_in_utc(database: Database) -> None:
    from registry.changelog.models import ReaderState

    at = datetime(2026, 5, 1, 14, 30, 15, 123456, timezone(timedelta(hours=2)))
    async with database.write() as session:
        session.add(ReaderState(name="r", position=0, lease_until=at))
    async with database.read() as session:
        read = (await session.get_one(ReaderState, "r")).lease_until
    assert read == at
    assert read is not None
    assert read.tzinfo is UTC
    with pytest.raises(StatementError, match="without a zone"):
        async with database.write() as session:
            session.add(ReaderState(name="s", position=0, lease_until=at.replace(tzinfo=None)))


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_the_embedded_database_is_set_up_to_last(database: Database) -> None:
    async with database.read() as session:
        found = {
            name: await session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "secure_delete")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 30_000,
        "secure_delete": 1,
    }


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:///x", "sqlite+aiosqlite"),
        ("postgresql://u:p@h/d", "postgresql+asyncpg"),
        ("postgres://u:p@h/d", "postgresql+asyncpg"),
        ("postgresql+psycopg2://u:p@h/d", "postgresql+asyncpg"),
    ],
)
def test_the_driver_is_ours_whatever_the_operator_wrote(given: str, driver: str) -> None:
    assert async_url(given).drivername == driver
