"""Writing a dump: a folder, or a ZIP archive of one, that is there as a whole or not at all.

It holds what the log's checkpoint covers, as of one moment: nothing in it needs to be believed. A dump made
over another one replaces it.
"""

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from registry import __version__
from registry.changelog.models import Change
from registry.changelog.tail import Tail
from registry.clock import instant
from registry.db import now
from registry.dumps.notes import DumpNote, note_dump
from registry.dumps.tree import TilesOut
from registry.dumps.versions import stretch
from registry.durable import sync_folder
from registry.errors import Conflict, Misconfigured, Unavailable
from registry.extensions import Node
from registry.taxonomies import queries as taxonomies
from registry.taxonomies import views
from registry.transparency import keys
from registry.transparency.entries import log_of
from registry.transparency.models import Log
from registry.transparency.notes import read_checkpoint, read_note
from registry.transparency.sequencer import Sequencer
from registry.transparency.storage import open_storage
from registry.transparency.tiles import WIDTH
from registry.transparency.trees import OWN
from registry.verification.documents import versions_file
from registry.verification.dump import MANIFEST, RECORDS, SUMS

SOFTWARE, FORMAT = "candor", 1
ARCHIVE = ".zip"

Progress = Callable[[int], AbstractContextManager[Callable[[int], None] | None]]


@dataclass(slots=True)
class _Out:
    """Files below a folder, with the SHA-256 of each."""

    folder: Path
    sums: dict[str, str] = field(default_factory=dict)

    def write(self, path: str, body: bytes) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
        self.sums[path] = hashlib.sha256(body).hexdigest()

    @contextmanager
    def lines(self, path: str) -> Iterator[Callable[[bytes], None]]:
        """A file that is written line by line."""
        digest = hashlib.sha256()
        file: IO[bytes]
        with (self.folder / path).open("wb") as file:

            def line(body: bytes) -> None:
                file.write(body + b"\n")
                digest.update(body + b"\n")

            yield line
        self.sums[path] = digest.hexdigest()


async def dump(node: Node, path: Path, *, with_log: bool, progress: Progress) -> dict[str, Any]:
    """Write everything public that the log covers; answers the manifest.

    Raises `Conflict` where something else than a dump is in the way, `Misconfigured` where nothing can be
    written, `Unavailable` while nothing is under a checkpoint.
    """
    path = Path(os.path.abspath(path))  # noqa: ASYNC240  (asks no disk but for the working folder)
    _refuse_to_overwrite(path)
    await _enter_what_is_new(node)
    with _workplace(path) as folder:
        out = _Out(folder)
        async with node.database.read() as session:
            if not node.database.is_sqlite:
                await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            manifest = await _write(session, node, out, with_log=with_log, progress=progress)
        out.write(MANIFEST, msgspec.json.format(json.dumps(manifest, ensure_ascii=False).encode(), indent=2))
        sums = "".join(f"{digest}  {name}\n" for name, digest in sorted(out.sums.items()))
        (folder / SUMS).write_text(sums)
        made = _packed(folder) if path.suffix == ARCHIVE else folder
        _sync(made)
        note_dump(node.settings, DumpNote(str(path), now(), manifest["size"], manifest["position"]))
        _put(made, path)
    return manifest


async def _enter_what_is_new(node: Node) -> None:
    """Bring the log up to date, where this process may sign and no other is at it."""
    held = keys.load(node.settings, node.origin)
    if held.log:
        storage = open_storage(node.settings, node.database)
        tail = Tail(node.database, Sequencer(node.database, node.origin, held, storage))
        try:
            await tail.catch_up()
        finally:
            await tail.give_up()


