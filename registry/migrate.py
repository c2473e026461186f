"""Bringing a database to the schema that this version of the program needs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.bundled import folder
from registry.db import Database
from registry.errors import Misconfigured

_NEWER = (
    "The database is at revision {present}, which this version of Candor does not know. "
    "It was written by a newer version: install that one."
)

# Alembic is imported where something is migrated: every start asks for revisions, and few migrate.
if TYPE_CHECKING:
    from alembic.config import Config


def alembic_config(connection: Connection | None = None) -> "Config":
    """Alembic's configuration, built here, so that an installed wheel needs no file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder("migrations")))
    config.attributes["connection"] = connection
    return config


def known_revisions() -> list[str]:
    """The revisions that this program knows, in order. Files begin with their revision's number."""
    files = (folder("migrations") / "versions").glob("[0-9]*.py")
    return sorted(path.name.partition("_")[0] for path in files)


def newest_revision() -> str:
    """The revision that this program needs."""
    return known_revisions()[-1]


async def present_revision(database: Database) -> str | None:
    """The revision that the database is at; None for an empty one, or one that is not there yet."""
    if not _is_there(database):
        return None
    async with database.engine.connect() as connection:
        if not await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version")):
            return None
        found = await connection.execute(text("SELECT version_num FROM alembic_version"))
        return found.scalar_one_or_none()


def _is_there(database: Database) -> bool:
    """Whether there is something to connect to: looking would make SQLite begin an empty file."""
    return not database.is_sqlite or Path(database.url.database or "").exists()


async def migrate(database: Database) -> None:
    """Bring the database to the newest revision. Raises `Misconfigured` for one of a newer program."""
    present = await present_revision(database)
    if present is not None and present not in known_revisions():
        raise Misconfigured(_NEWER.format(present=present))
    async with restructuring(database) as connection:
        await upgrade(connection, "head")


@asynccontextmanager
async def restructuring(database: Database) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction of its own, in which tables may be made anew.

    SQLite can change little about a table: it is copied, dropped and renamed. With foreign keys on, dropping
    it deletes its rows first, and fails where others refer to them. They can only be switched off outside of
    a transaction, and are checked, all of them, before the commit
    (https://www.sqlite.org/lang_altertable.html, section 7).
    """
    async with database.engine.connect() as connection:
        if not database.is_sqlite:
            async with connection.begin():
                yield connection
            return
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.execute("PRAGMA foreign_keys=OFF")
        try:
            async with connection.begin():
                yield connection
                if broken := (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all():
                    raise RuntimeError(
                        f"a migration broke {len(broken)} references, the first in {broken[0][0]}"
                    )
        finally:
            await driver.execute("PRAGMA foreign_keys=ON")


async def upgrade(connection: AsyncConnection, revision: str) -> None:
    """Go up to a revision, inside the transaction of whoever asks."""
    from alembic import command

    await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), revision))


async def downgrade(connection: AsyncConnection, revision: str) -> None:
    """Go down to a revision, inside the transaction of whoever asks; `base` is an empty database."""
    from alembic import command

    await connection.run_sync(lambda sync: command.downgrade(alembic_config(sync), revision))


async def require_current(database: Database) -> None:
    """Raises `Misconfigured` with the command to run when the database is older or newer than the program."""
    present, newest = await present_revision(database), newest_revision()
    if present is None:
        raise Misconfigured("The database is empty. Run `candor init`.")
    if present not in known_revisions():
        raise Misconfigured(_NEWER.format(present=present))
    if present != newest:
        raise Misconfigured(
            f"The database is at revision {present} and this version of Candor needs {newest}. "
            "Save it with `candor backup`, then run `candor init`."
        )
