"""The index follows the log: what is published is found, what is withdrawn is gone, and a lost index
comes back.
"""

import asyncio
import json
import shutil
from dataclasses import replace
from typing import Any

import httpx
import pytest

from registry.actor import Actor, Scope
from registry.app import Application
from registry.changelog.tail import Tail, read_changes
from registry.errors import Unavailable
from registry.extensions import Extension, Node
from registry.records import list_queries
from registry.records.erasure import erase
from registry.taxonomies import service as taxonomies
from registry.taxonomies.vocabulary import Taxonomy, Term
from search import extension
from search.document import Projection, Projector, stale_digest
from search.embedded import EmbeddedEngine
from search.engine import Place
from search.finder import SearchFinder
from search.indexer import IndexReader
from search.open import open_engine
from tests.conftest import Join, Member, Publish
from tests.search.documents import asked, ids


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (extension,)


@pytest.fixture
def engine(node: Node) -> EmbeddedEngine:
    found = open_engine(node.settings)
    assert isinstance(found, EmbeddedEngine)
    return found


@pytest.fixture
def reader(node: Node, engine: EmbeddedEngine) -> IndexReader:
    return IndexReader(node, engine)


@pytest.fixture
def finder(node: Node) -> SearchFinder:
    """As another process would have it: with an engine of its own."""
    return SearchFinder(node, open_engine(node.settings))


async def catch_up(node: Node, reader: IndexReader) -> None:
    tail = Tail(node.database, reader)
    await tail.catch_up()
    await tail.give_up()


async def withdraw(client: httpx.AsyncClient, member: Member, document: dict[str, Any]) -> None:
    path = f"/api/v1/records/{document['id']}"
    etag = (await client.get(path)).headers["etag"]
    done = await client.post(
        f"{path}/actions/withdraw",
        json={"code": "error", "text": "It was wrong."},
        headers={**member.headers, "If-Match": etag},
    )
    assert done.status_code == 200, done.text


async def test_published_records_are_found_and_withdrawn_ones_are_gone_at_once(
    node: Node,
    client: httpx.AsyncClient,
    join: Join,
    publish: Publish,
    reader: IndexReader,
    finder: SearchFinder,
) -> None:
    member = await join()
    kept = await publish(member, title="A kept lesson about phishing")
    lost = await publish(member, title="A lost lesson about phishing")
    await catch_up(node, reader)
    answer = await finder.search(asked("phishing", facets="kind"))
    assert {kept["id"], lost["id"]} == set(ids(answer))
    assert json.loads(answer.hits[0].document) in (kept, lost)
    assert answer.position == 2
    await withdraw(client, member, lost)
    # The index has not read of it yet.
    answer = await finder.search(asked("phishing", facets="kind"))
    assert ids(answer) == [kept["id"]]
    assert (answer.total, answer.facets["kind"][0].count, answer.position) == (1, 1, 2)
    await catch_up(node, reader)
    answer = await finder.search(asked("phishing"))
    assert (ids(answer), answer.total, answer.position) == ([kept["id"]], 1, 3)


async def test_private_changes_move_nothing(
    node: Node, join: Join, publish: Publish, reader: IndexReader, engine: EmbeddedEngine
) -> None:
    member = await join()
    await publish(member)
    await catch_up(node, reader)
    before = await engine.place()
    await join("another-lab")
    await catch_up(node, reader)
    assert await engine.place() == before
    assert await reader.position() > before.seq


async def test_reading_twice_changes_nothing(
    node: Node, join: Join, publish: Publish, reader: IndexReader, finder: SearchFinder
) -> None:
    member = await join()
    for number in range(3):
        await publish(member, title=f"Lesson {number}")
    await catch_up(node, reader)
    for _ in range(2):
        again = IndexReader(node, open_engine(node.settings))
        await again.rebuild()
        await catch_up(node, again)
        assert (await finder.search(asked("lesson"))).total == 3


async def test_a_missing_index_is_unavailable_and_then_built(
    node: Node, join: Join, publish: Publish, reader: IndexReader, finder: SearchFinder
) -> None:
    with pytest.raises(Unavailable):
        await finder.search(asked())
    await publish(await join(), title="A lesson")
    await catch_up(node, reader)
    assert (await finder.search(asked())).total == 1
    await reader.release()
    shutil.rmtree(node.settings.index_folder)
    with pytest.raises(Unavailable):
        await finder.search(asked())
    await catch_up(node, IndexReader(node, open_engine(node.settings)))
    assert (await finder.search(asked())).total == 1


async def test_an_index_of_another_database_is_built_anew(
    node: Node,
    join: Join,
    publish: Publish,
    reader: IndexReader,
    engine: EmbeddedEngine,
    finder: SearchFinder,
) -> None:
    await publish(await join(), title="A lesson")
    await catch_up(node, reader)
    async with engine.writing():
        place = await engine.place()
        await engine.update([], [], Place(10_000, 10_000, place.digest))
    await reader.release()
    await catch_up(node, IndexReader(node, open_engine(node.settings)))
    assert (await finder.search(asked())).position == 1


async def test_what_changes_while_an_index_is_built_is_in_it(
    node: Node,
    join: Join,
    publish: Publish,
    client: httpx.AsyncClient,
    reader: IndexReader,
    finder: SearchFinder,
) -> None:
    member = await join()
    documents = [await publish(member, title=f"Lesson {number}") for number in range(3)]
    await catch_up(node, reader)
    other = IndexReader(node, open_engine(node.settings))
    built: list[int] = []

    async def meanwhile() -> None:
        await publish(member, title="Late lesson")
        await withdraw(client, member, documents[0])

    original = list_queries.all_public

    async def reading(*args: Any, **more: Any) -> Any:
        rows = await original(*args, **more)
        if rows and not built:
            built.append(len(rows))
            await meanwhile()
            await catch_up(node, reader)  # into the old index
        return rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(list_queries, "all_public", reading)
        await other.rebuild()
    answer = await finder.search(asked("lesson"))
    titles = {json.loads(hit.document)["title"] for hit in answer.hits}
    assert titles == {"Lesson 1", "Lesson 2", "Late lesson"}
    assert answer.position == 5


