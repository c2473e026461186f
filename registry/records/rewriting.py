"""What is left of erased records in the database's files, and how it gets out of them.

A row that was deleted or emptied lives on: PostgreSQL keeps dead rows until their table is rewritten, SQLite
keeps copies in pages that were split or moved, which `secure_delete` never hears of, and in its write-ahead
log. So a reader of the changelog has the files written anew after each erasure, outside of any request.
"""

from collections.abc import Sequence

import structlog
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from registry.changelog.append import lock
from registry.changelog.models import Counter
from registry.changelog.tail import ChangeRow
from registry.db import Database, table_of
from registry.errors import Unavailable
from registry.records.erasure import ERASING

NAME = "erasure"
BATCH = 1024
# Whoever waits for a table keeps everybody waiting who comes after: rather try again than wait for long.
LOCK_SECONDS = 2
REWRITTEN = "rewritten"
"""The counter that says up to which change erasures reached the files."""
_LOCK = 0x6572617365  # "erase" in ASCII

CONTENT = (
    "audience",
    "campaign_member",
    "campaign_trait",
    "changelog",
    "draft",
    "draft_signature",
    "evidence_audience",
    "evidence_file",
    "indicator_mark",
    "invitation",
    "outcome",
    "outcome_subject",
    "part_audience",
    "peer_item",
    "record",
    "record_link",
    "record_name",
    "record_provider",
    "record_publisher",
    "record_tag",
    "replay",
    "restricted_part",
    "screening_hit",
    "version",
    "version_signature",
)
"""The tables of which an erasure deletes or empties rows. A test holds every other one free of content."""

log = structlog.get_logger("candor.erasure")


class Rewriter:
    """A `registry.changelog.tail.LogReader`. Any number of erasures that it is given at once cost the same as
    one.

    It fails, and is called again, where a table is in use for longer than `LOCK_SECONDS`; the operator sees
    that in `candor status`. What it has done by then it does not do again.
    """

    name = NAME
    batch = BATCH

    def __init__(self, database: Database) -> None:
        self._database = database
        self._done: set[str] = set()
        self._doing = 0

    async def position(self) -> None:
        return None

    async def consume(self, changes: Sequence[ChangeRow], *, upto: int) -> None:
        """Get what was erased out of the files. Raises `Unavailable` while something is in the way."""
        erased = [change.seq for change in changes if change.topic == "record" and change.action in ERASING]
        if not erased:
            return
        if self._database.is_sqlite:
            await self._rewrite_file(erased[-1])
        else:
            await self._rewrite_tables(erased[-1])

    async def release(self) -> None:
        """Nothing is held between two batches."""

    async def _rewrite_file(self, seq: int) -> None:
        if await self._rewritten() < seq:
            await self._database.rewrite_file()
            await self._remember(seq)
        if not await self._database.forget_deleted():
            raise Unavailable("Somebody still reads the database as it was before an erasure.")

    async def _rewrite_tables(self, seq: int) -> None:
        engine = self._database.engine.execution_options(isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            try:
                # It may take longer than a lease: whoever takes that over meanwhile finds this.
                if not await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}):
                    raise Unavailable("Another process rewrites the tables just now.")
                # Asked after the lock was had: the other one may have ended.
                if await self._rewritten() < seq:
                    await connection.execute(text(f"SET lock_timeout = '{LOCK_SECONDS}s'"))
                    await self._each(connection, seq)
                    await self._remember(seq)
            finally:
                # The session's settings and its lock end with it.
                await connection.invalidate()

    async def _each(self, connection: AsyncConnection, seq: int) -> None:
        if self._doing != seq:
            self._done, self._doing = set(), seq
        for table in CONTENT:
            if table not in self._done:
                await _rewrite(connection, table)
                await _forget_statistics(connection, table)
                self._done.add(table)
        # What ANALYZE noted of the rows that there were.
        await _rewrite(connection, "pg_statistic")
        log.info("tables were rewritten after an erasure", tables=len(CONTENT))

    async def _rewritten(self) -> int:
        async with self._database.read() as session:
            return await _counter(session) or 0

    async def _remember(self, seq: int) -> None:
        async with self._database.write() as session:
            await lock(session)
            counter = table_of(Counter)
            if await _counter(session) is None:
                await session.execute(insert(counter).values(name=REWRITTEN, value=seq))
            else:
                mine = update(counter).where(counter.c.name == REWRITTEN, counter.c.value < seq)
                await session.execute(mine.values(value=seq))


async def _counter(session: AsyncSession) -> int | None:
    return await session.scalar(select(Counter.value).where(Counter.name == REWRITTEN))


async def _rewrite(connection: AsyncConnection, table: str) -> None:
    await _locking(connection, table, f"VACUUM (FULL, ANALYZE) {table}")


async def _forget_statistics(connection: AsyncConnection, table: str) -> None:
    """Let go of what ANALYZE noted of a table that is empty now: it leaves that as it is. A column that is
    given a type loses its statistics, also where it has that type.
    """
    if await connection.scalar(text(f"SELECT EXISTS (SELECT 1 FROM {table})")):  # noqa: S608  (our names)
        return
    columns = await connection.execute(
        text(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a "
            "JOIN pg_stats s ON s.schemaname = current_schema() AND s.tablename = :table "
            "AND s.attname = a.attname WHERE a.attrelid = to_regclass(:table) AND NOT a.attisdropped"
        ),
        {"table": table},
    )
    if altered := ", ".join(f'ALTER COLUMN "{name}" TYPE {type}' for name, type in columns):
        await _locking(connection, table, f"ALTER TABLE {table} {altered}")


async def _locking(connection: AsyncConnection, table: str, statement: str) -> None:
    try:
        await connection.execute(text(statement))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != "55P03":  # lock_not_available
            raise
        raise Unavailable(
            f"The table {table} was in use for {LOCK_SECONDS} s, and could not be rewritten after an erasure."
        ) from error
