"""The tree against the vectors of RFC 6962's readers, and its proofs against a tree built the naive way."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.transparency.merkle import (
    EMPTY_ROOT,
    Frontier,
    ProofError,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    node_hash,
    nodes_of,
    proof,
    root_by_inclusion,
    root_of,
    roots_by_consistency,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(f"entry {index}".encode()) for index in range(70)]


def naive(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962 writes it down."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(naive(leaves[:split]), naive(leaves[split:]))


def path(ranges: list[tuple[int, int]]) -> list[bytes]:
    return proof(ranges, lambda node: naive(LEAVES[node[1] << node[0] : (node[1] + 1) << node[0]]))


def test_vectors() -> None:
    leaves = [leaf_hash(text) for text in (b"alpha", b"beta", b"gamma")]
    assert [leaf.hex() for leaf in leaves] == [
        "2a158d8afd48e3f88cb4195dfdb2a9e4817d95fa57fd34440d93f9aae5c4f82b",
        "e23537b050e84af2cbaab46f2f83d8d3b5febc8e5ac6200d306284f687d46924",
        "4c79d0d62f7cf5ca8874155f2d3b875f2625da2bb3abc86bbd6833f25ba90e51",
    ]
    assert root_of(leaves[:2]).hex() == "983cb57c04cddd52634edab38a7bef85708a974f114bbd9aa9ec5d4ce6656b4b"
    assert root_of(leaves).hex() == "385da30f3917282c8939dff851957e519ab1846b1351a14c0adb3b11632742aa"
    assert root_of([]) == EMPTY_ROOT


def test_roots_of_many() -> None:
    frontier, roots = Frontier(), {}
    for index in range(70_000):
        frontier.append(leaf_hash(f"entry {index}".encode()))
        if frontier.size in (256, 257):
            roots[frontier.size] = frontier.root.hex()
    roots[frontier.size] = frontier.root.hex()
    assert roots == {
        256: "da6596d95369f5fef322ab8e4e0da3b0b50236aa9c8a3b1d246f7411c9e2e32e",
        257: "5c1fdfe835358022f2392de478dbe053fc130cfe1d3a082879a90cf6bf14bf7e",
        70_000: "a3920fba7f239a071a9bd10721f1341addefbaededb41c7e24437a9d16bdf00a",
    }


def test_every_inclusion_in_small_trees() -> None:
    for size in range(1, 70):
        root = naive(LEAVES[:size])
        assert root_of(LEAVES[:size]) == root
        for index in range(size):
            verify_inclusion(LEAVES[index], index, size, path(inclusion_ranges(index, size)), root)


def test_every_consistency_in_small_trees() -> None:
    for new in range(1, 40):
        for old in range(1, new + 1):
            shown = path(consistency_ranges(old, new))
            verify_consistency(old, new, naive(LEAVES[:old]), naive(LEAVES[:new]), shown)
    verify_consistency(0, 7, EMPTY_ROOT, naive(LEAVES[:7]), [])


@given(st.data())
def test_a_changed_inclusion_is_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 69))
    index = data.draw(st.integers(0, size - 1))
    root, shown = naive(LEAVES[:size]), path(inclusion_ranges(index, size))
    place = data.draw(st.integers(0, len(shown) - 1))
    flipped = bytes([shown[place][0] ^ 1]) + shown[place][1:]
    other = data.draw(st.integers(0, size - 1).filter(lambda one: one != index))
    for leaf, at, of, hashes in (
        (LEAVES[index], index, size, [*shown[:place], flipped, *shown[place + 1 :]]),
        (LEAVES[index], index, size, shown[:-1]),
        (LEAVES[index], index, size, [*shown, root]),
        (LEAVES[other], index, size, shown),
        (LEAVES[index], other, size, shown),
        (LEAVES[index], size, size, shown),
        (LEAVES[index], index, size, [hash[:31] for hash in shown]),
    ):
        with pytest.raises(ProofError):
            verify_inclusion(leaf, at, of, hashes, root)


@given(st.data())
def test_a_tree_that_does_not_begin_with_the_old_one_is_told_from_it(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, 69))
    old = data.draw(st.integers(1, new - 1))
    changed = data.draw(st.integers(0, old - 1))
    forked = [*LEAVES[:changed], leaf_hash(b"other"), *LEAVES[changed + 1 : old]]
    shown = path(consistency_ranges(old, new))
    with pytest.raises(ProofError):
        verify_consistency(old, new, naive(forked), naive(LEAVES[:new]), shown)
    if old & (old - 1):
        # The path proves what the tree of `new` leaves began with: evidence against whoever signed another.
        began, leads_to = roots_by_consistency(old, new, naive(forked), shown)
        assert (began, leads_to) == (naive(LEAVES[:old]), naive(LEAVES[:new]))


@given(st.integers(1, 69), st.integers(0, 68))
def test_proofs_need_few_nodes(size: int, index: int) -> None:
    index %= size
    assert len(nodes_of(inclusion_ranges(index, size))) <= 2 * size.bit_length()
    assert root_by_inclusion(LEAVES[index], index, size, path(inclusion_ranges(index, size))) == naive(
        LEAVES[:size]
    )


@given(st.lists(st.integers(0, 20), max_size=6))
def test_a_frontier_grows_in_any_steps(steps: list[int]) -> None:
    frontier, done = Frontier(), 0
    for step in steps:
        leaves = [leaf_hash(bytes([index])) for index in range(done, done + step)]
        frontier = Frontier(frontier.size, frontier.nodes)
        frontier.extend(leaves)
        done += step
    assert frontier.root == naive([leaf_hash(bytes([index])) for index in range(done)])


def test_a_frontier_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="not the frontier"):
        Frontier(3, (EMPTY_ROOT,))
