"""`candor provider` and `candor client`."""

from typing import Annotated, Any

import typer

from registry import terminal
from registry.commands.clients import register as register_clients
from registry.commands.people import register as register_people
from registry.errors import Conflict
from registry.node import open_node
from registry.providers import queries, service
from registry.providers.models import Provider
from registry.providers.onboarding import Decision

BY = "cli"

Slug = Annotated[str, typer.Argument(help="Short name in addresses: a-z, 0-9 and hyphens.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")
]


def register(app: typer.Typer) -> None:
    """Add `provider` and `client` to the command."""
    provider = typer.Typer(help="Organisations that disclose.", no_args_is_help=True)
    provider.command("add")(add)
    provider.command("list")(show)
    provider.command("approve")(approve)
    provider.command("suspend")(suspend)
    app.add_typer(provider, name="provider")
    client = typer.Typer(help="Machines that act for an organisation.", no_args_is_help=True)
    client.command("add")(add_client)
    register_clients(client)
    app.add_typer(client, name="client")
    register_people(app, provider)


def add(
    slug: Slug,
    name: Annotated[str, typer.Option(help="The organisation's name.")],
    domain: Annotated[str | None, typer.Option(help="Its domain, such as example.org.")] = None,
    sector: Annotated[
        str | None, typer.Option(help="Its sector, shown where attribution is by sector.")
    ] = None,
    approved: Annotated[bool, typer.Option("--approve", help="Let it publish at once.")] = False,
    if_missing: Annotated[bool, typer.Option(help="Succeed when it is there already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add an organisation. It may write drafts; it publishes once it is approved."""

    async def work() -> dict[str, Any]:
        async with open_node(terminal.settings()) as node, node.database.write() as session:
            try:
                made = await service.add(
                    session,
                    slug,
                    name,
                    origin=node.origin,
                    domain=domain,
                    sector=sector,
                    approve=approved,
                    by=BY,
                )
            except Conflict:
                if not if_missing:
                    raise
                made = await queries.by_slug(session, slug)
            return _row(made)

    _tell(terminal.run(work()), as_json)


def approve(slug: Slug, as_json: AsJson = False) -> None:
    """Let an organisation publish."""
    _decide(slug, Decision.APPROVE, as_json)


def suspend(slug: Slug, as_json: AsJson = False) -> None:
    """Stop an organisation: its tokens are refused at once."""
    _decide(slug, Decision.SUSPEND, as_json)


def _decide(slug: str, decision: Decision, as_json: bool) -> None:
    async def work() -> dict[str, Any]:
        async with open_node(terminal.settings()) as node, node.database.write() as session:
            return _row(await service.change_state(session, slug, decision, origin=node.origin, by=BY))

    _tell(terminal.run(work()), as_json)


def show(as_json: AsJson = False) -> None:
    """Every organisation and its state."""

    async def work() -> list[dict[str, Any]]:
        async with open_node(terminal.settings()) as node, node.database.read() as session:
            return [_row(provider) for provider in await queries.all_providers(session, public=False)]

    rows = terminal.run(work())
    if as_json:
        terminal.say_json({"providers": rows})
        return
    columns = ("slug", "name", "domain", "state")
    terminal.out.print(terminal.table("Organisations", columns, [[row[c] for c in columns] for row in rows]))


def add_client(
    slug: Slug,
    scopes: Annotated[str, typer.Option(help='What it may do, such as "records:write records:publish".')],
    as_json: AsJson = False,
) -> None:
    """Make a client for an organisation. Its secret is shown once and kept only as a hash."""

    async def work() -> service.NewClient:
        async with open_node(terminal.settings()) as node, node.database.write() as session:
            return await service.add_client(session, slug, scopes, origin=node.origin, by=BY)

    made = terminal.run(work())
    if as_json:
        terminal.say_json(
            {"client_id": made.client_id, "client_secret": made.client_secret, "scopes": list(made.scopes)}
        )
        return
    rows = [("client id", made.client_id), ("secret", made.client_secret), ("scopes", " ".join(made.scopes))]
    terminal.out.print(terminal.table("A new client", ("", ""), rows))
    terminal.err.print("[yellow]The secret is not shown again.[/] Keep it where only the client can read it.")


def _row(provider: Provider) -> dict[str, Any]:
    return {
        "slug": provider.slug,
        "name": provider.name,
        "domain": provider.domain,
        "sector": provider.sector,
        "state": provider.state,
    }


def _tell(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        terminal.say_json(row)
        return
    terminal.say(f"[bold]{row['slug']}[/] is {row['state']}.")
