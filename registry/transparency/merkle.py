"""The Merkle tree of RFC 6962 (section 2.1) over SHA-256, as functions of hashes.

Nothing here reads or stores: a proof is planned as the ranges of leaves whose hashes it holds, whoever has
the nodes hands them over, and what comes of it is folded. A node is (level, index): the root of the complete
subtree over the leaves from `index << level` on, `1 << level` of them.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hmac import compare_digest

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
# A path is as long as the tree is high, and no tree has more leaves than an index can count.
LONGEST_PROOF = 64

Node = tuple[int, int]
Range = tuple[int, int]
"""The leaves from the first up to, and without, the second."""


class ProofError(ValueError):
    """A proof that proves nothing. The text says what is wrong with it."""


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over the hashes of complete subtrees of one size, in order; leaves among them."""
    frontier = Frontier()
    frontier.extend(hashes)
    return frontier.root


@dataclass(slots=True)
class Frontier:
    """All of a tree that is needed to add to it: the roots of the complete subtrees that it consists of.

    `nodes` are in order from the left, one for each bit of `size` that is set. Adding costs two hashes on
    average, whatever the size.
    """

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if len(self.nodes) != self.size.bit_count():
            raise ValueError(f"{len(self.nodes)} nodes are not the frontier of {self.size} leaves")

    def append(self, leaf: bytes) -> None:
        self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> None:
        nodes, size = list(self.nodes), self.size
        for hash in leaves:
            carry, rest = hash, size
            while rest & 1:
                carry = node_hash(nodes.pop(), carry)
                rest >>= 1
            nodes.append(carry)
            size += 1
        self.nodes, self.size = tuple(nodes), size

    @property
    def root(self) -> bytes:
        return fold(self.nodes)


def fold(nodes: Sequence[bytes]) -> bytes:
    """The root over complete subtrees that stand side by side, each smaller than the one before."""
    if not nodes:
        return EMPTY_ROOT
    root = nodes[-1]
    for node in reversed(nodes[:-1]):
        root = node_hash(node, root)
    return root


def subtrees(start: int, end: int) -> list[Node]:
    """The complete subtrees that a range of leaves consists of, from the left.

    The range is one that occurs in a tree: it starts at a multiple of the largest power of two in it.
    """
    found: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append((level, start >> level))
        start += 1 << level
    return found


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The ranges whose hashes lead from a leaf to the root, from below (RFC 6962, 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} among {size}")
    start, end = 0, size
    ranges: list[Range] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """The ranges whose hashes show that a tree of `new` leaves begins with one of `old` (RFC 6962, 2.1.2)."""
    if not 0 < old <= new:
        raise ValueError(f"nothing is to be shown between {old} and {new} leaves")
    start, end, known = 0, new, True
    ranges: list[Range] = []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start, known = middle, False
    if not known:
        ranges.append((start, end))
    return ranges[::-1]


def nodes_of(ranges: Iterable[Range]) -> list[Node]:
    """The nodes that are needed for the hashes of these ranges."""
    return [node for start, end in ranges for node in subtrees(start, end)]


def proof(ranges: Iterable[Range], node: Callable[[Node], bytes]) -> list[bytes]:
    """The hashes of the ranges, from the nodes that they consist of."""
    return [fold([node(each) for each in subtrees(start, end)]) for start, end in ranges]


def root_by_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a leaf and its path lead to. Raises `ProofError` for a path of the wrong shape."""
    if not 0 <= index < size:
        raise ProofError(f"A tree of {size} leaves has no leaf {index}.")
    ranges = inclusion_ranges(index, size)
    _right_length(path, len(ranges))
    root = leaf
    for hash, (start, _) in zip(path, ranges, strict=True):
        root = node_hash(hash, root) if start < index else node_hash(root, hash)
    return root


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Raises `ProofError` unless the leaf stands at that index of the tree with this root."""
    if not compare_digest(root_by_inclusion(leaf, index, size, path), root):
        raise ProofError(f"The path does not lead from leaf {index} to the root of {size} leaves.")


def roots_by_consistency(old: int, new: int, old_root: bytes, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The roots of both trees that a consistency proof leads to.

    Where `old` is a power of two, the path leaves its root out, which has to be told. A path whose second
    root is the one that was signed proves what the first one is, whoever signed another. Raises `ProofError`
    for a path of the wrong shape.
    """
    if not 0 < old <= new:
        raise ProofError(f"Nothing can be shown between {old} and {new} leaves.")
    ranges = consistency_ranges(old, new)
    _right_length(path, len(ranges))
    hashes = list(path)
    if not ranges or ranges[0][0] != _last_subtree(old):
        first, rest = old_root, list(zip(hashes, ranges, strict=True))
    else:
        first, rest = hashes[0], list(zip(hashes[1:], ranges[1:], strict=True))
    small = large = first
    for hash, (start, _) in rest:
        if start < old:
            small, large = node_hash(hash, small), node_hash(hash, large)
        else:
            large = node_hash(large, hash)
    return small, large


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> None:
    """Raises `ProofError` unless the tree of `new` leaves begins with the one of `old`."""
    if old == 0:
        _right_length(path, 0)
        return
    small, large = roots_by_consistency(old, new, old_root, path)
    if not compare_digest(small, old_root):
        raise ProofError(f"The tree of {new} leaves does not begin with the tree of {old} that was shown.")
    if not compare_digest(large, new_root):
        raise ProofError(f"The path does not lead to the root of {new} leaves.")


def _split(size: int) -> int:
    """The largest power of two that is smaller."""
    return 1 << ((size - 1).bit_length() - 1)


def _last_subtree(size: int) -> int:
    """Where the last complete subtree of a tree begins: what is left after the lowest bit set."""
    return size & (size - 1)


def _right_length(path: Sequence[bytes], wanted: int) -> None:
    if len(path) != wanted:
        raise ProofError(f"The path has {len(path)} hashes, and there should be {wanted}.")
    if any(len(hash) != HASH_BYTES for hash in path):
        raise ProofError(f"A hash of a path has {HASH_BYTES} bytes.")
