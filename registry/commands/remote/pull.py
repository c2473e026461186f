"""`candor pull`: a record as a Markdown file that `candor push` takes back."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from registry import terminal
from registry.client import Client, calls
from registry.commands.remote import compare
from registry.commands.remote.account import AsJson, needed, opened, origin_of
from registry.commands.remote.folder import File, Ids, ids_for, read_files
from registry.commands.remote.named import record_id
from registry.commands.remote.push import Pusher
from registry.errors import Conflict, Forbidden, NotFound
from registry.records.content import native


def pull(
    record: Annotated[str, typer.Argument(help="A record id, or a file that was pushed.")],
    path: Annotated[
        Path | None, typer.Argument(help="Where to write; its own file or ID.md when not said.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that differs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a record as a Markdown file: your own as it is worked on, others' as published."""
    id = record_id(record)
    account = needed()
    with opened() as client:
        place = _place(id, path)
        ids = ids_for(place.parent)
        ids.at(origin_of(client, account))
        try:
            remote = Pusher(client, ids, []).remote(id)
            mine = True
            fields = compare.submission_of(remote)
        except (NotFound, Forbidden):
            mine = False
            document = client.run(calls.read(id)).document
            fields = compare.submission_of(compare.Remote(id, document, {}, (), "", "none"))
        changed = _write(client, place, native.write(fields), ids if mine else None, id, force=force)
    if as_json:
        terminal.say_json({"id": id, "path": str(place), "changed": changed, "mine": mine})
        return
    terminal.err.print(f"{'Wrote' if changed else 'Unchanged:'} [bold]{escape(str(place))}[/].")
    if not mine:
        terminal.err.print("[yellow]It is not a record of yours:[/] pushed, it would become a new one.")


def _place(id: str, path: Path | None) -> Path:
    if path is not None and not path.is_dir():
        return path.absolute()
    folder = (path or Path()).absolute()
    ids = ids_for(folder)
    known = next((name for name, of in ids.records.items() if of == id), None)
    return ids.root / known if known is not None else folder / f"{id}.md"


def _write(client: Client, place: Path, text: str, ids: Ids | None, id: str, *, force: bool) -> bool:
    place = place.resolve()
    before = place.read_text("utf-8") if place.exists() else None
    changed = before != text
    if before is not None and changed and not force:
        # Written otherwise, it may say the same: then it is left as its author likes it.
        if ids is not None and _says_the_same(client, place, ids):
            changed = False
        else:
            raise Conflict(f"{place} says something else. --force overwrites it; git keeps what it said.")
    if changed:
        place.write_text(text, "utf-8")
    if ids is not None and ids.records.get(name := ids.name_of(place)) != id:
        ids.records[name] = id
        ids.save()
    return changed


def _says_the_same(client: Client, place: Path, ids: Ids) -> bool:
    files: list[File] = read_files(place, ids)
    return [plan.action for plan in Pusher(client, ids, files).plans()] == ["unchanged"]
