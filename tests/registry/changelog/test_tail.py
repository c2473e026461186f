"""Readers of the log: in order, once each under one lease, and taken up where the last one stopped."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from registry.changelog import tail as tailing
from registry.changelog.append import Entry, append
from registry.changelog.models import ReaderState
from registry.changelog.tail import LEASE, ChangeRow, Tail
from registry.db import Database, now


class Recorder:
    """A reader that keeps what it was given."""

    name = "recorder"

    def __init__(self, batch: int = 3) -> None:
        self.batch = batch
        self.seen: list[str] = []
        self.upto = 0
        self.released = 0
        self.own_position: int | None = None
        self.meanwhile: Callable[[], object] | None = None

    async def position(self) -> int | None:
        return self.own_position

    async def consume(self, changes: Sequence[ChangeRow], *, upto: int) -> None:
        if self.meanwhile is not None:
            found = self.meanwhile()
            if asyncio.iscoroutine(found):
                await found
        self.seen += [change.subject for change in changes if change.topic == "test"]
        self.upto = upto

    async def release(self) -> None:
        self.released += 1


async def write(database: Database, *subjects: str) -> None:
    async with database.write() as session:
        await append(
            session,
            [
                Entry("test", "happened", subject, "registry.example/log", "test", at=now())
                for subject in subjects
            ],
        )


async def state(database: Database) -> ReaderState:
    async with database.read() as session:
        return (await session.scalars(select(ReaderState))).one()


async def until(database: Database, reached: Callable[[ReaderState], bool]) -> None:
    """Wait for what a tail does to its row."""
    for _ in range(500):
        async with database.read() as session:
            found = await session.scalar(select(ReaderState))
        if found is not None and reached(found):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to that")


async def expire_lease(database: Database) -> None:
    async with database.write() as session:
        await session.execute(update(ReaderState).values(lease_until=now() - timedelta(seconds=1)))


async def test_a_reader_is_given_everything_in_order_and_once(database: Database) -> None:
    reader = Recorder()
    tail = Tail(database, reader)
    await write(database, *"abcdefg")
    await tail.catch_up()
    await write(database, "h")
    await tail.catch_up()
    assert reader.seen == list("abcdefgh")
    assert (await state(database)).position == reader.upto
    assert await tail.step() is False


async def test_the_next_process_goes_on_where_the_last_one_stopped(database: Database) -> None:
    first, second = Recorder(), Recorder()
    leaving = Tail(database, first)
    await write(database, "a", "b")
    await leaving.catch_up()
    await leaving.give_up()
    await write(database, "c")
    await Tail(database, second).catch_up()
    assert (first.seen, second.seen) == (["a", "b"], ["c"])
    assert first.released == 1


async def test_of_two_tails_one_reads_and_the_other_waits(database: Database) -> None:
    first, second = Recorder(), Recorder()
    holder, waiting = Tail(database, first), Tail(database, second)
    await write(database, "a")
    await holder.catch_up()
    await write(database, "b")
    assert await waiting.step() is False
    await holder.catch_up()
    assert (first.seen, second.seen) == (["a", "b"], [])


async def test_two_that_begin_at_once_do_not_trip_over_each_other(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    databases = [Database(url) for _ in range(4)]
    readers = [Recorder() for _ in databases]
    await write(database, *"abcde")
    try:
        await asyncio.gather(
            *(Tail(each, reader).catch_up() for each, reader in zip(databases, readers, strict=True))
        )
    finally:
        for each in databases:
            await each.dispose()
    assert sorted("".join(reader.seen) for reader in readers) == ["", "", "", "abcde"]


async def test_when_the_holder_dies_its_lease_runs_out(database: Database) -> None:
    dead, heir = Recorder(), Recorder()
    await write(database, "a")
    await Tail(database, dead).catch_up()
    await write(database, "b")
    tail = Tail(database, heir)
    await tail.catch_up()
    assert heir.seen == [], "the lease still holds"
    until = (await state(database)).lease_until
    assert until is not None
    assert timedelta(0) < until - now() <= LEASE
    await expire_lease(database)
    await tail.catch_up()
    assert heir.seen == ["b"]


async def test_a_lease_lost_in_the_middle_of_a_batch_moves_nothing(database: Database) -> None:
    """The slow holder finds out when it wants to note its place; the batch is read again by the next one."""
    slow, quick = Recorder(batch=100), Recorder(batch=100)
    losing, taking = Tail(database, slow), Tail(database, quick)
    await write(database, "a", "b")

    async def taken_over() -> None:
        await expire_lease(database)
        await taking.catch_up()

    slow.meanwhile = taken_over
    assert await losing.step() is False
    assert slow.released == 1, "what only the holder may have open is closed"
    assert quick.seen == ["a", "b"]
    found = await state(database)
    assert (found.holder, found.position) == (taking.holder, quick.upto)
    slow.meanwhile = None
    await write(database, "c")
    await losing.catch_up()
    await taking.catch_up()
    assert (slow.seen, quick.seen) == (["a", "b"], ["a", "b", "c"])


async def test_an_idle_reader_writes_only_to_renew_its_lease(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tail = Tail(database, Recorder())
    await tail.catch_up()
    written = 0

    async def count() -> None:
        nonlocal written
        written += 1

    database.on_commit.append(count)
    before = (await state(database)).lease_until
    for _ in range(3):
        await tail.step()
    assert written == 0
    later = now() + LEASE * 0.6
    monkeypatch.setattr(tailing, "now", lambda: later)
    await tail.step()
    after = (await state(database)).lease_until
    assert written == 1
    assert before is not None
    assert after is not None
    assert after > before


async def test_a_reader_that_keeps_its_own_place_is_asked_for_it(database: Database) -> None:
    reader = Recorder(batch=100)
    tail = Tail(database, reader)
    await write(database, "a", "b", "c")
    reader.own_position = 0
    await tail.step()
    assert reader.seen == ["a", "b", "c"]
    reader.own_position = reader.upto - 1  # as when its index was put back to an earlier state
    await tail.step()
    assert reader.seen == ["a", "b", "c", "c"]


async def test_a_failure_is_kept_with_its_beginning_and_cleared_by_success(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "RETRY_SECONDS", (0.01,))
    failures = 0
    recovered = asyncio.Event()
    reader = Recorder(batch=100)

    def fail() -> None:
        nonlocal failures
        failures += 1
        if failures <= 3:
            raise LookupError(f"no luck {failures}")
        recovered.set()

    reader.meanwhile = fail
    noted: list[tuple[str | None, object]] = []
    tail = Tail(database, reader)
    note = tail._note_failure

    async def look(error: Exception) -> None:
        await note(error)
        found = await state(database)
        noted.append((found.error, found.failed_at))

    monkeypatch.setattr(tail, "_note_failure", look)
    await write(database, "a")
    running = asyncio.create_task(tail.run())
    await asyncio.wait_for(recovered.wait(), 10)
    await until(database, lambda found: found.error is None)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [error for error, _ in noted] == [f"LookupError: no luck {number}" for number in (1, 2, 3)]
    assert len({since for _, since in noted}) == 1, "it says since when it fails, not when it last did"
    assert reader.seen == ["a"]
    assert (await state(database)).failed_at is None


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_a_reader_that_fails_does_not_wake_itself(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "RETRY_SECONDS", (60,))
    tries: list[None] = []
    reader = Recorder()

    def fail() -> None:
        tries.append(None)
        raise LookupError("no luck")

    async def wake() -> None:
        tail.wake()

    reader.meanwhile = fail
    tail = Tail(database, reader)
    await write(database, "a")
    database.on_commit.append(wake)
    running = asyncio.create_task(tail.run())
    await until(database, lambda found: found.error is not None)
    for _ in range(3):
        await write(database, "b")
        await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(tries) == 1


async def test_a_running_tail_wakes_when_told_and_leaves_its_lease_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "POLL_SECONDS", 60)
    reader = Recorder()
    tail = Tail(database, reader)
    running = asyncio.create_task(tail.run())
    await until(database, lambda found: found.position > 0)
    read = asyncio.Event()
    reader.meanwhile = read.set
    await write(database, "a")
    tail.wake()
    await asyncio.wait_for(read.wait(), 10)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (await state(database)).holder is None
    assert reader.released == 1
