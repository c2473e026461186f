"""What was written down about an act stays."""

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from registry.actor import Actor
from registry.audit.models import Act
from registry.audit.service import note
from registry.db import Database


async def test_a_note_says_who_what_and_from_where(database: Database) -> None:
    actor = Actor(name="lab.1", provider_slug="lab", address="192.0.2.7", request="abcdefgh")
    async with database.write() as session:
        await note(
            session, actor, "record", "published", "CIR-7GQ2M4KX9X", version="2", commit="c" * 64, by=3
        )
    async with database.read() as session:
        act = (await session.scalars(select(Act))).one()
    assert (act.actor, act.actor_provider, act.address, act.request) == (
        "lab.1",
        "lab",
        "192.0.2.7",
        "abcdefgh",
    )
    assert (act.topic, act.action, act.subject, act.version) == ("record", "published", "CIR-7GQ2M4KX9X", "2")
    assert act.detail == {"by": 3}


@pytest.mark.parametrize(
    "statement", [update(Act).values(action="other"), delete(Act)], ids=["change", "remove"]
)
async def test_nothing_changes_or_removes_a_row(database: Database, statement: object) -> None:
    async with database.write() as session:
        await note(session, Actor(name="lab.1"), "record", "published", "CIR-7GQ2M4KX9X")
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.write() as session:
            await session.execute(statement)  # type: ignore[call-overload]
    async with database.read() as session:
        assert (await session.scalars(select(Act.action))).all() == ["published"]


async def test_what_is_rolled_back_was_not_done(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as session:
            await note(session, Actor(name="lab.1"), "record", "published", "CIR-7GQ2M4KX9X")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.read() as session:
        assert (await session.scalars(select(Act))).all() == []
