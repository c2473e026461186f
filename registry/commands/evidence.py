"""`candor evidence` and `candor matrix`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.markup import escape

from registry import terminal
from registry.actor import ANONYMOUS
from registry.node import open_node
from registry.records.outcomes import views
from registry.records.outcomes.asked import LIMIT, LINES, SOURCES, read_evidence, read_matrix
from registry.records.outcomes.claims import ABSENT, FAILING, PARTLY, WORKING
from registry.records.outcomes.matrix import matrix
from registry.records.outcomes.queries import evidence
from registry.taxonomies.equivalents import FOLLOWED

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")
]
Origins = Annotated[list[str] | None, typer.Option("--origin", help="Only this registry. May be repeated.")]
Since = Annotated[str | None, typer.Option(help="Only what was first published from then on.")]
Imported = Annotated[bool, typer.Option(help="Count what was imported.")]


def register(app: typer.Typer) -> None:
    """Add them to the command."""
    app.command("evidence")(show_evidence)
    app.command("matrix")(show_matrix)


def show_evidence(
    against: Annotated[str, typer.Argument(help="A tag such as misuse:fraud, or a record's id.")],
    crosswalks: Annotated[
        str, typer.Option(help="Terms of other vocabularies: close, exact or off.")
    ] = FOLLOWED,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only reports in incident, mitigation or response records.")
    ] = None,
    origin: Origins = None,
    since: Since = None,
    imported: Imported = True,
    show: Annotated[str, typer.Option(help="all, safeguards or mitigations.")] = "all",
    limit: Annotated[int, typer.Option(help="Entries to show.")] = LIMIT,
    sources: Annotated[int, typer.Option(help="Reports to show of each entry.")] = SOURCES,
    as_json: AsJson = False,
) -> None:
    """What was reported to work against something, and what failed; by how many organisations."""
    given = {"against": [against], "crosswalks": [crosswalks], "kind": kind or [], "show": [show]}
    given |= {"limit": [str(limit)], "sources": [str(sources)]} | _narrowing(origin, since, imported)

    async def work() -> dict[str, Any]:
        async with open_node(terminal.settings()) as node, node.database.read() as session:
            vocabulary = await node.vocabulary.current()
            found = await evidence(session, ANONYMOUS, vocabulary, read_evidence(given, vocabulary))
            return views.evidence(found, vocabulary, node.origin)

    found = terminal.run(work())
    if as_json:
        terminal.say_json(found)
        return
    rows = [
        (_name(item), *(_told(item, group) for group in (WORKING, PARTLY, FAILING, ABSENT)))
        for item in found["items"]
    ]
    columns = ("", "worked", "in part", "failed", "was not there")
    terminal.out.print(terminal.table(f"Reported against {against}, by organisations", columns, rows))
    for item in found["items"]:
        terminal.out.print(f"[bold]{escape(_name(item))}[/]")
        for one in item["sources"]:
            told = f"  {one['outcome']}, {one['basis']}: [cyan]{one['id']}[/] {escape(one['title'])}"
            terminal.out.print(told, soft_wrap=True)
    terminal.out.print(f"[bold]{found['reports']:,}[/] reports. --json says how they were counted.")


def show_matrix(
    rows: Annotated[
        str, typer.Option(help="A vocabulary, or a term whose narrower terms are wanted.")
    ] = "misuse",
    columns: Annotated[str, typer.Option(help="The same.")] = "safeguard",
    depth: Annotated[int, typer.Option(help="Levels of terms.")] = 1,
    origin: Origins = None,
    since: Since = None,
    imported: Imported = True,
    limit: Annotated[int, typer.Option(help="Rows, and columns, at most.")] = LINES,
    as_json: AsJson = False,
) -> None:
    """Two vocabularies against each other: incidents that bear both terms, and what was reported there."""
    given = {"rows": [rows], "columns": [columns], "depth": [str(depth)], "limit": [str(limit)]}
    given |= _narrowing(origin, since, imported)

    async def work() -> dict[str, Any]:
        async with open_node(terminal.settings()) as node, node.database.read() as session:
            vocabulary = await node.vocabulary.current()
            found = await matrix(session, ANONYMOUS, vocabulary, read_matrix(given, vocabulary))
            return views.matrix(found, vocabulary)

    found = terminal.run(work())
    if as_json:
        terminal.say_json(found)
        return
    names = ("row", "column", "incidents", "worked", "bypassed", "evaluated", "organisations")
    lines = [(*(cell[name] for name in names[:-1]), cell["organisations"]["any"]) for cell in found["cells"]]
    terminal.out.print(terminal.table(f"{rows} by {columns}", names, lines))


def _narrowing(origin: Sequence[str] | None, since: str | None, imported: bool) -> dict[str, list[str]]:
    return {"origin": list(origin or ()), "since": [since or ""], "imported": [str(imported).lower()]}


def _name(item: Mapping[str, Any]) -> str:
    if item["type"] == "mitigation":
        mitigation = item["mitigation"]
        return str(mitigation.get("title") or mitigation["id"])
    return str(item["safeguard"]["tag"])


def _told(item: Mapping[str, Any], group: str) -> str:
    found = item["groups"].get(group)
    if found is None:
        return ""
    by = ", ".join(f"{count['organisations']} {basis}" for basis, count in found["by_basis"].items())
    return f"{found['organisations']} ({by})"
