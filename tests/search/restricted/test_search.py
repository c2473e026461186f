"""Search over what is shared: a reader finds what they may see, and nothing else."""

from typing import Any

import httpx
import pytest

from registry.app import Application
from registry.extensions import Extension, load_extensions
from search.restricted import search as restricted
from tests.conftest import Join, Member
from tests.registry.records.acting import bring_out, lesson, withdraw
from tests.registry.sharing.circles import EVERYTHING, end, gather

AMBER = {"tlp": "AMBER", "groups": ["labs"]}


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return load_extensions(["search"])


async def ask(client: httpx.AsyncClient, who: Member, **query: Any) -> dict[str, Any]:
    answer = await client.get("/api/v1/restricted/search", params=query, headers=who.headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"].startswith("private")
    found: dict[str, Any] = answer.json()
    return found


async def caught_up(app: Application) -> None:
    """Let the readers of both indexes catch up."""
    for tail in app.tails:
        if tail.reader.name.startswith("search"):
            await tail.catch_up()


@pytest.mark.parametrize("indexed", [True, False])
async def test_a_reader_finds_what_is_shared_with_them(
    app: Application,
    client: httpx.AsyncClient,
    join: Join,
    monkeypatch: pytest.MonkeyPatch,
    indexed: bool,
) -> None:
    """With an index, and without one: then the newest of what they may see are looked through."""
    lab, member = await join(scopes=EVERYTHING), await join("member", scopes=EVERYTHING)
    stranger = await join("stranger")
    await gather(client, "labs", lab, member)
    await bring_out(client, lab, lesson(title="Voice clone in public"))
    one = await bring_out(client, lab, lesson(title="Voice clone one", handling=AMBER, tags=["misuse:fraud"]))
    two = await bring_out(client, lab, lesson(title="Voice clone two", handling={"tlp": "GREEN"}))
    await bring_out(client, lab, lesson(title="Voice clone three", handling={"tlp": "RED"}))
    if indexed:
        await caught_up(app)
    found = await ask(client, member, q="voice clone")
    assert [(hit["record"]["id"], hit["version"], hit["tlp"]) for hit in found["hits"]] == [
        (two, "p1", "GREEN"),
        (one, "p1", "AMBER"),
    ]
    assert found["hits"][0]["highlights"]["title"][0] == {"text": "Voice", "mark": True}
    counted = await ask(client, member, facets="tag,kind", tag="misuse:fraud")
    assert (counted["total"], counted["facets"]["kind"]) == (
        1,
        [{"value": "lesson", "label": "Lesson", "count": 1}],
    )
    assert [value["value"] for value in counted["facets"]["tag"]] == ["misuse:fraud"]
    assert (found["total"], found["bounded"]) == (2, False)
    assert (await ask(client, stranger, q="voice"))["total"] == 1
    assert (await ask(client, member, tag="misuse:fraud"))["total"] == 1
    assert (await ask(client, member, q="voice", kind="incident"))["total"] == 0
    assert (await ask(client, member, q="voice -two"))["total"] == 1
    page = await ask(client, member, q="voice", limit=1, offset=1)
    assert ([hit["record"]["id"] for hit in page["hits"]], page["total"]) == ([one], 2)
    assert "three" not in str(await ask(client, member))
    await end(client, member, "labs", "member")
    assert (await ask(client, member, q="voice"))["total"] == 1
    # At once, however far the index is behind.
    await withdraw(client, lab, two)
    assert (await ask(client, member, q="voice"))["total"] == 0
    if indexed:
        await caught_up(app)
        assert (await ask(client, lab, q="voice"))["total"] == 2
    monkeypatch.setattr(restricted, "MOST_CANDIDATES", 1)
    assert (await ask(client, lab, q="voice"))["bounded"] is True


async def test_it_is_for_who_may_read_what_is_restricted(client: httpx.AsyncClient, join: Join) -> None:
    writer = await join(scopes="records:write")
    path = "/api/v1/restricted/search"
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers=writer.headers)).status_code == 403
    reader = await join("reader")
    wrong = await client.get(path, params={"severty": "high"}, headers=reader.headers)
    assert wrong.status_code == 400
    earlier = await client.get(path, params={"as_of": "2023"}, headers=reader.headers)
    assert (earlier.status_code, earlier.json()["findings"][0]["pointer"]) == (400, "/as_of")
