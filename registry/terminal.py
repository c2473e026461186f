"""How commands speak: tables and colour for people, one JSON object for programs."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from registry.errors import CandorError, Finding
from registry.settings import Settings, load

T = TypeVar("T")

out = Console()
err = Console(stderr=True)


class Exit(IntEnum):
    """What a command answers to its caller."""

    DONE = 0
    FAILED = 1
    MISUSE = 2
    REJECTED = 3


def settings() -> Settings:
    return load()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work to its end."""
    return asyncio.run(work)


def say_json(value: Any) -> None:
    """The one JSON object on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None) + "\n")


def say(text: str) -> None:
    out.print(text)


def say_plain(text: str) -> None:
    """A line to copy, as it is: neither wrapped nor coloured."""
    out.print(text, soft_wrap=True, markup=False, highlight=False)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    made = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
    return made


def say_findings(findings: Iterable[Finding], where: str = "") -> None:
    """Each finding with its place, what is wrong and what to do."""
    for finding in findings:
        colour = "red" if finding.severity == "error" else "yellow"
        place = escape(f"{where}{finding.pointer}" or "(whole)")
        err.print(f"[{colour}]{finding.severity.value}[/] [bold]{place}[/] {escape(finding.message)}")
        if finding.suggestion:
            err.print(f"      [dim]{escape(finding.suggestion)}[/]")


@contextmanager
def progress(what: str, total: int | None, *, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """A bar on standard error, where somebody looks at it."""
    if quiet or not err.is_terminal:
        yield None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True) as shown:
        task = shown.add_task(what, total=total)
        yield lambda done: shown.advance(task, done)


def tell(error: CandorError) -> Exit:
    """Tell what went wrong and what to do; answers the exit code that goes with it."""
    err.print(f"[red bold]{escape(error.title)}.[/] {escape(error.detail)}")
    say_findings(error.findings)
    return Exit.FAILED