async def _write(
    session: AsyncSession, node: Node, out: _Out, *, with_log: bool, progress: Progress
) -> dict[str, Any]:
    log = await log_of(session, node.origin)
    if log is None or log.checkpoint is None:
        raise Unavailable("Nothing is under a signed checkpoint yet: publish, and let `candor serve` run.")
    counts = {"records": 0, "versions": 0, "erased": 0, "withheld": 0}
    tiles = TilesOut(lambda name, body: out.write(OWN + name, body)) if with_log else None
    with progress(log.published) as advance, out.lines(RECORDS) as record:
        for start in range(0, log.published, WIDTH):
            part = await stretch(session, log, start, min(start + WIDTH, log.published))
            counts["versions"] += part.versions
            counts["erased"] += part.erased
            counts["withheld"] += part.withheld
            counts["records"] += len(part.newest)
            for document in part.newest:
                record(document)
            out.write(versions_file(start // WIDTH), part.lines)
            if tiles is not None:
                tiles.bundle(start // WIDTH, part.entries, part.hashes)
            if advance is not None:
                advance(len(part.entries))
    if tiles is not None:
        tiles.end()
        out.write(f"{OWN}checkpoint", log.checkpoint)
    counts["taxonomies"] = await _write_taxonomies(session, out)
    checkpoint = read_checkpoint(read_note(log.checkpoint).text)
    return {
        "software": SOFTWARE,
        "format": FORMAT,
        "version": __version__,
        "made": instant(now()),
        "origin": node.origin,
        "name": node.settings.name,
        "url": node.settings.url,
        "position": await _position(session, log),
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "checkpoint": log.checkpoint.decode(),
        "log": with_log,
        "counts": counts,
    }


async def _position(session: AsyncSession, log: Log) -> int:
    """The public position that the checkpoint covers."""
    return await session.scalar(select(func.max(Change.public_seq)).where(Change.seq <= log.position)) or 0


async def _write_taxonomies(session: AsyncSession, out: _Out) -> int:
    newest = await taxonomies.newest_versions(session)
    whole = await taxonomies.taxonomies(session, [stored.id for stored in newest])
    for stored in newest:
        versions = await taxonomies.versions(session, stored.namespace)
        shown = views.whole(whole[stored.id], stored.loaded_at, versions)
        out.write(f"taxonomies/{stored.namespace}.json", msgspec.json.encode(shown))
    return len(newest)


# --- places


def _refuse_to_overwrite(path: Path) -> None:
    if not path.parent.is_dir():
        raise Misconfigured(f"There is no folder {path.parent}.")
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if manifest_of(path) is None:
        raise Conflict(f"{path} is there already, and is no dump. Name another place.")


def manifest_of(path: Path) -> dict[str, Any] | None:
    """The manifest of a dump; None where none lies there."""
    try:
        if path.is_dir():
            body = (path / MANIFEST).read_bytes()
        else:
            with zipfile.ZipFile(path) as archive:
                body = archive.read(MANIFEST)
        manifest: dict[str, Any] = json.loads(body)
        return manifest if manifest["software"] == SOFTWARE else None
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def workplace_of(path: Path) -> Path:
    """Where a dump is made before it takes its name."""
    return path.parent / f".{path.name}.candor-dump"


@contextmanager
def _workplace(path: Path) -> Iterator[Path]:
    """A folder beside the dump to be. What an interrupted run left there is in nobody's way."""
    work = workplace_of(path)
    try:
        shutil.rmtree(work, ignore_errors=True)
        (work / "dump").mkdir(parents=True)
        yield work / "dump"
    except OSError as error:
        raise Misconfigured(f"The dump cannot be written: {error}.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _sync(made: Path) -> None:
    """Let a file, or every file of a folder, survive a loss of power."""
    for file in [made, *made.rglob("*")]:
        if file.is_dir():
            sync_folder(file)
        else:
            with file.open("rb") as written:
                os.fsync(written.fileno())


def _packed(folder: Path) -> Path:
    whole = folder.parent / "whole.zip"
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return whole


def _put(made: Path, path: Path) -> None:
    """Take the place of the old dump. A folder cannot be replaced in one step: for a moment there is none."""
    if path.is_dir():
        path.rename(made.parent / "old")
    made.replace(path)
    sync_folder(path.parent)
