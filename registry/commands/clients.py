"""`candor client list | rotate | revoke | key`."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from registry import terminal
from registry.actor import Actor
from registry.auth import tokens, views
from registry.auth.assertions import read_key
from registry.errors import Malformed
from registry.node import open_node
from registry.providers import clients
from registry.providers.models import Client
from registry.providers.queries import by_slug

CLI = Actor(name="cli")
T = TypeVar("T")

ClientId = Annotated[str, typer.Argument(help="The client's id.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")
]


def register(client: typer.Typer) -> None:
    """Add to `client` what comes after `add`."""
    client.command("list")(show)
    client.command("rotate")(rotate)
    client.command("revoke")(revoke)
    client.command("key")(key)


def show(
    slug: Annotated[str, typer.Argument(help="The organisation's short name.")], as_json: AsJson = False
) -> None:
    """An organisation's clients, and when each was last used."""

    async def work() -> list[dict[str, Any]]:
        async with open_node(terminal.settings()) as node, node.database.read() as session:
            provider = await by_slug(session, slug)
            return [views.client(one) for one in await clients.of_provider(session, provider)]

    rows = terminal.run(work())
    if as_json:
        terminal.say_json({"clients": rows})
        return
    told = [
        (
            row["client_id"],
            " ".join(row["scopes"]),
            "yes" if row["live"] else "no",
            row["last_used_at"] or "never",
        )
        for row in rows
    ]
    terminal.out.print(
        terminal.table(f"Clients of {slug}", ("client id", "scopes", "live", "last used"), told)
    )


def rotate(
    client_id: ClientId,
    end_others: Annotated[
        bool, typer.Option("--end-others", help="End every other secret, and every token, at once.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give a client another secret. The old ones stay good until they are ended."""

    async def work(session: AsyncSession, client: Client) -> clients.NewSecret:
        if end_others:
            for one in await clients.secrets_of(session, client):
                if clients.is_live(one):
                    await clients.revoke_secret(session, CLI, client, one.id)
            await tokens.revoke_tokens(session, client=client.pk)
        return await clients.add_secret(session, CLI, client)

    made = _with(client_id, work)
    if as_json:
        terminal.say_json({"client_id": client_id, "id": made.id, "client_secret": made.secret})
        return
    rows = [("client id", client_id), ("secret", made.secret)]
    terminal.out.print(terminal.table("A new secret", ("", ""), rows))
    terminal.err.print("[yellow]The secret is not shown again.[/] Keep it where only the client can read it.")


def revoke(
    client_id: ClientId,
    secret: Annotated[str | None, typer.Option(help="End this secret alone, by its id.")] = None,
) -> None:
    """End a client, or one of its secrets. Its tokens are refused at once."""

    async def work(session: AsyncSession, client: Client) -> None:
        if secret is None:
            await clients.revoke(session, CLI, client)
        else:
            await clients.revoke_secret(session, CLI, client, secret)
        await tokens.revoke_tokens(session, client=client.pk)

    _with(client_id, work)
    terminal.say(f"[bold]{client_id}[/]: {'the client' if secret is None else secret} is revoked.")


def key(
    client_id: ClientId,
    path: Annotated[Path, typer.Argument(help="A file with one public JWK.")],
    alg: Annotated[str | None, typer.Option(help="RS256 or PS256, for an RSA key.")] = None,
) -> None:
    """Register a public key, with which a client signs instead of showing a secret."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError:
        raise Malformed(f"{path} is no JSON file.") from None
    read = read_key(value, alg)

    async def work(session: AsyncSession, client: Client) -> None:
        await clients.add_key(session, CLI, client, read)

    _with(client_id, work)
    terminal.say(f"[bold]{client_id}[/] signs with {read[1]} and the key {read[0]}.")


def _with(client_id: str, work: Callable[[AsyncSession, Client], Awaitable[T]]) -> T:
    async def whole() -> T:
        async with open_node(terminal.settings()) as node, node.database.write() as session:
            return await work(session, await clients.by_id(session, client_id))

    return terminal.run(whole())
