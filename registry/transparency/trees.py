"""Keeping a log's files: our own, and those of the logs that we mirror.

Entries come in order; what is written for them follows from them alone, so that whatever was interrupted is
simply done again. Readers may see a tile before any checkpoint speaks of it, which does no harm; the other
way round would.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from registry.transparency.merkle import (
    Frontier,
    ProofError,
    Range,
    consistency_ranges,
    root_of,
    verify_consistency,
)
from registry.transparency.notes import Checkpoint, origin_hash
from registry.transparency.storage import Storage
from registry.transparency.tiles import (
    WIDTH,
    Tile,
    at_least,
    encode_bundle,
    hashes_of,
    prove,
    tiles_between,
)
from registry.transparency.verified import TileError, VerifiedTree

OWN = "log/"
# How far below a tile's width its last version is looked for, before it is worked out from all below it.
_STEP_BACK = 16
_TILES_AT_ONCE = 16

Hashed = tuple[bytes, bytes]
"""An entry, and the hash of its leaf."""


def mirror_prefix(origin: str) -> str:
    """Where the files of another origin's log stand here."""
    return f"mirror/{origin_hash(origin)}/"


class LogDamaged(Exception):
    """A file that a log's size promises is not there, or is not what it should be."""


@dataclass(frozen=True, slots=True)
class LogFiles:
    """The files of one log: those under `prefix`."""

    storage: Storage
    prefix: str

    async def grow(
        self, old: int, new: int, entries: Callable[[int, int], Awaitable[Sequence[Hashed]]]
    ) -> None:
        """Write what a log of `new` entries has and one of `old` entries did not: bundles first, then tiles
        from below; then see that they last. `entries` hands over those from the first index up to, and
        without, the second.
        """
        roots: dict[Tile, bytes] = {}
        for start in range(old - old % WIDTH, new, _TILES_AT_ONCE * WIDTH):
            held = await entries(start, min(start + _TILES_AT_ONCE * WIDTH, new))
            if len(held) != min(start + _TILES_AT_ONCE * WIDTH, new) - start:
                raise LogDamaged(f"{self.prefix}: there are not as many entries as its size says.")
            bundles, tiles = {}, {}
            for first in range(0, len(held), WIDTH):
                index, part = (start + first) // WIDTH, held[first : first + WIDTH]
                bundles[self._path(Tile(None, index, len(part)))] = encode_bundle(
                    [entry for entry, _ in part]
                )
                tile = Tile(0, index, len(part))
                hashes = [hash for _, hash in part]
                tiles[self._path(tile)] = b"".join(hashes)
                if tile.full:
                    roots[tile] = root_of(hashes)
            await self.storage.put(bundles)
            await self.storage.put(tiles)
        for tile in tiles_between(old, new):
            if tile.level:
                hashes = await self._above(tile, roots)
                await self.storage.put({self._path(tile): b"".join(hashes)})
                if tile.full:
                    roots[tile] = root_of(hashes)
        await self.storage.sync()

    async def _above(self, tile: Tile, known: Mapping[Tile, bytes]) -> list[bytes]:
        """The hashes of a tile: the roots of the full tiles below it, of which some were just worked out."""
        level = (tile.level or 0) - 1
        roots: list[bytes] = []
        if tile.width > 1:
            held = await self._narrower(tile)
            roots = hashes_of(held) if held is not None else []
        for place in range(len(roots), tile.width):
            below = Tile(level, tile.index * WIDTH + place)
            roots.append(known.get(below) or root_of(hashes_of(await self.read(below))))
        return roots

    async def _narrower(self, tile: Tile) -> bytes | None:
        """The widest partial version of a tile that is narrower than it, where there is one."""
        for width in range(tile.width - 1, max(0, tile.width - _STEP_BACK), -1):
            held = await self.storage.get(self._path(Tile(tile.level, tile.index, width)))
            if held is not None:
                return held
        return None

    async def forget_partials(self, old: int, new: int) -> None:
        """Remove the partial versions of tiles that became full when the log grew: whoever looks for one
        takes the full one, which has to be there (tlog-tiles).
        """
        level = 0
        while old >> 8 * level or new >> 8 * level:
            before, now = old >> 8 * level, new >> 8 * level
            if before % WIDTH and before // WIDTH < now // WIDTH:
                index = before // WIDTH
                places: tuple[int | None, ...] = (level, None) if level == 0 else (level,)
                await self.storage.delete(
                    self._path(Tile(place, index, width)) for place in places for width in range(1, WIDTH)
                )
            level += 1

    async def proves(self, old: int, old_root: bytes, new: int, new_root: bytes) -> bool:
        """Whether the files show that the tree of `new` leaves begins with the one of `old`."""
        if old == 0:
            return True
        try:
            path = await self.prove(consistency_ranges(old, new), new)
            verify_consistency(old, new, old_root, new_root, path)
        except (LogDamaged, ProofError):
            return False
        return True

    async def lead_to(self, tip: Checkpoint) -> bool:
        """Whether the tiles at the right edge are there, and fold to the root of the checkpoint."""
        try:
            await VerifiedTree(tip, lambda tile: self.storage.get(self._path(tile))).open()
        except TileError:
            return False
        return True

    async def read(self, tile: Tile) -> bytes:
        """The bytes of a tile or bundle. Raises `LogDamaged` where they are not there."""
        body = await self.storage.get(self._path(tile))
        if body is None:
            raise LogDamaged(f"{self._path(tile)} is missing.")
        return body

    async def prove(self, ranges: Sequence[Range], size: int) -> list[bytes]:
        """The hashes of a proof's ranges in a log of `size` entries. Raises `LogDamaged`."""
        return await prove(ranges, size, self._at_least)

    async def _at_least(self, tile: Tile) -> bytes:
        """A tile, from the full one where the partial one is gone."""
        body, _ = await at_least(tile, lambda each: self.storage.get(self._path(each)))
        if body is None:
            raise LogDamaged(f"{self._path(tile)} is missing.")
        return body

    def _path(self, tile: Tile) -> str:
        return self.prefix + tile.path


def pack(frontier: Frontier) -> bytes:
    """A frontier's nodes as a row holds them."""
    return b"".join(frontier.nodes)


def unpack(size: int, nodes: bytes) -> Frontier:
    """A frontier from its row."""
    return Frontier(size, tuple(hashes_of(nodes)))
