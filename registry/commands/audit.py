"""`candor audit`."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from registry import terminal
from registry.audit import queries, views
from registry.audit.queries import Wanted
from registry.clock import read_instant
from registry.errors import Malformed
from registry.node import open_node

SHOWN = 100


def register(app: typer.Typer) -> None:
    """Add `audit` to the command."""
    app.command("audit")(audit)


def audit(
    provider: Annotated[str | None, typer.Option(help="Only what concerns that organisation.")] = None,
    since: Annotated[str | None, typer.Option(help="A date or an RFC 3339 time.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with every act.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Every act as a row of CSV.")] = False,
) -> None:
    """Who did what, when, and from where; the newest first."""

    async def work() -> None:
        async with open_node(terminal.settings()) as node:
            async with node.database.read() as session:
                key = await queries.provider_key(session, provider) if provider else None
            wanted = Wanted(provider=key, since=_moment(since) if since else None)
            if not (as_json or as_csv):
                async with node.database.read() as session:
                    found = await queries.acts(session, wanted, limit=SHOWN)
                shown = [views.act(row, None) for row in found]
                columns = ("at", "actor", "topic", "action", "subject", "address")
                rows = [[row.get(column) for column in columns] for row in shown]
                terminal.out.print(terminal.table("Acts", columns, rows))
                return
            # Written as they come: a trail may be longer than memory.
            out = sys.stdout
            out.write('{"acts":[' if as_json else views.head().decode())
            first = True
            async for row in queries.all_acts(node.database, wanted):
                told = views.act(row, None)
                if as_json:
                    out.write(("" if first else ",") + views.as_line(told).decode().rstrip())
                else:
                    out.write(views.as_row(told).decode())
                first = False
            if as_json:
                out.write("]}\n")

    terminal.run(work())


def _moment(text: str) -> datetime:
    try:
        moment = read_instant(text)
    except ValueError:
        raise Malformed(f"{text!r} is not a date or an RFC 3339 time, such as 2026-05-01.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
