"""What happens in private is not felt in public: not in an answer, a count, an order, an ETag or a time.

A registry is walked by somebody without credentials, then a great deal is done that is nobody's business, and
the walk is repeated: every answer has to be the same, byte for byte, validators included.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

import frontend
import search
from registry.app import Application
from registry.extensions import Extension, Node
from registry.transparency.rotation import ready_keys
from tests.conftest import Join, Member
from tests.leaks.exits import Answer, route_templates, template_of, walk
from tests.leaks.world import MEASURE, SEEN, UNKNOWN, act, draft, index, join_all, published, revise, starts

# What decides is held equal on both databases by the property tests of `records.visibility`; a walk is long.
pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

# The first says how this process is doing, to its operator alone; the second when it was asked for.
NOT_COMPARED = {"/metrics", "/.well-known/security.txt"}
LEVELS: tuple[dict[str, Any], ...] = (
    {"tlp": "GREEN"},
    {"tlp": "AMBER", "groups": ["labs"]},
    {"tlp": "AMBER+STRICT", "groups": ["labs"]},
    {"tlp": "RED", "people": ["ann@example.org"]},
)


@pytest.fixture
async def node(node: Node) -> Node:
    """One that signs its log."""
    await ready_keys(node.settings, node.database, node.origin)
    return node


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (search.extension, frontend.extension)


async def _public_world(client: httpx.AsyncClient, members: dict[str, Member]) -> list[str]:
    """Records of every attribution, one revised, one withdrawn."""
    loud, quiet = members["loud-lab"], members["quiet-lab"]
    ids = []
    for attribution in ("named", "sector", "anonymous"):
        fields = {"tags": ["misuse:fraud"], **(MEASURE if attribution == "named" else {})}
        id, _ = await published(
            client,
            loud,
            title=f"A {attribution} lesson",
            attribution=attribution,
            aliases=[{"scheme": "case", "id": attribution}],
            **fields,
        )
        ids.append(id)
    id, etag = await published(client, quiet, title="A quiet lesson")
    etag = await revise(client, quiet, id, etag, title="A quieter lesson")
    await act(client, quiet, id, "publish", etag)
    gone, etag = await published(client, quiet, title="A lesson taken back")
    await act(client, quiet, gone, "withdraw", etag, {"code": "error", "text": "It was wrong."})
    return [*ids, id, gone]


async def _private_acts(client: httpx.AsyncClient, members: dict[str, Member], ids: list[str]) -> list[str]:
    """Drafts in every state, every level below CLEAR, a revision begun: everything that stays inside."""
    hidden = []
    quiet, loud = members["quiet-lab"], members["loud-lab"]
    group = await client.post(
        "/api/v1/providers/quiet-lab/sharing-groups",
        json={"slug": "labs", "name": "Labs"},
        headers=quiet.headers,
    )
    assert group.status_code == 201, group.text
    for attribution in ("named", "sector", "anonymous"):
        id, etag = await draft(
            client, quiet, title="Only a draft", attribution=attribution, tags=["misuse:fraud"], **SEEN
        )
        hidden.append(id)
        # What would join it to a public record, were it public as well.
        shared = {"aliases": [{"scheme": "case", "id": attribution}]}
        id, etag = await draft(client, quiet, title="Handed in", attribution=attribution, **shared)
        etag = (await act(client, quiet, id, "submit", etag)).headers["etag"]
        hidden.append(id)
        id, etag = await draft(client, quiet, title="Sent back", attribution=attribution)
        etag = (await act(client, quiet, id, "submit", etag)).headers["etag"]
        await act(
            client, quiet, id, "return", etag, {"comments": [{"pointer": "/title", "text": "Say more."}]}
        )
        hidden.append(id)
        id, etag = await draft(client, quiet, title="Under embargo", attribution=attribution)
        later = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
        etag = (await act(client, quiet, id, "schedule", etag, {"at": later})).headers["etag"]
        hidden.append(id)
        for handling in LEVELS:
            id, etag = await draft(
                client,
                quiet,
                title="For some",
                attribution=attribution,
                handling=handling,
                tags=["misuse:fraud"],
                **SEEN,
            )
            await act(client, quiet, id, "publish", etag)
            hidden.append(id)
    kept = {"name": "What others know", "search": "q=lesson&tag=misuse:fraud"}
    made = await client.post("/api/v1/searches", json=kept, headers=quiet.headers)
    assert made.status_code == 201, made.text
    # A response to a public record, and a relation to it, that only some may see.
    about = {"about": {"id": ids[0]}, "stance": "evaluates", "text": "Not so."}
    answer = {"kind": "response", "title": "Not so", "summary": "It was otherwise.", "content": about}
    made = await client.post(
        "/api/v1/records", json={**answer, "handling": {"tlp": "GREEN"}}, headers=quiet.headers
    )
    assert made.status_code == 201, made.text
    await act(client, quiet, made.json()["id"], "publish", made.headers["etag"])
    hidden.append(made.json()["id"])
    # A revision of a public record that has not come out.
    read = await client.get(f"/api/v1/records/{ids[0]}", headers=loud.headers)
    await revise(client, loud, ids[0], read.headers["etag"], title="A title to come", **MEASURE)
    return hidden


async def test_nothing_private_is_felt_in_public(
    app: Application, client: httpx.AsyncClient, join: Join
) -> None:
    members = await join_all(join, "loud-lab", "quiet-lab")
    ids = await _public_world(client, members)
    await index(app)
    templates = route_templates(app, "GET") - NOT_COMPARED
    begun = starts([*ids, UNKNOWN], ["loud-lab", "quiet-lab", "no-lab"], templates)
    before = await walk(client, begun, templates)

    entries = await client.get("/log/tile/entries/000.p/7")
    assert entries.status_code == 200, "one entry for each public version"
    for word in ("lesson", "quiet", "loud", "lab", "fraud", "wrong", "named", "sector", "provider"):
        assert word not in entries.text.lower(), word

    hidden = await _private_acts(client, members, ids)
    await index(app)

    kept = await walk(client, begun, templates)
    assert _differences(before, kept) == []
    app.front.forget_all()
    after = await walk(client, begun, templates)
    assert _differences(before, after) == []
    await _are_as_if_they_were_not(client, hidden, templates)
    walked = {template_of(address.partition("?")[0], templates) for address in before}
    assert sorted(templates - walked) == []


def _differences(one: dict[str, Answer], other: dict[str, Answer]) -> list[str]:
    return [address for address in {**one, **other} if one.get(address) != other.get(address)]


async def _are_as_if_they_were_not(client: httpx.AsyncClient, ids: list[str], templates: set[str]) -> None:
    """Every address that could hold the ids says what it says of an id that nobody ever had."""
    asked = [address for address in starts([UNKNOWN], [], templates) if UNKNOWN in address]
    assert asked
    for address in asked:
        missing = await client.get(address)
        told = (missing.status_code, missing.text.replace(UNKNOWN, "*"))
        for id in ids:
            there = await client.get(address.replace(UNKNOWN, id))
            assert (there.status_code, there.text.replace(id, "*")) == told, address
