"""Search as the registry sees it: `registry.finder.Finder`, and what the API of search itself asks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from registry.extensions import Node
from registry.finder import Found, Matcher, Parameters, Reason
from registry.records import identity, list_queries
from registry.taxonomies.vocabulary import Vocabulary
from search.alike.likeness import likeness
from search.alike.reasons import reasons
from search.asof import resolve, with_since_then
from search.document import Key, Projector
from search.engine import Engine, Keys, Walk
from search.match import matches
from search.meanings import Meanings
from search.request import Request, parse
from search.results import TERMED, Answer, Suggestions
from search.taken_out import TakenOut
from search.withdrawn import Withdrawn

# Few documents have a source, and only those may have copies.
_SOURCED = b'"source":{'


class SearchFinder:
    """Questions to one engine. Raises `Unavailable` while it has no complete index."""

    def __init__(self, node: Node, engine: Engine) -> None:
        self.engine = engine
        self._database = node.database
        self._origin = node.origin
        self._vocabulary = node.vocabulary
        self._withdrawn = Withdrawn(node.database, engine)
        self._taken_out = TakenOut()
        self._projector = Projector(Vocabulary(), node.origin)
        self._meanings = Meanings(self._projector.vocabulary)
        self._others = False
        self._without_others_at = -1

    async def search(self, request: Request) -> Answer:
        """One page of the answer, with facets and timeline. Raises as `understood`."""
        asked = await self.understood(request)
        answer = await self.engine.search(asked, hidden=await self._hidden(asked))
        if asked.position is not None:
            async with self._database.read() as session:
                hits = await with_since_then(session, answer.hits)
            answer = replace(answer, hits=hits, erased=self.erased(asked))
        terms = (found.value for name in TERMED for found in answer.facets.get(name, ()))
        answer = replace(answer, taxonomies=self._meanings.titles(terms))
        sourced = [(hit.origin, hit.id) for hit in answer.hits if _SOURCED in hit.document]
        if not sourced or asked.position is not None or not await self._holds_others(answer.position):
            return answer
        async with self._database.read() as session:
            copies = await identity.copies_of(session, sourced)
        hits = [replace(hit, copies=copies.get((hit.origin, hit.id), ())) for hit in answer.hits]
        return replace(answer, hits=hits)

    async def understood(self, request: Request) -> Request:
        """The question with what it means here: which organisations, and which terms beside those that it
        names, and which position an earlier time has. Raises `Malformed` for an `as_of` that is still to
        come.
        """
        await self._learn()
        here = await self._slugs_here(request)
        return await self._resolved(request.with_providers(here).with_meanings(self._meanings))

    async def walk(self, understood: Request) -> Walk:
        """Every record that answers as `search` does, without documents. Takes what `understood` answers."""
        return await self.engine.walk(understood, hidden=await self._hidden(understood))

    def erased(self, understood: Request) -> int | None:
        """How many records were public at the position that is asked for, and are not to be shown any more,
        as far as the last `walk` or `search` saw; None of a question about now.
        """
        return None if understood.position is None else self._taken_out.count(understood.position)

    async def _resolved(self, request: Request) -> Request:
        if request.as_of is None:
            return request
        async with self._database.read() as session:
            return await resolve(session, request)

    async def _hidden(self, request: Request) -> frozenset[Key]:
        """The records that must not answer, though the index may still hold them."""
        if request.as_of is None:
            return await self._withdrawn.hidden()
        async with self._database.read() as session:
            await self._taken_out.read_on(session)
        return self._taken_out.hidden(await self.engine.place())

    async def _holds_others(self, position: int) -> bool:
        """Whether there are records of other registries. Most follow none, and are not asked for copies; that
        can only change when the index moves.
        """
        if not self._others and position != self._without_others_at:
            async with self._database.read() as session:
                self._others = await identity.holds_others(session)
            self._without_others_at = position
        return self._others

    async def _slugs_here(self, request: Request) -> frozenset[str]:
        """Those of the organisations asked for that are ours."""
        slugs = [slug.lower() for slug in request.filters.get("provider", ()) if "@" not in slug]
        if not slugs:
            return frozenset()
        async with self._database.read() as session:
            return frozenset(await list_queries.slugs_here(session, slugs))

    async def suggest(self, typed: str, *, limit: int) -> Suggestions:
        """What `typed` may become."""
        return await self.engine.suggest(typed, limit=limit, hidden=await self._withdrawn.hidden())

    async def find(self, parameters: Parameters, *, limit: int, offset: int = 0) -> Found:
        """Exact answers only: what `match` agrees with. Raises `Malformed` for parameters that cannot be
        read.
        """
        request = await self.understood(replace(parse(parameters), limit=limit, offset=offset, facets=()))
        keys = await self.engine.keys(request, hidden=await self._hidden(request), exact=True)
        return _found(keys)

    async def similar(self, document: Mapping[str, Any], *, limit: int) -> Found:
        """Public records like this one, most alike first."""
        await self._learn()
        hidden = await self._withdrawn.hidden()
        keys = await self.engine.similar(likeness(document), limit=limit, hidden=hidden)
        return Found(tuple(keys.keys), len(keys.keys), keys.position)

    def reasons(self, document: Mapping[str, Any], other: Mapping[str, Any]) -> Sequence[Reason]:
        """What another record has in common with this one, under the vocabulary that was last seen."""
        return reasons(document, other, self._projector.vocabulary)

    async def matcher(self, parameters: Parameters) -> Matcher:
        """What `match` says to documents that are asked about one by one. Raises `Malformed` for parameters
        that cannot be read.
        """
        request = await self.understood(replace(parse(parameters), as_of=None))
        projector = self._projector
        return lambda document: matches(request, projector.project(document))

    async def _learn(self) -> None:
        vocabulary = await self._vocabulary.current()
        if vocabulary is not self._projector.vocabulary:
            self._projector = Projector(vocabulary, self._origin)
            self._meanings = Meanings(vocabulary)


def _found(keys: Keys) -> Found:
    return Found(tuple(keys.keys), keys.total, keys.position, tuple(keys.versions))
