"""Which dumps were made: without their content, beside the keys, so that it outlives a restored backup.

What is erased later may stand in them: whoever erases is told where to look.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from registry.clock import instant, read_instant
from registry.db import now
from registry.durable import append_lines, read_lines
from registry.settings import Settings

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
    append_lines(settings.keys_folder / NOTES, [value])


def dumps_made(settings: Settings) -> list[DumpNote]:
    """The dumps that were made here, less those that were withdrawn: the newest of each path, in the order in
    which they were made.
    """
    found: dict[str, DumpNote] = {}
    for value in read_lines(settings.keys_folder / NOTES):
        try:
            if "withdrawn" in value:
                found.pop(value["path"], None)
                continue
            note = DumpNote(value["path"], read_instant(value["made"]), value["size"], value["position"])
        except (ValueError, KeyError, TypeError):
            continue  # not a line of ours
        found.pop(note.path, None)
        found[note.path] = note
    return list(found.values())
