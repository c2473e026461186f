"""`candor import`."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.markup import escape

from registry import terminal
from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.errors import Conflict, Misconfigured
from registry.exchange import FORMATS
from registry.exchange.item import Format, Options
from registry.exchange.run import Report, run
from registry.exchange.sink import DrySink, RegistrySink
from registry.exchange.table import suggest_map
from registry.extensions import Node
from registry.node import open_node
from registry.providers import queries as providers
from registry.providers.models import Provider
from registry.providers.onboarding import MAY_HOLD_TOKENS, State
from registry.records.versions import Desk
from registry.taxonomies import service as taxonomies
from registry.taxonomies.own import load_own
from registry.taxonomies.vocabulary import Vocabulary

SHOWN = 20
BY = "cli"

Path_ = Annotated[Path, typer.Argument(help="A file or a folder.", exists=True)]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")
]


def register(app: typer.Typer) -> None:
    """Add `import` to the command."""
    app.command("import")(import_)


def import_(
    format: Annotated[str, typer.Argument(help=f"One of {', '.join(each.name for each in FORMATS)}.")],
    path: Path_,
    provider: Annotated[
        str | None, typer.Option(help="Whose records they become; needed if there are several.")
    ] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Publish at once; drafts otherwise.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report what would happen, and write nothing.")
    ] = False,
    map_file: Annotated[
        Path | None,
        typer.Option("--map", help="For table: the mapping, in TOML.", exists=True, dir_okay=False),
    ] = None,
    suggest: Annotated[bool, typer.Option("--suggest-map", help="For table: print a first mapping.")] = False,
    retrieved: Annotated[
        str | None, typer.Option(help="When the source was fetched, such as 2026-05-04.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring in records from elsewhere. Repeatable: what did not change is left as it is."""
    chosen = _format(format)
    if suggest:
        _suggest(chosen, path, as_json)
        return
    if (chosen.name == "table") != (map_file is not None):
        _misuse(
            "table needs --map MAP.toml, or --suggest-map to begin with."
            if chosen.name == "table"
            else "--map is for the format table only."
        )
    options = Options(mapping=map_file, retrieved=retrieved)
    report = terminal.run(
        _import(chosen, path, options, provider, publish=publish, dry_run=dry_run, quiet=as_json)
    )
    _tell(report, as_json=as_json, dry_run=dry_run)
    if report.rejected:
        raise typer.Exit(terminal.Exit.REJECTED)


def _format(name: str) -> Format:
    for each in FORMATS:
        if each.name == name.lower():
            return each
    _misuse(f"There is no format {name!r}; there are: {', '.join(each.name for each in FORMATS)}.")


def _misuse(message: str) -> NoReturn:
    raise typer.BadParameter(message)


def _suggest(chosen: Format, path: Path, as_json: bool) -> None:
    if chosen.name != "table":
        _misuse("--suggest-map is for the format table only.")
    text = suggest_map(path)
    if as_json:
        terminal.say_json({"map": text})
    else:
        sys.stdout.write(text)


async def _import(
    chosen: Format,
    path: Path,
    options: Options,
    slug: str | None,
    *,
    publish: bool,
    dry_run: bool,
    quiet: bool,
) -> Report:
    async with local_registry(required=not dry_run or slug is not None) as node:
        if node is None:
            return await _run(chosen, path, options, DrySink(), Vocabulary(load_own()), quiet=quiet)
        owner = await _provider(node, slug, publish=publish, optional=dry_run)
        if chosen.taxonomies is not None and not dry_run:
            await _store_taxonomies(node, chosen, path)
        vocabulary = await node.vocabulary.current(fresh=True)
        if owner is None:
            return await _run(chosen, path, options, DrySink(), vocabulary, quiet=quiet)
        actor = Actor(
            name=BY,
            provider=owner.pk,
            provider_slug=owner.slug,
            approved=owner.state == State.APPROVED,
            scopes=frozenset((Scope.RECORDS_WRITE, Scope.RECORDS_PUBLISH)),
        )
        desk = Desk(node.origin, vocabulary, secret=node.secret)
        sink = RegistrySink(node.database, desk, actor, owner, node.secret, publish)
        if dry_run:
            return await _run(chosen, path, options, DrySink(sink), vocabulary, quiet=quiet)
        report = await _run(chosen, path, options, sink, vocabulary, quiet=quiet)
        async with node.database.write() as session:
            # One act for the run: each record's own versions tell the rest.
            await note(
                session,
                actor,
                "import",
                "run",
                chosen.name,
                provider=owner.pk,
                created=report.created,
                revised=report.revised,
                unchanged=report.unchanged,
                rejected=len(report.rejected),
            )
        return report


