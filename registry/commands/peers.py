"""`candor peer`."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from registry import terminal
from registry.db import now
from registry.errors import Conflict, Invalid
from registry.extensions import Node
from registry.federation import alarms, evidence, service, views
from registry.federation.items import counts, items_of
from registry.federation.leases import holder_name
from registry.federation.queries import peer_of, peers
from registry.federation.visits import Visited, opening, visit
from registry.node import open_node
from registry.outgoing import read_url

Origin = Annotated[str, typer.Argument(help="The peer, by its origin, such as registry.example.org/log.")]
Indices = Annotated[list[int] | None, typer.Argument(help="Items, by their index in the peer's log.", min=0)]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")
]
_COLOURS = {
    "following": "green",
    "stale": "yellow",
    "unreachable": "yellow",
    "frozen": "red",
    "removed": "dim",
}
_SHOWN_ITEMS = 50
_TRIES = 10
_BUSY_SECONDS = 1.0


def register(app: typer.Typer) -> None:
    """Add `peer` to the command."""
    peer = typer.Typer(
        help="Other registries: whom this one follows, and what of theirs it does not take.",
        no_args_is_help=True,
    )
    peer.command("add")(add)
    peer.command("list")(show)
    peer.command("sync")(sync)
    peer.command("quarantine")(quarantine)
    peer.command("release")(release)
    peer.command("remove")(remove)
    peer.command("evidence")(check_evidence)
    app.add_typer(peer, name="peer")


def add(
    url: Annotated[str, typer.Argument(help="The registry's address, or that of a mirror of its log.")],
    key: Annotated[
        str | None, typer.Option(help="Its log's verifier key: name+hash+base64. Nothing else is believed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Follow a registry. Shows what it says of itself, and pins the key that you give."""
    verifier = service.read_key(key) if key is not None else None

    async def work() -> dict[str, Any]:
        async with open_node(terminal.settings()) as node:
            read_url(url, allow_private=node.settings.federation_allow_private)
            remote = opening(node.settings)(url)
            told = None if remote.is_mirror else await service.describe(remote)
            if told is not None and not as_json:
                _say_description(told)
            if verifier is None:
                raise Invalid(_WITHOUT_KEY.format(url=url))
            if told is not None and told.origin != verifier.name:
                raise Conflict(
                    f"The registry at {url} says that it is {told.origin}, and your key is of "
                    f"{verifier.name}. One of the two is not what you think."
                )
            name = told.name if told is not None else ""
            async with node.database.write() as session:
                await service.add(session, remote.url, verifier, name or verifier.name, own=node.origin)
            return await _row(node, verifier.name)

    row = terminal.run(work())
    if as_json:
        terminal.say_json(row)
        return
    terminal.say(f"[green]Following[/] [bold]{escape(row['origin'])}[/] under the key that you gave.")
    terminal.say(
        "[dim]`candor peer sync` reads it now; `candor serve` and `candor worker` go on by themselves.[/]"
    )


_WITHOUT_KEY = (
    "Nothing was added: give --key. A key that comes from the same place as the data proves nothing, since "
    "whoever could change the one could change the other. Get it from the registry's operator by another "
    "way, compare it with what {url} says, and run: candor peer add {url} --key KEY"
)


def show(as_json: AsJson = False) -> None:
    """Every peer: how it is, how far it was read, and what went wrong."""

    async def work() -> dict[str, Any]:
        async with open_node(terminal.settings()) as node:
            return await _rows(node)

    found = terminal.run(work())
    if as_json:
        terminal.say_json(found)
        return
    _say_peers(found["peers"])
    for each in found["alarms"]:
        terminal.err.print(
            f"[red]alarm[/] {each['at']} [bold]{escape(each['origin'])}[/] {escape(each['text'])}"
        )


