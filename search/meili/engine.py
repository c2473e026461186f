"""The engine on Meilisearch: what `search.engine.Engine` asks for. Nothing of it leaks out of this folder."""

import asyncio
import json
import math
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from typing import Any

from registry.errors import Unavailable
from registry.settings import Settings
from search.alike.likeness import Likeness
from search.document import Key, Projection
from search.engine import NO_SYNONYMS, Keys, Place, Synonyms, Walk
from search.highlight import Marker
from search.meili import counts, suggesting
from search.meili.alike import similar
from search.meili.asking import Asker, being_built
from search.meili.keys import Keyring
from search.meili.paging import find
from search.meili.server import glance
from search.meili.settings import MOST_HITS
from search.meili.wire import Refused, Wire
from search.meili.writing import MeiliRebuild, Writer
from search.request import Request
from search.results import Answer, Hit, Suggestions

GLANCE_SECONDS = 2


class MeiliEngine:
    """One index on a Meilisearch server. Any number of processes ask; one writes at a time."""

    name = "meilisearch"

    def __init__(self, settings: Settings, index: str) -> None:
        url = str(settings.search_url).rstrip("/")
        given = settings.search_key.get_secret_value() if settings.search_key is not None else None
        self.uid = f"{settings.search_prefix}-{index}"
        self.wire = Wire(url)
        self.keyring = Keyring(url, given, self.uid)
        self.asker = Asker(self.wire, self.keyring, self.uid)
        self.writer = Writer(settings, url, self.keyring, self.asker)
        self._names = suggesting.Names()
        self._url = url
        self._glancing = threading.Lock()
        self._glanced: dict[str, Any] = {}
        self._glanced_at = -math.inf

    # --- asking

    async def search(
        self, request: Request, *, hidden: frozenset[Key] = frozenset(), exact: bool = False
    ) -> Answer:
        found = await find(self.asker, request, hidden, exact, counts.queries)
        facets, timeline = counts.read(request, found.main, found.more)
        marker = Marker(found.plan.question, found.plan.misspelt, found.plan.also())
        hits = []
        for record in found.hits:
            origin, id = record.origin_and_id()
            document = record.document.encode()
            version = record.version if request.position is not None else None
            hits.append(Hit(origin, id, document, marker.highlights(document), version=version))
        return Answer(
            request=request,
            total=found.main.total,
            hits=hits,
            facets=facets,
            timeline=timeline,
            engine=self.name,
            position=found.place.position,
            notes=(*request.notes, *found.notes),
        )

    async def keys(
        self, request: Request, *, hidden: frozenset[Key] = frozenset(), exact: bool = False
    ) -> Keys:
        found = await find(self.asker, request, hidden, exact)
        keys = [record.origin_and_id() for record in found.hits]
        versions = [record.version for record in found.hits] if request.position is not None else ()
        return Keys(keys, found.main.total, found.place.position, versions)

    async def walk(self, request: Request, *, hidden: frozenset[Key] = frozenset()) -> Walk:
        """Keys come in one answer, which is of one state: some hundred bytes each."""
        return Walk.of(await self.keys(replace(request, limit=MOST_HITS, offset=0), hidden=hidden))

    async def similar(self, likeness: Likeness, *, limit: int, hidden: frozenset[Key] = frozenset()) -> Keys:
        return await similar(self.asker, likeness, limit, hidden)

    async def suggest(self, typed: str, *, limit: int, hidden: frozenset[Key] = frozenset()) -> Suggestions:
        return await suggesting.suggest(self.asker, self._names, typed, limit, hidden)

    # --- writing

    async def place(self) -> Place:
        return (await self.asker.state()).place

    async def check(self) -> bool:
        """Meilisearch looks after its own files; here it is whether there is an index that can be read."""
        try:
            await self.asker.state()
        except Unavailable as error:
            if error.__cause__ is not None and not isinstance(error.__cause__, Refused):
                raise
            return False
        return True

    async def damaged(self) -> bool:
        return False

    def refused(self) -> dict[Key, str]:
        refused, self.writer.refused = self.writer.refused, {}
        return refused

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        async with self.writer.writing():
            yield

    async def update(
        self,
        records: Sequence[Projection],
        gone: Sequence[Key],
        place: Place,
        *,
        ended: Sequence[Key] = (),
    ) -> None:
        await self.writer.update(records, gone, ended, place)

    @asynccontextmanager
    async def rebuild(self, synonyms: Synonyms = NO_SYNONYMS) -> AsyncIterator[MeiliRebuild]:
        async with self.writer.rebuild(synonyms) as rebuild:
            yield rebuild

    async def idle(self) -> bool:
        return await self.writer.idle()

    async def aclose(self) -> None:
        """Close what is open. Whoever asks again opens it again."""
        self.wire.close()
        self.writer.close()
        await asyncio.sleep(0)

    def health(self) -> dict[str, Any]:
        """What the server says of itself. Blocks for up to `GLANCE_SECONDS` and is kept for as long."""
        with self._glancing:
            if time.monotonic() > self._glanced_at + GLANCE_SECONDS:
                self._glanced = self._glance()
                self._glanced_at = time.monotonic()
            return dict(self._glanced)

    def _glance(self) -> dict[str, Any]:
        told: dict[str, Any] = {"engine": self.name, "answers": False}
        try:
            seen = glance(self._url, asdict(self.keyring.known()), self.uid, GLANCE_SECONDS)
        except Unavailable as error:
            return told | {"reason": error.detail}
        place = seen.pop("place")
        told |= {name: value for name, value in seen.items() if value is not None}
        if place is None:
            return told | {"reason": being_built().detail}
        return told | {"answers": True, "position": json.loads(place)["position"]}