async def _run(
    chosen: Format,
    path: Path,
    options: Options,
    sink: RegistrySink | DrySink,
    vocabulary: Vocabulary,
    *,
    quiet: bool,
) -> Report:
    with terminal.progress(f"Importing {chosen.name}", chosen.count(path, options), quiet=quiet) as advance:
        items = chosen.read(path, options)
        return await run(items, sink, vocabulary=vocabulary, strict=chosen.strict, progress=advance)


async def _store_taxonomies(node: Node, chosen: Format, path: Path) -> None:
    """What the source's tags mean, before the records that bear them."""
    if chosen.taxonomies is None:
        return
    async with node.database.write() as session:
        for taxonomy in chosen.taxonomies(path):
            await taxonomies.store(session, taxonomy, actor=Actor(name=BY), origin=node.origin)


@asynccontextmanager
async def local_registry(*, required: bool) -> AsyncIterator[Node | None]:
    """The registry of this machine. None when there is none and none is needed."""
    settings = terminal.settings()
    if not required and settings.embedded and not (settings.data / "candor.sqlite").exists():
        yield None
        return
    async with open_node(settings) as node:
        yield node


async def _provider(node: Node, slug: str | None, *, publish: bool, optional: bool) -> Provider | None:
    """Whose records they become. Raises `NotFound`, `Misconfigured` or `Conflict`, saying what to run."""
    async with node.database.read() as session:
        if slug is not None:
            owner = await providers.by_slug(session, slug)
        else:
            found = await providers.all_providers(session, public=False)
            everybody = [each for each in found if State(each.state) in MAY_HOLD_TOKENS]
            if len(everybody) != 1:
                if optional:
                    return None
                there = (
                    f"there are: {', '.join(each.slug for each in everybody[:10])}"
                    if everybody
                    else "there is none"
                )
                raise Misconfigured(
                    f"Say whose records they become with --provider; {there}. "
                    "`candor provider add SLUG --name NAME --approve` adds one."
                )
            owner = everybody[0]
    if State(owner.state) not in MAY_HOLD_TOKENS:
        raise Conflict(f"{owner.slug} is {owner.state}; nothing is written for it.")
    if publish and owner.state != State.APPROVED:
        raise Conflict(f"{owner.slug} may not publish yet. Run `candor provider approve {owner.slug}` first.")
    return owner


def _tell(report: Report, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        terminal.say_json(report.as_json())
        return
    counts = [
        ("created", report.created),
        ("revised", report.revised),
        ("unchanged", report.unchanged),
        ("rejected", len(report.rejected)),
    ]
    title = "What would happen (nothing was written)" if dry_run else "Imported"
    terminal.out.print(terminal.table(title, ("", "records"), counts))
    if report.notes:
        rows = [
            (note.finding.code, note.count, note.item, note.finding.message) for note in report.notes.values()
        ]
        terminal.out.print(terminal.table("Notes", ("what", "times", "first at", "message"), rows))
    for rejection in report.rejected[:SHOWN]:
        terminal.err.print(f"[red]rejected[/] [bold]{escape(rejection.item)}[/]")
        terminal.say_findings(rejection.findings)
    if len(report.rejected) > SHOWN:
        terminal.err.print(f"… and {len(report.rejected) - SHOWN} more; --json lists all of them.")
