"""What leaves what is shared leaves the files of its index."""

from pathlib import Path

import httpx
import pytest

from registry.app import Application
from registry.changelog import aside
from registry.extensions import Extension, Node
from search import extension
from search.document import Projection, Projector
from search.embedded import store
from tests.conftest import Join
from tests.leaks.files import held
from tests.registry.records.acting import act, bring_out, lesson, revise, withdraw
from tests.registry.sharing.circles import EVERYTHING

pytestmark = pytest.mark.one_database
# Words that stand in nothing by chance.
STAYS, TAKEN_BACK, DESTROYED, MADE_PUBLIC = (
    "qzkvtrwnpbhs",
    "wxzgvkqjrtpm",
    "hjqxvzkwbdfg",
    "pvkzqwxrjhtn",
)


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (extension,)


def files(node: Node) -> list[Path]:
    folder = node.settings.index_folder.with_name("index-restricted")
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_what_is_taken_back_or_erased_leaves_the_files(
    client: httpx.AsyncClient, app: Application, node: Node, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "KEEP_SECONDS", 0)
    monkeypatch.setattr("search.indexer.IDLE_SECONDS", 0)
    [tail] = [tail for tail in app.tails if tail.reader.name == "search-restricted"]
    lab = await join("lab", scopes=EVERYTHING)
    steward = await join("house", scopes="registry:steward records:read")
    await bring_out(client, lab, lesson(title="In public"))
    await tail.catch_up()
    assert files(node) == []
    words = (STAYS, TAKEN_BACK, DESTROYED, MADE_PUBLIC)
    ids = {
        word: await bring_out(client, lab, lesson(title=f"A {word}", handling={"tlp": "GREEN"}))
        for word in words
    }
    await tail.catch_up()
    assert set(held(files(node), words)) == set(words)

    await withdraw(client, lab, ids[TAKEN_BACK])
    etag = (await client.get(f"/api/v1/records/{ids[DESTROYED]}", headers=lab.headers)).headers["etag"]
    reason = {"code": "safety", "reason": "It named a victim."}
    erased = await act(client, steward, ids[DESTROYED], "erase", etag, reason)
    assert erased.status_code == 200, erased.text
    opened = await revise(client, lab, ids[MADE_PUBLIC], handling={"tlp": "CLEAR"})
    assert opened.status_code == 200, opened.text
    await tail.catch_up()
    for _ in range(3):
        await tail.step()
    assert set(held(files(node), words)) == {STAYS}
    await tail.give_up()


async def test_what_cannot_be_indexed_is_set_aside_until_it_can(
    client: httpx.AsyncClient, app: Application, node: Node, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    [tail] = [tail for tail in app.tails if tail.reader.name == "search-restricted"]
    lab = await join("lab", scopes=EVERYTHING)

    def refuse(*_: object) -> Projection:
        raise ValueError(STAYS)

    with monkeypatch.context() as patch:
        patch.setattr(Projector, "project_bytes", refuse)
        id = await bring_out(client, lab, lesson(title=f"A {STAYS}", handling={"tlp": "GREEN"}))
        await tail.catch_up()
    async with node.database.read() as session:
        (one,) = await aside.listed(session)
    assert (one.reader, one.id) == (tail.reader.name, id)
    assert one.reason.startswith("ValueError in test_reader.py")
    assert held(files(node), (STAYS,)) == {}
    await revise(client, lab, id, summary="Another.")
    await tail.catch_up()
    async with node.database.read() as session:
        assert await aside.listed(session) == []
    assert set(held(files(node), (STAYS,))) == {STAYS}
