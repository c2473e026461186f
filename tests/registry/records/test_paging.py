"""Lists: narrowed, cut into pages, and neither skipping nor repeating while others write."""

import asyncio
import random
from typing import Any

import httpx
import pytest

from registry.actor import ANONYMOUS
from registry.db import Database
from registry.extensions import Node
from registry.http import cursor, read_cursor
from registry.records import list_queries, queries
from tests.conftest import Join
from tests.registry.records.acting import bring_out, incident, lesson, reinstate, revise, titles, withdraw


async def pages(client: httpx.AsyncClient, limit: int, **query: Any) -> list[str]:
    """Titles from every page, in order."""
    found: list[str] = []
    following: str | None = None
    while True:
        parameters = query | {"limit": limit} | ({"cursor": following} if following else {})
        answer = await client.get("/api/v1/records", params=parameters)
        assert answer.status_code == 200, answer.text
        found += [item["title"] for item in answer.json()["items"]]
        following = answer.json()["next"]
        if following is None:
            return found


async def test_pages_join_to_the_whole_list(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    for number in range(7):
        await bring_out(client, lab, lesson(title=f"{number}"))
    expected = [f"{number}" for number in reversed(range(7))]
    for limit in (1, 2, 3, 7, 100):
        assert await pages(client, limit) == expected


async def test_lists_are_narrowed_by_what_records_are(client: httpx.AsyncClient, join: Join) -> None:
    lab, other = await join(), await join("other-lab")
    await bring_out(client, lab, lesson(title="A", tags=["misuse:fraud/voice-clone"]))
    await bring_out(client, other, incident(title="B", tags=["misuse:fraud", "misuse:spam"]))
    await bring_out(client, lab, incident(title="C", tags=["misuse:spam"]))
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["C", "B", "A"]),
        ({"kind": "lesson"}, ["A"]),
        ({"kind": ["lesson", "incident"]}, ["C", "B", "A"]),
        ({"provider": "example-lab"}, ["C", "A"]),
        ({"provider": ["example-lab", "other-lab"], "kind": "incident"}, ["C", "B"]),
        ({"provider": "nobody"}, []),
        ({"tag": "misuse:fraud"}, ["B", "A"]),
        ({"tag": "misuse:fraud/voice-clone"}, ["A"]),
        ({"tag": ["misuse:fraud", "misuse:spam"]}, ["B"]),
        ({"tag": ["misuse:spam", "misuse:fraud"]}, ["B"]),
        ({"tag": ["misuse:spam", "misuse:spam"]}, ["C", "B"]),
        ({"tag": "misuse:nothing"}, []),
        ({"origin": "registry.example/log"}, ["C", "B", "A"]),
        ({"origin": "elsewhere.example/log"}, []),
        ({"since": "2000-01-01"}, ["C", "B", "A"]),
        ({"since": "2100-01-01"}, []),
    ]
    for query, expected in cases:
        assert await titles(client, **query) == expected, query
        assert await pages(client, 1, **query) == expected, query


async def test_since_begins_at_first_publication(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    first = await bring_out(client, lab, lesson(title="First"))
    await asyncio.sleep(0.005)
    second = await bring_out(client, lab, lesson(title="Second"))
    moment = (await client.get(f"/api/v1/records/{second}")).json()["published"]
    assert await titles(client, since=moment) == ["Second"]
    await revise(client, lab, first, title="First, revised")
    assert await titles(client, since=moment) == ["Second"], "a revision is no first publication"
    earlier = moment.replace("Z", "+00:00")
    assert await titles(client, since=earlier) == ["Second"]


@pytest.mark.parametrize(
    "query",
    [
        {"kind": "incidnt"},
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "ten"},
        {"cursor": "x"},
        {"cursor": "MTox!"},
        {"cursor": "x" * 65},
        {"since": "yesterday"},
        {"since": "2026-13-01"},
        {"since": "0001-01-01T00:00:00+14:00"},
        {"since": "9999-12-31T23:59:59-14:00"},
        {"tag": ["misuse:fraud"] * 21},
    ],
)
async def test_what_cannot_be_asked_is_a_clear_400(client: httpx.AsyncClient, query: dict[str, Any]) -> None:
    answer = await client.get("/api/v1/records", params=query)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.parametrize("value", ["\x00", "%00", "a\x00b", "\ud7ff", "é", "' OR 1=1 --", "%", "a" * 1500])
async def test_no_value_of_a_filter_breaks_a_list(client: httpx.AsyncClient, value: str) -> None:
    for name in ("tag", "provider", "origin"):
        answer = await client.get("/api/v1/records", params={name: value})
        assert answer.status_code == (400 if "\x00" in value else 200)
        assert answer.json().get("items", []) == []


async def test_a_byte_that_is_no_text_breaks_no_list(client: httpx.AsyncClient) -> None:
    for raw in ("%ff", "%c3%28", "%ed%a0%80", "%00"):
        answer = await client.get(f"/api/v1/records?tag={raw}")
        assert answer.status_code in (200, 400)


