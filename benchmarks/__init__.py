"""The measured promises: `candor bench`.

Nothing is imported before the command runs: every start of `candor` passes through here.
"""

from typing import TYPE_CHECKING

from registry.extensions import Extension

if TYPE_CHECKING:
    import typer


def _register(app: "typer.Typer") -> None:
    from benchmarks.command import bench

    app.command()(bench)


extension = Extension("bench", commands=_register)
