"""The layout of tlog-tiles (https://c2sp.org/tlog-tiles): where each hash and each entry of a log stands.

A tile holds up to 256 hashes of one level, an entry bundle up to 256 entries. Hash i of tile (level, index)
is the root over the 256**level leaves from (256 * index + i) * 256**level on. The tile at the right edge of a
level is partial, and is a file of its own for each width that was published.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from registry.transparency.merkle import HASH_BYTES, Node, Range, nodes_of, proof, root_of

WIDTH = 256
_STEP = 8
"""Levels of the tree in one level of tiles: 2**8 is the width."""
LONGEST_ENTRY = 65_535
_HIGHEST_LEVEL = 63
_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class BundleError(ValueError):
    """Bytes that are no entry bundle. The text says where."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One file of the log. `level` is None for an entry bundle."""

    level: int | None
    index: int
    width: int = WIDTH

    @property
    def full(self) -> bool:
        return self.width == WIDTH

    def widest(self, size: int) -> int:
        """How many hashes or entries this tile has in a log of `size` leaves; 0 where there is none."""
        return width_at(self.level or 0, self.index, size)

    @property
    def path(self) -> str:
        """The path below the log's prefix, without a slash before it."""
        return f"{self.place}/{_groups(self.index)}" + ("" if self.full else f".p/{self.width}")

    @property
    def place(self) -> str:
        return f"tile/{'entries' if self.level is None else self.level}"

    @property
    def partials(self) -> str:
        """Where the partial versions of this tile stand."""
        return f"{self.place}/{_groups(self.index)}.p/"


def parse_path(path: str) -> Tile | None:
    """The tile that a path below the prefix names; None for any other path."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    level = None if found["level"] == "entries" else int(found["level"])
    width = int(found["width"]) if found["width"] else WIDTH
    index = int(found["index"].replace("x", "").replace("/", ""))
    tile = Tile(level, index, width)
    # One file has one name: what is spelt otherwise, such as a group of zeroes too many, is not it.
    fits = (level is None or level <= _HIGHEST_LEVEL) and width <= WIDTH and tile.path == path
    return tile if fits else None


def width_at(level: int, index: int, size: int) -> int:
    """How many hashes a tile has in a log of `size` leaves; 0 where there is no such tile."""
    return min(WIDTH, max(0, (size >> _STEP * level) - index * WIDTH))


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile and bundle of a log of `size` leaves: bundles first, then tiles from below."""
    return tiles_between(0, size)


def tiles_between(old: int, new: int) -> Iterator[Tile]:
    """The tiles and bundles that a log of `new` leaves has and one of `old` leaves did not: what is to be
    written when it grows, bundles first.
    """
    yield from _at_level(None, old, new)
    level = 0
    while new >> _STEP * level:
        yield from _at_level(level, old, new)
        level += 1


def _at_level(level: int | None, old: int, new: int) -> Iterator[Tile]:
    before, now = old >> _STEP * (level or 0), new >> _STEP * (level or 0)
    if before == now:
        return
    for index in range(before // WIDTH, (now + WIDTH - 1) // WIDTH):
        yield Tile(level, index, min(WIDTH, now - index * WIDTH))


def tile_holding(node: Node, size: int) -> tuple[Tile, int, int]:
    """Where the hash of a node is worked out from, in a log of `size` leaves: the tile, and the hashes in it
    from which up to which it is the root.
    """
    level, position = node
    tile_level, above = divmod(level, _STEP)
    first = position << above
    index, start = divmod(first, WIDTH)
    return Tile(tile_level, index, width_at(tile_level, index, size)), start, start + (1 << above)


async def prove(ranges: Sequence[Range], size: int, read: Callable[[Tile], Awaitable[bytes]]) -> list[bytes]:
    """The hashes of a proof's ranges (`merkle.inclusion_ranges`, `consistency_ranges`) in a log of `size`
    entries, of which `read` hands over tiles: each is asked for once.
    """
    tiles: dict[Tile, bytes] = {}
    nodes: dict[Node, bytes] = {}
    for node in nodes_of(ranges):
        tile, start, end = tile_holding(node, size)
        if tile not in tiles:
            tiles[tile] = await read(tile)
        nodes[node] = node_from(tiles[tile], start, end)
    return proof(ranges, nodes.__getitem__)


async def at_least(tile: Tile, get: Callable[[Tile], Awaitable[bytes | None]]) -> tuple[bytes | None, Tile]:
    """A tile or bundle, and which one came: a partial one is gone once the full one is there."""
    body = await get(tile)
    if body is None and not tile.full:
        full = Tile(tile.level, tile.index)
        return await get(full), full
    return body, tile


def node_from(data: bytes, start: int, end: int) -> bytes:
    """The root over the hashes of a tile's bytes from `start` up to `end`."""
    return root_of(hashes_of(data)[start:end])


def hashes_of(data: bytes) -> list[bytes]:
    """The hashes of a tile."""
    return [data[place : place + HASH_BYTES] for place in range(0, len(data), HASH_BYTES)]


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """The bytes of an entry bundle: each entry after its length in two bytes, the higher first."""
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > LONGEST_ENTRY:
            raise BundleError(f"an entry of {len(entry)} bytes is longer than {LONGEST_ENTRY}")
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def decode_bundle(data: bytes, count: int, *, longest: int = LONGEST_ENTRY) -> list[bytes]:
    """The `count` entries of a bundle, none longer than `longest` bytes. Raises `BundleError`."""
    entries: list[bytes] = []
    place = 0
    while place < len(data):
        if len(entries) == count:
            raise BundleError(f"there is more than the {count} entries that there should be")
        length = int.from_bytes(data[place : place + 2], "big")
        entry = data[place + 2 : place + 2 + length]
        if place + 2 > len(data) or len(entry) != length:
            raise BundleError(f"entry {len(entries)} ends in the middle")
        if length > longest:
            raise BundleError(f"entry {len(entries)} has {length} bytes, more than {longest}")
        entries.append(entry)
        place += 2 + length
    if len(entries) != count:
        raise BundleError(f"there are {len(entries)} entries, and should be {count}")
    return entries


def _groups(index: int) -> str:
    """An index as tlog-tiles writes it: 1234067 is `x001/x234/067`."""
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}")
    return "/".join(reversed(groups))