async def test_a_new_vocabulary_is_taken_in_beside_the_serving_index(
    node: Node, join: Join, publish: Publish, reader: IndexReader, finder: SearchFinder
) -> None:
    member = await join()
    await publish(member, title="Tagged", tags=["misuse:fraud"])
    await catch_up(node, reader)
    assert (await finder.search(asked(tag="wide:everything"))).total == 0
    own = (await node.vocabulary.current()).taxonomy("misuse")
    assert own is not None
    terms = (*own.terms, Term("unheard-of", "Unheard of", alt_labels=("never seen",)))
    newer = Taxonomy("misuse", "2000", own.name, own.publisher, own.licence, terms=terms)
    async with node.database.write() as session:
        await taxonomies.store(session, newer, actor=Actor(name="test"), origin=node.origin)
    await node.vocabulary.current(fresh=True)
    before = await reader.engine.place()
    await reader.position()
    for _ in range(200):
        if (await reader.engine.place()).digest != before.digest:
            break
        assert (await finder.search(asked("tagged"))).total == 1
        await asyncio.sleep(0.02)
    assert (await reader.engine.place()).digest != before.digest
    assert (await finder.search(asked("tagged"))).total == 1
    await reader.release()


async def test_one_document_that_cannot_be_projected_stops_no_other(
    node: Node,
    join: Join,
    publish: Publish,
    reader: IndexReader,
    finder: SearchFinder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = await join()
    await publish(member, title="Poison")
    await publish(member, title="Bread")
    original = Projector.project_bytes

    def poisoned(self: Projector, document: bytes) -> Projection:
        if b"Poison" in document:
            raise RuntimeError("indigestible")
        return original(self, document)

    monkeypatch.setattr(Projector, "project_bytes", poisoned)
    await catch_up(node, reader)
    assert [json.loads(hit.document)["title"] for hit in (await finder.search(asked())).hits] == ["Bread"]


async def test_the_finder_answers_exactly(
    node: Node, join: Join, publish: Publish, reader: IndexReader, finder: SearchFinder
) -> None:
    member = await join()
    one = await publish(member, title="Prompt injection", tags=["misuse:fraud"])
    await publish(member, title="Prompt injections of old")
    await catch_up(node, reader)
    found = await finder.find({"q": ["injection"], "limit": ["1"]}, limit=10)
    assert found.ids == ((one["origin"], one["id"]),)
    assert (found.total, found.position) == (1, 2)
    assert (await finder.find({"q": ["injektion"]}, limit=10)).total == 0
    assert (await finder.matcher({"q": ["injection"], "tag": ["misuse:fraud"]}))(one)
    assert not (await finder.matcher({"q": ["inj"]}))(one)
    assert (await finder.similar(one, limit=3)).total >= 0


async def test_the_application_finds_what_it_publishes(
    app: Application, client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    member = await join()
    document = await publish(member, title="Voice clone fraud")
    assert (await client.get("/api/v1/search?q=voice")).status_code == 503
    tail = next(tail for tail in app.tails if tail.reader.name == "search")
    await tail.catch_up()
    answer = await client.get("/api/v1/search?q=voice&facets=kind,provider")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert [hit["record"] for hit in found["hits"]] == [document]
    assert found["facets"]["provider"] == [{"value": "example-lab", "label": "Example-Lab", "count": 1}]
    await tail.give_up()


async def test_an_erasure_has_the_index_written_anew(
    node: Node, join: Join, publish: Publish, reader: IndexReader
) -> None:
    """Deleted documents lie in the files of an index until those are merged: so all of them are made anew."""
    document = await publish(await join(), title="To be erased")
    await catch_up(node, reader)
    before = serving(node)
    async with node.database.read() as session:
        last = (await read_changes(session, after=0, limit=100))[-1]
    erased = replace(last, seq=last.seq + 1, action="erased")
    await reader.consume([erased], upto=erased.seq)
    assert serving(node) == before
    reader._passed = 0
    await reader.position()
    for _ in range(200):
        if serving(node) != before:
            break
        await asyncio.sleep(0.02)
    assert serving(node) != before
    assert document["id"] in ids(await SearchFinder(node, reader.engine).search(asked()))
    await reader.release()


async def test_what_is_erased_while_an_index_is_built_has_it_built_once_more(
    node: Node, join: Join, publish: Publish, reader: IndexReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It went in before it was erased: taken out again, it would lie in the files of the new index."""
    document = await publish(await join(), title="To be erased")
    steward = Actor(name="steward", scopes=frozenset({Scope.REGISTRY_STEWARD}))
    filled = reader._fill

    async def fill(*given: Any) -> int:
        count = await filled(*given)
        async with node.database.write() as session:
            await erase(session, steward, document["id"], "safety", "It named a victim.")
        return count

    monkeypatch.setattr(reader, "_fill", fill)
    await reader.rebuild()
    assert (await reader.engine.place()).digest == stale_digest()
    await reader.release()


def serving(node: Node) -> str:
    return (node.settings.index_folder / "current").read_text()


async def test_health_tells_whether_there_are_answers(node: Node, reader: IndexReader) -> None:
    assert extension.health is not None
    health = extension.health(node)
    assert health()["answers"] is False
    await catch_up(node, reader)
    told = health()
    assert (told["engine"], told["answers"], told["position"]) == ("embedded", True, 0)
