"""`candor taxonomy`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.tree import Tree

from registry import terminal
from registry.actor import Actor
from registry.audit.service import note
from registry.errors import Malformed, NotFound
from registry.node import open_node
from registry.taxonomies import queries, views
from registry.taxonomies.importing import Item, Report, import_files
from registry.taxonomies.sources import FORMATS, Options
from registry.taxonomies.vocabulary import Taxonomy, Vocabulary

BY = Actor(name="cli")
SHOWN = 20

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")
]
Text = str | None


def register(app: typer.Typer) -> None:
    """Add `taxonomy` to the command."""
    taxonomy = typer.Typer(help="Vocabularies: the registry's own and outside ones.", no_args_is_help=True)
    taxonomy.command("import")(import_)
    taxonomy.command("list")(list_)
    taxonomy.command("show")(show)
    app.add_typer(taxonomy, name="taxonomy")


def import_(
    format: Annotated[str, typer.Argument(help=f"One of {', '.join(FORMATS)}.")],
    path: Annotated[Path, typer.Argument(help="A file, or a folder of such files.", exists=True)],
    namespace: Annotated[Text, typer.Option(help="Instead of the file's own; a table needs one.")] = None,
    version: Annotated[Text, typer.Option(help="Instead of the file's own.")] = None,
    name: Annotated[Text, typer.Option(help="Instead of the file's own.")] = None,
    publisher: Annotated[Text, typer.Option(help="Instead of the one that is known.")] = None,
    licence: Annotated[Text, typer.Option(help="An SPDX id, instead of the one that is known.")] = None,
    url: Annotated[Text, typer.Option(help="Where the taxonomy is published.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="For csv: FIELD=TITLE, such as label=Name.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report, and store nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Load outside taxonomies. Repeatable: what is stored already is left as it is."""
    options = Options(namespace, version, name, publisher, licence, url, columns=_columns(column or []))

    async def work() -> Report:
        async with open_node(terminal.settings()) as node:
            report = await import_files(
                node.database, format, path, options, actor=BY, origin=node.origin, dry_run=dry_run
            )
            if not dry_run:
                async with node.database.write() as session:
                    for one in report.outcomes:
                        await note(
                            session,
                            BY,
                            "taxonomy",
                            "import",
                            one.namespace,
                            loaded=one.version,
                            result=one.result,
                        )
            return report

    report = terminal.run(work())
    if as_json:
        terminal.say_json(report.as_json())
    else:
        _tell(report, dry_run)
    if report.rejected:
        raise typer.Exit(terminal.Exit.REJECTED)


def _columns(pairs: list[str]) -> dict[str, str]:
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise Malformed(f"{wrong[0]!r} is not FIELD=TITLE.")
    return {field.strip(): title.strip() for field, _, title in (pair.partition("=") for pair in pairs)}


def _tell(report: Report, dry_run: bool) -> None:
    rows = [(one.namespace, one.version, one.terms, one.result) for one in report.outcomes]
    title = "Would be loaded" if dry_run else "Loaded"
    terminal.out.print(terminal.table(title, ("namespace", "version", "terms", ""), rows))
    for title, items in (("noted", report.noted), ("rejected", report.rejected)):
        if items:
            terminal.err.print(f"[bold]{len(items):,} {title}[/]")
            _tell_items(items)


def _tell_items(items: tuple[Item, ...]) -> None:
    for item in items[:SHOWN]:
        for finding in item.findings:
            terminal.err.print(f"  [bold]{escape(item.name)}[/] {escape(finding.message)}")
    if len(items) > SHOWN:
        terminal.err.print(f"  and {len(items) - SHOWN:,} more; --json shows all.")


def list_(as_json: AsJson = False) -> None:
    """The taxonomies that are loaded, with their version in use."""

    async def work() -> list[dict[str, Any]]:
        async with open_node(terminal.settings()) as node, node.database.read() as session:
            stored = await queries.newest_versions(session)
            loaded = await queries.taxonomies(session, [one.id for one in stored])
            return [views.summary(loaded[one.id], one.loaded_at) for one in stored]

    rows = terminal.run(work())
    if as_json:
        terminal.say_json({"taxonomies": rows})
        return
    columns = ("namespace", "version", "terms", "crosswalks", "publisher")
    terminal.out.print(terminal.table("Taxonomies", columns, [[row.get(c) for c in columns] for row in rows]))


def show(
    namespace: Annotated[str, typer.Argument(help="Such as misuse.")],
    version: Annotated[Text, typer.Option(help="A stored version; the newest when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """The terms of one taxonomy, as a tree."""

    async def work() -> tuple[Taxonomy, dict[str, Any]]:
        async with open_node(terminal.settings()) as node, node.database.read() as session:
            stored = await queries.versions(session, namespace)
            wanted = next((one for one in stored if version in (None, one.version)), None)
            if wanted is None:
                there = ", ".join(one.version for one in stored) or "none; see `candor taxonomy list`"
                raise NotFound(f"There is no such version of {namespace!r}. Stored: {there}.")
            taxonomy = (await queries.taxonomies(session, [wanted.id]))[wanted.id]
            return taxonomy, views.whole(taxonomy, wanted.loaded_at, stored)

    taxonomy, whole = terminal.run(work())
    if as_json:
        terminal.say_json(whole)
        return
    about = f"{taxonomy.name}, version {taxonomy.version}, {taxonomy.publisher}, {taxonomy.licence}"
    tree = Tree(f"[bold]{escape(taxonomy.namespace)}[/] {escape(about)}")
    _branches(tree, taxonomy)
    terminal.out.print(tree)
    terminal.say(f"[dim]Loaded {whole['loaded_at']}[/]")


def _branches(tree: Tree, taxonomy: Taxonomy) -> None:
    """Each term under the first of its parents: shown twice, branches would grow past reading."""
    vocabulary = Vocabulary([taxonomy])
    places: dict[str, Tree] = {}
    waiting = list(taxonomy.terms)
    while waiting:
        left = []
        for term in waiting:
            tag = f"{taxonomy.namespace}:{term.id}"
            above = [parent for parent in vocabulary.parents(tag) if vocabulary.term(parent)]
            if above and above[0] not in places:
                left.append(term)
                continue
            branch = places[above[0]] if above else tree
            old = " [dim](out of use)[/]" if term.deprecated_by else ""
            places[tag] = branch.add(f"[bold]{escape(term.id)}[/] {escape(term.label)}{old}")
        if len(left) == len(waiting):
            break
        waiting = left
