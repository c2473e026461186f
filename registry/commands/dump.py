"""`candor dump`."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from registry import terminal
from registry.dumps.write import dump as write_dump
from registry.node import open_node


def register(app: typer.Typer) -> None:
    """Add `dump` to the command."""
    app.command()(dump)


def dump(
    path: Annotated[Path, typer.Argument(help="A folder to be, or a file that ends with .zip.")],
    with_log: Annotated[
        bool, typer.Option("--log", help="With the log itself: whoever has the dump can then verify it.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")
    ] = False,
) -> None:
    """Write everything public into files: records, all versions, taxonomies. Repeatable."""
    manifest = terminal.run(_dump(path, with_log=with_log, quiet=as_json))
    if as_json:
        terminal.say_json(manifest)
        return
    terminal.out.print(terminal.table(f"Dumped to {path}", ("", "count"), manifest["counts"].items()))
    if with_log:
        terminal.err.print(f"`candor verify {escape(str(path))} --key VKEY` checks it.")


async def _dump(path: Path, *, with_log: bool, quiet: bool) -> dict[str, Any]:
    def progress(total: int) -> AbstractContextManager[Any]:
        return terminal.progress("Dumping", total, quiet=quiet)

    async with open_node(terminal.settings()) as node:
        return await write_dump(node, path, with_log=with_log, progress=progress)
