"""The command imports what is called, and no more."""

import subprocess
import sys
from importlib import import_module

import typer

from registry import cli


def test_each_room_is_listed_with_the_commands_that_it_brings() -> None:
    for module, commands in cli.ROOMS:
        app = typer.Typer()
        import_module(module).register(app)
        listed = typer.main.get_group(app).list_commands(None) if len(commands) > 1 else list(commands)  # type: ignore[arg-type]
        assert sorted(listed) == sorted(commands), module


def test_a_room_with_one_command_is_called_by_its_name() -> None:
    group = typer.main.get_group(cli.program(["audit"]))
    assert list(group.commands) == ["audit"]


def test_help_lists_what_every_room_and_extension_brings() -> None:
    told = set(typer.main.get_group(cli.program(["--help"])).commands)
    assert {command for _, commands in cli.ROOMS for command in commands} < told
    assert {"search", "reindex", "bench"} <= told


def test_a_command_for_a_registry_elsewhere_needs_no_database() -> None:
    code = (
        "import sys; from registry.cli import program; program(['push']); print('sqlalchemy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
