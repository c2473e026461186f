"""`candor bench`."""

import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from registry import terminal

if TYPE_CHECKING:
    from benchmarks.measures import Measure, Result

RECORDS = 100_000
LEAST_RECORDS = 200


def bench(
    what: Annotated[
        list[str] | None, typer.Argument(help="Measure this alone, as with --only: search, import, …")
    ] = None,
    records: Annotated[
        int, typer.Option(help="How many records the large registry holds.", min=LEAST_RECORDS, max=1_000_000)
    ] = RECORDS,
    only: Annotated[
        list[str] | None, typer.Option(help="Measure this alone: a measure or a group; may be repeated.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")
    ] = False,
    keep: Annotated[
        Path | None,
        typer.Option(help="Folder to fill and leave, and to use again; a temporary one when left out."),
    ] = None,
) -> None:
    """Measure what is promised, as ratios within one run. Exits with 1 when a promise does not hold."""
    from benchmarks import machine, measures

    try:
        chosen = measures.chosen([*(what or ()), *(only or ())])
    except KeyError as error:
        known = sorted({one.name for one in measures.MEASURES} | {one.group for one in measures.MEASURES})
        raise typer.BadParameter(
            f"There is no measure {error.args[0]!r}; there are: {', '.join(known)}."
        ) from None
    about = machine.describe()
    with _ended_in_order(), _folder(keep) as folder:
        results = _measure(chosen, folder, records)
    if as_json:
        terminal.say_json({result.measure.name: result.as_json() for result in results})
    else:
        _tell(results, about, records)
    if any(result.holds is False for result in results):
        raise typer.Exit(terminal.Exit.FAILED)


def _measure(chosen: Sequence["Measure"], folder: Path, records: int) -> list["Result"]:
    from benchmarks import (
        datasette,
        embargo,
        finding,
        following,
        growth,
        hot,
        importing,
        indexing,
        log,
        meili,
        memory,
        quality,
        searching,
        start,
        tokens,
        verifying,
    )
    from benchmarks.measures import Result
    from benchmarks.stand import Found, Stand

    groups: Mapping[str, Callable[[Stand], Found]] = {
        "hot": hot.measure,
        "search": searching.measure,
        "quality": quality.measure,
        "datasette": datasette.measure,
        "found": finding.measure,
        "index": indexing.measure,
        "meili": meili.measure,
        "growth": growth.measure,
        "tokens": tokens.measure,
        "import": importing.measure,
        "log": log.measure,
        "memory": memory.measure,
        "verify": verifying.measure,
        "embargo": embargo.measure,
        "follow": following.measure,
        "start": start.measure,
    }
    found: Found = {}
    with _progress() as progress:
        stand = Stand(folder, records, progress)
        for name, measure in groups.items():
            if any(one.group == name for one in chosen):
                found |= measure(stand)
    return [Result(one, *found[one.name]) for one in chosen]


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let whoever ends the run end its servers and remove its folder too. Python would just stop."""

    def end(number: int, _: object) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="candor-bench-") as folder:
        yield Path(folder)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=terminal.err,
        disable=not terminal.err.is_terminal,
    )


_HOLDS = {True: "[green]yes[/]", False: "[red bold]NO[/]", None: ""}


def _tell(results: Sequence["Result"], about: Mapping[str, str], records: int) -> None:
    table = Table(title=f"Promises, with {records:,} records", title_justify="left", box=None, pad_edge=False)
    for column in ("measure", "value", "promised", "holds"):
        table.add_column(column, no_wrap=True)
    table.add_column("what, and how it came about")
    for one in results:
        table.add_row(
            one.measure.name,
            f"{one.value:,.2f} {one.measure.unit}" if one.value is not None else "unmeasured",
            f"{one.measure.comparator} {one.measure.limit:g}" if one.measure.limit is not None else "",
            _HOLDS[one.holds],
            f"{escape(one.measure.meaning)}\n[dim]{escape(one.how)}[/]",
        )
    terminal.out.print(table)
    terminal.out.print(terminal.table("The machine", ("", ""), about.items()))
