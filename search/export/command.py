"""An export, or a citation, of `candor search`: to standard output, or to a file that is there as a whole or
not at all.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from registry import terminal
from registry.citations.formats import format_of
from registry.errors import Misconfigured
from registry.finder import Parameters
from registry.node import open_node
from search.export.asked import read_export
from search.export.citation import cite
from search.export.stream import begin
from search.finder import SearchFinder
from search.open import open_engine


async def export_to(path: Path | None, parameters: Parameters) -> None:
    """Write every record that answers. The parameters are those of `GET /api/v1/search/export`."""
    export = read_export(parameters)
    async with open_node(terminal.settings()) as node:
        with _opened(path) as file:
            finder = SearchFinder(node, open_engine(node.settings))
            exporting = await begin(node, finder, export)
            total = exporting.about.total
            with terminal.progress("Exporting", total, quiet=path is None and sys.stdout.isatty()) as tell:
                async for chunk, dealt_with in exporting.chunks:
                    file.write(chunk)
                    if tell is not None:
                        tell(dealt_with)
    if path is not None:
        terminal.err.print(f"Up to [bold]{total:,}[/] records as of position {exporting.about.position}.")


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    beside = path.with_name(f".{path.name}.part")
    try:
        file = beside.open("wb")
    except OSError as error:
        raise Misconfigured(f"Nothing can be written in {path.parent}: {error.strerror}.") from error
    try:
        with file:
            yield file
        beside.replace(path)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()


async def cite_search(format: str, parameters: Parameters) -> str:
    """The citation of a question."""
    chosen = format_of(format)
    async with open_node(terminal.settings()) as node:
        finder = SearchFinder(node, open_engine(node.settings))
        return chosen.write(await cite(node, finder, parameters))
