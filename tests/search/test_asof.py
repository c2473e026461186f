"""A question as of an earlier position: the same answer, whatever happened since."""

import json
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from registry.actor import Actor, Scope
from registry.changelog.append import public_head
from registry.changelog.tail import Tail
from registry.errors import CandorError, Conflict, Unavailable
from registry.extensions import Node
from registry.providers import service as providers
from registry.records import identity, list_queries
from registry.records.erasure import erase
from registry.records.mirrored import erase_mirrored
from registry.records.publishing import reinstate, withdraw
from registry.records.queries import readable_keys
from registry.records.suppression import suppress, unsuppress
from registry.records.versions import Desk
from search import queries
from search.document import Key
from search.finder import SearchFinder
from search.indexer import IndexReader
from search.open import open_engine
from search.results import version_of as number_of
from tests.registry.mirroring import PEER, mirror, their_id, version_of
from tests.registry.records.acting import lesson
from tests.registry.records.test_imports import Bench
from tests.search.documents import asked

WORDS = ("amber", "basalt", "cobalt", "dolomite")
THIRD = "third.example/log"
SOURCES = ("1", "2", "3", "4", "5", "6")
STEWARD = Actor(name="steward", scopes=frozenset({Scope.REGISTRY_STEWARD}))


@dataclass(frozen=True)
class Seen:
    """What a list showed of a record: the version, its title, and whether another stood in its place."""

    version: int
    title: str
    copy: bool


@dataclass
class World:
    """A registry to which things happen, and what its lists showed after each of them: the truth that every
    answer as of a position is held against.
    """

    bench: Bench
    dice: random.Random
    shown: dict[int, dict[Key, Seen]] = field(default_factory=lambda: {0: {}})
    numbers: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def node(self) -> Node:
        return self.bench.node

    def title(self) -> str:
        return f"{self.dice.choice(WORDS)} {self.dice.choice(WORDS)} {self.dice.randrange(10**6)}"

    async def happen(self) -> None:
        """One thing, or nothing where it cannot."""
        ways = (
            (5, self.imported),
            (2, self.withdrawn),
            (2, self.reinstated),
            (6, self.mirrored),
            (2, self.suppressed),
            (2, self.unsuppressed),
            (1, self.erased),
            (1, self.erased_elsewhere),
        )
        way = self.dice.choices([way for _, way in ways], [weight for weight, _ in ways])[0]
        try:
            await way()
        except CandorError:
            return
        await self.look()

    async def look(self) -> None:
        async with self.node.database.read() as session:
            position = await public_head(session)
            rows = [row for _, row in await list_queries.all_public(session, after=0, limit=1000)]
            listed = [row for row in rows if row.listed]
            copies = await identity.copies_among(session, [(row.origin, row.id) for row in listed])
        self.shown[position] = {
            (row.origin, row.id): Seen(
                row.number, json.loads(row.document)["title"], (row.origin, row.id) in copies
            )
            for row in listed
        }

    # --- what may happen

    async def imported(self) -> None:
        wanted = self.dice.sample(SOURCES, self.dice.randint(1, 2))
        await self.bench.bring(*(self.bench.item(source, lesson(title=self.title())) for source in wanted))

    def _own(self) -> str:
        return self.bench.item(self.dice.choice(SOURCES)).id

    async def withdrawn(self) -> None:
        async with self.node.database.write() as session:
            why = {"code": "error", "text": "It was wrong."}
            await withdraw(session, self.bench.desk, self.bench.owner, self._own(), why, if_match="*")

    async def reinstated(self) -> None:
        async with self.node.database.write() as session:
            await reinstate(session, self.bench.desk, self.bench.owner, self._own(), "Right.", if_match="*")

    async def mirrored(self) -> None:
        name, origin = self.dice.choice("abc"), self.dice.choice((PEER, THIRD))
        source = {"basis": "imported", "source": {"scheme": "test", "id": str("abc".index(name) + 1)}}
        # One version may come late: then it is older than what is shown.
        number = max(1, self.numbers[origin, name] + self.dice.choice((1, 1, 2, -1)))
        self.numbers[origin, name] = max(number, self.numbers[origin, name])
        withdrawal = {"code": "error", "text": "Wrong."} if self.dice.random() < 0.25 else None
        item = version_of(name, number, origin=origin, title=self.title(), withdrawal=withdrawal, **source)
        if await mirror(self.node, item) != ["stored"]:
            raise Conflict("It is there.")

    def _any(self) -> tuple[str, str]:
        if self.dice.random() < 0.5:
            return self.node.origin, self._own()
        return self.dice.choice((PEER, THIRD)), their_id(self.dice.choice("abc"))

    async def suppressed(self) -> None:
        origin, id = self._any()
        async with self.node.database.write() as session:
            await suppress(session, STEWARD, id, "Order 1", "An order.", origin=origin)

    async def unsuppressed(self) -> None:
        origin, id = self._any()
        async with self.node.database.write() as session:
            await unsuppress(session, STEWARD, id, "Lifted.", origin=origin)

    async def erased(self) -> None:
        async with self.node.database.write() as session:
            await erase(session, STEWARD, self._own(), "safety", "It named a victim.")

    async def erased_elsewhere(self) -> None:
        origin, name = self.dice.choice((PEER, THIRD)), self.dice.choice("abc")
        version = self.dice.choice((None, max(1, self.numbers[origin, name] - self.dice.randint(0, 2))))
        async with self.node.database.write() as session:
            if not await erase_mirrored(session, origin, their_id(name), version, "safety"):
                raise Conflict("It is gone.")

    # --- what has to be answered

    async def expected(self, position: int) -> tuple[dict[Key, Seen], int]:
        """What was shown then and may still be, and how much of it may not."""
        then = self.shown[position]
        async with self.node.database.read() as session:
            held = await readable_keys(session, list(then))
            emptied = await queries.emptied(session, held)
        kept = {
            key: seen
            for key, seen in then.items()
            if key in held and seen.version not in emptied.get(key, ())
        }
        return kept, len(then) - len(kept)


