"""Asking the search, for pages.

What is asked and answered is `search`'s own contract; this only finds who answers.
"""

from typing import Protocol, runtime_checkable

from registry.extensions import Node
from search.request import Request
from search.results import Answer


@runtime_checkable
class Searcher(Protocol):
    """Whoever answers a whole search: hits with highlights, counts, a timeline."""

    async def search(self, request: Request) -> Answer:
        """One page of the answer.

        Raises `registry.errors.Unavailable` while there is no index to answer from.
        """


def searcher(node: Node) -> Searcher | None:
    """The search of this registry; None where it runs without one."""
    return node.finder if isinstance(node.finder, Searcher) else None
