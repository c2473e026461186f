"""Bringing a database to the schema that this version of the program needs."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from registry.bundled import folder
from registry.db import Database
from registry.errors import Misconfigured

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


def newest_revision() -> str:
    """The revision that this program needs. History is linear, and files begin with their revision's number."""
    return max(path.name.partition("_")[0] for path in (folder("migrations") / "versions").glob("[0-9]*.py"))


async def present_revision(database: Database) -> str | None:
    """The revision that the database is at; None for an empty one, or one that is not there yet."""
    if database.is_sqlite and not Path(database.url.database or "").exists():
        return None
    async with database.engine.connect() as connection:
        if not await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version")):
            return None
        found = await connection.execute(text("SELECT version_num FROM alembic_version"))
        return found.scalar_one_or_none()


async def migrate(database: Database, revision: str = "head") -> None:
    """Move the database to a revision, up or down."""
    from alembic import command

    async with database.engine.begin() as connection:
        if revision == "head" or revision.startswith("+"):
            await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), revision))
        else:
            await connection.run_sync(lambda sync: command.downgrade(alembic_config(sync), revision))


async def require_current(database: Database) -> None:
    """Raises `Misconfigured` with the command to run when the database is older or newer than the program."""
    present, newest = await present_revision(database), newest_revision()
    if present is None:
        raise Misconfigured("The database is empty. Run `candor init`.")
    if present != newest:
        raise Misconfigured(
            f"The database is at revision {present} and this version of Candor needs {newest}. "
            "Make a backup, then run `candor init`."
        )
