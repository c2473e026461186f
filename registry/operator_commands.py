"""The operator's commands: what concerns the whole registry."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from dotenv import dotenv_values
from pydantic import SecretStr
from rich.markup import escape
from sqlalchemy import select

from registry import backups, operate, terminal
from registry.changelog import aside
from registry.changelog.append import public_head
from registry.changelog.models import ReaderState
from registry.changelog.tail import head
from registry.clock import instant
from registry.commands.samples import load_samples
from registry.errors import Misconfigured
from registry.extensions import load_extensions
from registry.node import init_node, open_node
from registry.settings import PREFIX, Settings, load
from registry.transparency.keys import Keys
from registry.transparency.metrics import measured
from registry.transparency.rotation import ready_keys

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")
]


def register(app: typer.Typer) -> None:
    """Add them to the command."""
    app.command()(init)
    app.command()(serve)
    app.command()(worker)
    app.command()(backup)
    app.command()(restore)
    app.command()(recover)
    app.command("settings")(show_settings)
    app.command()(status)


def init() -> None:
    """Create or migrate the database, fix the origin, make keys, load the vocabularies. Safe to repeat."""
    settings = terminal.settings()

    async def work() -> tuple[str, Keys]:
        origin = await init_node(settings)
        async with open_node(settings) as node:
            return origin, await ready_keys(settings, node.database, origin)

    origin, keys = terminal.run(work())
    terminal.err.print(f"[green]Ready.[/] This registry is [bold]{origin}[/].")
    if not keys.log:
        terminal.err.print(
            f"[yellow]The key of its log is not in {keys.folder}:[/] this machine signs nothing. Where it is "
            "lost, bring it back; another one would be nobody's."
        )
        return
    terminal.err.print("Whoever checks its log pins this key:")
    terminal.say_plain(str(keys.log[0].verifier))


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", min=0, max=65535)] = None,
    workers: Annotated[int | None, typer.Option(help="Web processes.", min=1, max=64)] = None,
    samples: Annotated[bool, typer.Option("--samples", help="First load the sample records.")] = False,
) -> None:
    """Serve. The embedded database is migrated first; an outdated production one is refused."""
    # Web processes read their settings anew: what was given here reaches them through the environment.
    for name, value in (("HOST", host), ("PORT", port), ("WORKERS", workers)):
        if value is not None:
            os.environ[PREFIX + name] = str(value)
    settings = load()
    if samples:
        load_samples(settings)
    terminal.err.print(f"Serving [bold]{settings.name}[/] at [link]{settings.url}[/link] (Ctrl-C stops)")
    operate.serve(settings)


def worker() -> None:
    """Follow the log: index, feeds, deliveries. For where `serve` runs with CANDOR_RUN_READERS=false."""
    settings = terminal.settings()
    terminal.run(operate.work(settings, load_extensions(settings.extensions)))


def backup(path: Annotated[Path, typer.Argument(help="File to write.")], as_json: AsJson = False) -> None:
    """Write a consistent backup while serving."""
    if path.exists():
        raise Misconfigured(f"{path} is there already. Name a new file.")
    manifest = terminal.run(backups.backup(terminal.settings(), path))
    _tell_manifest(manifest, "Backed up", path, as_json)


Entries = Annotated[
    list[str] | None,
    typer.Option(help="A dump, or the address of a registry that mirrors this one. May be repeated."),
]
Owner = Annotated[
    str | None, typer.Option(help="Who owns records whose organisation is named nowhere, by its slug.")
]


def restore(
    path: Annotated[Path, typer.Argument(help="A backup.", exists=True)],
    entries: Entries = None,
    provider: Owner = None,
    as_json: AsJson = False,
) -> None:
    """Fill an empty database from a backup, and take back what was taken back since; run `candor reindex`
    afterwards.
    """
    settings = terminal.settings()
    manifest = terminal.run(backups.restore(settings, path))
    if not as_json:
        _tell_manifest(manifest, "Restored", path, as_json)
    brought = _recover(settings, entries, provider)
    if as_json:
        terminal.say_json({**manifest, **brought})
    else:
        _tell_brought(brought)


def recover(entries: Entries = None, provider: Owner = None, as_json: AsJson = False) -> None:
    """Bring a database that was restored to where the registry was: erasures and suppressions since, and with
    --entries what its log lost.
    """
    brought = _recover(terminal.settings(), entries, provider)
    if as_json:
        terminal.say_json(brought)
    else:
        _tell_brought(brought)


def _recover(settings: Settings, entries: Sequence[str] | None, provider: str | None) -> dict[str, Any]:
    from registry.restoring.service import bring_back

    return asdict(terminal.run(bring_back(settings, entries or (), provider=provider)))


def _tell_brought(brought: dict[str, Any]) -> None:
    again, log = brought["taken_back"], brought["log"]
    if again is None:
        terminal.err.print(
            f"[red bold]Nobody knows what was erased or withheld since the backup:[/] there is no "
            f"{escape(brought['list'])}. Bring the folder of keys from where the registry was, and run "
            "`candor recover` [bold]before anything serves[/]."
        )
    else:
        rows = [(name, len(ids), " ".join(ids)) for name, ids in again.items() if ids]
        terminal.out.print(terminal.table("Taken back again", ("", "records", "ids"), rows))
    if log is not None:
        terminal.say(
            f"The log has its {log['size']:,} entries: {log['entries']:,} of them, and {log['versions']:,} "
            "versions, were brought back."
        )
    if brought["lost"]:
        terminal.err.print(f"[yellow]{escape(brought['lost'])}[/]")


def _tell_manifest(manifest: dict[str, Any], verb: str, path: Path, as_json: bool) -> None:
    if as_json:
        terminal.say_json(manifest)
        return
    rows = [(name, count) for name, count in manifest["tables"].items() if count]
    terminal.out.print(terminal.table(f"{verb} {path}", ("table", "rows"), rows))


def show_settings(as_json: AsJson = False) -> None:
    """Every setting with its value, where it comes from and what it means; secrets are masked."""
    settings = terminal.settings()
    rows = list(_settings_rows(settings))
    if as_json:
        terminal.say_json(
            {
                name: {"value": value, "source": source, "meaning": meaning}
                for name, value, source, meaning in rows
            }
        )
        return
    terminal.out.print(terminal.table("Settings", ("setting", "value", "source", "meaning"), rows))


def _settings_rows(settings: Settings) -> Any:
    in_file = {name.upper() for name in dotenv_values(".env")}
    for name, field in Settings.model_fields.items():
        variable = PREFIX + name.upper()
        value = getattr(settings, name)
        masked = "***" if isinstance(value, SecretStr) else value
        source = "environment" if variable in os.environ else ".env" if variable in in_file else "default"
        shown = (
            masked
            if isinstance(masked, str | int | bool | None)
            else json.loads(json.dumps(masked, default=str))
        )
        yield variable, shown, source, field.description


def status(as_json: AsJson = False) -> None:
    """Where this registry stands: origin, position, log readers and what they set aside, dumps to recall."""
    from registry.dumps.withdrawing import to_recall

    async def look() -> dict[str, Any]:
        async with open_node(terminal.settings()) as node, node.database.read() as session:
            newest = await head(session)
            readers = [
                {
                    "reader": state.name,
                    "behind": newest - state.position,
                    "holder": state.holder,
                    "error": state.error,
                }
                for state in await session.scalars(select(ReaderState).order_by(ReaderState.name))
            ]
            log = await measured(session, node.origin)
            return {
                "origin": node.origin,
                "position": await public_head(session),
                "log": {
                    "entries": log.size,
                    "published": log.published,
                    "signed": instant(log.signed_at) if log.signed_at is not None else None,
                    "witnesses": log.witnesses,
                },
                "readers": readers,
                "set_aside": [
                    asdict(one) | {"since": instant(one.since)} for one in await aside.listed(session)
                ],
                "recall": [asdict(dump) for dump in to_recall(node.settings)],
            }

    found = terminal.run(look())
    if as_json:
        terminal.say_json(found)
        return
    terminal.say(f"[bold]{found['origin']}[/] at position {found['position']}")
    log = found["log"]
    terminal.say(
        f"Its log: {log['published']:,} of {log['entries']:,} entries under a checkpoint"
        + (f", signed {log['signed']}" if log["signed"] else "")
    )
    rows = [tuple(reader.values()) for reader in found["readers"]]
    terminal.out.print(terminal.table("Log readers", ("reader", "behind", "holder", "error"), rows))
    if found["set_aside"]:
        left = [tuple(one.values()) for one in found["set_aside"]]
        title = "Set aside: records that a reader went on without, until they change or it begins anew"
        terminal.out.print(terminal.table(title, ("reader", "registry", "record", "reason", "since"), left))
    if found["recall"]:
        lost = [tuple(dump.values()) for dump in found["recall"]]
        title = "Dumps to recall: they hold what was erased, and are not where they were written"
        terminal.out.print(terminal.table(title, ("written to", "made", "holds"), lost))
