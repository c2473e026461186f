"""Which record is meant: an id, or a file that was pushed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from registry import terminal
from registry.commands.remote.folder import ids_for, read_files
from registry.errors import Finding, NotFound
from registry.ids import parse_id


@dataclass(frozen=True, slots=True)
class Named:
    """A record, as it was named. `line_of` finds the line of a pointer, where it was named by its file."""

    id: str
    name: str
    line_of: Callable[[str], int] | None = None

    def say_findings(self, findings: tuple[Finding, ...]) -> None:
        """Each finding with its place: by file and line, or by the record's id."""
        for finding in findings:
            line = f":{self.line_of(finding.pointer)}" if self.line_of is not None else ""
            terminal.say_findings([finding], where=f"{self.name}{line} ")


def named(text: str) -> Named:
    """The record that is meant. Raises `NotFound` for a file without an id, `Malformed` for a mistyped id."""
    path = Path(text)
    if path.suffix.lower() not in (".md", ".markdown") or not path.is_file():
        id = parse_id(text)
        return Named(id, id)
    ids = ids_for(path)
    name = ids.name_of(path.resolve())
    if name not in ids.records:
        raise NotFound(f"{text} has no id yet. Run `candor push {text}`.")
    (file,) = read_files(path, ids)
    return Named(ids.records[name], text, file.line_of)


def record_id(text: str) -> str:
    """The id that is meant. Raises as `named` does."""
    return named(text).id
