"""Keeping the index: batches that are seen whole, and a new index beside the old one.

A batch is one task of Meilisearch: intervals that are put in, marks in place of those that are gone, and the
place that says how far it goes. So no reader sees a part of it. What is marked is taken out behind it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from typing import Any, NamedTuple

import msgspec
import structlog

from registry.errors import Unavailable
from registry.settings import Settings
from search.document import Key, Projection
from search.engine import Place
from search.meili import fields, queries, synonyms
from search.meili.asking import Asker
from search.meili.keys import Keyring
from search.meili.locks import holding, make_lock
from search.meili.server import Server, TaskFailed
from search.meili.settings import digest, settings
from search.meili.wire import Refused, unreachable
from search.relevance import ONE_EDIT, forms

log = structlog.get_logger("candor.search")

# So many tasks may wait in Meilisearch; it takes those that wait together in one go.
AHEAD = 2
# What prepares a large batch takes little more time than what prepares a small one.
MOST_BYTES = 32_000_000
_LOOKED_UP = 500
_MOST_INTERVALS = 100_000

_encode = msgspec.json.Encoder().encode
# What Meilisearch says of documents that it does not take; anything else is not theirs.
_OF_DOCUMENTS = frozenset(
    {
        "bad_request",
        "internal",
        "invalid_document_fields",
        "invalid_document_geo_field",
        "invalid_document_id",
        "malformed_payload",
        "max_fields_limit_exceeded",
        "missing_document_id",
        "payload_too_large",
    }
)


class Line(NamedTuple):
    """One document as it is sent, and the record that it is of."""

    key: str
    json: bytes


class Writer:
    """What one process does to an index."""

    def __init__(self, settings: Settings, url: str, keys: Keyring, asker: Asker) -> None:
        self.uid = asker.uid
        self.asker = asker
        self._url = url
        self._keys = keys
        self._server: Server | None = None
        self._writing = make_lock(settings, f"{self.uid}-writing")
        self._building = make_lock(settings, f"{self.uid}-building")
        self._one_at_a_time = asyncio.Lock()
        self.refused: dict[Key, str] = {}
        # Words of this index that synonyms were looked for, and those that are yet to be.
        self.known: set[str] = set()
        self.fresh: set[str] = set()

    async def server(self) -> Server:
        if self._server is None:
            self._server = Server(self._url, await self._keys.to_keep(), keeping=True)
        return self._server

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Be the only writer of all processes."""
        async with self._one_at_a_time, holding(self._writing):
            yield

    async def update(
        self, records: Sequence[Projection], gone: Sequence[Key], ended: Sequence[Key], place: Place
    ) -> None:
        """Write one batch. Inside `writing`."""
        state = await self.asker.state()
        marks = await self._marks(gone, ended)
        await self._writing.held()
        lines = await asyncio.to_thread(lambda: list(_lines(records, self.fresh)))
        await self._put(self.uid, [*marks, *lines], fields.make_place(place, state.settings))
        if marks:
            # Nobody sees what is marked, so nobody waits until it is out.
            await (await self.server()).take_out(self.uid, f"{fields.GONE} = 1")

    async def _marks(self, gone: Sequence[Key], ended: Sequence[Key]) -> list[Line]:
        """Marks in place of the live intervals of what has ended, and of all intervals of what is gone."""
        ids = [fields.record_id(key) for key in (*ended, *gone)]
        for start in range(0, len(gone), _LOOKED_UP):
            some = map(fields.record_id, gone[start : start + _LOOKED_UP])
            past = {
                "filter": [queries.among(fields.RECORD, some)],
                "limit": _MOST_INTERVALS,
                "attributesToRetrieve": [fields.ID],
            }
            _, (found,) = await self.asker.ask([past])
            ids += [hit.id for hit in found.hits]
        return [Line(id, _encode(fields.make_tombstone(id))) for id in dict.fromkeys(ids)]

    async def _put(self, uid: str, lines: Sequence[Line], place: dict[str, Any]) -> None:
        """Put in documents and the place, in one task. What Meilisearch cannot take is left out."""
        server = await self.server()
        last = Line(fields.PLACE, _encode(place))
        try:
            await server.done(await server.put(uid, _joined([*lines, last])))
        except (TaskFailed, Refused) as error:
            taken = await self.sound(lines, error)
            await server.done(await server.put(uid, _joined([*taken, last])))

    async def sound(self, lines: Sequence[Line], error: TaskFailed | Refused) -> list[Line]:
        """Those that Meilisearch takes, of a batch that it did not take: tried out in an index of their own,
        so that nobody sees a part of the batch. Raises `Unavailable` where it is not about documents.
        """
        if error.code not in _OF_DOCUMENTS or not lines:
            log.error("Meilisearch could not do a task", index=self.uid, code=error.code, reason=str(error))
            raise unreachable(error) from error
        server = await self.server()
        trial = f"{self.uid}-{token_hex(4)}"
        await server.create(trial)
        try:
            await server.set(trial, settings())
            return await self._tried(trial, lines, error)
        finally:
            await asyncio.shield(server.delete(trial))

    async def _tried(self, trial: str, lines: Sequence[Line], error: TaskFailed | Refused) -> list[Line]:
        if len(lines) == 1:
            origin, _, id = lines[0].key.rpartition(" ")
            # Its message may quote the document.
            self.refused[origin, id] = f"Meilisearch: {error.code or 'refused'}"
            log.error("record left out of the search index", record=lines[0].key, reason=str(error)[:300])
            return []
        server = await self.server()
        taken: list[Line] = []
        half = len(lines) // 2
        for some in (lines[:half], lines[half:]):
            try:
                await server.done(await server.put(trial, _joined(some)))
            except (TaskFailed, Refused) as again:
                taken += await self._tried(trial, some, again)
            else:
                taken += some
        return taken

    # --- a new index beside the old one

    @asynccontextmanager
    async def rebuild(self, names: Mapping[str, tuple[str, ...]]) -> AsyncIterator["MeiliRebuild"]:
        """Waits while any process builds one."""
        async with holding(self._building):
            rebuild = MeiliRebuild(self, await self.server(), names)
            try:
                yield rebuild
            finally:
                await asyncio.shield(rebuild.close())

    async def _learn(self) -> None:
        """Tell the index of the forms of words that have come since. Inside `writing`."""
        new, self.fresh = self.fresh - self.known, set()
        if not new:
            return
        maybe = {other for word in new for other in forms(word)}
        held = new | await synonyms.which_are_held(self.asker, maybe - new)
        self.known |= held
        server = await self.server()
        before = await server.synonyms(self.uid)
        after = synonyms.joined({word: list(others) for word, others in before.items()}, new, held)
        words = set(await server.spelt(self.uid))
        if after != before or not new <= words:
            await server.set(self.uid, {"synonyms": after} | spelt(words | new))

    async def publish(self, built: str) -> None:
        """Let what was built serve, and the old index go. Inside `writing`."""
        server = await self.server()
        if not await server.exists(self.uid):
            await server.create(self.uid)
        await self._writing.held()
        await server.swap(self.uid, built)

    async def idle(self) -> bool:
        """Remove what a killed rebuild left. False when one is under way."""
        with suppress(Unavailable):
            async with self.writing():
                await self._learn()
        if not await self._building.take(wait=False):
            return False
        try:
            server = await self.server()
            for uid in await server.uids():
                if uid.startswith(f"{self.uid}-"):
                    await server.delete(uid)
        finally:
            await asyncio.shield(self._building.give())
        return True


