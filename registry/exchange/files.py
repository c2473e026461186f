"""Reading what an operator points at, and nothing else.

Only regular files are opened, in a fixed order; symbolic links inside the given folder are not followed, so
that a folder from elsewhere cannot lead out of itself; files and lines have limits, so that a hostile one
cannot fill memory. The path that the operator names may itself be a link: that is their own choice.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from registry.errors import Malformed, NotFound, TooLarge

MAX_FILES = 200_000
MAX_DEPTH = 16
MAX_LINE = 1024 * 1024
MAX_WHOLE_FILE = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file, from 1, without its ending. `data` is None when it is longer than the limit."""

    number: int
    data: bytes | None


def open_file(path: Path) -> BinaryIO:
    """Open one regular file. Raises `NotFound`, or `Malformed` for links, folders, pipes and devices."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags)
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {path}.") from error
    except OSError as error:
        if path.is_symlink():
            raise Malformed(f"{path} is a symbolic link; only regular files are read.") from error
        raise Malformed(f"{path} cannot be opened: {error.strerror}.") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Malformed(f"{path} is not a regular file.")
    return os.fdopen(handle, "rb")


def read_whole(path: Path, limit: int = MAX_WHOLE_FILE) -> bytes:
    """All bytes of a file. Raises `TooLarge` over `limit` bytes, without having read more."""
    with open_file(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise TooLarge(f"{path} is larger than the {limit:,} bytes that are read at once.")
    return data


def lines(path: Path, limit: int = MAX_LINE) -> Iterator[Line]:
    """The lines of a file, as bytes, one at a time. What is longer than `limit` is skipped up to its end."""
    with open_file(path) as file:
        number = 0
        while data := file.readline(limit + 1):
            number += 1
            if len(data) > limit and not data.endswith(b"\n"):
                while (rest := file.readline(limit)) and not rest.endswith(b"\n"):
                    pass
                yield Line(number, None)
            else:
                yield Line(number, data.rstrip(b"\r\n"))


def count_lines(path: Path) -> int:
    """How many lines a file holds, an unfinished last one included."""
    total, last = 0, b"\n"
    with open_file(path) as file:
        while block := file.read(1 << 20):
            total += block.count(b"\n")
            last = block[-1:]
    return total + (last != b"\n")


def resolve(path: Path) -> Path:
    """The real place of the path that the operator gave. Raises `NotFound`."""
    try:
        return path.expanduser().resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise NotFound(f"There is nothing at {path}.") from error


def member(path: Path, name: str) -> Path:
    """The file `name` in the folder `path`, or `path` itself when it is that file. Raises `NotFound`."""
    found = member_if_any(path, name)
    if found is None:
        raise NotFound(f"There is no {name} at {path}.")
    return found


def member_if_any(path: Path, name: str) -> Path | None:
    """As `member`, but None without such a file. Raises `NotFound` when there is nothing at `path`."""
    path = resolve(path)
    candidate = path / name if path.is_dir() else path
    return candidate if candidate.name == name and os.path.lexists(candidate) else None


def find(path: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Regular files with one of the suffixes, in the order of their names, folders after files.

    `path` may be such a file itself. Hidden files and folders are passed over. Raises `TooLarge` for more
    files or deeper folders than are read.
    """
    path = resolve(path)
    if not path.is_dir():
        yield path
        return
    seen = 0
    waiting = [(path, 0)]
    while waiting:
        folder, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise TooLarge(f"{folder} lies deeper than {MAX_DEPTH} folders.")
        with os.scandir(folder) as entries:
            inside = sorted(
                (entry for entry in entries if not entry.name.startswith(".")), key=lambda e: e.name
            )
        for entry in inside:
            if entry.is_file(follow_symlinks=False) and entry.name.lower().endswith(suffixes):
                seen += 1
                if seen > MAX_FILES:
                    raise TooLarge(f"{path} holds more than {MAX_FILES:,} files.")
                yield Path(entry.path)
        below = [entry for entry in inside if entry.is_dir(follow_symlinks=False)]
        waiting += [(Path(entry.path), depth + 1) for entry in reversed(below)]


def short(path: Path, root: Path) -> str:
    """How a file is called in reports: relative to what the operator named."""
    root = resolve(root)
    return path.relative_to(root).as_posix() if root.is_dir() and path.is_relative_to(root) else path.name
