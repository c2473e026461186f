"""The files of a log, written in one pass: tiles of every level, and bundles."""

from collections.abc import Callable, Sequence

from registry.transparency.merkle import root_of
from registry.transparency.tiles import WIDTH, Tile, encode_bundle

Write = Callable[[str, bytes], None]


class TilesOut:
    """Takes a log's bundles in order, and keeps of each level no more than the tile that is not full yet."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._open: list[list[bytes]] = []
        self._done: list[int] = []

    def bundle(self, index: int, entries: Sequence[bytes], hashes: Sequence[bytes]) -> None:
        self._write(Tile(None, index, len(entries)).path, encode_bundle(entries))
        for each in hashes:
            self._add(0, each)

    def _add(self, level: int, hash: bytes) -> None:
        if level == len(self._open):
            self._open.append([])
            self._done.append(0)
        tile = self._open[level]
        tile.append(hash)
        if len(tile) == WIDTH:
            self._flush(level)
            self._add(level + 1, root_of(tile))

    def end(self) -> None:
        """Write the tiles at the right edge."""
        for level, tile in enumerate(self._open):
            if tile:
                self._flush(level)

    def _flush(self, level: int) -> None:
        tile = self._open[level]
        self._write(Tile(level, self._done[level], len(tile)).path, b"".join(tile))
        self._open[level] = []
        self._done[level] += 1
