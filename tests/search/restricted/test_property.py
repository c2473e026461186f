"""What restricted search answers is what `records.visibility` allows and `search.match` finds, for everybody,
after everything that may happen to records, and however far the index is behind.
"""

import random
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.changelog.append import lock
from registry.changelog.tail import Tail
from registry.db import now
from registry.errors import Unavailable
from registry.extensions import Node
from registry.ids import new_id
from registry.providers.models import Provider
from registry.records import erasure, suppression
from registry.records.models import Record
from registry.records.versions import Desk, NextVersion, write_versions
from registry.records.visibility import GROUP, PERSON, Facts, Tlp, may_read
from search.document import Projector
from search.match import matches
from search.open import RESTRICTED, open_engine
from search.request import Request, parse
from search.restricted.reader import RestrictedReader
from search.restricted.search import RestrictedSearch, SharedResults

GROUPS = ("bank-isac", "labs")
PEOPLE = ("ann@example.org", "bo@example.org")
OWNERS = (1, 2, 3)
WORDS = ("voice", "clone", "payment", "phishing", "kestrel")
TAGS = ("misuse:fraud", "misuse:fraud/voice-clone", "misuse:phishing")
STEWARD = Actor("stew", scopes=frozenset({Scope.REGISTRY_STEWARD, Scope.RECORDS_READ}))
STEPS = 50


class World:
    """Records of three organisations, as they are, beside the registry that is asked about them."""

    def __init__(self, node: Node, draw: random.Random) -> None:
        self.node, self.draw = node, draw
        self.desk: Desk | None = None
        self.facts: dict[str, Facts] = {}
        self.said: dict[str, dict[str, Any]] = {}
        self.withdrawn: set[str] = set()

    async def begin(self) -> None:
        self.desk = Desk(self.node.origin, await self.node.vocabulary.current(), secret=b"secret")
        async with self.node.database.write() as session:
            session.add_all(
                Provider(pk=pk, slug=f"p{pk}", name=f"P{pk}", state="approved", created_at=now())
                for pk in OWNERS
            )

    async def step(self) -> None:
        """Something happens to a record: a new one most often."""
        acts = {
            self.share: 6,
            self.revise: 4,
            self.publish: 1,
            self.withdraw: 2,
            self.withhold: 3,
            self.erase: 1,
        }
        act = self.draw.choices(list(acts), list(acts.values()))[0]
        async with self.node.database.write() as session:
            await lock(session)
            await act(session)

    def _handling(self) -> tuple[Tlp, frozenset[str], frozenset[str]]:
        tlp = self.draw.choice([level for level in Tlp if level is not Tlp.CLEAR])
        some = [frozenset(self.draw.sample(names, self.draw.randint(0, 2))) for names in (GROUPS, PEOPLE)]
        return tlp, some[0], some[1]

    def _document(self, id: str, owner: int) -> dict[str, Any]:
        when = f"2026-0{self.draw.randint(1, 9)}-01T00:00:00Z"
        return {
            "id": id,
            "origin": self.node.origin,
            "kind": "lesson",
            "title": " ".join(self.draw.sample(WORDS, 3)),
            "tags": self.draw.sample(TAGS, self.draw.randint(0, 2)),
            "provider": {"slug": f"p{owner}", "name": f"P{owner}"},
            "published": when,
            "updated": when,
        }

    async def _write(self, session: AsyncSession, step: NextVersion) -> None:
        assert self.desk is not None
        await write_versions(session, self.desk, STEWARD, [step])

    async def _version(self, session: AsyncSession, id: str, action: str, *, shared: bool = True) -> None:
        record = await session.scalar(select(Record).where(Record.id == id))
        facts = self.facts[id]
        owner = facts.provider or 0
        document = self._document(id, owner)
        audience = [
            *((GROUP, name) for name in facts.groups),
            *((PERSON, name) for name in facts.people),
        ]
        columns: dict[str, Any] = {"life": "published"}
        if record is None:
            columns |= {
                "origin": self.node.origin,
                "id": id,
                "kind": "lesson",
                "provider_pk": owner,
                "created_at": now(),
            }
        if shared:
            columns["tlp"] = facts.tlp.value
        number = 1 if record is None or not shared else record.shared + 1
        step = NextVersion(
            record,
            id,
            "lesson",
            action,
            number,
            document,
            shared,
            columns,
            audience=audience if shared else None,
        )
        await self._write(session, step)
        self.said[id] = document

    async def share(self, session: AsyncSession) -> None:
        id, owner = new_id(), self.draw.choice(OWNERS)
        tlp, groups, people = self._handling()
        self.facts[id] = Facts(False, True, tlp, owner, groups, people)
        await self._version(session, id, "published")

    def _one(self, *, withheld: bool = True) -> str | None:
        there = [
            id
            for id, facts in self.facts.items()
            if facts.shared and not facts.public and (withheld or not facts.suppressed)
        ]
        return self.draw.choice(there) if there else None

    async def revise(self, session: AsyncSession) -> None:
        if id := self._one():
            before = self.facts[id]
            tlp, groups, people = self._handling()
            self.facts[id] = Facts(False, True, tlp, before.provider, groups, people, before.suppressed)
            self.withdrawn.discard(id)
            await self._version(session, id, "revised")

    async def withdraw(self, session: AsyncSession) -> None:
        if id := self._one():
            await self._version(session, id, "withdrawn")
            self.withdrawn.add(id)

    async def publish(self, session: AsyncSession) -> None:
        if id := self._one(withheld=False):
            await self._version(session, id, "published", shared=False)
            before = self.facts[id]
            self.facts[id] = Facts(True, True, before.tlp, before.provider, before.groups, before.people)

    async def withhold(self, session: AsyncSession) -> None:
        if id := self._one():
            before = self.facts[id]
            if before.suppressed:
                await suppression.unsuppress(session, STEWARD, id, "It was lifted.")
            else:
                await suppression.suppress(session, STEWARD, id, "An order", "It was told to.")
            self.facts[id] = Facts(
                False,
                True,
                before.tlp,
                before.provider,
                before.groups,
                before.people,
                not before.suppressed,
            )

    async def erase(self, session: AsyncSession) -> None:
        if id := self._one():
            await erasure.erase(session, STEWARD, id, "safety", "It named a victim.")
            del self.facts[id]

    def expected(self, actor: Actor, request: Request, projector: Projector) -> dict[str, Any]:
        """What the rule and `match` say that there is, by id."""
        return {
            id: projector.project(self.said[id])
            for id, facts in self.facts.items()
            if not facts.public
            and id not in self.withdrawn
            and may_read(actor, facts)
            and matches(request, projector.project(self.said[id]))
        }