def sync(
    origin: Annotated[str | None, typer.Argument(help="One peer, by its origin; all when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read now what is new at one peer, or at all. Each by itself: one that fails keeps no other back."""

    async def work() -> tuple[list[Visited], list[dict[str, Any]]]:
        async with open_node(terminal.settings()) as node:
            async with node.database.read() as session:
                if origin is not None:
                    chosen = [(await peer_of(session, origin)).log_pk]
                else:
                    chosen = [row.pk for row, _ in await peers(session)]
            visits = [await _visited(node, log_pk, quiet=as_json) for log_pk in chosen]
            rows = (await _rows(node))["peers"]
            return visits, [row for row in rows if origin in (None, row["origin"])]

    visits, rows = terminal.run(work())
    failed = [each for each in visits if each.code is not None or each.busy]
    if as_json:
        terminal.say_json({"synced": [_result(each) for each in visits], "peers": rows})
    else:
        _say_peers(rows)
        for each in visits:
            _say_visit(each)
    raise typer.Exit(terminal.Exit.FAILED if failed else terminal.Exit.DONE)


def quarantine(
    origin: Origin,
    indices: Indices = None,
    cut_off: Annotated[
        int | None,
        typer.Option("--from", min=0, help="Take nothing from this index on: its key was in other hands."),
    ] = None,
    lift: Annotated[bool, typer.Option("--lift", help="Take later entries again.")] = False,
    as_json: AsJson = False,
) -> None:
    """What of a peer is not here, why, and what came instead. `--from` sets everything later aside, too."""

    async def work() -> tuple[int | None, list[dict[str, Any]], dict[str, int]]:
        async with open_node(terminal.settings()) as node:
            if cut_off is not None or lift:
                async with node.database.write() as session:
                    await service.cut_off(session, origin, cut_off)
            async with node.database.read() as session:
                peer = await peer_of(session, origin)
                found = await items_of(session, peer.log_pk)
                chosen = [each for each in found if not indices or each.idx in indices]
                held = await counts(session, [peer.log_pk])
                return peer.cut_off, [views.item(each) for each in chosen], held[peer.log_pk]

    cut, items, held = terminal.run(work())
    if as_json:
        terminal.say_json({"origin": origin, "cut_off": cut, "counts": held, "items": items})
        return
    if cut is not None:
        terminal.say(f"[yellow]Nothing is taken from entry {cut:,} on.[/]")
    if indices:
        for each in items:
            _say_item(each)
        return
    rows = [
        (each["index"], each["state"], each["code"], each["text"], each["tries"], each["due"])
        for each in items
    ]
    columns = ("index", "state", "code", "why", "tries", "asked again")
    terminal.out.print(terminal.table(f"Not here, of {origin}", columns, rows[:_SHOWN_ITEMS]))
    if len(rows) > _SHOWN_ITEMS:
        terminal.say(f"… and {len(rows) - _SHOWN_ITEMS:,} more; `--json` lists them all.")


def release(
    origin: Origin,
    indices: Indices = None,
    every: Annotated[bool, typer.Option("--all", help="All that may be had.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask for items again at once, and take those that were cut off. What does not prove itself stays out."""
    if not indices and not every:
        raise Invalid("Name the items by index, or say --all. `candor peer quarantine ORIGIN` lists them.")

    async def work() -> tuple[list[int], Visited, list[dict[str, Any]]]:
        async with open_node(terminal.settings()) as node:
            async with node.database.write() as session:
                chosen = await service.release(session, origin, None if every else indices)
                released = [each.idx for each in chosen]
                log_pk = (await peer_of(session, origin)).log_pk
            visited = await _visited(node, log_pk, quiet=as_json)
            async with node.database.read() as session:
                left = await items_of(session, log_pk)
            return released, visited, [views.item(each) for each in left if each.idx in set(released)]

    released, visited, left = terminal.run(work())
    if as_json:
        terminal.say_json({"released": released, "taken": len(released) - len(left), "left": left})
    else:
        terminal.say(f"[green]{len(released) - len(left):,}[/] of {len(released):,} are here now.")
        for each in left:
            terminal.err.print(f"[yellow]{each['index']}[/] [bold]{each['code']}[/] {escape(each['text'])}")
        _say_visit(visited)
    raise typer.Exit(terminal.Exit.REJECTED if left else terminal.Exit.DONE)


def remove(origin: Origin, as_json: AsJson = False) -> None:
    """Follow a registry no more. What was copied stays, under its own name."""

    async def work() -> dict[str, Any]:
        async with open_node(terminal.settings()) as node:
            async with node.database.write() as session:
                await service.remove(session, origin)
            return await _row(node, origin)

    row = terminal.run(work())
    if as_json:
        terminal.say_json(row)
        return
    terminal.say(f"[bold]{escape(origin)}[/] is not followed any more. What was copied from it stays.")


def check_evidence(
    path: Annotated[Path, typer.Argument(help="A file of evidence.", exists=True, dir_okay=False)],
    key: Annotated[list[str], typer.Option(help="The log's verifier key, got elsewhere.")],
    as_json: AsJson = False,
) -> None:
    """Check a file that says that a registry signed two logs. Needs the file and its key, and no registry."""
    try:
        held = evidence.read(path.read_bytes())
        origin = evidence.check(held, [service.read_key(each) for each in key])
    except evidence.EvidenceError as error:
        raise Invalid(f"This convicts nobody. {error}") from None
    if as_json:
        terminal.say_json({"origin": origin, "kept": held["kept"], "shown": held["shown"]})
        return
    terminal.say(
        f"[red bold]Both are signed.[/] {escape(origin)} signed two logs that contradict each other:"
    )
    for note in (held["kept"], held["shown"]):
        terminal.out.print(f"\n{note}", highlight=False, markup=False)


async def _visited(node: Node, log_pk: int, *, quiet: bool) -> Visited:
    """A visit with a bar; waits a little where the registry's own process is there just now."""
    async with node.database.read() as session:
        name = next(row.origin for row, _ in await peers(session, removed=True) if row.pk == log_pk)
    with terminal.progress(escape(name), None, quiet=quiet) as bar:
        seen = 0

        def told(done: int, total: int) -> None:
            nonlocal seen
            if bar is not None:
                bar(done - seen)
            seen = done

        for _ in range(_TRIES):
            visited = await visit(node, log_pk, holder_name(), told=told)
            if not visited.busy:
                break
            await asyncio.sleep(_BUSY_SECONDS)
    return visited


async def _rows(node: Node) -> dict[str, Any]:
    async with node.database.read() as session:
        rows = await peers(session, removed=True)
        held = await counts(session, [row.pk for row, _ in rows])
        stale = timedelta(hours=node.settings.follow_stale_hours)
        shown = [views.peer(row, of, held[row.pk], now(), stale) for row, of in rows]
        told = await alarms.newest(session, [row.origin for row, _ in rows])
        return {"peers": shown, "alarms": [alarms.view(each) for each in told]}


async def _row(node: Node, origin: str) -> dict[str, Any]:
    return next(row for row in (await _rows(node))["peers"] if row["origin"] == origin)


def _result(each: Visited) -> dict[str, Any]:
    return {
        "origin": each.origin,
        "entries": each.taken.entries,
        "documents": each.taken.documents + each.regained,
        "erased": each.taken.erased,
        "set_aside": sum(each.taken.troubles.values()),
        "busy": each.busy,
        "error": {"code": each.code, "text": each.error} if each.code else None,
    }


def _say_description(told: service.Description) -> None:
    rows = [
        ("origin", told.origin),
        ("name", told.name),
        ("software", told.software),
        *(("says its key is", each) for each in told.keys),
    ]
    terminal.err.print(terminal.table("What it says of itself, which proves nothing", ("", ""), rows))


def _say_peers(rows: list[dict[str, Any]]) -> None:
    table = terminal.table("Peers", ("origin", "state", "read", "of", "heard", "set aside", "trouble"), ())
    for row in rows:
        colour = _COLOURS.get(row["state"], "")
        aside = ", ".join(f"{count:,} {state}" for state, count in row["items"].items() if count)
        table.add_row(
            escape(row["origin"]),
            f"[{colour}]{row['state']}[/]",
            f"{row['read']:,}",
            f"{row['head']['size']:,}" if row["head"] else "",
            row["heard"] or "never",
            aside,
            escape(row["error"]["text"] if row["error"] else ""),
        )
    terminal.out.print(table)


def _say_visit(each: Visited) -> None:
    told = f"[bold]{escape(each.origin)}[/]"
    if each.busy:
        terminal.err.print(f"{told}: another process of this registry is reading it just now.")
    elif each.code is not None:
        terminal.err.print(f"{told}: [red]{each.code}[/] {escape(each.error or '')}")
    else:
        taken = each.taken
        documents = taken.documents + each.regained
        terminal.say(
            f"{told}: {taken.entries:,} entries, {documents:,} documents, {taken.erased:,} erased, "
            f"{sum(taken.troubles.values()):,} set aside."
        )


def _say_item(each: dict[str, Any]) -> None:
    terminal.say(
        f"[bold]{each['index']}[/] [yellow]{each['state']}[/] {each['code']}: {escape(each['text'])}"
    )
    if each["content"]:
        terminal.out.print(each["content"], highlight=False, markup=False)
