"""Search over what is shared: a reader finds what they may see, and nothing else."""

from typing import Any

import httpx
import pytest

from registry.extensions import Extension, load_extensions
from search import restricted
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


async def test_a_reader_finds_what_is_shared_with_them(
    client: httpx.AsyncClient, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, member = await join(scopes=EVERYTHING), await join("member", scopes=EVERYTHING)
    stranger = await join("stranger")
    await gather(client, "labs", lab, member)
    await bring_out(client, lab, lesson(title="Voice clone in public"))
    one = await bring_out(client, lab, lesson(title="Voice clone one", handling=AMBER, tags=["misuse:fraud"]))
    two = await bring_out(client, lab, lesson(title="Voice clone two", handling={"tlp": "GREEN"}))
    await bring_out(client, lab, lesson(title="Voice clone three", handling={"tlp": "RED"}))
    found = await ask(client, member, q="voice clone")
    assert [(hit["record"]["id"], hit["version"], hit["tlp"]) for hit in found["hits"]] == [
        (two, "p1", "GREEN"),
        (one, "p1", "AMBER"),
    ]
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
    await withdraw(client, lab, two)
    assert (await ask(client, member, q="voice"))["total"] == 0
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
