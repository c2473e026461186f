"""`candor verify`."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, closing
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from registry import terminal
from registry.errors import Malformed
from registry.transparency.notes import ED25519, NoteError, Verifier, read_verifier
from registry.verification.dump import verify_dump
from registry.verification.ledger import Ledger
from registry.verification.report import Report
from registry.verification.targets import DumpTarget, LogTarget, RecordTarget, read_target
from registry.verification.verify import verify_log, verify_record

_SIGNS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[yellow]?[/]"}
_MEANING = {
    "record": "This is the record as it was published, in the log that the pinned key signed.",
    "log": "The log is whole, as the pinned key signed it.",
    "mirror": "The mirrored log is whole, as the pinned key of its origin signed it.",
    "dump": "The dump holds what the log does, as the pinned key signed it.",
}


def register(app: typer.Typer) -> None:
    """Add `verify` to the command."""
    app.command()(verify)


def verify(
    target: Annotated[
        str,
        typer.Argument(
            help="A record, a registry, its /log/ or a /mirror/… by address; a dump by path.",
            metavar="URL-or-PATH",
        ),
    ],
    key: Annotated[
        list[str] | None,
        typer.Option(
            help="The log's verifier key, got elsewhere; repeat it where two overlap.", metavar="VKEY"
        ),
    ] = None,
    all_versions: Annotated[bool, typer.Option("--all", help="All versions of a record.")] = False,
    unpinned: Annotated[
        bool, typer.Option("--unpinned", help="Be content without a key: find damage, not forgery.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")
    ] = False,
) -> None:
    """Check what a registry says, trusting nobody: nothing but the bytes and a key that you pinned.

    Exits with 0 when everything holds and a key was given (or --unpinned), with 1 otherwise.
    """
    report = terminal.run(_verify(target, _keys(key or ()), all_versions=all_versions, quiet=as_json))
    content = report.sound and (report.pinned or unpinned)
    if as_json:
        terminal.say_json(report.as_json())
    else:
        _tell(report, target, unpinned=unpinned)
    if not content:
        raise typer.Exit(terminal.Exit.FAILED)


def _keys(texts: Sequence[str]) -> list[Verifier]:
    try:
        keys = [read_verifier(text) for text in texts]
    except NoteError as error:
        raise typer.BadParameter(str(error), param_hint="--key") from None
    if any(key.type != ED25519 for key in keys):
        raise typer.BadParameter("That is the key of a witness, not of a log.", param_hint="--key")
    return keys


async def _verify(target: str, keys: Sequence[Verifier], *, all_versions: bool, quiet: bool) -> Report:
    read = read_target(target, allow_private=terminal.settings().federation_allow_private)
    if all_versions and not isinstance(read, RecordTarget):
        raise Malformed("--all is for a record.")

    def progress(total: int) -> AbstractContextManager[Any]:
        return terminal.progress("Verifying", total, quiet=quiet)

    match read:
        case RecordTarget():
            return await verify_record(read, keys, all_versions=all_versions)
        case LogTarget():
            with closing(Ledger()) as ledger:
                return await verify_log(read, keys, progress, ledger)
        case DumpTarget():
            return await verify_dump(read.place, keys, progress)


def _tell(report: Report, target: str, *, unpinned: bool) -> None:
    shown = Table.grid(padding=(0, 1))
    for check in report.checks:
        shown.add_row(_SIGNS[check.ok], f"[bold]{check.name}[/]", escape(check.text))
    terminal.out.print(shown, highlight=False)
    if not report.sound:
        terminal.err.print(f"[red bold]NOT VERIFIED.[/] {escape(target)} is not what was signed.")
    elif report.pinned:
        terminal.err.print(f"[green bold]Verified.[/] {_MEANING[report.what]}")
    else:
        terminal.err.print(
            "[red bold]NOTHING WAS PINNED.[/] The bytes fit together, and whoever made them may have made "
            "the key. Get the log's key where this registry cannot alter it, and give it with --key."
            + ("" if unpinned else " (--unpinned is content with this.)")
        )
