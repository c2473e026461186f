"""`candor steward` and `candor provider member`."""

from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from registry import terminal
from registry.actor import Actor
from registry.auth import links, people, signin
from registry.auth.people import Member
from registry.auth.roles import parse_roles
from registry.errors import Conflict
from registry.extensions import Node
from registry.node import open_node
from registry.providers.queries import by_slug

CLI = Actor(name="cli")

Email = Annotated[str, typer.Argument(help="Their mail address.")]
Slug = Annotated[str, typer.Argument(help="The organisation's short name.")]
Called = Annotated[str | None, typer.Option("--name", help="What they are called.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")
]


def register(app: typer.Typer, provider: typer.Typer) -> None:
    """Add `steward` to the command, and `member` to `provider`."""
    steward = typer.Typer(help="People who look after the registry.", no_args_is_help=True)
    steward.command("add")(add_steward)
    steward.command("list")(list_stewards)
    steward.command("remove")(remove_steward)
    steward.command("reset")(reset)
    app.add_typer(steward, name="steward")
    member = typer.Typer(help="People who act for an organisation.", no_args_is_help=True)
    member.command("add")(add_member)
    member.command("list")(list_members)
    member.command("remove")(remove_member)
    member.command("link")(link)
    provider.add_typer(member, name="member")


def add_steward(email: Email, name: Called = None, as_json: AsJson = False) -> None:
    """Make somebody a steward, and print a link with which they sign in, once, within 15 minutes."""

    async def work() -> dict[str, Any]:
        async with open_node(terminal.settings()) as node, node.database.write() as session:
            person = await people.add_steward(session, CLI, email, name)
            return {"email": person.email, "link": await _link(session, node, person.email)}

    _tell(terminal.run(work()), as_json)


def list_stewards(as_json: AsJson = False) -> None:
    """Every steward, and whether they have a second factor."""

    async def work() -> list[dict[str, Any]]:
        async with open_node(terminal.settings()) as node, node.database.read() as session:
            return [
                {"email": one.email, "second_factor": one.totp_confirmed_at is not None}
                for one in await people.stewards(session)
            ]

    rows = terminal.run(work())
    if as_json:
        terminal.say_json({"stewards": rows})
        return
    told = [(row["email"], "yes" if row["second_factor"] else "no") for row in rows]
    terminal.out.print(terminal.table("Stewards", ("address", "second factor"), told))


def remove_steward(email: Email) -> None:
    """Take the stewardship away. Their sessions end."""

    async def work() -> None:
        async with open_node(terminal.settings()) as node, node.database.write() as session:
            await people.remove_steward(session, CLI, email)

    terminal.run(work())
    terminal.say(f"[bold]{email}[/] is no steward any more.")


def reset(email: Email) -> None:
    """Take the second factor of a steward or a member away, for who lost it. Their sessions end."""

    async def work() -> None:
        async with open_node(terminal.settings()) as node, node.database.write() as session:
            await signin.reset_second_factor(session, CLI, email)

    terminal.run(work())
    terminal.say(f"[bold]{email}[/] signs in without a second factor until they add one.")


def add_member(
    slug: Slug,
    email: Email,
    roles: Annotated[
        str, typer.Option(help='What they may do: "author", "reviewer", "publisher", "administrator".')
    ],
    name: Called = None,
    if_missing: Annotated[bool, typer.Option(help="Succeed when they are a member already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let somebody act for an organisation, and print a link with which they sign in, once."""
    wanted = parse_roles(roles)

    async def work() -> dict[str, Any]:
        async with open_node(terminal.settings()) as node, node.database.write() as session:
            provider = await by_slug(session, slug)
            try:
                made = await people.add_member(session, CLI, provider, email, wanted, name)
            except Conflict:
                if not if_missing:
                    raise
                made = await people.member_by_email(session, provider, email)
            return _row(made) | {"link": await _link(session, node, made.email)}

    _tell(terminal.run(work()), as_json)


def list_members(slug: Slug, as_json: AsJson = False) -> None:
    """Who acts for an organisation."""

    async def work() -> list[dict[str, Any]]:
        async with open_node(terminal.settings()) as node, node.database.read() as session:
            return [_row(one) for one in await people.members(session, await by_slug(session, slug))]

    rows = terminal.run(work())
    if as_json:
        terminal.say_json({"members": rows})
        return
    told = [(row["email"], " ".join(row["roles"])) for row in rows]
    terminal.out.print(terminal.table(f"Members of {slug}", ("address", "roles"), told))


def remove_member(slug: Slug, email: Email) -> None:
    """End a membership, at once. The last administrator stays."""

    async def work() -> None:
        async with open_node(terminal.settings()) as node, node.database.write() as session:
            provider = await by_slug(session, slug)
            found = await people.member_by_email(session, provider, email)
            await people.remove_member(session, CLI, provider, found.pk)

    terminal.run(work())
    terminal.say(f"[bold]{email}[/] is no member of {slug} any more.")


def link(slug: Slug, email: Email, as_json: AsJson = False) -> None:
    """Print another link for a member, where no mail is sent or a first one ran out."""

    async def work() -> dict[str, Any]:
        async with open_node(terminal.settings()) as node, node.database.write() as session:
            found = await people.member_by_email(session, await by_slug(session, slug), email)
            return {"email": found.email, "link": await _link(session, node, found.email)}

    _tell(terminal.run(work()), as_json)


async def _link(session: AsyncSession, node: Node, email: str) -> str:
    made = await links.make(session, await people.ensure(session, email))
    return made.address(node.settings)


def _row(one: Member) -> dict[str, Any]:
    return {"email": one.email, "roles": list(one.roles)}


def _tell(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        terminal.say_json(row)
        return
    terminal.say(f"[bold]{row['email']}[/] signs in once, within 15 minutes, at")
    # By itself, and unbroken, so that it can be copied.
    terminal.out.print(row["link"], soft_wrap=True, markup=False, highlight=False)
