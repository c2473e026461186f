"""`candor group`."""

from typing import Annotated, Any

import typer

from registry import terminal
from registry.actor import Actor
from registry.errors import Conflict
from registry.node import open_node
from registry.providers.queries import by_slug
from registry.sharing import queries, service, views
from registry.sharing.membership import Move

BY = Actor(name="cli")

Slug = Annotated[str, typer.Argument(help="The group's short name, as `handling.groups` has it.")]
Provider = Annotated[str, typer.Argument(help="The organisation's slug.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")
]


def register(app: typer.Typer) -> None:
    """Add `group` to the command."""
    group = typer.Typer(help="Sharing groups: who reads what is shared at TLP:AMBER.", no_args_is_help=True)
    group.command("add")(add)
    group.command("invite")(invite)
    group.command("remove")(remove)
    group.command("list")(show)
    app.add_typer(group, name="group")


def add(
    slug: Slug,
    owner: Annotated[str, typer.Option(help="The organisation that owns it, by slug.")],
    name: Annotated[str | None, typer.Option(help="What it is called; its short name when left out.")] = None,
    if_missing: Annotated[bool, typer.Option(help="Succeed when its owner has it already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Begin a sharing group. Its owner is its first member."""

    async def work() -> dict[str, Any]:
        async with open_node(terminal.settings()) as node, node.database.write() as session:
            try:
                made = await service.begin(session, BY, owner, slug, name or slug, origin=node.origin)
            except Conflict:
                if not if_missing:
                    raise
                made = await queries.group(session, await by_slug(session, owner), slug)
            return views.group(made)

    _tell(terminal.run(work()), as_json)


def invite(
    slug: Slug,
    provider: Provider,
    accept: Annotated[bool, typer.Option("--accept", help="Accept for it, as its operator.")] = False,
    as_json: AsJson = False,
) -> None:
    """Invite an organisation to a group. It reads nothing before it accepts."""
    moves = (Move.INVITE, Move.ACCEPT) if accept else (Move.INVITE,)
    _tell(terminal.run(_moved(slug, provider, *moves)), as_json)


def remove(slug: Slug, provider: Provider, as_json: AsJson = False) -> None:
    """Remove an organisation from a group. It reads through it no more, at once."""
    _tell(terminal.run(_moved(slug, provider, Move.REMOVE)), as_json)


def show(as_json: AsJson = False) -> None:
    """Every group with its members."""

    async def work() -> list[dict[str, Any]]:
        async with open_node(terminal.settings()) as node, node.database.read() as session:
            return [views.group(one) for one in await queries.all_groups(session, None)]

    rows = terminal.run(work())
    if as_json:
        terminal.say_json({"groups": rows})
        return
    cells = [[row["slug"], row["name"], row["owner"], _members(row)] for row in rows]
    terminal.out.print(terminal.table("Sharing groups", ("slug", "name", "owner", "members"), cells))


async def _moved(slug: str, provider: str, *moves: Move) -> dict[str, Any]:
    async with open_node(terminal.settings()) as node, node.database.write() as session:
        owner = (await queries.group(session, None, slug)).owner
        for wanted in moves:
            by = provider if wanted is Move.ACCEPT else owner
            await service.change(session, BY, by, slug, provider, wanted, origin=node.origin)
        return views.group(await queries.group(session, None, slug))


def _members(row: dict[str, Any]) -> str:
    return ", ".join(
        one["provider"] + (" (invited)" if one["state"] == "invited" else "") for one in row["members"]
    )


def _tell(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        terminal.say_json(row)
        return
    terminal.say(f"[bold]{row['slug']}[/], owned by {row['owner']}: {_members(row)}")
