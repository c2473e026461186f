"""The folder of the embedded index: which index serves, who writes, and what readers see of it.

    index/current          one line: the name of the folder that serves; replaced in one step
    index/writing.lock     held (flock) by the one process that writes, for as long as one batch takes
    index/building.lock    held by the one process that builds a new index
    index/<name>/          one tantivy index of what is live; a rebuild makes another beside it
    index/<name>/past/     one of what was listed before

A reader looks at two files before each question, so it notices another process's commit, or a swap, at once.
How far an index has read stands in a document of its own, which is written in the same commit as what it
covers.
"""

import fcntl
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import structlog

from registry.errors import Unavailable
from search.document import SHAPE, Key, Projection
from search.embedded.checksums import whole
from search.embedded.states import BROKEN, Broken, Generation, Snapshot, reading
from search.embedded.writing import Writers, make
from search.engine import Place

T = TypeVar("T")

log = structlog.get_logger("candor.search")

CURRENT = "current"
WRITING = "writing.lock"
BUILDING = "building.lock"
REBUILD_BYTES = 50_000_000
# A folder out of use may still be read by a process that is about to notice.
KEEP_SECONDS = 60
RETRY_AFTER = 5


class Store:
    """One process's hold on the folder. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._opening = threading.Lock()
        self._generation: Generation | None = None
        self._pointer: tuple[int, int] | None = None
        self._writers: tuple[str, Writers] | None = None
        self.refused: dict[Key, str] = {}

    # --- reading

    def snapshot(self) -> Snapshot:
        """The newest state. Raises `Unavailable` while there is no index that can be read."""
        return self._look(Generation.refresh)

    def snapshots(self) -> tuple[Snapshot, Snapshot]:
        """The newest state, and what is past. Raises as `snapshot`."""
        # In this order: what ended since stands in both, what was lost between them would stand in neither.
        return self._look(lambda generation: (generation.refresh(), generation.past()))

    def _look(self, at: Callable[[Generation], T]) -> T:
        try:
            pointer = self._stat_pointer()
            with self._opening, reading():
                if self._generation is None or pointer != self._pointer:
                    self._generation = self._open()
                    self._pointer = pointer
                return at(self._generation)
        except (FileNotFoundError, Broken) as error:
            opened, self._generation = self._generation, None
            if isinstance(error, Broken) and (self.damaged() or not self.whole()):
                self.mark_broken(error)
                if opened is not None and (found := self._look_at_what_is_open(opened, at)) is not None:
                    return found
            raise Unavailable("The search index is being built.", retry_after=RETRY_AFTER) from error

    def _look_at_what_is_open(self, opened: Generation, at: Callable[[Generation], T]) -> T | None:
        """An index that is broken answers on from what is open of it, where that is sound, until another one
        takes its place.
        """
        with self._opening, suppress(OSError, Broken):
            # Opened from another folder, it was out of use already.
            if self._stat_pointer() == self._pointer and opened.freeze():
                self._generation = opened
                with reading():
                    return at(opened)
        return None

    def _stat_pointer(self) -> tuple[int, int]:
        found = (self.folder / CURRENT).stat()
        return found.st_mtime_ns, found.st_ino

    def _open(self) -> Generation:
        name = self._current()
        folder = self.folder / name
        if (folder / BROKEN).exists():
            raise Broken(f"{folder} was found broken")
        generation = Generation(folder)
        if generation.snapshot.place.digest.partition(":")[0] != str(SHAPE):
            raise Broken(f"{folder} has another shape")
        return generation

    def _current(self) -> str:
        name = (self.folder / CURRENT).read_text().strip()
        if not name or "/" in name or name.startswith("."):
            raise Broken(f"{self.folder / CURRENT} names no folder")
        return name

    @contextmanager
    def asking(self, snapshot: Snapshot) -> Iterator[None]:
        """Around every question: if it fails because the files are damaged, the index is down until it is
        rebuilt.
        """
        try:
            with reading():
                yield
        except Broken as error:
            if self.whole(snapshot.name):
                # The files are as they were written, so the mistake is ours: let it be seen as one.
                raise
            self.mark_broken(error)
            with self._opening:
                self._generation = None
            raise Unavailable(
                "The search index is damaged and is being rebuilt.", retry_after=RETRY_AFTER
            ) from error

    def mark_broken(self, reason: Exception) -> None:
        """Tell every process that the serving index is not to be opened, and what is open of it to be looked
        at.
        """
        with suppress(OSError, Broken):
            marker = self.folder / self._current() / BROKEN
            if marker.parent.is_dir() and not marker.exists():
                log.error("search index cannot be read", folder=str(marker.parent), reason=str(reason)[:300])
                marker.write_text(f"{reason}\n")

    def whole(self, name: str | None = None) -> bool:
        """Whether every file of the index is the one that tantivy wrote. Reads everything."""
        with suppress(OSError, Broken):
            return whole(self.folder / (name or self._current()))
        return False

    # --- writing

    def try_lock(self, name: str) -> int | None:
        """Take a lock that all processes share, or None while another has it. Ends with `unlock`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return handle

    def unlock(self, handle: int) -> None:
        os.close(handle)

    def update(
        self, records: Sequence[Projection], gone: Sequence[Key], ended: Sequence[Key], place: Place
    ) -> None:
        """Write one batch into the serving index. The lock is held by the caller."""
        name = self._current()
        try:
            if self._writers is None or self._writers[0] != name:
                self.close_writer()
                self._writers = name, Writers(self.folder / name)
            writers = self._writers[1]
            writers.put(records, gone, ended)
            writers.commit(place)
        except BaseException as error:
            if self._writers is not None:
                writers, self._writers = self._writers[1], None
                writers.abandon()
            # It may be the disk that is full; then the index is as it was.
            if isinstance(error, Exception) and not self.whole(name):
                self.mark_broken(error)
            raise
        self.refused |= writers.refused
        writers.refused.clear()

    def damaged(self) -> bool:
        """Whether the serving index was marked as broken, by this process or another."""
        with suppress(OSError, Broken):
            return (self.folder / self._current() / BROKEN).exists()
        return False

    def close_writer(self) -> None:
        """Let merges end and give the writers' memory and their locks back."""
        if self._writers is not None:
            writers, self._writers = self._writers[1], None
            writers.close()

    def new_generation(self) -> "Building":
        return Building(self.folder / f"{int(time.time()):x}-{secrets.token_hex(4)}")

    def publish(self, building: "Building") -> None:
        """Let a finished index serve from now on. The lock is held by the caller."""
        self.refused |= building.refused
        with suppress(Exception):  # of an index that may be damaged, and is about to be thrown away
            self.close_writer()
        beside = self.folder / f".{CURRENT}-{secrets.token_hex(4)}"
        with beside.open("w") as file:
            file.write(building.folder.name + "\n")
            file.flush()
            os.fsync(file.fileno())
        _sync(building.folder)
        beside.replace(self.folder / CURRENT)
        building.published = True
        _sync(self.folder)

    def tidy(self) -> bool:
        """Remove indexes that nobody reads any more, and what a killed rebuild left. The lock is held by
        the caller.

        False while there is one that may still be read.
        """
        with suppress(OSError, Broken):
            current = self._current()
            swapped = (self.folder / CURRENT).stat().st_mtime
            others = [path for path in self.folder.iterdir() if path.is_dir() and path.name != current]
            for folder in others:
                if time.time() - max(swapped, folder.stat().st_mtime) > KEEP_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
            return not any(folder.exists() for folder in others)
        return True