class MeiliRebuild:
    """An index under a name of its own, until `publish` swaps the names."""

    def __init__(self, writer: Writer, server: Server, names: Mapping[str, tuple[str, ...]]) -> None:
        self._writer = writer
        self._server = server
        self._names = names
        self._held: set[str] = set()
        self._waiting: list[Line] = []
        self._size = 0
        self._uid: str | None = None
        self._ahead: deque[tuple[int, Sequence[Line]]] = deque()

    async def _open(self) -> str:
        if self._uid is None:
            uid = f"{self._writer.uid}-{token_hex(4)}"
            await self._server.create(uid)
            self._uid = uid
            await self._server.set(uid, settings())
        return self._uid

    async def add(self, records: Sequence[Projection]) -> None:
        for line in await asyncio.to_thread(lambda: list(_lines(records, self._held))):
            self._waiting.append(line)
            self._size += len(line.json)
            if self._size >= MOST_BYTES:
                await self._put_waiting()

    async def _put_waiting(self) -> None:
        lines, self._waiting, self._size = self._waiting, [], 0
        if lines:
            await self._put(lines)

    async def _put(self, lines: Sequence[Line]) -> None:
        uid = await self._open()
        while len(self._ahead) >= AHEAD:
            await self._wait()
        try:
            self._ahead.append((await self._server.put(uid, _joined(lines)), lines))
        except Refused as error:
            await self._again(lines, error)

    async def _wait(self) -> None:
        task, lines = self._ahead.popleft()
        try:
            await self._server.done(task)
        except TaskFailed as error:
            await self._again(lines, error)

    async def _again(self, lines: Sequence[Line], error: TaskFailed | Refused) -> None:
        taken = await self._writer.sound(lines, error)
        if taken:
            await self._server.done(await self._server.put(await self._open(), _joined(taken)))

    async def _settled(self) -> None:
        await self._put_waiting()
        while self._ahead:
            await self._wait()

    @asynccontextmanager
    async def finishing(self) -> AsyncIterator[None]:
        await self._open()
        await self._settled()
        async with self._writer.writing():
            yield

    async def update(
        self, records: Sequence[Projection], gone: Sequence[Key], *, ended: Sequence[Key] = ()
    ) -> None:
        uid = await self._open()
        await self._settled()
        for keys, more in ((gone, ""), (ended, f" AND {fields.LIVE} = 1")):
            for start in range(0, len(keys), _LOOKED_UP):
                some = map(fields.record_id, keys[start : start + _LOOKED_UP])
                out = await self._server.take_out(uid, queries.among(fields.RECORD, some) + more)
                await self._server.done(out)
        await self.add(records)

    async def publish(self, place: Place) -> None:
        uid = await self._open()
        await self._settled()
        made = await asyncio.to_thread(synonyms.made, self._held, self._names)
        await self._server.set(uid, {"synonyms": made} | spelt(self._held))
        line = _encode(fields.make_place(place, digest()))
        await self._server.done(await self._server.put(uid, line))
        await self._writer.publish(uid)
        self._writer.known = self._held

    async def close(self) -> None:
        """What has this name now is the old index, or one that was not finished."""
        if self._uid is not None:
            # What cannot be removed now is removed by `idle`.
            with suppress(Unavailable, Refused, TaskFailed):
                await self._server.delete(self._uid)


def _lines(records: Iterable[Projection], held: set[str]) -> Iterator[Line]:
    """Documents as they are sent; `held` gets their words that may be bent or misspelt."""
    for record in records:
        made = fields.make_document(record)
        held.update(word for word in made[fields.NEAR] if len(word) >= ONE_EDIT)
        yield Line(" ".join(record.key), _encode(made))


def spelt(held: Collection[str]) -> dict[str, Any]:
    """Words that are held are meant as they are: nothing is looked for that is spelt almost like them, which
    takes Meilisearch longer than everything else.
    """
    return {"typoTolerance": {"disableOnWords": sorted(held)}}


def _joined(lines: Iterable[Line]) -> bytes:
    return b"\n".join(line.json for line in lines)
