"""What is not for everybody: shared versions, parts that are set aside, and providers who are not named."""

from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select

from registry.actor import Scope
from registry.canonical import commitment
from registry.db import Base, Database
from registry.records.models import Audience, Record, RestrictedPart, Version
from tests.conftest import Join, Member
from tests.registry.records.acting import (
    STAMPED,
    act,
    bring_out,
    draft,
    incident,
    lesson,
    put,
    revise,
    submit,
    titles,
    withdraw,
)

CLOSED = {"Accept-Encoding": "identity"}
CIRCLES = ["labs", "newsrooms"]
AMBER = {"tlp": "AMBER", "groups": ["labs"]}


async def status(client: httpx.AsyncClient, who: Member | None, path: str) -> int:
    answer = await client.get(f"/api/v1/records/{path}", headers=who.headers if who else {})
    return answer.status_code


async def body(client: httpx.AsyncClient, who: Member | None, path: str) -> dict[str, Any]:
    headers = CLOSED | (who.headers if who else {})
    answer = await client.get(f"/api/v1/records/{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


# --- shared below TLP:CLEAR ---


async def test_what_is_shared_is_numbered_apart_and_leaves_no_trace_in_public(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab, member, stranger = (
        await join(groups=CIRCLES),
        await join("member-lab", groups=["labs"]),
        await join("stranger"),
    )
    public = ("/api/v1/records", "/api/v1/changes", "/api/v1/stats", "/feeds/all.atom", "/readyz")
    before = [(await client.get(path)).text for path in public]
    made = await submit(client, lab, lesson(title="Shared", handling=AMBER, tags=["misuse:fraud"]))
    id = made.json()["id"]
    done = await act(client, lab, id, "publish", made.headers["etag"])
    assert done.json()["version"] == "p1"
    assert [(await client.get(path)).text for path in public] == before
    assert (await client.get("/api/v1/records", headers=member.headers)).json()["items"] == []

    for path in (id, f"{id}/versions", f"{id}/versions/p1", f"{id}/responses"):
        assert await status(client, lab, path) == 200
        assert await status(client, member, path) == 200
        assert await status(client, stranger, path) == 404
        assert await status(client, None, path) == 404
    for who in (lab, member, None):
        assert await status(client, who, f"{id}/versions/1") == 404
    answer = await client.get(f"/api/v1/records/{id}", headers=member.headers)
    assert answer.headers["cache-control"].startswith("private")
    assert answer.json()["version"] == 1
    assert "handling" not in answer.json()


async def test_a_token_without_the_scope_to_read_sees_what_everybody_sees(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab, member = (
        await join(groups=CIRCLES),
        await join("member-lab", groups=["labs"], scopes=Scope.RECORDS_WRITE),
    )
    id = await bring_out(client, lab, lesson(handling=AMBER))
    assert await status(client, member, id) == 404


async def test_a_second_shared_version_keeps_its_audience(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab, member = await join(groups=CIRCLES), await join("member-lab", groups=["labs"])
    id = await bring_out(client, lab, lesson(handling={**AMBER, "people": ["ann@example.org"]}))
    handling = await client.get(f"/api/v1/records/{id}/handling", headers=lab.headers)
    assert handling.json()["handling"] == {**AMBER, "people": ["ann@example.org"]}
    assert (await revise(client, lab, id, title="Again")).json()["version"] == "p2"
    assert (await body(client, member, id))["title"] == "Again"
    assert (await body(client, member, f"{id}/versions/p1"))["title"] == "A lesson"
    async with database.read() as session:
        rows = await session.execute(select(Audience.audience, Audience.name).order_by(Audience.audience))
        assert [tuple(row) for row in rows] == [("group", "labs"), ("person", "ann@example.org")]


async def test_another_audience_takes_the_place_of_the_one_before(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab, member = await join(groups=CIRCLES), await join("member-lab", groups=["labs"])
    id = await bring_out(client, lab, lesson(handling=AMBER))
    done = await revise(client, lab, id, handling={"tlp": "AMBER", "groups": ["newsrooms"]})
    assert done.json()["version"] == "p2"
    assert await status(client, member, id) == 404


async def test_going_clear_makes_version_1_and_members_keep_theirs(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab, member, stranger = (
        await join(groups=CIRCLES),
        await join("member-lab", groups=["labs"]),
        await join("stranger"),
    )
    id = await bring_out(client, lab, lesson(title="Shared", handling=AMBER))
    await revise(client, lab, id, title="Shared again")
    read = await draft(client, lab, id)
    submission = {key: value for key, value in read.json().items() if key not in STAMPED}
    submission |= {"title": "Public", "handling": {"tlp": "CLEAR"}}
    begun = await put(client, lab, id, submission, read.headers["etag"])
    done = await act(client, lab, id, "publish", begun.headers["etag"])
    assert done.status_code == 200, "a first public version need not say what changed"
    assert done.json()["version"] == "1"

    public = await body(client, None, id)
    assert (public["title"], public["version"]) == ("Public", 1)
    assert public["published"] == public["modified"] == public["updated"]
    assert "revision" not in public
    history = await body(client, None, f"{id}/versions")
    assert [one["version"] for one in history["items"]] == ["1"]
    for who in (None, stranger):
        assert await status(client, who, f"{id}/versions/p1") == 404
    for who in (lab, member):
        assert (await body(client, who, f"{id}/versions/p2"))["title"] == "Shared again"
        seen = await body(client, who, f"{id}/versions")
        assert [one["version"] for one in seen["items"]] == ["1", "p2", "p1"]
        assert [one.get("seq") for one in seen["items"]] == [1, None, None]
        assert (await body(client, who, id))["title"] == "Public"
    assert (await client.get("/api/v1/changes")).json()["head"] == 1


async def test_clear_is_never_taken_back(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join(groups=CIRCLES)
    id = await bring_out(client, lab, lesson())
    etag = (await draft(client, lab, id)).headers["etag"]
    begun = await put(
        client, lab, id, lesson(handling={"tlp": "GREEN"}, revision={"type": "correction"}), etag
    )
    answer = await act(client, lab, id, "publish", begun.headers["etag"])
    assert answer.status_code == 409
    assert "never taken back" in answer.json()["detail"]


async def test_what_is_shared_is_withdrawn_among_those_who_share_it(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab, member = await join(groups=CIRCLES), await join("member-lab", groups=["labs"])
    id = await bring_out(client, lab, lesson(handling=AMBER))
    assert (await withdraw(client, lab, id)).json()["version"] == "p2"
    assert (await body(client, member, id))["withdrawal"] == {"code": "error"}
    assert (await client.get("/api/v1/changes")).json()["items"] == []


async def test_green_is_for_approved_providers(client: httpx.AsyncClient, join: Join) -> None:
    lab, approved = await join(groups=CIRCLES), await join("approved")
    newcomer = await join("newcomer", approve=False)
    id = await bring_out(client, lab, lesson(handling={"tlp": "GREEN"}))
    assert await status(client, approved, id) == 200
    assert await status(client, newcomer, id) == 404
    assert await status(client, None, id) == 404


# --- parts that are set aside ---


async def test_filings_contacts_and_when_they_knew_are_nowhere_in_public(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join(groups=CIRCLES)
    sent = incident(content={"times": {"started": "2026-01", "aware": "2026-01-20"}})
    id = await bring_out(client, lab, sent)
    document = await body(client, None, id)
    assert not {"filings", "contacts"} & document["content"].keys()
    assert document["content"]["times"] == {"started": "2026-01"}
    for secret in ("market surveillance", "press@lab.example", "2026-01-20"):
        for address in (f"records/{id}", f"records/{id}/versions/1", "records", "changes"):
            assert secret not in (await client.get(f"/api/v1/{address}", headers=CLOSED)).text
    async with database.read() as session:
        (part,) = (await session.scalars(select(RestrictedPart))).all()
    assert (part.part, part.number, part.handling) == ("set-aside", 1, {"tlp": "RED"})
    assert part.commit == commitment(part.salt, part.content)
    content = msgspec.json.decode(part.content)["content"]
    assert content["times"] == {"aware": "2026-01-20"}
    assert content["filings"][0]["regime"] == "eu-73"
    handling = await client.get(f"/api/v1/records/{id}/handling", headers=lab.headers)
    assert handling.json()["restricted"] == [
        {"id": "set-aside", "tlp": "RED", "content": {"content": content}}
    ]


@pytest.mark.parametrize(
    "content",
    [{"filings": [{"regime": "eu-73"}]}, {"times": {"aware": "2026-01-20"}}],
    ids=["filings", "aware"],
)
async def test_what_is_set_aside_whole_leaves_nothing_to_publish(
    client: httpx.AsyncClient, join: Join, content: dict[str, Any]
) -> None:
    """Its document would have no content, and neither validate nor come back as a revision."""
    answer = await submit(
        client, await join(groups=CIRCLES), {"kind": "incident", "title": "T", "content": content}
    )
    assert answer.status_code == 422
    errors = [one for one in answer.json()["findings"] if one["severity"] == "error"]
    assert [(one["code"], one["pointer"]) for one in errors] == [("all-set-aside", "/content")]


async def test_a_part_has_versions_of_its_own_and_only_for_what_changed(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join(groups=CIRCLES)
    part = {"id": "method", "tlp": "AMBER", "groups": ["labs"], "content": {"summary": "More."}}
    id = await bring_out(client, lab, incident(restricted=[part]))
    await revise(client, lab, id, title="Clearer")
    await revise(client, lab, id, restricted=[{**part, "content": {"summary": "Still more."}}])
    async with database.read() as session:
        rows = await session.execute(
            select(RestrictedPart.part, RestrictedPart.number).order_by(
                RestrictedPart.part, RestrictedPart.number
            )
        )
        assert [tuple(row) for row in rows] == [("method", 1), ("method", 2), ("set-aside", 1)]
    handling = await client.get(f"/api/v1/records/{id}/handling", headers=lab.headers)
    parts = {one["id"]: one["content"] for one in handling.json()["restricted"]}
    assert parts["method"] == {"summary": "Still more."}
    assert parts["set-aside"]["content"]["filings"]


async def test_the_public_document_does_not_change_with_its_parts(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join(groups=CIRCLES)
    plain, with_parts = lesson(), lesson(restricted=[{"id": "m", "tlp": "RED", "content": {"summary": "!"}}])
    one = await body(client, None, await bring_out(client, lab, plain))
    two = await body(client, None, await bring_out(client, lab, with_parts))
    stamped = {"id", "published", "modified", "updated"}
    assert {key: value for key, value in one.items() if key not in stamped} == {
        key: value for key, value in two.items() if key not in stamped
    }


# --- providers who are not named ---


async def everything(client: httpx.AsyncClient, id: str) -> str:
    """All that the public can read of a record, with the headers it comes with."""
    addresses = (
        f"/api/v1/records/{id}",
        f"/api/v1/records/{id}/versions",
        f"/api/v1/records/{id}/versions/1",
        f"/api/v1/records/{id}/responses",
        "/api/v1/records",
        "/api/v1/changes",
        "/api/v1/stats",
        "/feeds/all.atom?imported=true",
        "/feeds/all.json",
        f"/feeds/record/{id}.rss",
        "/feeds/lesson.json",
        "/api/v1/records?tag=misuse:fraud",
    )
    answers = [await client.get(address, headers=CLOSED) for address in addresses]
    assert all(answer.status_code == 200 for answer in answers)
    return "\n".join(f"{answer.headers}\n{answer.text}" for answer in answers)


@pytest.mark.parametrize("attribution", ["sector", "anonymous"])
async def test_who_is_not_named_shows_nowhere(
    client: httpx.AsyncClient, join: Join, database: Database, attribution: str
) -> None:
    hidden = await join("quiet-lab", name="Quiet Laboratory", domain="quietlab.example", sector="sector:K")
    loud = await join("loud-lab")
    id = await bring_out(client, hidden, lesson(attribution=attribution, tags=["misuse:fraud"]))
    document = await body(client, None, id)
    assert "provider" not in document
    assert document.get("provider_sector") == ("sector:K" if attribution == "sector" else None)
    seen = (await everything(client, id)).lower()
    for name in ("quiet-lab", "quiet laboratory", "quietlab", hidden.client_id):
        assert name not in seen
    assert await titles(client, provider="quiet-lab") == []
    feed = await client.get("/feeds/provider/quiet-lab.json")
    assert feed.json()["items"] == []

    # Nor is it told by what another provider's token is shown, or by being refused.
    assert (await client.get(f"/api/v1/records/{id}", headers=loud.headers)).json() == document
    refused = await act(client, loud, id, "withdraw", '"x"', {"code": "error"})
    assert refused.status_code == 404
    await withdraw(client, hidden, id)
    assert "quiet" not in (await everything_withdrawn(client, id)).lower()
    async with database.read() as session:
        assert [row.shown_provider for row in await session.scalars(select(Record))] == [None]


async def everything_withdrawn(client: httpx.AsyncClient, id: str) -> str:
    addresses = (f"/api/v1/records/{id}", f"/api/v1/records/{id}/versions", "/api/v1/changes")
    answers = [await client.get(address, headers=CLOSED) for address in addresses]
    return "".join(answer.text for answer in answers)


async def test_a_draft_of_an_unnamed_record_does_not_hold_the_name_either(
    client: httpx.AsyncClient, join: Join
) -> None:
    """The draft bytes are what is signed, and what is published but for its times."""
    lab = await join("quiet-lab")
    made = await submit(client, lab, lesson(attribution="anonymous"))
    assert "quiet" not in (await draft(client, lab, made.json()["id"])).text


async def test_whom_a_stranger_cannot_name_the_database_can(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join("quiet-lab")
    id = await bring_out(client, lab, lesson(attribution="anonymous"))
    async with database.read() as session:
        record = (await session.scalars(select(Record))).one()
    assert (record.id, record.provider_pk > 0) == (id, True)
    assert (await revise(client, lab, id, title="Mine")).status_code == 200, "and its owner still owns it"


async def test_naming_oneself_later_changes_the_new_version_alone(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join("quiet-lab")
    id = await bring_out(client, lab, lesson(attribution="anonymous"))
    await revise(client, lab, id, attribution="named")
    assert (await body(client, None, id))["provider"]["slug"] == "quiet-lab"
    assert "provider" not in await body(client, None, f"{id}/versions/1")
    assert await titles(client, provider="quiet-lab") == ["A lesson"]
    await revise(client, lab, id, attribution="anonymous")
    assert await titles(client, provider="quiet-lab") == []


async def test_no_column_that_is_listed_from_names_a_hidden_provider(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    """Scopes of the changelog key caches and may be told to readers of the log: they hold no name either."""
    lab = await join("quiet-lab")
    await bring_out(client, lab, lesson(attribution="anonymous", tags=["misuse:fraud"]))
    change = Base.metadata.tables["changelog"]
    async with database.read() as session:
        rows = (
            (await session.execute(select(change).where(change.c.public_seq.is_not(None)))).mappings().all()
        )
    assert len(rows) == 1
    assert "quiet" not in str(rows[0]["scopes"]) + str(rows[0]["detail"])


async def test_every_version_shares_its_record_with_its_own_sequence(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    """Public numbers count public versions and nothing else, whatever is shared between them."""
    lab = await join(groups=CIRCLES)
    await bring_out(client, lab, lesson())
    await bring_out(client, lab, lesson(handling=AMBER))
    await submit(client, lab, lesson())
    await bring_out(client, lab, lesson())
    async with database.read() as session:
        rows = await session.execute(select(Version.shared, Version.public_seq).order_by(Version.pk))
        assert [tuple(row) for row in rows] == [(False, 1), (True, None), (False, 2)]
