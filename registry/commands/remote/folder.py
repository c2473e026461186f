"""A folder of records: its files, and the ids that a registry gave them.

The ids stand in `candor-ids.json` beside the records, by the file's name, to be kept in git with them. What
is about to be created is written there first, as it is sent: a push that was ended in between sends the very
same again, under the same Idempotency-Key, and so finds out which id it was given.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry.canonical import canonical, read_json
from registry.errors import CandorError, Conflict, Malformed
from registry.exchange import files, native
from registry.exchange.item import Item, Options
from registry.ids import is_id

NAME = "candor-ids.json"
MAX_FILES = 10_000
_UPWARDS = 16


@dataclass(slots=True)
class Ids:
    """The ids of a folder's records at one registry. `begun` holds what was sent and not answered yet."""

    path: Path
    registry: str = ""
    records: dict[str, str] = field(default_factory=dict)
    begun: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.path.parent

    def name_of(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix()

    def id_of_stem(self, stem: str) -> str | None:
        """The id of the file that others call `source:native:<stem>`; None when there is none, or several."""
        named = {id for name, id in self.records.items() if Path(name).stem == stem}
        return named.pop() if len(named) == 1 else None

    def at(self, registry: str) -> None:
        """Say which registry they are of. Raises `Conflict` when they are another's."""
        if self.registry not in ("", registry):
            raise Conflict(
                f"{self.path} holds the ids of {self.registry}, and you are logged in to {registry}. "
                "Log in there, or copy the folder without that file to publish it here, too."
            )
        self.registry = registry

    def save(self) -> None:
        """Write the file as a whole: ended in between, either the old or the new one is there."""
        body = {"registry": self.registry, "records": dict(sorted(self.records.items()))}
        if self.begun:
            body["begun"] = self.begun
        fresh = self.path.with_name(f".{NAME}.{os.getpid()}")
        try:
            fresh.write_text(json.dumps(body, ensure_ascii=False, indent=2) + "\n", "utf-8")
            fresh.replace(self.path)
        finally:
            fresh.unlink(missing_ok=True)


def ids_for(path: Path) -> Ids:
    """The ids that go with a file or folder: of the nearest folder around it that has some, else new ones.

    Raises `Conflict` where a folder below has ids of its own, `Malformed` for a file that cannot be read.
    """
    place = files.resolve(path)
    start = place if place.is_dir() else place.parent
    for folder in (start, *start.parents[:_UPWARDS]):
        if (folder / NAME).exists():
            ids = _read(folder / NAME)
            break
        if (folder / ".git").exists():
            ids = Ids(start / NAME)
            break
    else:
        ids = Ids(start / NAME)
    if place.is_dir():
        for other in files.find(place, (NAME,)):
            if other.name == NAME and other != ids.path:
                problem = f"{other} holds ids of its own."
                raise Conflict(f"{problem} Push that folder by itself, or move its entries to {ids.path}.")
    return ids


def _read(path: Path) -> Ids:
    try:
        body = read_json(files.read_whole(path))
        records, begun = body["records"], body.get("begun", {})
        fine = all(isinstance(id, str) and is_id(id) for id in records.values())
        fine = fine and all(isinstance(sent, dict) for sent in begun.values())
        if fine and isinstance(body["registry"], str):
            return Ids(path, body["registry"], dict(records), dict(begun))
    except (CandorError, KeyError, TypeError, AttributeError) as error:
        raise Malformed(f"{path} cannot be read: it is mended by hand, or taken from git.") from error
    raise Malformed(f"{path} holds what is no record id.")


def key_of(name: str, submission: Mapping[str, Any]) -> str:
    """The Idempotency-Key under which a file's record is created: the same for the same file."""
    digest = hashlib.sha256(name.encode() + b"\n" + canonical(submission))
    return f"candor-push-{digest.hexdigest()}"


@dataclass(frozen=True, slots=True)
class File:
    """One file to push: what it is called, in reports and among the ids, and what was read from it."""

    name: str
    path: Path
    item: Item

    def line_of(self, pointer: str) -> int:
        return self.item.line_of(pointer) if self.item.line_of else 1


def read_files(path: Path, ids: Ids) -> list[File]:
    """The files at a path in the order of their names. Raises `NotFound` when there is none."""
    read: list[File] = []
    for place, item in native.read_with_paths(path, Options()):
        if len(read) >= MAX_FILES:
            raise Malformed(f"More than {MAX_FILES:,} files; push the folders below one by one.")
        read.append(File(ids.name_of(place), place, item))
    return read
