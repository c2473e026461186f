"""What the rooms of the registry may ask of a search engine, in plain ids and strings.

`search` implements it and hands it to `create_app`; without it, whatever needs it answers that search is not
here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Parameters = Mapping[str, Sequence[str]]
"""The parameters of one search as in its URL: `{"q": ["prompt injection"], "tag": ["misuse:fraud"]}`."""


@dataclass(frozen=True, slots=True)
class Found:
    """Ids in order, how many there are in all, and the public sequence number that the index stands at."""

    ids: Sequence[tuple[str, str]]
    total: int
    position: int


class Finder(Protocol):
    """Search, for those who may not know how it is done. All raise `Unavailable` while the engine is down."""

    async def find(self, parameters: Parameters, *, limit: int, offset: int = 0) -> Found:
        """The (origin, id) pairs that answer the question, best first."""

    async def similar(self, origin: str, id: str, *, limit: int) -> Found:
        """Records like this one."""

    def match(self, parameters: Parameters, document: Mapping[str, Any]) -> bool:
        """Whether a document holds all words of the question and passes its filters; exact,
        engine-independent.
        """