class Building:
    """An index that is being made and serves nobody yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.published = False
        self.refused: dict[Key, str] = {}
        self._writers: Writers | None = None
        try:
            make(folder)
            self._writers = Writers(folder, REBUILD_BYTES)
        except BaseException:
            self.abandon()
            raise

    def add(self, records: Sequence[Projection]) -> None:
        assert self._writers is not None  # noqa: S101
        self._writers.add(records)

    def update(self, records: Sequence[Projection], gone: Sequence[Key], ended: Sequence[Key]) -> None:
        assert self._writers is not None  # noqa: S101
        self._writers.put(records, gone, ended)

    def settle(self) -> None:
        """Commit what is in, and wait until its pieces are merged.

        So what serves is compact from the start, and little is left to do while other writers wait.
        """
        assert self._writers is not None  # noqa: S101
        self._writers.commit()
        self._writers.close()
        self.refused |= self._writers.refused
        self._writers = Writers(self.folder)

    def finish(self, place: Place) -> None:
        """Commit the place, and with it what was caught up with."""
        assert self._writers is not None  # noqa: S101
        self._writers.commit(place)
        writers, self._writers = self._writers, None
        writers.close()
        self.refused |= writers.refused

    def abandon(self) -> None:
        if self._writers is not None:
            writers, self._writers = self._writers, None
            writers.abandon()
        shutil.rmtree(self.folder, ignore_errors=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
