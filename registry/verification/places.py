"""Where bytes come from: a server, a folder, a ZIP archive. All alike to whoever checks them."""

import asyncio
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urlsplit

from registry.errors import Malformed, Unreached
from registry.outgoing import Fetched, fetch

SECONDS = 60


class Place(Protocol):
    """Files by path below one address."""

    @property
    def name(self) -> str:
        """The place as a person knows it."""

    async def get(self, path: str, limit: int) -> bytes | None:
        """The bytes at a path, `limit` at most; None where there is nothing. Raises `Unreached` for what
        cannot be read or is larger.
        """


class Web:
    """A server. Only what is not there at all is None: a server in trouble is no server without a tile."""

    def __init__(self, base: str, *, allow_private: bool) -> None:
        self.name = base.rstrip("/") + "/"
        self._allow_private = allow_private

    async def get(self, path: str, limit: int) -> bytes | None:
        answer = await self.ask(path, limit)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise Unreached(f"{self.name}{path} answered {answer.status}.", reason="status")
        return answer.body

    async def ask(self, path: str, limit: int) -> Fetched:
        """Any answer at all."""
        return await fetch(self.name + path, limit=limit, timeout=SECONDS, allow_private=self._allow_private)


class Folder:
    """A folder on this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)

    async def get(self, path: str, limit: int) -> bytes | None:
        return await asyncio.to_thread(self._read, path, limit)

    def _read(self, path: str, limit: int) -> bytes | None:
        try:
            with self.open(path) as file:
                return _bounded(file, limit, path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def open(self, path: str) -> IO[bytes]:
        return (self.path / path).open("rb")

    def names(self) -> Iterator[str]:
        """Every file below, as a path with slashes."""
        for path in sorted(self.path.rglob("*")):
            if path.is_file():
                yield path.relative_to(self.path).as_posix()


class Archive:
    """A ZIP archive; read in place, nothing is unpacked."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise Malformed(f"{path} is no ZIP archive: {error}.") from error

    async def get(self, path: str, limit: int) -> bytes | None:
        return await asyncio.to_thread(self._read, path, limit)

    def _read(self, path: str, limit: int) -> bytes | None:
        try:
            with self.open(path) as file:
                return _bounded(file, limit, path)
        except FileNotFoundError:
            return None
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
            raise Unreached(f"{path} in {self.name} cannot be read: {error}.", reason="coding") from error

    def open(self, path: str) -> IO[bytes]:
        try:
            return self._zip.open(path)
        except KeyError:
            raise FileNotFoundError(path) from None

    def names(self) -> Iterator[str]:
        return (name for name in sorted(self._zip.namelist()) if not name.endswith("/"))


Local = Folder | Archive


def local(path: Path) -> Local:
    """A folder or an archive. Raises `Malformed` for anything else."""
    return Folder(path) if path.is_dir() else Archive(path)


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine: whoever typed it means it, so it may be asked over http."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def readable(place: Local, path: str) -> Iterator[IO[bytes] | None]:
    """A file that is read piece by piece; None where there is none."""
    try:
        file = place.open(path)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        yield None
        return
    with file:
        yield file


def _bounded(file: IO[bytes], limit: int, path: str) -> bytes:
    body = file.read(limit + 1)
    if len(body) > limit:
        raise Unreached(f"{path} is larger than {limit:,} bytes.", reason="too-large")
    return body
