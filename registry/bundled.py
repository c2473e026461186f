"""Folders that stand beside the packages in a checkout and inside them in a wheel."""

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder `migrations` or `samples`, wherever this installation keeps it."""
    inside = _HERE / "_bundled" / name
    return inside if inside.is_dir() else _HERE.parent / name
