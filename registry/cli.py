"""The command `candor`. Every room brings its own commands, and is imported when one of them is called: what
the others need would take most of a second.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from registry import terminal
from registry.errors import CandorError, Misconfigured, Unavailable
from registry.logs import configure
from registry.memory import collect_seldom, end_at_once
from registry.settings import load

ROOMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "registry.operator_commands",
        ("init", "serve", "worker", "backup", "restore", "recover", "settings", "status"),
    ),
    ("registry.commands.providers", ("provider", "client", "steward")),
    ("registry.commands.audit", ("audit",)),
    ("registry.commands.groups", ("group",)),
    ("registry.commands.peers", ("peer",)),
    ("registry.commands.taxonomies", ("taxonomy",)),
    ("registry.commands.exchange", ("import",)),
    ("registry.commands.evidence", ("evidence", "matrix")),
    ("registry.commands.verify", ("verify",)),
    ("registry.commands.dump", ("dump",)),
    ("registry.commands.keys", ("key",)),
    ("registry.commands.remote.signing", ("signing-key",)),
    (
        "registry.commands.remote",
        (
            "apply",
            "join",
            "login",
            "logout",
            "validate",
            "push",
            "pull",
            "publish",
            "submit",
            "return",
            "approve",
            "resolve",
            "schedule",
            "cancel",
            "withdraw",
            "reinstate",
            "act",
            "report",
        ),
    ),
)
"""Each module with the commands that its `register` adds."""


def program(words: Sequence[str]) -> typer.Typer:
    """The command with the room that the words call. Where they call none that is known here, with all of
    them, and with what extensions bring: help lists every command.
    """
    app = typer.Typer(
        name="candor",
        help="The registry of AI misuse incidents, mitigations and lessons learned.",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        add_completion=True,
    )
    app.callback()(_before)
    called = words[0] if words and "_CANDOR_COMPLETE" not in os.environ else None
    rooms = [module for module, commands in ROOMS if called in commands]
    for module in rooms or [module for module, _ in ROOMS]:
        import_module(module).register(app)
    if not rooms:
        from registry.extensions import load_extensions

        for extension in load_extensions(load().extensions):
            if extension.commands is not None:
                extension.commands(app)
    return app


def _before() -> None:
    configure(terminal.settings())


def main() -> None:
    """The entry point: errors become a sentence and an exit code."""
    collect_seldom()
    end_at_once()
    try:
        program(sys.argv[1:])()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception as error:
        if (trouble := _trouble(error)) is None:
            raise
        raise SystemExit(terminal.tell(trouble)) from None


def _trouble(error: Exception) -> CandorError | None:
    """What went wrong around the program, as a sentence. None for a mistake of its own, with its trace."""
    import asyncpg  # type: ignore[import-untyped]
    from sqlalchemy.exc import DBAPIError

    match error:
        case CandorError():
            return error
        case DBAPIError():
            return Unavailable(f"The database does not answer: {error.orig}.")
        case asyncpg.PostgresError() | asyncpg.InterfaceError():  # as the driver says it while connecting
            return Unavailable(f"The database does not answer: {error}.")
        case OSError() if error.filename is not None:
            return Misconfigured(f"{error.filename}: {error.strerror}.")
        case OSError():
            return Unavailable(f"The database does not answer: {error}.")
        case _:
            return None
