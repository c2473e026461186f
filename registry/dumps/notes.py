"""Which dumps were made: without their content, beside the keys, so that it outlives a restored backup.

What is erased later may stand in them: whoever erases is told where to look.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from registry.clock import instant, read_instant
from registry.db import now
from registry.settings import Settings
from registry.transparency.storage import sync_folder

NOTES = "dumps.ndjson"


@dataclass(frozen=True, slots=True)
class DumpNote:
    """A dump that was made: where, when, over how many entries of the log and up to which public position."""

    path: str
    made: datetime
    size: int
    position: int


def note_dump(settings: Settings, made: DumpNote) -> None:
    """Keep a line of a dump, before the dump can be found under its name."""
    _add(settings, {**asdict(made), "made": instant(made.made)})


def note_withdrawn(settings: Settings, path: str) -> None:
    """Keep a line of a dump's removal: nobody need look for it again."""
    _add(settings, {"path": path, "withdrawn": instant(now())})


def _add(settings: Settings, value: Mapping[str, Any]) -> None:
    folder = settings.keys_folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    line = json.dumps(value, ensure_ascii=False)
    handle = os.open(folder / NOTES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)


def dumps_made(settings: Settings) -> list[DumpNote]:
    """The dumps that were made here, less those that were withdrawn: the newest of each path, in the order in
    which they were made.
    """
    try:
        text = (settings.keys_folder / NOTES).read_text("utf-8")
    except FileNotFoundError:
        return []
    found: dict[str, DumpNote] = {}
    for line in text.splitlines():
        try:
            value = json.loads(line)
            if "withdrawn" in value:
                found.pop(value["path"], None)
                continue
            note = DumpNote(value["path"], read_instant(value["made"]), value["size"], value["position"])
        except (ValueError, KeyError, TypeError):
            continue  # half a line, of a process that was killed while it wrote
        found.pop(note.path, None)
        found[note.path] = note
    return list(found.values())
