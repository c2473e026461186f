"""What the rooms of the registry may ask of a search engine, in plain ids and strings.

`search` implements it and hands it to `create_app`; without it, whatever needs it answers that search is not
here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Parameters = Mapping[str, Sequence[str]]
"""The parameters of one search as in its URL: `{"q": ["prompt injection"], "tag": ["misuse:fraud"]}`."""


Matcher = Callable[[Mapping[str, Any]], bool]
"""Whether a document is an exact answer to one question."""


@dataclass(frozen=True, slots=True)
class Found:
    """Ids in order, how many there are in all, and the public sequence number that the index stands at. To a
    question as of an earlier position, `versions` are the numbers of the versions that answer.
    """

    ids: Sequence[tuple[str, str]]
    total: int
    position: int
    versions: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that two records have in common. `kind` is indicator, host, alias, actor, system, tag or
    words; `value` is as the other record writes it, or the words that say most; `label` what a tag is called.
    """

    kind: str
    value: str
    label: str | None = None


class Finder(Protocol):
    """Search, for those who may not know how it is done. All raise `Unavailable` while the engine is down."""

    async def find(self, parameters: Parameters, *, limit: int, offset: int = 0) -> Found:
        """The (origin, id) pairs that answer the question, best first."""

    async def similar(self, document: Mapping[str, Any], *, limit: int) -> Found:
        """Public records like this one, which need not be public itself, most alike first. `total` is that of
        the ids.
        """

    def reasons(self, document: Mapping[str, Any], other: Mapping[str, Any]) -> Sequence[Reason]:
        """What another record has in common with this one, what says most first; pure, engine-independent."""

    async def matcher(self, parameters: Parameters) -> Matcher:
        """What tells whether a document holds all words of a question and passes its filters: exact, pure and
        engine-independent, under the vocabulary and the organisations of now. Raises `Malformed` for
        parameters that cannot be read. When a document was public does not matter.
        """
