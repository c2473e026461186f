"""`candor validate`: every mistake of files in the native format, by line."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from registry import terminal
from registry.client import Client, calls
from registry.commands.remote.account import AsJson, stored
from registry.errors import (
    CandorError,
    Finding,
    Misconfigured,
    TooMany,
    Unauthenticated,
    Unavailable,
    has_errors,
)
from registry.exchange import native
from registry.exchange.item import Item, Options
from registry.records.content.check import check
from registry.taxonomies.own import load_own
from registry.taxonomies.vocabulary import Vocabulary

# None of them says anything of the files.
_NOT_TO_BE_ASKED = (TooMany, Unauthenticated, Unavailable)


def validate(
    path: Annotated[Path, typer.Argument(help="A file or a folder.", exists=True)],
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the registry that you are logged in to.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check native files and explain every mistake by line. Writes nothing and needs no registry.

    Logged in to a registry, that is asked, too: it may know more vocabularies, or be stricter.
    """
    asked, findings = _judged(path, offline)
    wrong = sum(has_errors(found) for _, found in findings)
    if as_json:
        files = [
            {
                "item": item.name,
                "findings": [{**each.as_json(), "line": _line(item, each)} for each in found],
            }
            for item, found in findings
        ]
        terminal.say_json({"valid": not wrong, "asked": asked, "files": files})
    else:
        for item, found in findings:
            tell_file(item, found)
        by = f" {asked} was asked." if asked else ""
        terminal.say(f"[bold]{len(findings) - wrong}[/] of {len(findings)} can be imported or pushed.{by}")
    if wrong:
        raise typer.Exit(terminal.Exit.REJECTED)


def _judged(path: Path, offline: bool) -> tuple[str | None, list[tuple[Item, tuple[Finding, ...]]]]:
    """What is wrong with each file; and which registry was asked, if one was."""
    items = list(native.read(path, Options()))
    account = None if offline else stored()
    if account is not None:
        try:
            with account.client() as client:
                return account.url, [(item, _asked(client, item)) for item in items]
        except _NOT_TO_BE_ASKED as error:
            terminal.err.print(f"[yellow]{escape(error.detail)}[/] Judged by the vocabularies at hand.")
    vocabulary = terminal.run(_vocabulary())
    return None, [(item, _alone(vocabulary, item)) for item in items]


def _alone(vocabulary: Vocabulary, item: Item) -> tuple[Finding, ...]:
    if item.submission is None:
        return item.findings
    # References to other files are resolved when they are imported.
    return (*item.findings, *check(item.submission, vocabulary=vocabulary, sources=True).findings)


def _asked(client: Client, item: Item) -> tuple[Finding, ...]:
    if item.submission is None or has_errors(item.findings):
        return item.findings
    try:
        found = client.run(calls.validate(item.submission)).findings
    except _NOT_TO_BE_ASKED:
        raise
    except CandorError as error:
        found = error.findings or (Finding(error.code, "", error.detail),)
    return (*item.findings, *(each for each in found if each.code != "source-reference"))


def tell_file(item: Item, findings: tuple[Finding, ...]) -> None:
    """What was found in a file, each with its line."""
    if not findings:
        terminal.say(f"[green]fine[/] {escape(item.name)}")
    for finding in findings:
        terminal.say_findings([finding], where=f"{item.name}:{_line(item, finding)} ")


def _line(item: Item, finding: Finding) -> int:
    return item.line_of(finding.pointer) if item.line_of else 1


async def _vocabulary() -> Vocabulary:
    """The vocabulary of this machine's registry, or the one that every registry has."""
    # Not above: every other command of this room asks no database.
    from registry.commands.exchange import local_registry

    try:
        async with local_registry(required=False) as node:
            if node is not None:
                return await node.vocabulary.current(fresh=True)
    except (Misconfigured, OSError):
        pass
    return Vocabulary(load_own())
