"""A real server: keys, one writer, rebuilding while others read, documents that it does not take, and being
down.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import meilisearch as official
import pytest

from registry.errors import Misconfigured, Unavailable
from search.document import stale_digest
from search.meili import MeiliEngine, fields
from search.meili.server import Server
from search.meili.wire import Refused
from tests.search.documents import asked, document, fill, ids, named, numbers, place, project, update
from tests.search.meilisearch import Running


@pytest.fixture
async def engine(meili: Running, tmp_path: Path) -> AsyncIterator[MeiliEngine]:
    """An engine whose index nobody else has."""
    made = another(meili, tmp_path, f"test{uuid4().hex[:12]}")
    yield made
    await made.aclose()
    keeper = official.Client(meili.url, meili.key)
    for key in keeper.get_keys({"limit": 1000}).results:
        if made.uid in (key.name or ""):
            keeper.delete_key(key.uid)
    for index in keeper.get_indexes({"limit": 1000})["results"]:
        if index.uid.startswith(made.uid):
            keeper.delete_index(index.uid)


def prefix_of(engine: MeiliEngine) -> str:
    return engine.uid.partition("-")[0]


def another(meili: Running, folder: Path, prefix: str) -> MeiliEngine:
    """An engine as another process would have it."""
    return MeiliEngine(meili.settings(folder, prefix), "records")


async def test_keys_may_do_no_more_than_they_must(
    meili: Running, engine: MeiliEngine, tmp_path: Path
) -> None:
    await fill(engine, named("Fish"))
    keys = engine.keyring.known()
    assert len({meili.key, keys.asking, keys.keeping, keys.looking}) == 4
    asker, keeper = Server(meili.url, keys.asking), Server(meili.url, keys.keeping)
    for forbidden in (
        asker.put(engine.uid, b"{}"),
        asker.delete(engine.uid),
        keeper.create("another"),
        keeper.key(str(uuid4()), ["*"], ["*"], "mine"),
    ):
        with pytest.raises(Refused) as caught:
            await forbidden
        assert caught.value.status == 403
    again = another(meili, tmp_path, prefix_of(engine))
    await again.search(asked("fish"))
    assert again.keyring.known() == keys
    await again.aclose()
    for server in (asker, keeper):
        server.close()


async def test_a_key_that_only_searches_will_do_to_search(
    meili: Running, engine: MeiliEngine, tmp_path: Path
) -> None:
    await fill(engine, named("Fish"))
    asking = engine.keyring.known().asking
    only = replace(meili, key=asking)
    reader = another(only, tmp_path, prefix_of(engine))
    assert (await reader.search(asked("fish"))).total == 1
    assert reader.health() == {"engine": "meilisearch", "answers": True, "position": 1}
    with pytest.raises(Misconfigured, match="CANDOR_SEARCH_KEY"):
        await fill(reader, named("Fish"))
    await reader.aclose()


async def test_a_wrong_key_is_unavailable(meili: Running, engine: MeiliEngine, tmp_path: Path) -> None:
    wrong = another(replace(meili, key="wrong"), tmp_path, prefix_of(engine))
    with pytest.raises(Unavailable):
        await wrong.search(asked())
    assert wrong.health()["answers"] is False
    await wrong.aclose()


async def test_without_an_index_there_is_no_answer(engine: MeiliEngine) -> None:
    for question in (engine.search(asked()), engine.suggest("x", limit=1), engine.place()):
        with pytest.raises(Unavailable) as caught:
            await question
        assert caught.value.retry_after
    assert not await engine.check()
    assert engine.health()["answers"] is False


async def test_health_tells_the_version_and_the_queue(engine: MeiliEngine) -> None:
    await fill(engine, named("Fish"), position=7)
    told = engine.health()
    assert told.pop("version").count(".") == 2
    assert told == {"engine": "meilisearch", "answers": True, "position": 7, "queue": 0}


async def test_readers_never_see_a_part_of_a_batch(
    meili: Running, engine: MeiliEngine, tmp_path: Path
) -> None:
    """Positions equal totals, so a torn state would show; and rebuilding goes on beside."""
    await fill(engine, named("Title"))
    last, done = 8, asyncio.Event()

    async def read(reader: MeiliEngine) -> int:
        seen, asked_ = 0, 0
        while not done.is_set():
            answer = await reader.search(asked("title", facets="kind,origin", kind="incident"))
            assert answer.total == answer.position == len(answer.hits), answer
            assert {value.count for found in answer.facets.values() for value in found} == {answer.total}
            assert answer.position >= seen
            seen, asked_ = answer.position, asked_ + 1
        return asked_

    readers = [another(meili, tmp_path, prefix_of(engine)) for _ in range(2)]
    reading = [asyncio.create_task(read(reader)) for reader in readers]
    for position in range(2, last + 1):
        documents = named(*["Title"] * position)
        if position % 3:
            await update(engine, documents[-1:], position=position)
        else:
            await fill(engine, documents, position=position)
    await update(engine, gone=["CIR-0000000003", "CIR-0000000004"], position=last - 2)
    done.set()
    for task in reading:
        with contextlib.suppress(AssertionError):  # positions go back in the end, which nothing else does
            await task
    answer = await engine.search(asked("title"))
    assert (answer.total, answer.position) == (last - 2, last - 2)
    for reader in readers:
        await reader.aclose()


async def test_writers_take_turns(meili: Running, engine: MeiliEngine, tmp_path: Path) -> None:
    other = another(meili, tmp_path, prefix_of(engine))
    order: list[str] = []

    async def write(writer: MeiliEngine, name: str) -> None:
        async with writer.writing():
            order.append(name)
            await asyncio.sleep(0.05)
            order.append(name)

    await asyncio.gather(write(engine, "a"), write(other, "b"), write(engine, "c"))
    assert all(order[index] == order[index + 1] for index in (0, 2, 4))
    await other.aclose()


async def test_an_abandoned_rebuild_leaves_nothing(
    meili: Running, engine: MeiliEngine, tmp_path: Path
) -> None:
    await fill(engine, named("Kept"))
    with contextlib.suppress(RuntimeError):
        async with engine.rebuild() as rebuild:
            await rebuild.add([project(fields) for fields in named("Lost", "Lost")])
            raise RuntimeError("killed")
    left = official.Client(meili.url, meili.key)
    left.wait_for_task(left.create_index(f"{engine.uid}-cafe", {"primaryKey": "id"}).task_uid, 30_000)
    assert await engine.idle()
    server = await engine.writer.server()
    assert await server.uids() == [engine.uid]
    assert (await engine.search(asked())).total == 1


async def test_other_settings_have_it_built_anew(
    engine: MeiliEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(engine, named("Fish"))
    assert (await engine.place()) == place(1)
    monkeypatch.setattr("search.meili.asking.digest", lambda: "other")
    assert (await engine.place()).digest == stale_digest()
    assert (await engine.search(asked("fish"))).total == 1


async def test_another_layout_is_no_index(engine: MeiliEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(engine, named("Fish"))
    monkeypatch.setattr(fields, "LAYOUT", fields.LAYOUT + 1)
    with pytest.raises(Unavailable):
        await engine.search(asked("fish"))
    assert not await engine.check()


async def test_what_is_not_taken_is_left_out_and_named(
    engine: MeiliEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = fields.make_document

    def poisoned(record: Any) -> dict[str, Any]:
        made = original(record)
        return made | ({"id": "no id at all"} if record.title == "Poison" else {})

    monkeypatch.setattr(fields, "make_document", poisoned)
    await fill(engine, named("One", "Poison", "Two"))
    assert sorted(numbers(await engine.search(asked()))) == [1, 3]
    await update(engine, named("One", "Poison", "Two", "Three"), position=2)
    answer = await engine.search(asked())
    assert (sorted(numbers(answer)), answer.position) == ([1, 3, 4], 2)
    ((_, id), reason), *_ = engine.refused().items()
    assert id == "CIR-0000000002"
    assert "invalid" in reason
    assert "no id at all" not in reason
    assert not engine.refused()


async def test_words_are_found_as_they_are_bent_otherwise(engine: MeiliEngine) -> None:
    async with engine.rebuild({"llm": ("large language model",)}) as rebuild:
        await rebuild.add([project(one) for one in named("Deepfakes", "A deepfake", "Large language model")])
        async with rebuild.finishing():
            await rebuild.publish(place(1))
    assert sorted(numbers(await engine.search(asked("deepfake ")))) == [1, 2]
    assert numbers(await engine.search(asked("deepfake ")))[0] == 2
    assert numbers(await engine.search(asked('"deepfakes"'))) == [1]
    assert numbers(await engine.search(asked("deepfakes "), exact=True)) == [1]
    assert numbers(await engine.search(asked("llm "))) == [3]
    await update(
        engine,
        [document("CIR-0000000009", title="Robocalls"), document("CIR-0000000008", title="Robocall")],
        position=2,
    )
    await engine.idle()
    assert sorted(ids(await engine.search(asked("robocall ")))) == ["CIR-0000000008", "CIR-0000000009"]


class Door:
    """A door before the server, which can be shut."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._to = (parts.hostname, parts.port)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._through, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            writer.close()
        await asyncio.sleep(0.05)

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._to)
        self._open |= {writer, back}

        async def pour(one: asyncio.StreamReader, other: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                while piece := await one.read(65_536):
                    other.write(piece)
                    await other.drain()
            other.close()

        await asyncio.gather(pour(reader, back), pour(there, writer))


async def test_down_is_unavailable_and_back_is_well_again(
    meili: Running, engine: MeiliEngine, tmp_path: Path
) -> None:
    await fill(engine, named("Fish"))
    door = Door(meili.url)
    await door.open()
    behind = another(replace(meili, url=f"http://127.0.0.1:{door.port}"), tmp_path, prefix_of(engine))
    assert (await behind.search(asked("fish"))).total == 1
    await door.shut()
    for question in (behind.search(asked("fish")), behind.check(), update(behind, named("A"), position=2)):
        with pytest.raises(Unavailable) as caught:
            await question
        assert caught.value.retry_after
    await door.open()
    assert (await behind.search(asked("fish"))).total == 1
    await update(behind, named("Fish", "Fish"), position=2)
    answer = await behind.search(asked("fish"))
    assert (answer.total, answer.position) == (2, 2)
    await behind.aclose()
    await door.shut()
