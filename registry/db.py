"""The database: one engine, two ways to open a session, and the column types every room shares.

SQLite is the embedded default, PostgreSQL the production one. On SQLite a session that writes has to take its
lock at once (`BEGIN IMMEDIATE`): a deferred transaction that reads first and writes later fails as locked,
whatever the busy timeout. So reading and writing sessions are opened apart, on both databases, and nothing
guesses.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import structlog
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    event,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

log = structlog.get_logger("candor.db")
_WRITES = "candor_writes"
BUSY_SECONDS = 30
# In KiB, as SQLite takes it. A transaction that changes more pages than it may keep writes some of them
# several times; one that reads has the system's cache of files, and there are many of those at once.
_WRITING_CACHE, _READING_CACHE = -65_536, -2_000


class Base(DeclarativeBase):
    """The tables' common root. Every constraint has a name, so that a migration can speak of it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time in UTC, to the microsecond. SQLite keeps no zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = JSON().with_variant(JSONB(), "postgresql")
# Where there may be nothing, nothing is SQL's NULL: JSON's `null` would be something.
NullableJson = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
# SQLite numbers rows by itself only where the type is exactly INTEGER.
BigKey = BigInteger().with_variant(Integer(), "sqlite")
Bytes = LargeBinary


def now() -> datetime:
    return datetime.now(UTC)


def async_url(url: str) -> URL:
    """The URL with the driver that Candor uses, whichever the operator wrote."""
    parsed = make_url(url)
    driver = {
        "sqlite": "sqlite+aiosqlite",
        "postgresql": "postgresql+asyncpg",
        "postgres": "postgresql+asyncpg",
    }
    backend = parsed.drivername.split("+")[0]
    return parsed.set(drivername=driver.get(backend, parsed.drivername))


async def clock_of(session: AsyncSession) -> datetime:
    """The time by the database's clock, which every process of a registry shares; several machines' own
    clocks differ. SQLite is on this machine, and has its clock.
    """
    if session.get_bind().dialect.name != "postgresql":
        return now()
    moment: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return moment.astimezone(UTC)


class Database:
    """The way to the tables. `read()` and `write()` each give a session inside its own transaction.

    `on_commit` callbacks run after each committed write, before `write()` returns: what they do is done "at
    once" for whoever waits on the write.
    """

    def __init__(self, url: str) -> None:
        self.url = async_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        # Parameters hold drafts and hashes of secrets; an error's text goes to the log.
        options: dict[str, Any] = {
            "pool_pre_ping": not self.is_sqlite,
            "hide_parameters": True,
            # Every process reads the scopes of every change, some of them twice.
            "json_deserializer": msgspec.json.decode,
        }
        if self.is_sqlite:
            options["connect_args"] = {"timeout": BUSY_SECONDS}
        self.engine: AsyncEngine = create_async_engine(self.url, **options)
        self.on_commit: list[Callable[[], Awaitable[None]]] = []
        # Writers of one process queue here in order instead of polling SQLite's file lock.
        self._one_writer = asyncio.Lock() if self.is_sqlite else nullcontext()
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
        self._reader = async_sessionmaker(self.engine, expire_on_commit=False)
        writing = self.engine.execution_options(**{_WRITES: True})
        self._writer = async_sessionmaker(writing, expire_on_commit=False)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        async with self._reader() as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        async with self._one_writer, self._writer() as session, session.begin():
            yield session
        for callback in self.on_commit:
            try:
                await callback()
            except Exception:
                # What was written is written: whoever wrote it may not be told otherwise.
                log.exception("after a commit")

    async def forget_deleted(self) -> bool:
        """Let go of what deleted rows still hold in SQLite's write-ahead log, which has copies of pages.
        False where somebody still reads from it.

        The rest follows from the changelog (`registry.records.rewriting`).
        """
        if not self.is_sqlite:
            return True
        async with self.engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            cursor = await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy, _, _ = await cursor.fetchone()
            await cursor.close()
        return not busy

    async def rewrite_file(self) -> None:
        """Write SQLite's file anew: pages that were split or moved hold copies of rows that were deleted
        later, which `secure_delete` does not overwrite.
        """
        async with self._one_writer, self.engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            # All of the database goes through it, and that may be more than there is memory.
            await driver.execute("PRAGMA temp_store=FILE")
            try:
                await driver.execute("VACUUM")
            finally:
                await driver.execute("PRAGMA temp_store=MEMORY")

    async def dispose(self) -> None:
        await self.engine.dispose()


def table_of(model: type[Base]) -> Table:
    """A model's table, for writing many rows: the mapper would take longer over each than the database."""
    return cast(Table, model.__table__)


def may_write(session: AsyncSession) -> bool:
    """Whether the session came from `Database.write`."""
    return bool(session.get_bind().get_execution_options().get(_WRITES))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late; `_begin_sqlite` says it
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_SECONDS * 1000}",
        "wal_autocheckpoint=4000",  # pages: an import touches that many in a moment
        "secure_delete=ON",  # erasure has to reach the pages of the file
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    wanted = _WRITING_CACHE if writes else _READING_CACHE
    if connection.info.get("cache_size", _READING_CACHE) != wanted:
        connection.exec_driver_sql(f"PRAGMA cache_size={wanted}")
        connection.info["cache_size"] = wanted
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
