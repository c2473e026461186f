"""Feeds of searches: exact, newest first, and never older than the index."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from registry.extensions import Extension, Node
from registry.feeds import queries
from registry.finder import Found, Matcher, Parameters, Reason
from registry.records import list_queries
from tests.conftest import BASE_URL, Join, Publish
from tests.registry.feeds.rules import ATOM, strict
from tests.registry.feeds.steps import TYPES, check, read, revise, titles, withdraw


class Words:
    """Search without an index: proposes every listed record, matches by the words of the title."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.behind = 0

    async def find(self, parameters: Parameters, *, limit: int, offset: int = 0) -> Found:
        assert parameters.get("sort") in (None, ["updated"])  # screening asks for whatever is alike
        async with self.node.database.read() as session:
            rows = [
                row for _, row in await list_queries.all_public(session, after=0, limit=10_000) if row.listed
            ]
            changed = await list_queries.changes(session, after=0, limit=10_000)
            head = max((change.seq for change in changed), default=0)
        ids = [
            (row.origin, row.id) for row in sorted(rows, key=lambda row: row.public_seq or 0, reverse=True)
        ]
        return Found(ids[offset : offset + limit], len(ids), head - self.behind)

    def reasons(self, document: Any, other: Any) -> list[Reason]:
        raise NotImplementedError

    async def similar(self, document: Any, *, limit: int) -> Found:
        return Found([], 0, 0)

    async def matcher(self, parameters: Parameters) -> Matcher:
        wanted = set(" ".join(parameters.get("q", ())).lower().split())
        kinds = parameters.get("kind", ())

        def matches(document: Mapping[str, Any]) -> bool:
            named = wanted <= set(document["title"].lower().split())
            return named and (not kinds or document["kind"] in kinds)

        return matches


class TestSearch:
    """The feed of a search holds what matches exactly, whatever the index proposes."""

    @pytest.fixture
    def finders(self) -> list[Words]:
        return []

    @pytest.fixture
    def extensions(self, finders: list[Words]) -> tuple[Extension, ...]:
        def finder(node: Node) -> Words:
            finders.append(Words(node))
            return finders[-1]

        return (Extension("words", finder=finder),)

    async def test_exact_matches_newest_first(
        self, client: httpx.AsyncClient, join: Join, publish: Publish, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(queries, "_PROPOSALS", 2)  # so that several pages are turned
        lab = await join()
        first = await publish(lab, title="Voice clone one")
        for number in range(3):
            await publish(lab, title=f"Voices clones {number}")
        await publish(lab, title="Clone voice two")
        assert titles(await read(client, "search", q="voice clone")) == ["Clone voice two", "Voice clone one"]
        assert titles(await read(client, "search", q="voice clone", limit=1)) == ["Clone voice two"]
        await revise(client, lab, first["id"], title="Voice clone one corrected")
        assert titles(await read(client, "search", q="voice  clone"))[0] == "Voice clone one corrected"
        await withdraw(client, lab, first["id"])
        assert titles(await read(client, "search", q="voice clone")) == [
            "Withdrawn: Voice clone one corrected",
            "Clone voice two",
        ]
        assert await read(client, "search", q="voice clone", kind="incident") == []

    async def test_one_question_has_one_feed(
        self, client: httpx.AsyncClient, join: Join, publish: Publish
    ) -> None:
        await publish(await join(), title="Voice clone & co")
        asked = (
            "q=%20voice+clone&kind=lesson&sort=oldest&offset=3",
            "kind=lesson&kind=lesson&q=voice%20clone&tag=",
        )
        answers = [await client.get(f"/feeds/search.{suffix}?{query}") for query in asked for suffix in TYPES]
        for answer, suffix in zip(answers, [*TYPES, *TYPES], strict=True):
            check(answer, suffix, f"{BASE_URL}/feeds/search.{suffix}?kind=lesson&q=voice%20clone")
        feed = answers[2].json()
        assert feed["title"] == "Candor: search for “voice clone”, kind lesson"
        atom = [strict(answer.content).findtext(f"{ATOM}id") for answer in (answers[1], answers[4])]
        assert atom[0] == atom[1]

    async def test_an_index_that_is_behind_is_asked_again(
        self, client: httpx.AsyncClient, join: Join, publish: Publish, finders: list[Words]
    ) -> None:
        lab = await join()
        await publish(lab, title="Voice clone")
        address = "/feeds/search.rss?q=voice"
        (finder,) = finders
        finder.behind = 1
        found = finder.find
        calls = []

        async def counted(parameters: Parameters, *, limit: int, offset: int = 0) -> Found:
            calls.append(offset)
            return await found(parameters, limit=limit, offset=offset)

        finder.find = counted  # type: ignore[method-assign]
        for _ in range(2):
            assert (await client.get(address)).status_code == 200
        assert len(calls) == 2  # not kept: the index has yet to learn of the newest publication
        finder.behind = 0
        for _ in range(3):
            assert (await client.get(address)).status_code == 200
        assert len(calls) == 3
