"""Files whose bytes survive a loss of power, and a process that is killed while it writes."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def write_whole(path: Path, body: bytes, *, mode: int = 0o600) -> None:
    """Write a file so that readers see the old one or the new one, and its bytes survive a loss of power. Its
    name does once the folder is synced, too (`sync_folder`).
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".candor-")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def sync_folder(folder: Path) -> None:
    """Let what was renamed in a folder survive a loss of power."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def append_lines(path: Path, values: Iterable[Mapping[str, Any]]) -> None:
    """Add JSON lines to a file of the owner's alone, and return when they survive a loss of power."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "rb+") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                file.write(b"\n")  # ends the half line of somebody who was killed
        for value in values:
            file.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines, in order. Half a line, of who was killed, counts as none."""
    try:
        text = path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    found = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
