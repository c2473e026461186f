"""The layout of tlog-tiles, by its vectors and by the tree that it holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.transparency.merkle import Node, inclusion_ranges, leaf_hash, nodes_of, proof, root_of
from registry.transparency.tiles import (
    BundleError,
    Tile,
    decode_bundle,
    encode_bundle,
    node_from,
    parse_path,
    tile_holding,
    tiles_between,
    tiles_of,
    width_at,
)


def paths(size: int) -> list[str]:
    return [tile.path for tile in tiles_of(size) if tile.level is not None]


@pytest.mark.parametrize(
    ("index", "path"),
    [(0, "000"), (999, "999"), (1000, "x001/000"), (1234067, "x001/x234/067")],
)
def test_names_of_indices(index: int, path: str) -> None:
    assert Tile(0, index).path == f"tile/0/{path}"
    assert parse_path(f"tile/entries/{path}.p/7") == Tile(None, index, 7)


def test_tiles_of_known_sizes() -> None:
    assert paths(0) == []
    assert paths(256) == ["tile/0/000", "tile/1/000.p/1"]
    assert set(paths(70_000)) >= {"tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"}
    assert len(paths(70_000)) == 274 + 2 + 1


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/007",
        "tile/0/001/x000",
        "tile/entry/000",
        "tile/0/000/",
        "tile/0/../../checkpoint",
        "checkpoint",
    ],
)
def test_what_is_no_path(path: str) -> None:
    assert parse_path(path) is None


@given(st.none() | st.integers(0, 63), st.integers(0, 10**15), st.integers(1, 256))
def test_paths_are_read_as_they_are_written(level: int | None, index: int, width: int) -> None:
    assert parse_path(Tile(level, index, width).path) == Tile(level, index, width)


@given(st.integers(0, 200_000), st.integers(0, 200_000))
def test_growing_writes_what_is_new_and_nothing_else(one: int, other: int) -> None:
    old, new = sorted((one, other))
    written = list(tiles_between(old, new))
    assert set(written) | set(tiles_of(old)) >= set(tiles_of(new))
    assert not set(written) & set(tiles_of(old))
    assert all(tile.width == width_at(tile.level or 0, tile.index, new) for tile in written)


@given(st.integers(1, 1500), st.integers(0, 1500))
def test_proofs_come_out_of_tiles(size: int, index: int) -> None:
    index %= size
    leaves = [leaf_hash(b"%d" % place) for place in range(size)]
    files = {
        tile: b"".join(
            root_of(leaves[place << 8 * tile.level : (place + 1) << 8 * tile.level])
            for place in range(tile.index * 256, tile.index * 256 + tile.width)
        )
        for tile in tiles_of(size)
        if tile.level is not None
    }

    def node(one: Node) -> bytes:
        tile, start, end = tile_holding(one, size)
        return node_from(files[tile], start, end)

    ranges = inclusion_ranges(index, size)
    for level, position in nodes_of(ranges):
        assert node((level, position)) == root_of(leaves[position << level : (position + 1) << level])
    assert len(proof(ranges, node)) == len(ranges)


def test_the_bundle_of_the_vectors() -> None:
    data = bytes.fromhex("0005616c706861000462657461000567616d6d61")
    assert encode_bundle([b"alpha", b"beta", b"gamma"]) == data
    assert decode_bundle(data, 3) == [b"alpha", b"beta", b"gamma"]


@pytest.mark.parametrize(
    ("data", "count", "says"),
    [
        (b"", 1, "there are 0 entries"),
        (b"\x00", 1, "ends in the middle"),
        (b"\x00\x05ab", 1, "ends in the middle"),
        (b"\x00\x01a\x00\x01b", 1, "more than the 1"),
        (b"\x00\x09123456789", 1, "has 9 bytes, more than 8"),
    ],
)
def test_what_is_no_bundle(data: bytes, count: int, says: str) -> None:
    with pytest.raises(BundleError, match=says):
        decode_bundle(data, count, longest=8)


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_bundles_are_read_as_they_are_written(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries), len(entries)) == entries
