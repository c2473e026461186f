"""The documents behind the leaves of a log, as a registry or a dump hands them over: lines of JSON."""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Protocol

import msgspec

from registry.transparency.tiles import WIDTH, Tile
from registry.verification.places import Place

AT_ONCE = WIDTH
"""Indices that are asked for at once."""
LARGEST_ANSWER = 64 * 1024 * 1024
# 256 documents of 1 MiB, and what stands around them.
LARGEST_PART = 300 * 1024 * 1024


class DocumentsError(ValueError):
    """Lines that are none. The text says where."""


class Line(msgspec.Struct):
    """What is handed over of one leaf: a document with its salt in hex, the index of the leaf that erased it,
    or the code of an order that withholds it.
    """

    index: int
    document: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    salt: str | msgspec.UnsetType = msgspec.UNSET
    erased: int | msgspec.UnsetType = msgspec.UNSET
    suppressed: str | msgspec.UnsetType = msgspec.UNSET


class Documents(Protocol):
    """The documents of a log, asked for from the left to the right."""

    async def of(self, bundle: int) -> list[Line]:
        """The lines of the leaves of one entry bundle. Raises `DocumentsError`."""


def versions_file(bundle: int) -> str:
    """Where a dump keeps the lines of the leaves of one entry bundle."""
    return f"versions/{Tile(None, bundle).path.removeprefix('tile/entries/')}.ndjson"


class Parts:
    """A file for each entry bundle, as `candor dump` writes them."""

    def __init__(self, place: Place) -> None:
        self._place = place

    async def of(self, bundle: int) -> list[Line]:
        path = versions_file(bundle)
        body = await self._place.get(path, LARGEST_PART)
        lines = list(read_lines(body or b"", path, most=WIDTH))
        for line in lines:
            if line.index // WIDTH != bundle:
                raise DocumentsError(f"{path} holds the leaf {line.index}, which is not of its bundle.")
        return lines


class Answers:
    """`/federation/v1/documents` of a registry, or the same of a mirror: what stands from an index on, as far
    as one answer goes.
    """

    def __init__(self, place: Place, path: str) -> None:
        self._place = place
        self._path = path
        self._held: deque[Line] = deque()
        self._next = 0
        # Whoever asks first is answered first: bundles are asked for in order.
        self._turn = asyncio.Lock()

    async def of(self, bundle: int) -> list[Line]:
        end = (bundle + 1) * WIDTH
        async with self._turn:
            while self._next < end:
                await self._more()
            found: list[Line] = []
            while self._held and self._held[0].index < end:
                found.append(self._held.popleft())
        return found

    async def _more(self) -> None:
        path = f"{self._path}?from={self._next}&limit={AT_ONCE}"
        body = await self._place.get(path, LARGEST_ANSWER)
        lines = list(read_lines(body or b"", path, most=AT_ONCE))
        if any(line.index < self._next for line in lines):
            raise DocumentsError(f"{path} goes back to leaves before those that were asked for.")
        self._held += lines
        # An answer may end early, but only an empty one says that there is nothing in all that was asked for.
        self._next = lines[-1].index + 1 if lines else self._next + AT_ONCE


def read_lines(body: bytes, where: str, *, most: int) -> Iterator[Line]:
    """Lines of JSON in ascending order of their index, `most` of them. Raises `DocumentsError`."""
    last = -1
    for number, text in enumerate(body.splitlines(), 1):
        if number > most:
            raise DocumentsError(f"{where} has more than {most} lines.")
        try:
            line = msgspec.json.decode(text, type=Line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise DocumentsError(f"{where}: line {number} is none of a document.") from None
        if line.index <= last:
            raise DocumentsError(f"{where}: line {number} is out of order.")
        last = line.index
        yield line
