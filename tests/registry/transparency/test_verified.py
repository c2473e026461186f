"""What is read of a log through its checkpoint: the truth, or a refusal that names the tile."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.transparency.merkle import (
    EMPTY_ROOT,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from registry.transparency.notes import Checkpoint
from registry.transparency.tiles import WIDTH, Tile, encode_bundle, tiles_of
from registry.transparency.verified import TileError, VerifiedTree

MOST = 70_000
ENTRIES = [b"entry %d" % index for index in range(MOST)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
# The hashes of every level of tiles: of a smaller log, the first of each.
LEVELS = [LEAVES]
while len(LEVELS[-1]) >= WIDTH:
    below = LEVELS[-1]
    LEVELS.append([root_of(below[at : at + WIDTH]) for at in range(0, len(below) - WIDTH + 1, WIDTH)])
SIZES = st.integers(1, MOST) | st.sampled_from([1, 255, 256, 257, 65_535, 65_536, 65_537, MOST])


def body_of(tile: Tile) -> bytes:
    part = slice(tile.index * WIDTH, tile.index * WIDTH + tile.width)
    return encode_bundle(ENTRIES[part]) if tile.level is None else b"".join(LEVELS[tile.level][part])


def root(size: int) -> bytes:
    return between(0, size)


def between(start: int, end: int) -> bytes:
    """The root over a range, as RFC 6962 defines it, with short cuts where a tile holds it."""
    for level in reversed(range(len(LEVELS))):
        if end - start == WIDTH**level:
            return LEVELS[level][start // WIDTH**level]
    middle = start + (1 << (end - start - 1).bit_length() - 1)
    return node_hash(between(start, middle), between(middle, end))


def test_the_roots_of_this_file_are_those_of_the_vectors() -> None:
    assert root(257).hex() == "5c1fdfe835358022f2392de478dbe053fc130cfe1d3a082879a90cf6bf14bf7e"
    assert root(MOST).hex() == "a3920fba7f239a071a9bd10721f1341addefbaededb41c7e24437a9d16bdf00a"


def tree(size: int, change: Callable[[Tile, bytes], bytes | None] = lambda tile, body: body) -> VerifiedTree:
    async def fetch(tile: Tile) -> bytes | None:
        return change(tile, body_of(tile))

    return VerifiedTree(Checkpoint("registry.example/log", size, root(size)), fetch)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SIZES, st.data())
def test_a_true_log_is_read_and_proves(size: int, data: st.DataObject) -> None:
    log = tree(size)
    old, index = (data.draw(st.integers(1, size)), data.draw(st.integers(0, size - 1)))
    start = data.draw(st.integers(max(0, index - 600), index))

    async def read() -> None:
        assert await log.leaf_hashes(start, index + 1) == LEAVES[start : index + 1]
        path = await log.prove(inclusion_ranges(index, size))
        verify_inclusion(LEAVES[index], index, size, path, root(size))
        path = await log.prove(consistency_ranges(old, size))
        verify_consistency(old, size, root(old), root(size), path)
        assert await log.root_at(old) == root(old)
        bundle = await log.bundle(index // WIDTH)
        assert bundle[index % WIDTH] == ENTRIES[index]

    asyncio.run(read())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SIZES, st.data())
def test_a_byte_that_was_flipped_is_never_handed_out(size: int, data: st.DataObject) -> None:
    tiles = list(tiles_of(size))
    bad = data.draw(st.sampled_from(tiles) | st.sampled_from(tiles[-4:]))
    at = data.draw(st.integers(0, len(body_of(bad)) - 1))
    bit = 1 << data.draw(st.integers(0, 7))

    def flip(tile: Tile, body: bytes) -> bytes:
        return body[:at] + bytes([body[at] ^ bit]) + body[at + 1 :] if tile == bad else body

    log = tree(size, flip)
    # What lies under the tile: reading any of it has to come past the flipped byte.
    under = bad.index * WIDTH << 8 * (bad.level or 0)
    with pytest.raises(TileError) as caught:
        asyncio.run(log.bundle(under // WIDTH))
    assert bad in caught.value.tiles
    assert bad.path in str(caught.value)


def test_a_pass_keeps_few_tiles_and_fetches_each_once() -> None:
    asked: list[Tile] = []

    def note(tile: Tile, body: bytes) -> bytes:
        asked.append(tile)
        return body

    async def read() -> None:
        log = tree(MOST, note)
        for start in range(0, MOST, WIDTH):
            await log.bundle(start // WIDTH)
        assert len(log._kept) <= 64

    asyncio.run(read())
    assert sorted(asked, key=str) == sorted(tiles_of(MOST), key=str)


def test_the_full_tile_stands_in_for_a_partial_one_that_is_gone() -> None:
    # The log has grown since, in all but its highest tile.
    log = tree(300, lambda tile, body: body if tile.full or tile.level == 1 else None)

    async def read() -> None:
        assert await log.leaf_hashes(250, 300) == LEAVES[250:300]
        assert (await log.bundle(1))[-1] == ENTRIES[299]

    asyncio.run(read())


@pytest.mark.parametrize("body", [b"", b"\0", bytes(31), bytes(33 * 32)])
def test_a_tile_of_another_length_is_refused(body: bytes) -> None:
    with pytest.raises(TileError, match=r"tile/0/000\.p/5"):
        asyncio.run(tree(5, lambda tile, _: body).open())


def test_a_log_without_entries() -> None:
    async def opened(root: bytes) -> bytes:
        async def fetch(tile: Tile) -> bytes:
            raise AssertionError(tile)

        log = VerifiedTree(Checkpoint("registry.example/log", 0, root), fetch)
        await log.open()
        return await log.root_at(0)

    assert asyncio.run(opened(EMPTY_ROOT)) == EMPTY_ROOT
    with pytest.raises(TileError):
        asyncio.run(opened(bytes(32)))


def test_missing_tiles_are_named() -> None:
    log = tree(300, lambda tile, body: None)
    with pytest.raises(TileError, match=r"tile/1/000\.p/1: it is missing"):
        asyncio.run(log.leaf_hashes(0, 1))
