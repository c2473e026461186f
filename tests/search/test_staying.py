"""The search is down, behind, full or damaged: what still answers, what operators see, how it comes back."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from registry.changelog import aside
from registry.changelog.models import ReaderState
from registry.errors import Unavailable
from registry.extensions import Extension, Node, load_extensions
from registry.status import TOLERATED_FAILURE
from search.document import Projector
from search.embedded import EmbeddedEngine, fields
from search.embedded.store import CURRENT
from search.indexer import IndexReader
from search.open import open_engine
from tests.conftest import Join, Publish
from tests.search.documents import asked, fill, named, update
from tests.search.test_indexer import catch_up

pytestmark = pytest.mark.one_database


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return load_extensions(["frontend", "search"])


@pytest.fixture
def engine(node: Node) -> EmbeddedEngine:
    found = open_engine(node.settings)
    assert isinstance(found, EmbeddedEngine)
    return found


async def test_operators_are_told_how_far_the_search_is_behind(
    node: Node, client: httpx.AsyncClient, join: Join, publish: Publish, engine: EmbeddedEngine
) -> None:
    down = (await client.get("/readyz")).json()["search"]
    assert (down["answers"], down["engine"]) == (False, "embedded")
    assert "tantivy" in down["version"]
    assert "being built" in down["reason"]
    member = await join()
    await publish(member)
    reader = IndexReader(node, engine)
    await catch_up(node, reader)
    told = (await client.get("/readyz")).json()["search"]
    assert (told["answers"], told["position"], told["behind"], told["behind_seconds"]) == (True, 1, 0, 0)
    await publish(member, title="Another")
    told = (await client.get("/readyz")).json()["search"]
    assert (told["position"], told["behind"]) == (1, 1)
    assert told["behind_seconds"] >= 0
    await aside.tell(node.database, "search", [], {("registry.example/log", "CIR-1"): "a reason"})
    metrics = (await client.get("/metrics")).text
    assert "candor_search_behind 1.0" in metrics
    assert 'candor_search_engine{engine="embedded",version="tantivy ' in metrics
    assert 'candor_set_aside{reader="search"} 1.0' in metrics


async def test_a_search_that_is_down_for_long_makes_no_process_unready(
    node: Node, client: httpx.AsyncClient
) -> None:
    async with node.database.write() as session:
        since = datetime.now(UTC) - 2 * TOLERATED_FAILURE
        for name in ("search", "search-restricted"):
            session.add(ReaderState(name=name, position=0, error="Unavailable: down", failed_at=since))
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["search"]["answers"] is False


@pytest.fixture
def reader(node: Node, engine: EmbeddedEngine) -> IndexReader:
    return IndexReader(node, engine)


async def set_aside(node: Node) -> dict[str, str]:
    async with node.database.read() as session:
        return {one.id: one.reason for one in await aside.listed(session)}


async def found(client: httpx.AsyncClient, query: str = "") -> list[str]:
    answer = await client.get(f"/api/v1/search?{query}")
    assert answer.status_code == 200, answer.text
    return sorted(hit["record"]["title"] for hit in answer.json()["hits"])


def poisoned(make: Any) -> Any:
    """Fails at whatever is called poison, quoting all of it."""

    def made(*given: Any) -> Any:
        text = str(getattr(given[-1], "texts", given[-1]))
        if "Poison" in text:
            raise ValueError(text)
        return make(*given)

    return made


@pytest.mark.parametrize("where", ["projector", "engine"])
async def test_a_record_that_cannot_be_indexed_is_set_aside_and_tried_again(
    node: Node,
    client: httpx.AsyncClient,
    join: Join,
    publish: Publish,
    reader: IndexReader,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    member = await join()
    with monkeypatch.context() as patch:
        if where == "projector":
            patch.setattr(Projector, "project_bytes", poisoned(Projector.project_bytes))
        else:
            patch.setattr(fields, "make_document", poisoned(fields.make_document))
        await publish(member, title="A lesson")
        bad = await publish(member, title="Poison")
        await publish(member, title="Another lesson")
        await catch_up(node, reader)
        assert await found(client) == ["A lesson", "Another lesson"]
        reasons = await set_aside(node)
        assert list(reasons) == [bad["id"]]
        assert "ValueError in test_staying.py" in reasons[bad["id"]]
        assert "Poison" not in reasons[bad["id"]]
        await reader.rebuild()
        assert await found(client) == ["A lesson", "Another lesson"]
        assert list(await set_aside(node)) == [bad["id"]]
        # A change of another record leaves it where it is.
        await publish(member, title="A third")
        await catch_up(node, reader)
        assert list(await set_aside(node)) == [bad["id"]]
    path = f"/api/v1/records/{bad['id']}"
    withdrawn = await client.post(
        f"{path}/actions/withdraw",
        json={"code": "error", "text": "It was wrong."},
        headers={**member.headers, "If-Match": (await client.get(path)).headers["etag"]},
    )
    assert withdrawn.status_code == 200
    await catch_up(node, reader)
    assert await set_aside(node) == {}


async def test_building_anew_brings_back_what_was_set_aside(
    node: Node,
    client: httpx.AsyncClient,
    join: Join,
    publish: Publish,
    reader: IndexReader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Projector, "project_bytes", poisoned(Projector.project_bytes))
        await publish(await join(), title="Poison")
        await catch_up(node, reader)
        assert len(await set_aside(node)) == 1
    await reader.rebuild()
    assert (await found(client), await set_aside(node)) == (["Poison"], {})


async def test_a_search_that_is_down_is_said_and_everything_else_answers(
    node: Node, client: httpx.AsyncClient, join: Join, publish: Publish, reader: IndexReader
) -> None:
    document = await publish(await join(), title="Still here", tags=["misuse:fraud"])
    for path in (
        "/api/v1/search?q=x",
        "/api/v1/suggest?q=x",
        "/api/v1/search/export?format=ndjson&q=x",
        "/feeds/search.atom?q=x",
        "/feeds/search.json?severity=severity:high",
    ):
        answer = await client.get(path)
        assert answer.status_code == 503, path
        assert answer.headers["content-type"].startswith("application/problem+json"), path
        assert int(answer.headers["retry-after"]) > 0, path
    for path in (
        f"/api/v1/records/{document['id']}",
        f"/records/{document['id']}",
        "/records?tag=misuse:fraud",
        "/feeds/all.json",
        "/feeds/lesson.rss",
        "/feeds/tag/misuse:fraud.json",
        "/feeds/provider/example-lab.atom",
    ):
        answer = await client.get(path)
        assert answer.status_code == 200, path
    assert "Still here" in (await client.get("/records?tag=misuse:fraud")).text
    await catch_up(node, reader)
    assert await found(client, "q=still") == ["Still here"]


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can grow: what a full disk looks like to whoever writes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_stops_no_reads_and_nothing_is_lost(engine: EmbeddedEngine) -> None:
    await fill(engine, named("One"))
    other = EmbeddedEngine(engine.store.folder)
    with full_disk(), pytest.raises((OSError, ValueError)):
        await update(engine, named("One", "Two"), position=2)
    with full_disk(), pytest.raises((OSError, ValueError)):
        await fill(engine, named("One", "Two"), position=2)
    for reading in (engine, other):
        answer = await reading.search(asked())
        assert (answer.total, answer.position) == (1, 1)
    assert not await engine.damaged()
    assert len([path for path in engine.store.folder.iterdir() if path.is_dir()]) == 1
    await update(engine, named("One", "Two"), position=2)
    assert (await other.search(asked())).total == 2


@pytest.mark.parametrize("what", ["meta", "missing"])
async def test_what_is_open_answers_until_a_broken_index_is_built_anew(
    engine: EmbeddedEngine, what: str
) -> None:
    await fill(engine, named("One", "Two"))
    reading = EmbeddedEngine(engine.store.folder)
    for each in (reading, engine):
        assert (await each.search(asked())).total == 2
    folder = engine.store.folder / (engine.store.folder / CURRENT).read_text().strip()
    if what == "meta":
        (folder / "meta.json").write_text("{")
    else:
        next(folder.glob("*.store")).unlink()
        assert not await engine.check()
    for each in (reading, engine, reading):
        assert (await each.search(asked("two"))).total == 1
    assert await engine.damaged()
    with pytest.raises(Unavailable):
        await EmbeddedEngine(engine.store.folder).search(asked())
    await fill(engine, named("One", "Two", "Three"), position=3)
    assert not await engine.damaged()
    for each in (reading, engine):
        assert (await each.search(asked())).total == 3


async def test_wrong_bytes_are_never_answered_from_and_any_process_has_them_mended(
    node: Node, client: httpx.AsyncClient, join: Join, publish: Publish, reader: IndexReader
) -> None:
    await publish(await join(), title="A lesson")
    await catch_up(node, reader)
    assert await found(client) == ["A lesson"]
    store = reader.engine.store  # type: ignore[attr-defined]
    folder = store.folder / store._current()
    segment = next(folder.glob("*.store"))
    bytes_ = bytearray(segment.read_bytes())
    bytes_[4] ^= 0xFF
    with segment.open("r+b") as file:
        file.write(bytes_)
        os.fsync(file.fileno())
    # Another process than the one that indexes comes upon it.
    assert not await EmbeddedEngine(store.folder).check()
    assert (await client.get("/api/v1/search")).status_code == 503
    assert (await client.get("/readyz")).json()["search"]["answers"] is False
    await catch_up(node, reader)
    assert await found(client) == ["A lesson"]
    assert store._current() != folder.name


async def test_files_are_looked_at_from_time_to_time(
    node: Node, join: Join, publish: Publish, reader: IndexReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(await join(), title="A lesson")
    await catch_up(node, reader)
    checks: list[int] = []
    check = reader.engine.check

    async def noted() -> bool:
        checks.append(1)
        return await check()

    monkeypatch.setattr(reader.engine, "check", noted)
    await reader.position()
    assert not checks
    monkeypatch.setattr(reader, "_check_at", 0.0)
    await reader.position()
    await reader.position()
    assert len(checks) == 1
