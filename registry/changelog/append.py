"""The only writer of the changelog."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry.changelog.models import Change, Counter
from registry.db import may_write, table_of

# Any constant does, as long as every writer takes the same one ("candor" in ASCII).
LOCK = 0x63616E646F72
PUBLIC = "public"
EVERYTHING = "everything"
"""A scope that makes every kept answer stale."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A change about to be appended. `public` gives it a number in the public sequence."""

    topic: str
    action: str
    subject: str
    origin: str
    actor: str
    at: datetime
    version: int | None = None
    kind: str | None = None
    public: bool = False
    scopes: tuple[str, ...] = ()
    detail: dict[str, Any] = field(default_factory=dict)


async def lock(session: AsyncSession) -> None:
    """Take the place in line. Whoever holds it commits before the next number is given out.

    A database sequence numbers rows when they are inserted, not when they are committed: without the lock a
    reader could pass number 8 while number 7 is still uncommitted, and never see it. On SQLite the write
    transaction itself is the lock. Taking it twice in one transaction is free.
    """
    if not may_write(session):
        raise RuntimeError("the changelog is appended to inside Database.write() only")
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


async def reserve_public(session: AsyncSession, count: int) -> int:
    """Raise the public sequence by `count` and return the first of the new numbers. Call `lock` before."""
    last: int | None = await session.scalar(
        update(Counter)
        .where(Counter.name == PUBLIC)
        .values(value=Counter.value + count)
        .returning(Counter.value)
    )
    if last is None:
        raise RuntimeError("the database was not initialised: no public counter")
    return last - count + 1


async def append(
    session: AsyncSession, entries: Sequence[Entry], *, first_public: int | None = None
) -> list[int | None]:
    """Append in order, inside the transaction that makes the changes; returns each entry's public number.

    `first_public` hands over numbers that the caller reserved under the same lock, for documents that have to
    hold theirs.
    """
    if not entries:
        return []
    await lock(session)
    public = sum(entry.public for entry in entries)
    following = (
        first_public if first_public is not None else (await reserve_public(session, public) if public else 0)
    )
    numbers: list[int | None] = []
    for entry in entries:
        numbers.append(following if entry.public else None)
        following += entry.public
    await session.execute(
        insert(table_of(Change)),
        [
            {
                "public_seq": number,
                "at": entry.at,
                "topic": entry.topic,
                "action": entry.action,
                "origin": entry.origin,
                "subject": entry.subject,
                "version": entry.version,
                "kind": entry.kind,
                "actor": entry.actor,
                "scopes": list(entry.scopes),
                "detail": entry.detail,
            }
            for entry, number in zip(entries, numbers, strict=True)
        ],
    )
    return numbers


async def public_head(session: AsyncSession) -> int:
    """The newest public sequence number; 0 while nothing was published."""
    return await session.scalar(select(Counter.value).where(Counter.name == PUBLIC)) or 0
