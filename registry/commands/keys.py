"""`candor key`."""

from typing import Annotated, Any

import typer

from registry import terminal
from registry.node import open_node
from registry.transparency import rotation
from registry.transparency.keys import load
from registry.transparency.notes import NoteError, Verifier, read_checkpoint, read_note

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")
]


def register(app: typer.Typer) -> None:
    """Add `key` to the command."""
    group = typer.Typer(help="The keys that sign this registry's log.", no_args_is_help=True)
    group.command("list")(show)
    group.command("rotate")(rotate)
    group.command("retire")(retire)
    app.add_typer(group, name="key")


def show(as_json: AsJson = False) -> None:
    """The verifier keys, the newest first. They are public: whoever checks the log pins one."""

    async def work() -> dict[str, Any]:
        async with open_node(terminal.settings()) as node, node.database.read() as session:
            keys = load(node.settings, node.origin)
            rows = await rotation.shown(session, keys, node.origin)
            return {
                "origin": node.origin,
                "from": "environment" if keys.given else str(keys.folder),
                "signed": _signed(keys.signed()),
                "keys": [
                    {"key": str(row.verifier), "newest": row.signing, "announced": row.announced}
                    for row in rows
                ],
                "witness": str(keys.witness.verifier) if keys.witness is not None else None,
            }

    found = terminal.run(work())
    if as_json:
        terminal.say_json(found)
        return
    for each in found["keys"]:
        terminal.say_plain(
            f"{each['key']}  {'signs' if each['newest'] else 'signs too, until it is retired'}"
        )
    if found["witness"]:
        terminal.say_plain(f"{found['witness']}  signs as a witness of others")


def rotate(as_json: AsJson = False) -> None:
    """Make a new key. The log tells of it, and both sign until the old one is retired."""

    async def work() -> Verifier:
        async with open_node(terminal.settings()) as node:
            return await rotation.rotate(node.settings, node.database, node.origin)

    _tell(terminal.run(work()), "Both keys sign from now on. The new one is", as_json)


def retire(as_json: AsJson = False) -> None:
    """End the old key: the new one alone signs. It cannot be undone."""

    async def work() -> Verifier:
        async with open_node(terminal.settings()) as node:
            return await rotation.retire(node.settings, node.database, node.origin)

    _tell(terminal.run(work()), "One key signs from now on:", as_json)


def _tell(key: Verifier, text: str, as_json: bool) -> None:
    if as_json:
        terminal.say_json({"key": str(key)})
        return
    terminal.err.print(text)
    terminal.say_plain(str(key))


def _signed(note: bytes | None) -> int | None:
    """How many entries the last checkpoint covered that was signed here."""
    try:
        return read_checkpoint(read_note(note).text).size if note is not None else None
    except NoteError:
        return None
