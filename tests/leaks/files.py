"""Looks for words in files, as somebody with the disk would: as they are, in other codings, in whatever can
be unpacked.
"""

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import zstandard

_MOST = 1 << 24
_REACH = 1 << 16
# PostgreSQL's compression puts a byte before each eight that it takes over: no more stands in one piece.
_PIECE = 7


def held(files: Iterable[Path], words: Iterable[str]) -> dict[str, set[str]]:
    """The names of the files that hold something of a word, by the word."""
    needles = {word: _needles(word) for word in words}
    found: dict[str, set[str]] = {}
    for path in files:
        for data in _readings(path):
            for word, pieces in needles.items():
                if any(piece in data for piece in pieces):
                    found.setdefault(word, set()).add(path.name)
    return found


def _needles(word: str) -> set[bytes]:
    pieces = [word[at : at + _PIECE] for at in range(_PIECE + 1)]
    wide = {pieces[0].encode("utf-16-le"), pieces[0].encode("utf-16-be")}
    return {piece.encode() for piece in pieces} | wide


def _readings(path: Path) -> Iterator[bytes]:
    """What a file holds, and what can be unpacked from it."""
    data = path.read_bytes()
    yield data
    unpacked: list[bytes] = []
    for magic, unpack in _PACKED:
        at = data.find(magic)
        while at >= 0:
            unpacked.append(unpack(data[at : at + _REACH]))
            at = data.find(magic, at + 1)
    if path.suffix == ".store":
        unpacked += _blocks(data)
    yield b"\n".join(unpacked)


def _inflate(window: int) -> Callable[[bytes], bytes]:
    def unpack(data: bytes) -> bytes:
        try:
            return zlib.decompressobj(window).decompress(data, _MOST)
        except zlib.error:
            return b""

    return unpack


def _zstd(data: bytes) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    except zstandard.ZstdError:
        return b""


_PACKED: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\x28\xb5\x2f\xfd", _zstd),
    (gzip.compress(b"")[:3], _inflate(31)),
    *((head, _inflate(15)) for head in (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")),
)


def _blocks(data: bytes) -> Iterator[bytes]:
    """The blocks of documents in a store of tantivy: each the length of what it unpacks to, then LZ4."""
    at = 0
    while at + 4 < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        if not 0 < size < _MOST:
            return
        try:
            block, at = _lz4(data, at + 4, size)
        except (IndexError, ValueError):
            return
        yield block


def _lz4(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    """One LZ4 block that unpacks to `size` bytes, and where it ends."""
    out = bytearray()
    while len(out) < size:
        token = data[at]
        literals, at = _length(data, at + 1, token >> 4)
        out += data[at : at + literals]
        at += literals
        if len(out) >= size:
            break
        offset = int.from_bytes(data[at : at + 2], "little")
        copied, at = _length(data, at + 2, token & 15)
        if not 0 < offset <= len(out):
            raise ValueError("not LZ4")
        for _ in range(copied + 4):
            out.append(out[-offset])
    return bytes(out), at


def _length(data: bytes, at: int, length: int) -> tuple[int, int]:
    if length == 15:
        while True:
            more = data[at]
            at += 1
            length += more
            if more != 255:
                break
    return length, at
