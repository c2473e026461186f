"""`candor search` and `candor reindex`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from registry import terminal
from registry.node import open_node
from search.document import FILTERS
from search.engine import Place
from search.export.command import cite_search, export_to
from search.finder import SearchFinder
from search.indexer import IndexReader
from search.meanings import FOLLOWED
from search.open import RESTRICTED, open_engine
from search.request import parse
from search.restricted.reader import RestrictedReader
from search.results import CURRENT, Answer, Hit, encode

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")
]
Values = list[str] | None


def register(app: typer.Typer) -> None:
    """Add the commands of search."""
    app.command()(search)
    app.command()(reindex)


def search(
    query: Annotated[Values, typer.Argument(help='Words, "phrases" and -exclusions (after --).')] = None,
    tag: Annotated[
        Values, typer.Option(help="Only records with this tag, or one below it. May be repeated.")
    ] = None,
    kind: Annotated[Values, typer.Option(help="Only records of this kind. May be repeated.")] = None,
    filter: Annotated[
        Values, typer.Option(help=f"NAME=VALUE; one of {', '.join(FILTERS)}. May be repeated.")
    ] = None,
    crosswalks: Annotated[
        str, typer.Option(help="close, exact or off: which terms of other taxonomies a tag finds too.")
    ] = FOLLOWED,
    as_of: Annotated[
        str | None,
        typer.Option(help="Answer from what was public at a log position, or at the end of a date."),
    ] = None,
    sort: Annotated[str, typer.Option(help="relevance, newest, oldest, updated or severity.")] = "relevance",
    limit: Annotated[int, typer.Option(help="Hits to show.")] = 20,
    export: Annotated[
        str | None, typer.Option(help="Write out every match: ndjson, csv, bibtex, ris or csl-json.")
    ] = None,
    part: Annotated[str, typer.Option(help="Of a CSV export: records, or lists.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file for the export; standard output without it.")
    ] = None,
    cite: Annotated[
        str | None, typer.Option(help="Print a citation of this search: text, bibtex, ris or csl-json.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Search this registry's published records; write out all that answer, or cite the question."""
    parameters: dict[str, list[str]] = {
        "q": [" ".join(query or ())],
        "tag": tag or [],
        "kind": kind or [],
        "crosswalks": [crosswalks],
        "as_of": [as_of or ""],
        "sort": [sort],
    }
    for pair in filter or ():
        name, _, value = pair.partition("=")
        parameters.setdefault(name.strip(), []).append(value)
    if cite is not None:
        sys.stdout.write(terminal.run(cite_search(cite, parameters)))
        return
    if export is not None:
        terminal.run(export_to(output, {**parameters, "format": [export], "part": [part]}))
        return
    request = parse({**parameters, "limit": [str(limit)]})

    async def work() -> Answer:
        async with open_node(terminal.settings()) as node:
            return await SearchFinder(node, open_engine(node.settings)).search(request)

    answer = terminal.run(work())
    if as_json:
        terminal.say_json(msgspec.json.decode(encode(answer)))
    else:
        _show(answer)


def _show(answer: Answer) -> None:
    for note in answer.notes:
        terminal.err.print(f"[yellow]{escape(note.message)}[/]")
    for tag, equivalents in answer.request.equivalents.items():
        named = ", ".join(escape(f"{one.tag} ({one.match})") for one in equivalents)
        terminal.err.print(f"[dim]{escape(tag)} also finds {named}; not with --crosswalks off.[/]")
    for hit in answer.hits:
        record: dict[str, Any] = msgspec.json.decode(hit.document)
        title = _marked(hit.highlights.get("title")) or escape(record.get("title", ""))
        kind = escape(record.get("kind", ""))
        terminal.out.print(f"[cyan]{hit.id}[/] [dim]{kind}[/] {title}{_became(hit)}", soft_wrap=True)
        for name, segments in hit.highlights.items():
            if name != "title":
                terminal.out.print(f"    [dim]{_marked(segments)}[/]", soft_wrap=True)
    shown = len(answer.hits)
    more = f", {shown} shown" if shown < answer.total else ""
    at = answer.position if answer.request.position is None else answer.request.position
    terminal.out.print(f"[bold]{answer.total:,}[/] found{more} [dim](position {at})[/]")
    if answer.erased:
        terminal.out.print(f"[dim]Erased or withheld since then, of all records: {answer.erased:,}.[/]")


def _became(hit: Hit) -> str:
    """Which version it is, and what became of it, where that is asked as of an earlier time."""
    since = hit.since_then
    if since is None:
        return ""
    became = "" if since.state == CURRENT else f", {since.state} since by version {since.version}"
    return f" [dim](version {hit.version}{became})[/]"


def _marked(segments: Any) -> str:
    return "".join(
        f"[bold yellow]{escape(segment.text)}[/]" if segment.mark else escape(segment.text)
        for segment in segments or ()
    )


def reindex(as_json: AsJson = False) -> None:
    """Build the search index anew from the database, beside the one that serves, and swap. The index of what
    is shared with some is built anew with it.
    """

    async def work() -> tuple[int, Place]:
        built = 0
        async with open_node(terminal.settings()) as node:
            engine = open_engine(node.settings)
            with Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=terminal.err,
                disable=as_json,
            ) as bar:
                task = bar.add_task("Indexing", total=None)

                def tell(count: int, total: int) -> None:
                    nonlocal built
                    built = count
                    bar.update(task, completed=count, total=total)

                await IndexReader(node, engine).rebuild(progress=tell)
            await RestrictedReader(node, open_engine(node.settings, index=RESTRICTED)).renew()
            return built, await engine.place()

    count, place = terminal.run(work())
    if as_json:
        terminal.say_json({"records": count, "position": place.position})
    else:
        terminal.say(f"[green]Indexed[/] [bold]{count:,}[/] records up to position {place.position}.")
