"""`candor report`."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from registry import terminal
from registry.client import calls
from registry.commands.remote.account import AsJson, opened
from registry.commands.remote.named import record_id

_COLOURS = {"present": "green", "missing": "red", "lossy": "yellow"}


def report(
    record: Annotated[str, typer.Argument(help="A record id, or a file that was pushed.")],
    regime: Annotated[str, typer.Argument(help="oecd, eu-73, eu-gpai, us-ca-sb53 or us-ny-raise.")],
    draft: Annotated[bool, typer.Option("--draft", help="Of the draft.")] = False,
    markdown: Annotated[bool, typer.Option("--md", help="Print Markdown to work on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Lay an incident out as a reporting regime asks for it. A drafting aid, and no legal advice."""
    if markdown and as_json:
        raise typer.BadParameter("--md and --json exclude each other.")
    id = record_id(record)
    with opened() as client:
        if markdown:
            text = client.run(calls.report_markdown(id, regime, draft=draft))
            terminal.out.out(text, end="", highlight=False)
            return
        told = client.run(calls.report(id, regime, draft=draft))
    if as_json:
        terminal.say_json(told)
    else:
        _show(told)


def _show(told: dict[str, Any]) -> None:
    title = f"{told['title']}: {told['record']}, version {told['version']}"
    shown = terminal.table(title, ("field", "state", "value", "note"), ())
    for row in told["fields"]:
        colour = _COLOURS.get(row["state"], "cyan")
        name = f"{row['title']}{' *' if row['mandatory'] else ''}"
        shown.add_row(
            escape(name),
            f"[{colour}]{row['state']}[/]",
            escape(_short(row["value"])),
            escape(row["note"] or ""),
        )
    terminal.out.print(shown)
    for clock in told["clocks"]:
        length = f"{clock['hours']} hours" if "hours" in clock else f"{clock['days']} days"
        due = f"due {clock['due']}" if clock["due"] else "no date yet"
        colour = "red" if clock["state"] == "overdue" else "bold"
        terminal.say(
            f"[{colour}]{escape(clock['title'])}[/] ({length}): {due}, {clock['state']}. "
            f"[dim]{escape(clock['note'] or '')}[/]"
        )
    terminal.say(f"[dim]* mandatory. {escape(told['notice'])}[/]")


def _short(value: Any) -> str:
    text = _words(value)
    return text if len(text) <= 160 else text[:159] + "…"


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_words(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    return "" if value is None else str(value)
