"""Which record is meant: an id, or a file that was pushed."""

from pathlib import Path

from registry.commands.remote.folder import ids_for
from registry.errors import NotFound
from registry.ids import parse_id


def record_id(text: str) -> str:
    """The id that is meant. Raises `NotFound` for a file without one, `Malformed` for a mistyped id."""
    path = Path(text)
    if path.suffix.lower() in (".md", ".markdown") and path.is_file():
        ids = ids_for(path)
        name = ids.name_of(path.resolve())
        if name not in ids.records:
            raise NotFound(f"{text} has no id yet. Run `candor push {text}`.")
        return ids.records[name]
    return parse_id(text)