def test_a_cursor_is_read_back_and_nothing_else_is() -> None:
    for number in (0, 1, 9_007_199_254_740_993, 10**18 - 1):
        assert read_cursor(cursor(number)) == number
    assert read_cursor(None) is None
    assert read_cursor("") is None


async def test_an_empty_registry_has_an_empty_list(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/records")
    assert answer.json() == {"items": [], "next": None}
    assert "last-modified" not in answer.headers


async def test_pages_neither_skip_nor_repeat_while_others_write(
    client: httpx.AsyncClient, join: Join, node: Node
) -> None:
    """Whoever was listed from beginning to end is seen once; nobody is seen twice."""
    lab = await join()
    stays: list[str] = []
    changes: list[str] = []
    for number in range(12):
        (changes if number % 3 == 0 else stays).append(
            await bring_out(client, lab, lesson(title=f"{number}"))
        )
    stop = asyncio.Event()
    chance = random.Random(7)

    async def write() -> None:
        number = 100
        while not stop.is_set():
            one = chance.choice(changes)
            match chance.randrange(3):
                case 0:
                    await bring_out(client, lab, lesson(title=f"{number}"))
                case 1:
                    await withdraw(client, lab, one)
                    await reinstate(client, lab, one)
                case 2:
                    await revise(client, lab, one, title=f"changed {number}")
            number += 1

    async def walk() -> list[str]:
        ids: list[str] = []
        following = None
        while True:
            query = {"limit": "2"} | ({"cursor": following} if following else {})
            answer = (await client.get("/api/v1/records", params=query)).json()
            ids += [item["id"] for item in answer["items"]]
            following = answer["next"]
            if following is None:
                return ids

    writing = asyncio.create_task(write())
    try:
        for _ in range(4):
            seen = await walk()
            assert len(seen) == len(set(seen))
            assert set(stays) <= set(seen)
    finally:
        stop.set()
        await writing


async def test_following_changes_neither_skips_nor_repeats_while_others_write(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join()
    done = asyncio.Event()

    async def write(number: int) -> None:
        id = await bring_out(client, lab, lesson(title=f"{number}"))
        await revise(client, lab, id, title="again")

    async def follow() -> list[int]:
        seen: list[int] = []
        after = 0
        while True:
            finished = done.is_set()
            answer = (await client.get("/api/v1/changes", params={"after": after, "limit": 3})).json()
            seen += [item["seq"] for item in answer["items"]]
            after = answer["next_after"]
            assert answer["head"] >= after
            if finished and not answer["items"]:
                return seen
            await asyncio.sleep(0)  # a prepared answer is given without a pause in which others could write

    following = asyncio.create_task(follow())
    await asyncio.gather(*(write(number) for number in range(6)))
    done.set()
    assert await following == list(range(1, 13))


async def test_lists_tell_their_age_by_the_newest_change_of_all(
    client: httpx.AsyncClient, join: Join
) -> None:
    """A list that lost its newest record is not as old as what is left in it."""
    lab = await join()
    await bring_out(client, lab, lesson(title="Old"))
    id = await bring_out(client, lab, lesson(title="New"))
    await withdraw(client, lab, id)
    answer = await client.get("/api/v1/records")
    gone = await client.get(f"/api/v1/records/{id}")
    assert answer.headers["last-modified"] == gone.headers["last-modified"]


# --- what other rooms ask ---


async def test_documents_are_found_by_key_and_only_while_listed(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join()
    one = await bring_out(client, lab, lesson(title="One"))
    two = await bring_out(client, lab, lesson(title="Two"))
    shared = await bring_out(client, lab, lesson(handling={"tlp": "GREEN"}))
    await withdraw(client, lab, two)
    keys = [("registry.example/log", id) for id in (one, two, shared, "CIR-000000000H")]
    async with database.read() as session:
        found = await queries.documents(session, [*keys, ("elsewhere.example/log", one)])
        everything = await list_queries.all_public(session, after=0, limit=10)
        recent = await list_queries.recent(session, limit=10)
    assert [stored is not None for stored in found.values()] == [True, False, False, False, False]
    assert [(stored.id, stored.listed) for _, stored in everything] == [(one, True), (two, False)]
    assert [(stored.id, stored.withdrawn) for stored in recent] == [(two, True), (one, False)]


async def test_the_newest_version_is_the_one_written_last_whatever_the_clock_says(
    client: httpx.AsyncClient, join: Join, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import UTC, datetime

    from registry.records import publishing

    lab = await join()
    id = await bring_out(client, lab, lesson())

    async def set_back(_: object) -> datetime:
        return datetime(2020, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(publishing, "clock_of", set_back)
    await revise(client, lab, id, title="Second")
    async with database.read() as session:
        newest = await queries.newest(session, ANONYMOUS, id)
    assert newest.number == 2