async def hold(world: World, finder: SearchFinder, position: int, *, closely: bool = True) -> None:
    """Ask as of a position, and compare with what was shown then; `closely` in several ways."""
    kept, lost = await world.expected(position)
    first = {key: seen for key, seen in kept.items() if not seen.copy}

    def versions(which: dict[Key, Seen]) -> dict[Key, int]:
        return {key: seen.version for key, seen in which.items()}

    answer = await finder.search(asked(as_of=position, facets="origin", limit=100, sort="newest"))
    got = {(hit.origin, hit.id): number_of(hit.document) for hit in answer.hits}
    assert got == versions(first), position
    assert (answer.total, answer.erased) == (len(first), lost)
    assert [hit.version for hit in answer.hits] == list(got.values())
    # As if the filter itself were not set: with an origin, copies are found.
    counts = {value.value: value.count for value in answer.facets["origin"]}
    assert counts == Counter(origin for origin, _ in kept)
    assert sum(count for _, count in answer.timeline) == len(first)
    if not closely:
        return
    paged = [
        (hit.origin, hit.id)
        for offset in range(0, len(first) + 2, 2)
        for hit in (await finder.search(asked(as_of=position, limit=2, offset=offset, sort="newest"))).hits
    ]
    assert paged == list(got)
    for word in WORDS:
        holding = {key: seen for key, seen in first.items() if word in seen.title.split()}
        answer = await finder.search(asked(word, as_of=position, limit=100))
        assert {(hit.origin, hit.id) for hit in answer.hits} == holding.keys(), (position, word)
        assert all(hit.highlights["title"] for hit in answer.hits)
        found = await finder.find({"q": [word], "as_of": [str(position)]}, limit=100)
        assert dict(zip(found.ids, found.versions, strict=True)) == versions(holding)
    answer = await finder.search(asked(as_of=position, origin=PEER, limit=100))
    of_peer = {key: seen for key, seen in kept.items() if key[0] == PEER}
    assert {(hit.origin, hit.id) for hit in answer.hits} == of_peer.keys()


async def catch_up(node: Node, reader: IndexReader) -> None:
    tail = Tail(node.database, reader)
    await tail.catch_up()
    await tail.give_up()


@pytest.mark.parametrize(("settings", "seed"), [("sqlite", 2), ("postgresql", 3)], indirect=["settings"])
async def test_the_answer_as_of_a_position_stays_the_same(node: Node, seed: int) -> None:
    """Records come, change, go and come back, here and at other registries, one shown in the place of
    another; some are erased or withheld; the index lags, and is built anew at times.
    """
    dice = random.Random(seed)
    async with node.database.write() as session:
        provider = await providers.add(
            session, "importer", "Importer", origin=node.origin, approve=True, by="test"
        )
    world = World(Bench(node, Desk(node.origin, await node.vocabulary.current()), provider), dice)
    engine = open_engine(node.settings)
    reader, finder = IndexReader(node, engine), SearchFinder(node, engine)
    for _ in range(32):
        await world.happen()
        if dice.random() < 0.3:
            await catch_up(node, reader)
            place = await engine.place()
            await hold(world, finder, dice.choice([at for at in world.shown if at <= place.position]))
        elif dice.random() < 0.05:
            await reader.rebuild()
    # What is taken out counts at once; what is new, or comes back, has to be read first.
    place = await engine.place()
    async with node.database.read() as session:
        unread = await list_queries.changes(session, after=place.position, limit=1000)
    for position in world.shown:
        if position > place.position:
            with pytest.raises(Unavailable):
                await finder.search(asked(as_of=position))
            continue
        kept, _ = await world.expected(position)
        answer = await finder.search(asked(as_of=position, limit=100))
        got = {(hit.origin, hit.id): hit.version for hit in answer.hits}
        due = {key: seen.version for key, seen in kept.items() if not seen.copy}
        assert got.items() <= due.items()
        assert due.keys() - got.keys() <= {(change.origin, change.id) for change in unread}
    await catch_up(node, reader)
    for position in world.shown:
        await hold(world, finder, position, closely=position % 7 == 1)
    await reader.rebuild()
    for position in world.shown:
        await hold(world, finder, position, closely=position % 7 == 2)
    await reader.release()
