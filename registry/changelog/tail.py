"""The readers' side of the changelog: where each stands, who reads for it, and how it catches up.

A reader is idempotent and may be stopped anywhere: it is given changes in order, and its position is kept
only after it has dealt with them. One process at a time reads for it, under a lease that runs out by itself
when the process dies.
"""

import asyncio
import contextlib
import math
import os
import secrets
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from registry.changelog.models import Change, ReaderState
from registry.db import Database, now
from registry.errors import Unavailable, Unreached

LEASE = timedelta(seconds=15)
POLL_SECONDS = 0.5
TELL_SECONDS = 1.0
RETRY_SECONDS = (1, 2, 5, 15, 60)

log = structlog.get_logger("candor.tail")


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change as readers see it."""

    seq: int
    public_seq: int | None
    at: datetime
    topic: str
    action: str
    origin: str
    subject: str
    version: int | None
    kind: str | None
    scopes: tuple[str, ...]
    actor: str


class LogReader(Protocol):
    """Something that follows the changelog."""

    name: str
    batch: int

    async def position(self) -> int | None:
        """The last `seq` dealt with, for a reader that keeps its own place; None when the table keeps it."""

    async def consume(self, changes: Sequence[ChangeRow], *, upto: int) -> None:
        """Deal with changes in order. `upto` is the seq to remember, which may lie past the last change
        given.
        """

    async def release(self) -> None:
        """The lease is given up: close what only its holder may have open."""


async def read_changes(session: AsyncSession, *, after: int, limit: int) -> list[ChangeRow]:
    """Committed changes with `seq` greater than `after`, in order."""
    columns: tuple[Any, ...] = (
        Change.seq,
        Change.public_seq,
        Change.at,
        Change.topic,
        Change.action,
        Change.origin,
        Change.subject,
        Change.version,
        Change.kind,
        Change.scopes,
        Change.actor,
    )
    rows = await session.execute(select(*columns).where(Change.seq > after).order_by(Change.seq).limit(limit))
    return [
        ChangeRow(seq, public_seq, at, topic, action, origin, subject, version, kind, tuple(scopes), actor)
        for seq, public_seq, at, topic, action, origin, subject, version, kind, scopes, actor in rows
    ]


async def head(session: AsyncSession) -> int:
    """The newest committed `seq`; 0 in an empty log. A lookup at the end of a primary key: cheap to poll."""
    return await session.scalar(select(Change.seq).order_by(Change.seq.desc()).limit(1)) or 0


async def has_read(session: AsyncSession, name: str) -> bool:
    """Whether a reader has dealt with everything there is, as far as it told: once a second."""
    position = await session.scalar(select(ReaderState.position).where(ReaderState.name == name))
    return position is not None and position >= await head(session)


class Tail:
    """Runs one reader in this process, whenever this process holds its lease."""

    def __init__(self, database: Database, reader: LogReader) -> None:
        self.database = database
        self.reader = reader
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._wake = asyncio.Event()
        self._leased_until: datetime | None = None
        self._at: int | None = None
        self._told: int | None = None
        self._told_at = -math.inf

    def wake(self) -> None:
        """Look again now. Carries nothing; what there is to read stands in the log."""
        self._wake.set()

    async def run(self) -> None:
        """Follow the log until cancelled. A failure is kept where the operator sees it, and tried again."""
        failures = 0
        try:
            while True:
                self._wake.clear()
                try:
                    worked = await self.step()
                    failures = 0
                    delay = 0.0 if worked else POLL_SECONDS
                except Exception as error:
                    delay = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                    failures += 1
                    if isinstance(error, Unreached | Unavailable):
                        # Another server: our own steps on the way to it would tell nobody anything.
                        log.warning(
                            "reader failed", reader=self.reader.name, retry_in=delay, why=error.detail
                        )
                    else:
                        log.exception("reader failed", reader=self.reader.name, retry_in=delay)
                    with contextlib.suppress(Exception):
                        await self._note_failure(error)
                    # Deaf meanwhile: noting the failure is a commit that wakes every reader, this one too.
                    await asyncio.sleep(delay)
                    continue
                if delay:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), delay)
                else:
                    await asyncio.sleep(0)
        finally:
            await asyncio.shield(self.give_up())

    async def catch_up(self) -> None:
        """Read until nothing is left, or until another process turns out to be reading."""
        while await self.step():
            pass
        self._told_at = -math.inf
        await self.step()

    async def step(self) -> bool:
        """Deal with one batch. False when there was nothing to do or the lease is another's."""
        if not await self._lease():
            return False
        async with self.database.read() as session:
            position = await self.reader.position()
            if position is None:
                position = self._at if self._at is not None else await self._position(session)
            changes = await read_changes(session, after=position, limit=self.reader.batch)
        if changes:
            position = changes[-1].seq
            await self.reader.consume(changes, upto=position)
        self._at = position
        # A reader that keeps its own place may have moved by itself, and one that failed may be well again:
        # operators are told of that too. Not with each batch: it would wait in line with whoever writes much.
        # A process that dies in between has the last second read again, which does no reader harm.
        told_lately = self._told is not None and time.monotonic() < self._told_at + TELL_SECONDS
        if position != self._told and not told_lately:
            if not await self._remember(position):
                await self._lost()
                return False
            self._told, self._told_at = position, time.monotonic()
        return bool(changes)

    async def give_up(self) -> None:
        """End the lease, so that the next process need not wait for it to run out."""
        await self.reader.release()
        if self._leased_until is None:
            return
        if self._at is not None and self._at != self._told:
            await self._remember(self._at)
        self._at = None
        self._leased_until = None
        async with self.database.write() as session:
            await session.execute(
                update(ReaderState)
                .where(ReaderState.name == self.reader.name, ReaderState.holder == self.holder)
                .values(holder=None, lease_until=None)
            )

    async def _lease(self) -> bool:
        """Hold or renew the lease. Renewed at half its time only: an idle reader writes nothing meanwhile."""
        moment = now()
        if self._leased_until is not None and moment < self._leased_until - LEASE / 2:
            return True
        async with self.database.read() as session:
            state = await session.get(ReaderState, self.reader.name)
        if (
            state
            and state.holder not in (None, self.holder)
            and state.lease_until
            and state.lease_until > moment
        ):
            await self._lost()
            return False
        async with self.database.write() as session:
            if state is None:
                await self._enter(session)
            taken = await session.execute(
                update(ReaderState)
                .where(
                    ReaderState.name == self.reader.name,
                    or_(
                        ReaderState.holder.is_(None),
                        ReaderState.holder == self.holder,
                        ReaderState.lease_until < moment,
                    ),
                )
                .values(holder=self.holder, lease_until=moment + LEASE)
                .returning(ReaderState.name)
            )
            won = taken.first() is not None
        if not won:
            await self._lost()
            return False
        self._leased_until = moment + LEASE
        return True

    async def _enter(self, session: AsyncSession) -> None:
        """Give the reader its row, unless another process is just doing that."""
        try:
            async with session.begin_nested():
                session.add(ReaderState(name=self.reader.name, position=0))
        except IntegrityError:
            log.debug("another process was first", reader=self.reader.name)

    async def _lost(self) -> None:
        """Another process reads now: close what only the holder of the lease may have open."""
        self._at = self._told = None
        if self._leased_until is not None:
            self._leased_until = None
            await self.reader.release()

    async def _position(self, session: AsyncSession) -> int:
        return (
            await session.scalar(select(ReaderState.position).where(ReaderState.name == self.reader.name))
            or 0
        )

    async def _remember(self, position: int) -> bool:
        """Move the cursor. False when the lease was lost meanwhile: its next holder reads the batch again."""
        async with self.database.write() as session:
            moved = await session.execute(
                update(ReaderState)
                .where(ReaderState.name == self.reader.name, ReaderState.holder == self.holder)
                .values(position=position, error=None, failed_at=None)
                .returning(ReaderState.name)
            )
            return moved.first() is not None

    async def _note_failure(self, error: Exception) -> None:
        """Keep what went wrong, and since when it has."""
        self._told = None
        async with self.database.write() as session:
            await session.execute(
                update(ReaderState)
                .where(ReaderState.name == self.reader.name)
                .values(
                    error=f"{type(error).__name__}: {error}"[:1000],
                    failed_at=func.coalesce(ReaderState.failed_at, now()),
                )
            )
