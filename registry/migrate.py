"""Bringing a database to the schema that this version of the program needs."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from registry.bundled import folder
from registry.db import Database
from registry.errors import Misconfigured


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, built here, so that an installed wheel needs no file."""
    config = Config()
    config.set_main_option("script_location", str(folder("migrations")))
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str | None:
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


async def present_revision(database: Database) -> str | None:
    """The revision that the database is at; None for an empty one."""
    async with database.engine.connect() as connection:
        return await connection.run_sync(
            lambda sync: MigrationContext.configure(sync).get_current_revision()
        )


async def migrate(database: Database, revision: str = "head") -> None:
    """Move the database to a revision, up or down."""
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
