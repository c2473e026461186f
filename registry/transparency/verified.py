"""Tiles from anybody, believed only as far as a checkpoint carries them.

A checkpoint fixes every hash of its tree. The tiles at the right edge of each level are partial; together
they fold to the root that was signed. Every full tile has its root in the tile above it. So whoever hands
over the tiles need not be trusted, and only what is asked for is fetched.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from hmac import compare_digest

from registry.transparency.merkle import (
    HASH_BYTES,
    Range,
    fold,
    leaf_hash,
    root_of,
    subtrees,
)
from registry.transparency.notes import Checkpoint
from registry.transparency.tiles import (
    LONGEST_ENTRY,
    WIDTH,
    BundleError,
    Tile,
    at_least,
    decode_bundle,
    hashes_of,
    node_from,
    prove,
    width_at,
)

FetchTile = Callable[[Tile], Awaitable[bytes | None]]
"""Hands over the bytes of a tile or a bundle; None where there is none (404 over HTTP)."""

# 512 KiB: a pass from left to right needs one tile of each level, proofs a few more.
_KEPT = 64


class TileError(ValueError):
    """A tile or bundle that is missing, or that is not what the checkpoint promises. The text says which.

    `tiles` are those of which at least one is wrong: one, or the right edge, whose tiles only count together.
    """

    def __init__(self, why: str, *tiles: Tile) -> None:
        super().__init__(f"{', '.join(tile.path for tile in tiles) or 'The log'}: {why}")
        self.tiles = tiles


class VerifiedTree:
    """The hashes and entries of a log as one checkpoint fixes them.

    The checkpoint's signature is the caller's to verify. Tiles are fetched when they are needed and a bounded
    number is kept, so a pass over the whole log takes the same memory whatever its size. Everything that asks
    for tiles raises `TileError` for a missing or wrong one, and whatever `fetch` raises.
    """

    def __init__(self, checkpoint: Checkpoint, fetch: FetchTile) -> None:
        self.checkpoint = checkpoint
        self._fetch = fetch
        self._edge: dict[int, bytes] | None = None
        self._opening = asyncio.Lock()
        self._kept: OrderedDict[Tile, bytes] = OrderedDict()

    @property
    def size(self) -> int:
        return self.checkpoint.size

    async def open(self) -> None:
        """Fetch the right edge and fold it to the root. Whatever else is asked for does this first."""
        async with self._opening:
            if self._edge is None:
                self._edge = await self._read_edge()

    async def tile(self, level: int, index: int) -> bytes:
        """The bytes of a tile of hashes, as wide as it is in a log of this size."""
        tile = Tile(level, index, width_at(level, index, self.size))
        if not tile.width:
            raise ValueError(f"a log of {self.size} entries has no tile {level}/{index}")
        await self.open()
        if not tile.full:
            return (self._edge or {})[level]
        held = self._kept.get(tile)
        if held is not None:
            self._kept.move_to_end(tile)
            return held
        above = await self.tile(level + 1, index // WIDTH)
        place = index % WIDTH * HASH_BYTES
        body = await self._hashes(tile)
        if not compare_digest(root_of(hashes_of(body)), above[place : place + HASH_BYTES]):
            raise TileError("its hashes do not lead to the root that the tile above it holds", tile)
        self._kept[tile] = body
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return body

    async def leaf_hashes(self, start: int, end: int) -> list[bytes]:
        """The hashes of the leaves from `start` up to, and without, `end`."""
        if not 0 <= start <= end <= self.size:
            raise ValueError(f"a log of {self.size} entries has none from {start} to {end}")
        found: list[bytes] = []
        while start < end:
            index, place = divmod(start, WIDTH)
            stop = min(WIDTH, end - index * WIDTH)
            found += hashes_of((await self.tile(0, index))[place * HASH_BYTES : stop * HASH_BYTES])
            start = index * WIDTH + stop
        return found

    async def bundle(self, index: int, *, longest: int = LONGEST_ENTRY) -> list[bytes]:
        """The entries from `256 * index` on, as many as one bundle holds in a log of this size; none is
        longer than `longest` bytes.
        """
        tile = Tile(None, index, width_at(0, index, self.size))
        hashes = await self.leaf_hashes(index * WIDTH, index * WIDTH + tile.width)
        body, came = await self._get(tile)
        try:
            entries = decode_bundle(body, came.width, longest=longest)[: tile.width]
        except BundleError as error:
            raise TileError(str(error), came) from None
        for place, (entry, hash) in enumerate(zip(entries, hashes, strict=True)):
            if not compare_digest(leaf_hash(entry), hash):
                raise TileError(f"entry {index * WIDTH + place} is not the one that the tree holds", came)
        return entries

    async def prove(self, ranges: Sequence[Range]) -> list[bytes]:
        """The hashes of a proof (`inclusion_ranges`, `consistency_ranges`)."""

        async def read(tile: Tile) -> bytes:
            return await self.tile(tile.level or 0, tile.index)

        return await prove(ranges, self.size, read)

    async def root_at(self, size: int) -> bytes:
        """The root that this log had when it was of `size` leaves: what an older head has to say, unless
        somebody was shown another log.
        """
        if not 0 <= size <= self.size:
            raise ValueError(f"a log of {self.size} entries never had {size}")
        if size in (0, self.size):
            await self.open()
            return fold(()) if size == 0 else self.checkpoint.root
        return (await self.prove([(0, size)]))[0]

    async def _read_edge(self) -> dict[int, bytes]:
        """The partial tiles by level. The highest level always ends with one."""
        edge: dict[int, bytes] = {}
        tiles: list[Tile] = []
        nodes: list[bytes] = []
        for level in reversed(range((self.size.bit_length() + 7) // 8)):
            width = (self.size >> 8 * level) % WIDTH
            if not width:
                continue
            tile = Tile(level, self.size >> 8 * (level + 1), width)
            edge[level] = await self._hashes(tile)
            tiles.append(tile)
            nodes += (
                node_from(edge[level], place << height, (place + 1) << height)
                for height, place in subtrees(0, width)
            )
        if not compare_digest(fold(nodes), self.checkpoint.root):
            if not tiles:
                raise TileError("the root of a log without entries is another")
            raise TileError("together they do not lead to the root of the checkpoint", *tiles)
        return edge

    async def _hashes(self, tile: Tile) -> bytes:
        """As many hashes as a tile is wide, not verified."""
        body, came = await self._get(tile)
        if len(body) != came.width * HASH_BYTES:
            raise TileError(f"it has {len(body):,} bytes, and should have {came.width * HASH_BYTES:,}", came)
        return body[: tile.width * HASH_BYTES]

    async def _get(self, tile: Tile) -> tuple[bytes, Tile]:
        """A tile or bundle, and which one came."""
        body, came = await at_least(tile, self._fetch)
        if body is None:
            raise TileError("it is missing", tile)
        return body, came