def somebody(draw: random.Random) -> Actor:
    """Somebody who may read what is restricted, in the groups that they are in just now."""
    if draw.random() < 0.1:
        return STEWARD
    return Actor(
        "somebody",
        provider=draw.choice([None, *OWNERS]),
        approved=draw.random() < 0.6,
        scopes=frozenset({Scope.RECORDS_READ}),
        groups=frozenset(draw.sample(GROUPS, draw.randint(0, 2))),
        person=draw.choice([None, *PEOPLE]),
        vetted_researcher=draw.random() < 0.1,
    )


def something(draw: random.Random) -> Request:
    asked = {
        "q": [" ".join(draw.sample(WORDS, draw.choice([0, 0, 1, 2])))],
        "sort": [draw.choice(["relevance", "newest", "updated"])],
        "facets": ["tag"] if draw.random() < 0.5 else [],
        "limit": ["100"],
        "tag": draw.sample(TAGS, draw.choice([0, 0, 1])),
        "crosswalks": ["off"],
    }
    return parse(asked)


async def test_answers_are_what_visibility_allows(node: Node) -> None:
    draw = random.Random(1)
    world = World(node, draw)
    await world.begin()
    engine = open_engine(node.settings, index=RESTRICTED)
    search = RestrictedSearch(node, engine)
    reader = RestrictedReader(node, engine)
    projector = Projector(await node.vocabulary.current(), node.origin)
    tail = Tail(node.database, reader)
    seen: Counter[str] = Counter()

    async def ask(actor: Actor, request: Request) -> SharedResults:
        async with node.database.read() as session:
            return await search.search(session, actor, request)

    for _ in range(STEPS):
        await world.step()
        behind = draw.random() < 0.75
        if not behind:
            await tail.catch_up()
        for _ in range(5):
            actor, request = somebody(draw), something(draw)
            expected = world.expected(actor, request, projector)
            found = await ask(actor, request)
            ids = [hit.stored.id for hit in found.hits]
            # An index that is behind may not have heard of something; it never shows too much.
            assert set(ids) <= set(expected)
            assert (found.total, found.bounded) == (len(ids), False)
            assert all(
                world.said[hit.stored.id]["title"].encode() in hit.stored.document for hit in found.hits
            )
            seen["behind" if behind else "caught up"] += len(ids)
            if behind:
                continue
            assert set(ids) == set(expected)
            if request.facets:
                counted = Counter(
                    value.value
                    for id in _without_tags(world, actor, request, projector)
                    for value in projector.project(world.said[id]).values.get("tag", ())
                )
                assert {value.value: value.count for value in found.facets["tag"]} == counted
    assert seen["behind"] > 100
    assert seen["caught up"] > 50
    await tail.give_up()


def _without_tags(world: World, actor: Actor, request: Request, projector: Projector) -> list[str]:
    bare = parse({"q": [request.q], "crosswalks": ["off"]})
    return list(world.expected(actor, bare, projector))


async def test_nothing_shared_means_no_index(node: Node) -> None:
    engine = open_engine(node.settings, index=RESTRICTED)
    tail = Tail(node.database, RestrictedReader(node, engine))
    await tail.catch_up()
    await tail.give_up()
    assert not node.settings.index_folder.with_name("index-restricted").exists()


async def test_an_index_that_was_out_of_reach_is_made_again(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was passed by meanwhile, as if there were no index, is not missing from it."""
    world = World(node, random.Random(3))
    await world.begin()
    engine = open_engine(node.settings, index=RESTRICTED)
    reader = RestrictedReader(node, engine)
    tail = Tail(node.database, reader)
    async with node.database.write() as session:
        await lock(session)
        await world.share(session)
    await tail.catch_up()
    before = await engine.place()

    async def down(*_: Any) -> Any:
        raise Unavailable("down")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "place", down)
        async with node.database.write() as session:
            await lock(session)
            await world.erase(session)
        await tail.catch_up()
    await tail.catch_up()
    assert (await engine.place()).seq > before.seq
    assert (await engine.keys(parse({}), exact=True)).total == 0
    await tail.give_up()
