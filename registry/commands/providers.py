"""`candor provider` and `candor client`."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from registry import terminal
from registry.actor import Actor
from registry.commands.clients import register as register_clients
from registry.commands.people import register as register_people
from registry.errors import Conflict
from registry.node import open_node
from registry.providers import applications, queries, service, views
from registry.providers.models import Provider
from registry.providers.onboarding import Decision, State

BY = "cli"

Slug = Annotated[str, typer.Argument(help="Short name in addresses: a-z, 0-9 and hyphens.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")
]


Reason = Annotated[str | None, typer.Option(help="Why; the organisation and the audit trail are told.")]
As = Annotated[
    str | None, typer.Option("--as", help="For an application: its slug, instead of the one it wished for.")
]
_BY_OPERATOR = "Decided by the operator."


def register(app: typer.Typer) -> None:
    """Add `provider` and `client` to the command."""
    provider = typer.Typer(help="Organisations that disclose.", no_args_is_help=True)
    provider.command("add")(add)
    provider.command("list")(list_)
    provider.command("show")(show)
    for name, command in _DECISIONS.items():
        provider.command(name)(command)
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


def admit(slug: Slug, reason: Reason = None, as_: As = None, as_json: AsJson = False) -> None:
    """Let an application into the sandbox: it writes and publishes nothing."""
    _decide(slug, Decision.ADMIT, reason, as_json, as_)


def approve(slug: Slug, reason: Reason = None, as_: As = None, as_json: AsJson = False) -> None:
    """Let an organisation publish."""
    _decide(slug, Decision.APPROVE, reason, as_json, as_)


def decline(slug: Slug, reason: Reason = None, as_json: AsJson = False) -> None:
    """Turn an application down."""
    _decide(slug, Decision.DECLINE, reason, as_json)


def suspend(slug: Slug, reason: Reason = None, as_json: AsJson = False) -> None:
    """Stop an organisation: its tokens are refused at once."""
    _decide(slug, Decision.SUSPEND, reason, as_json)


def close(slug: Slug, reason: Reason = None, as_json: AsJson = False) -> None:
    """Close an organisation's account. What it published stays."""
    _decide(slug, Decision.CLOSE, reason, as_json)


def reopen(slug: Slug, reason: Reason = None, as_json: AsJson = False) -> None:
    """Take a closed account back, suspended, or an application that was declined."""
    _decide(slug, Decision.REOPEN, reason, as_json)


def hold(slug: Slug, reason: Reason = None, as_json: AsJson = False) -> None:
    """Let an organisation write and publish nothing until it is released."""
    _hold(service.hold, slug, reason, as_json)


def release(slug: Slug, reason: Reason = None, as_json: AsJson = False) -> None:
    """End a hold."""
    _hold(service.release, slug, reason, as_json)


_DECISIONS: dict[str, Callable[..., None]] = {
    "admit": admit,
    "approve": approve,
    "decline": decline,
    "suspend": suspend,
    "close": close,
    "reopen": reopen,
    "hold": hold,
    "release": release,
}


def _decide(
    slug: str, decision: Decision, reason: str | None, as_json: bool, settle_as: str | None = None
) -> None:
    async def work() -> dict[str, Any]:
        async with open_node(terminal.settings()) as node, node.database.write() as session:
            return _row(
                await service.change_state(
                    session,
                    slug,
                    decision,
                    origin=node.origin,
                    by=BY,
                    reason=reason or _BY_OPERATOR,
                    settle_as=settle_as,
                )
            )

    _tell(terminal.run(work()), as_json)


def _hold(act: Callable[..., Awaitable[Provider]], slug: str, reason: str | None, as_json: bool) -> None:
    async def work() -> dict[str, Any]:
        async with open_node(terminal.settings()) as node, node.database.write() as session:
            actor, why = Actor(name=BY), reason or _BY_OPERATOR
            return _row(await act(session, slug, origin=node.origin, actor=actor, reason=why))

    _tell(terminal.run(work()), as_json)


def list_(
    state: Annotated[State | None, typer.Option(help="Only those in that state.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every organisation and its state."""

    async def work() -> list[dict[str, Any]]:
        async with open_node(terminal.settings()) as node, node.database.read() as session:
            found = await queries.all_providers(session, public=False, state=state)
            return [_row(provider) for provider in found]

    rows = terminal.run(work())
    if as_json:
        terminal.say_json({"providers": rows})
        return
    columns = ("slug", "name", "domain", "state")
    terminal.out.print(terminal.table("Organisations", columns, [[row[c] for c in columns] for row in rows]))


def show(slug: Slug, as_json: AsJson = False) -> None:
    """One organisation, with what it told of itself and the decisions that are open."""

    async def work() -> dict[str, Any]:
        async with open_node(terminal.settings()) as node, node.database.read() as session:
            provider = await queries.by_slug(session, slug, deciding=True)
            proof = applications.proof_of(node.secret, provider)
            return views.own(provider, await queries.application(session, provider), proof, steward=True)

    told = terminal.run(work())
    if as_json:
        terminal.say_json(told)
        return
    rows = [
        (name, ", ".join(map(str, value.values() if isinstance(value, dict) else value)))
        if isinstance(value, dict | list)
        else (name, value)
        for name, value in told.items()
    ]
    terminal.out.print(terminal.table(told["slug"], ("", ""), rows))


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
        **({"held": provider.hold_reason} if provider.held_at is not None else {}),
    }


def _tell(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        terminal.say_json(row)
        return
    held = ", and held" if "held" in row else ""
    terminal.say(f"[bold]{row['slug']}[/] is {row['state']}{held}.")
