"""Search as the registry sees it: `registry.finder.Finder`, and what the API of search itself asks."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from registry.extensions import Node
from registry.finder import Found, Parameters
from registry.taxonomies.vocabulary import Vocabulary
from search.document import Projector
from search.engine import Engine, Keys
from search.match import matches
from search.request import Request, parse
from search.results import Answer, Suggestions
from search.withdrawn import Withdrawn


class SearchFinder:
    """Questions to one engine. Raises `Unavailable` while it has no complete index."""

    def __init__(self, node: Node, engine: Engine) -> None:
        self.engine = engine
        self._vocabulary = node.vocabulary
        self._withdrawn = Withdrawn(node.database, engine)
        self._projector = Projector(Vocabulary())

    async def search(self, request: Request) -> Answer:
        """One page of the answer, with facets and timeline."""
        return await self.engine.search(request, hidden=await self._withdrawn.hidden())

    async def suggest(self, typed: str, *, limit: int) -> Suggestions:
        """What `typed` may become."""
        return await self.engine.suggest(typed, limit=limit, hidden=await self._withdrawn.hidden())

    async def find(self, parameters: Parameters, *, limit: int, offset: int = 0) -> Found:
        """Exact answers only: what `match` agrees with. Raises `Malformed` for parameters that cannot be
        read.
        """
        await self._learn()
        request = replace(parse(parameters), limit=limit, offset=offset, facets=())
        keys = await self.engine.keys(request, hidden=await self._withdrawn.hidden(), exact=True)
        return _found(keys)

    async def similar(self, origin: str, id: str, *, limit: int) -> Found:
        """Records like this one, most alike first."""
        keys = await self.engine.similar((origin, id), limit=limit, hidden=await self._withdrawn.hidden())
        return _found(keys)

    def match(self, parameters: Parameters, document: Mapping[str, Any]) -> bool:
        """Whether a document is an exact answer, under the vocabulary that `find` last saw."""
        given = tuple((name, tuple(values)) for name, values in sorted(parameters.items()))
        return matches(_parsed(given), self._projector.project(document))

    async def _learn(self) -> None:
        vocabulary = await self._vocabulary.current()
        if vocabulary is not self._projector.vocabulary:
            self._projector = Projector(vocabulary)


@lru_cache(maxsize=256)
def _parsed(parameters: tuple[tuple[str, tuple[str, ...]], ...]) -> Request:
    return parse(dict(parameters))


def _found(keys: Keys) -> Found:
    return Found(tuple(keys.keys), keys.total, keys.position)
