"""The log's promise: whoever reads it in order misses nothing, however its writers overlap."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from registry.changelog import append as appending
from registry.changelog.append import Entry, append, public_head
from registry.changelog.models import Change
from registry.changelog.tail import head, read_changes
from registry.db import Database, now


def entry(subject: str, *, public: bool = False) -> Entry:
    return Entry(
        topic="test",
        action="happened",
        subject=subject,
        origin="registry.example/log",
        actor="test",
        at=now(),
        public=public,
        scopes=(f"test:{subject}",),
        detail={"why": "a test"},
    )


async def subjects(database: Database, *, after: int = 0) -> list[str]:
    async with database.read() as session:
        return [change.subject for change in await read_changes(session, after=after, limit=1000)]


async def test_entries_are_read_back_in_order_with_what_they_hold(database: Database) -> None:
    async with database.read() as session:
        start = await head(session)
    async with database.write() as session:
        numbers = await append(session, [entry("a"), entry("b", public=True), entry("c", public=True)])
    assert numbers == [None, 1, 2]
    async with database.read() as session:
        first, second, third = await read_changes(session, after=start, limit=10)
        assert await head(session) == third.seq
        assert await public_head(session) == 2
        stored = await session.get_one(Change, second.seq)
    assert first.seq < second.seq < third.seq
    assert (second.subject, second.public_seq, second.scopes) == ("b", 1, ("test:b",))
    assert stored.detail == {"why": "a test"}
    assert abs(now() - second.at) < timedelta(minutes=1)


async def test_nothing_is_appended_outside_of_a_write(database: Database) -> None:
    async with database.read() as session:
        with pytest.raises(RuntimeError, match="write"):
            await append(session, [entry("a")])


async def test_no_entries_are_no_change(database: Database) -> None:
    before = await subjects(database)
    async with database.write() as session:
        assert await append(session, []) == []
    assert await subjects(database) == before


async def test_public_numbers_are_dense_under_rollbacks(database: Database) -> None:
    async def write(number: int) -> None:
        try:
            async with database.write() as session:
                await append(session, [entry(f"{number}", public=True), entry(f"{number}b", public=True)])
                if number % 3 == 0:
                    raise LookupError
        except LookupError:
            pass

    await asyncio.gather(*(write(number) for number in range(18)))
    async with database.read() as session:
        rows = await session.scalars(
            select(Change.public_seq).where(Change.public_seq.is_not(None)).order_by(Change.seq)
        )
        assert list(rows) == list(range(1, 25))
        assert await public_head(session) == 24


async def test_reserved_numbers_are_used_in_order(database: Database) -> None:
    async with database.write() as session:
        await appending.lock(session)
        first = await appending.reserve_public(session, 3)
        entries = [entry("x", public=True), entry("-"), entry("y", public=True), entry("z", public=True)]
        assert await append(session, entries, first_public=first) == [1, None, 2, 3]
    async with database.write() as session:
        assert await append(session, [entry("later", public=True)]) == [4]


async def test_an_uninitialised_database_is_told_as_such(database: Database) -> None:
    async with database.write() as session:
        await session.execute(text("DELETE FROM counter"))
        with pytest.raises(RuntimeError, match="not initialised"):
            await append(session, [entry("a", public=True)])


# --- readers and late commits ---


class Writers:
    """Two writers on one database, of whom the second tries to commit before the first."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.first_wrote, self.first_may_commit = asyncio.Event(), asyncio.Event()

    async def first(self) -> None:
        async with self.database.write() as session:
            await append(session, [entry("first")])
            self.first_wrote.set()
            await self.first_may_commit.wait()

    async def second(self) -> None:
        await self.first_wrote.wait()
        async with self.database.write() as session:
            await append(session, [entry("second")])

    async def seen(self) -> list[str]:
        """What a reader sees that looks while the first writer hangs, and again when all is done."""
        async with self.database.read() as session:
            start = await head(session)
        first, second = asyncio.create_task(self.first()), asyncio.create_task(self.second())
        # Long enough for the second to commit, if it can; with the lock it waits, and this ends by time.
        await asyncio.wait([second], timeout=0.5)
        async with self.database.read() as session:
            early = await read_changes(session, after=start, limit=10)
        self.first_may_commit.set()
        await asyncio.gather(first, second)
        async with self.database.read() as session:
            position = early[-1].seq if early else start
            late = await read_changes(session, after=position, limit=10)
        return [change.subject for change in (*early, *late)]


async def test_a_reader_cannot_pass_a_late_commit(database: Database) -> None:
    assert await Writers(database).seen() == ["first", "second"]


async def test_without_the_lock_a_reader_would(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shows that the test above would notice: PostgreSQL numbers rows when they are inserted."""
    if database.is_sqlite:
        pytest.skip("SQLite lets one writer in at a time, lock or not")

    async def no_lock(session: AsyncSession) -> None:
        return None

    monkeypatch.setattr(appending, "lock", no_lock)
    assert await Writers(database).seen() == ["second"]


async def test_many_writers_and_a_reader_that_never_rests(database: Database) -> None:
    """Nothing is skipped and nothing repeated, while processes write at once and some of them give up."""
    processes = [
        database,
        *(Database(str(database.url.render_as_string(hide_password=False))) for _ in range(2)),
    ]
    async with database.read() as session:
        start = await head(session)
    done = asyncio.Event()

    async def write(number: int) -> None:
        try:
            async with processes[number % 3].write() as session:
                await append(session, [entry(f"{number}.{part}", public=part == 0) for part in range(3)])
                await asyncio.sleep(0.002 * (number % 4))
                if number % 5 == 0:
                    raise LookupError
        except LookupError:
            pass

    async def read() -> list[str]:
        seen: list[str] = []
        position = start
        while True:
            finished = done.is_set()
            async with database.read() as session:
                changes = await read_changes(session, after=position, limit=7)
            for change in changes:
                assert change.seq > position
                position = change.seq
                seen.append(change.subject)
            if finished and not changes:
                return seen
            await asyncio.sleep(0)

    reader = asyncio.create_task(read())
    try:
        await asyncio.gather(*(write(number) for number in range(40)))
        done.set()
        seen = await reader
    finally:
        for other in processes[1:]:
            await other.dispose()
    kept = [number for number in range(40) if number % 5]
    assert sorted(seen) == sorted(f"{number}.{part}" for number in kept for part in range(3))
    assert in_threes(seen), "the entries of one transaction stand together"


def in_threes(seen: Sequence[str]) -> bool:
    return all(
        [one.partition(".")[2] for one in seen[start : start + 3]] == ["0", "1", "2"]
        and len({one.partition(".")[0] for one in seen[start : start + 3]}) == 1
        for start in range(0, len(seen), 3)
    )
