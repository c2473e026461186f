"""Importing outside files: read each, store what can be stored, and say of every entry that could not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from registry.actor import Actor
from registry.db import Database
from registry.errors import CandorError, Finding, Malformed, Severity, TooLarge
from registry.taxonomies import service
from registry.taxonomies.service import Outcome
from registry.taxonomies.sources import FORMATS, SUFFIXES, Loaded, Options
from registry.taxonomies.sources.loaded import MAX_BYTES

MAX_FILES = 2_000


@dataclass(frozen=True, slots=True)
class Item:
    """What was found in one place: `name` is `FILE` or `FILE#/pointer`."""

    name: str
    findings: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        return {"item": self.name, "findings": [finding.as_json() for finding in self.findings]}


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did. `rejected` was left out; what `noted` says was taken, or was no vocabulary."""

    outcomes: tuple[Outcome, ...]
    rejected: tuple[Item, ...]
    noted: tuple[Item, ...]

    def as_json(self) -> dict[str, Any]:
        counts = {
            result: sum(outcome.result == result for outcome in self.outcomes)
            for result in ("created", "revised", "unchanged")
        }
        return counts | {
            "rejected": [item.as_json() for item in self.rejected],
            "noted": [item.as_json() for item in self.noted],
            "taxonomies": [
                {
                    "namespace": outcome.namespace,
                    "version": outcome.version,
                    "terms": outcome.terms,
                    "result": outcome.result,
                }
                for outcome in self.outcomes
            ],
        }


class _Undo(Exception):
    """Ends a dry run's transaction without its changes."""


def files_of(format: str, path: Path) -> list[Path]:
    """The file, or the files of the format in a folder, in order of names.

    Raises `Malformed` for an unknown format, a path without files, or one with more than `MAX_FILES`.
    """
    if format not in FORMATS:
        raise Malformed(f"There is no format {format[:40]!r}; there are: {', '.join(FORMATS)}.")
    if path.is_file():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES[format] and file.is_file())
    if not found:
        raise Malformed(f"{path} holds no file that ends in {' or '.join(SUFFIXES[format])}.")
    if len(found) > MAX_FILES:
        raise Malformed(f"{path} holds {len(found):,} files; {MAX_FILES:,} are the most at once.")
    return found


def read_file(format: str, file: Path, options: Options) -> Loaded:
    """Read one file. Raises `Malformed` and `TooLarge`, as the reader does."""
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise TooLarge(f"{size:,} bytes are more than the {MAX_BYTES:,} that are read here.")
    return FORMATS[format](file.read_bytes(), replace(options, stem=file.stem))


async def import_files(
    database: Database,
    format: str,
    path: Path,
    options: Options,
    *,
    actor: Actor,
    origin: str,
    dry_run: bool = False,
) -> Report:
    """Import a file or a folder in one transaction. A file that cannot be read costs only itself.

    Raises `Malformed` when there is nothing to read, or when one name is given to what several files hold.
    """
    outcomes: list[Outcome] = []
    rejected: list[Item] = []
    noted: list[Item] = []
    files = files_of(format, path)
    if options.namespace and len(files) > 1:
        raise Malformed(
            "One namespace for several files: each would replace the one before. Import one file."
        )
    loaded: list[tuple[str, Loaded]] = []
    for file in files:
        try:
            loaded.append((file.name, read_file(format, file, options)))
        except (Malformed, TooLarge) as error:
            rejected.append(Item(file.name, _told(error)))
    for name, one in loaded:
        rejected += _items(name, one.findings, Severity.ERROR)
        noted += _items(name, one.findings, Severity.WARNING)
    try:
        async with database.write() as session:
            for name, one in loaded:
                for taxonomy in one.taxonomies:
                    try:
                        outcomes.append(await service.store(session, taxonomy, actor=actor, origin=origin))
                    except CandorError as error:
                        rejected.append(Item(f"{name}#{taxonomy.namespace}", _told(error)))
            if dry_run:
                raise _Undo
    except _Undo:
        pass
    return Report(tuple(outcomes), tuple(rejected), tuple(noted))


def _told(error: CandorError) -> tuple[Finding, ...]:
    return error.findings or (Finding(error.code, "", error.detail),)


def _items(name: str, findings: Sequence[Finding], severity: Severity) -> Iterable[Item]:
    places: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.severity is severity:
            places.setdefault(finding.pointer, []).append(finding)
    return [Item(f"{name}#{pointer}" if pointer else name, tuple(found)) for pointer, found in places.items()]
