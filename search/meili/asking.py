"""Asking one index, and being sure that all of an answer comes from one state of it."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from registry.errors import Unavailable
from search.document import SHAPE, Key, stale_digest
from search.engine import Place
from search.meili import fields
from search.meili.keys import Keyring
from search.meili.queries import Query
from search.meili.settings import digest
from search.meili.wire import RETRY_AFTER, Refused, Wire, unreachable

_AGAIN = 6
_AGAIN_SECONDS = 0.01


class Record(msgspec.Struct):
    """What comes back of one document: what was asked for of it."""

    id: str = ""
    record: str = ""
    key: str = ""
    version: int = 0
    document: str = ""
    place: str = ""
    title: str = ""
    summary: str = ""
    names: list[str] = []
    labels: list[str] = []
    rest: list[str] = []

    def origin_and_id(self) -> Key:
        return fields.split_key(self.key)

    def texts(self) -> list[str]:
        return [self.title, self.summary, *self.names, *self.labels, *self.rest]


class Result(msgspec.Struct, rename="camel"):
    """What one query found. `facet_distribution` counts by attribute and value."""

    hits: list[Record] = []
    estimated_total_hits: int = 0
    facet_distribution: Mapping[str, Mapping[str, int]] | None = None

    @property
    def total(self) -> int:
        """Exact, whatever Meilisearch calls it: all words are looked for, and nothing is grouped."""
        return self.estimated_total_hits

    @property
    def counts(self) -> Mapping[str, Mapping[str, int]]:
        return self.facet_distribution or {}


class _Results(msgspec.Struct):
    results: list[Result]


_read = msgspec.json.Decoder(_Results).decode
_encode = msgspec.json.Encoder().encode
_PLACE: Query = {
    "filter": f"{fields.IS_PLACE} = 1",
    "attributesToRetrieve": [fields.PLACE],
    "limit": 1,
}


@dataclass(frozen=True, slots=True)
class State:
    """What an index says of itself: how far it has read, and by which settings it was made. `place` is what
    is told of it: where the settings would be others now, one that has to be built anew.
    """

    place: Place
    settings: str


class Asker:
    """Questions to one index, by its name. Raises `Unavailable` while it cannot be asked."""

    def __init__(self, wire: Wire, keys: Keyring, uid: str) -> None:
        self.uid = uid
        self._wire = wire
        self._keys = keys

    async def ask(self, queries: Sequence[Query]) -> tuple[State, list[Result]]:
        """What the queries find, all in one state of the index, and that state.

        Meilisearch answers them one after the other, each from what the index holds at that moment. So the
        place of the index is asked for first and last: it moves with whatever changes.
        """
        for attempt in range(_AGAIN):
            first, *found, last = await self._results([_PLACE, *queries, _PLACE])
            if first.hits and first.hits == last.hits:
                return _state(first.hits[0].place), found
            if not first.hits and not last.hits:
                raise being_built()
            await asyncio.sleep(_AGAIN_SECONDS * attempt)
        raise Unavailable("The search index moves too fast to be read.", retry_after=1)

    async def state(self) -> State:
        """How far the index has read."""
        (found,) = await self._results([_PLACE])
        if not found.hits:
            raise being_built()
        return _state(found.hits[0].place)

    async def _results(self, queries: Sequence[Query]) -> list[Result]:
        body = _encode({"queries": [{"indexUid": self.uid, **query} for query in queries]})
        try:
            answer = await self._wire.post("/multi-search", body, await self._keys.to_search())
        except Refused as error:
            if error.code == "index_not_found":
                raise being_built() from error
            if error.status in (401, 403):
                self._keys.refused(error)
                raise unreachable(error) from error
            raise
        try:
            return _read(answer).results
        except msgspec.MsgspecError as error:
            raise unreachable(error) from error


def being_built() -> Unavailable:
    return Unavailable("The search index is being built.", retry_after=RETRY_AFTER)


def _state(told: str) -> State:
    read: dict[str, Any] = json.loads(told)
    place = fields.read_place(read)
    if read.get("layout") != fields.LAYOUT or place.digest.partition(":")[0] != str(SHAPE):
        raise being_built()
    made_by = str(read["settings"])
    if made_by != digest():
        place = replace(place, digest=stale_digest())
    return State(place, made_by)
