"""What readers of the log set aside: entered once, told to operators, and taken out when it is dealt with."""

import pytest

from registry.changelog import aside
from registry.db import Database

KEY, OTHER = ("registry.example/log", "CIR-7GQ2M4KX9X"), ("registry.example/log", "CIR-000000000H")


async def held(database: Database) -> dict[tuple[str, str], str]:
    async with database.read() as session:
        return {(one.origin, one.id): one.reason for one in await aside.listed(session)}


async def test_a_record_stays_aside_until_it_is_dealt_with(database: Database) -> None:
    await aside.tell(database, "search", [], {KEY: "one\nreason " + "x" * 1000, OTHER: "another"})
    assert (await held(database))[KEY].startswith("one reason xxx")
    assert len((await held(database))[KEY]) == aside.LONGEST_REASON
    await aside.tell(database, "another", [KEY, OTHER], {KEY: "its own"})
    async with database.read() as session:
        assert await aside.counts(session) == {"search": 2, "another": 1}
    await aside.tell(database, "search", [KEY], {OTHER: "a better one"})
    assert await held(database) == {OTHER: "a better one", KEY: "its own"}
    await aside.tell_anew(database, "search", {})
    assert await held(database) == {KEY: "its own"}


@pytest.mark.one_database
async def test_nothing_is_written_where_nothing_changes(database: Database) -> None:
    await aside.tell(database, "search", [], {KEY: "a reason"})
    commits: list[int] = []

    async def committed() -> None:
        commits.append(1)

    database.on_commit.append(committed)
    await aside.tell(database, "search", [OTHER], {KEY: "a reason"})
    await aside.tell_anew(database, "search", {KEY: "a reason"})
    assert not commits


def test_a_reason_quotes_nothing() -> None:
    try:
        {}["a secret"]
    except KeyError as error:
        reason = aside.fault(error)
    assert reason.startswith("KeyError in test_aside.py:")
    assert "secret" not in reason
