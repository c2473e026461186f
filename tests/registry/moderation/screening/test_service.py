"""Hits are kept, resolved and gone; indicators are compared without telling of hidden records."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import select

from registry.actor import Actor, Scope
from registry.audit.models import Act
from registry.db import now
from registry.errors import CandorError, Conflict, Forbidden, Invalid, NotFound, Unavailable
from registry.extensions import Node
from registry.finder import Found, Matcher, Reason
from registry.ids import new_id
from registry.moderation.screening import Hit, screen, service
from registry.moderation.screening.duplicates import (
    NOT_CHECKED,
    Duplicates,
    Holder,
    likely_duplicates,
)
from registry.moderation.screening.marks import forget_drafts, marks_of, remember_draft, remember_marks
from registry.providers import service as providers
from registry.records.models import Record

REVIEWER = Actor("rita", scopes=frozenset({Scope.RECORDS_REVIEW}))
STEWARD = Actor("stew", scopes=frozenset({Scope.REGISTRY_STEWARD}))
SECRET = b"s" * 32


async def records(node: Node, count: int = 1) -> list[int]:
    async with node.database.write() as session:
        owner = await providers.add(session, "example-lab", "Lab", origin=node.origin, by="test")
        made = [
            Record(
                origin=node.origin,
                id=new_id(),
                kind="incident",
                provider_pk=owner.pk,
                life="unpublished",
                tlp="CLEAR",
                created_at=now(),
            )
            for _ in range(count)
        ]
        session.add_all(made)
        await session.flush()
        return [record.pk for record in made]


def hits(narrative: str) -> list[Hit]:
    return screen({"narrative": narrative}, secret=SECRET)


async def keep(node: Node, pk: int, found: Sequence[Hit]) -> list[tuple[int, str]]:
    async with node.database.write() as session:
        return [(row.number, row.rule) for row in await service.keep_hits(session, pk, found)]


async def resolve(node: Node, actor: Actor, pk: int, number: int, reason: Any = "It is ours.") -> None:
    async with node.database.write() as session:
        await service.resolve(session, actor, pk, number, reason)


async def states(node: Node, pk: int) -> list[tuple[int, str]]:
    async with node.database.read() as session:
        return [(row.number, row.state) for row in await service.hits_of(session, pk, stewards=True)]


async def test_a_resolved_hit_stays_resolved_while_its_text_stays(node: Node) -> None:
    [pk] = await records(node)
    mail, phone = "Write to anna.berg@lab.example.", "Call +49 30 901820."
    assert await keep(node, pk, hits(mail)) == [(1, "email-address")]
    await resolve(node, REVIEWER, pk, 1)
    assert await keep(node, pk, hits(f"{mail} {phone}")) == [(2, "phone-number")]
    assert await keep(node, pk, hits(phone)) == [(2, "phone-number")]
    assert await states(node, pk) == [(2, "open")]
    assert await keep(node, pk, hits(mail)) == []
    assert await states(node, pk) == [(1, "resolved")]
    assert await keep(node, pk, hits(phone)) == [(2, "phone-number")]
    other = "Write to anna.burg@lab.example."
    assert await keep(node, pk, hits(other)) == [(3, "email-address")]


async def test_resolving_is_noted_without_the_reason(node: Node) -> None:
    [pk] = await records(node)
    await keep(node, pk, hits("Write to anna.berg@lab.example."))
    await resolve(node, REVIEWER, pk, 1, "  She asked for it. ")
    async with node.database.read() as session:
        [row] = await service.hits_of(session, pk)
        act = (await session.scalars(select(Act).where(Act.topic == "screening"))).one()
    assert (row.state, row.resolved_by, row.reason) == ("resolved", "rita", "She asked for it.")
    assert (act.action, act.actor, act.detail) == ("resolved", "rita", {"rule": "email-address", "number": 1})
    assert act.provider_pk is not None


@pytest.mark.parametrize(
    ("actor", "number", "reason", "error"),
    [
        (REVIEWER, 1, "", Invalid),
        (REVIEWER, 1, "   ", Invalid),
        (REVIEWER, 1, "x" * 1001, Invalid),
        (REVIEWER, 1, "a\u202eb", Invalid),
        (REVIEWER, 1, None, Invalid),
        (REVIEWER, 3, "why", NotFound),
        (REVIEWER, 2, "why", NotFound),
        (REVIEWER, 1_000_001, "why", NotFound),
        (REVIEWER, 10**12, "why", NotFound),
        (Actor("ann", scopes=frozenset({Scope.RECORDS_WRITE})), 1, "why", Forbidden),
    ],
)
async def test_who_resolves_what(
    node: Node, actor: Actor, number: int, reason: Any, error: type[CandorError]
) -> None:
    [pk] = await records(node)
    secret = Hit("shared-indicator", "/x", "m", "s", "k", stewards_only=True)
    await keep(node, pk, [*hits("Write to anna.berg@lab.example."), secret])
    with pytest.raises(error):
        await resolve(node, actor, pk, number, reason)
    await resolve(node, REVIEWER, pk, 1)
    with pytest.raises(Conflict):
        await resolve(node, REVIEWER, pk, 1)


async def test_what_is_for_stewards_does_not_block(node: Node) -> None:
    [pk] = await records(node)
    await keep(node, pk, [Hit("shared-indicator", "/x", "m", "s", "k", stewards_only=True)])
    async with node.database.read() as session:
        assert await service.open_hits(session, pk) == []
        assert len(await service.open_hits(session, pk, stewards=True)) == 1
    # Counted apart: a gap among the numbers of the others would tell of it.
    await resolve(node, STEWARD, pk, 1_000_001)
    async with node.database.read() as session:
        assert await service.open_hits(session, pk, stewards=True) == []
        act = (await session.scalars(select(Act).where(Act.topic == "screening"))).one()
    assert act.provider_pk is None


# --- duplicates ---


class Books:
    """A shelf on which only some records are visible, some are one's own, and some bear names."""

    def __init__(
        self,
        visible: Sequence[int] = (),
        titles: Mapping[tuple[str, str], str] | None = None,
        *,
        own: Sequence[int] = (),
        named: Sequence[tuple[str, int]] = (),
        kinds: Mapping[int, str] | None = None,
    ) -> None:
        self.seen, self.own, self.names, self.kinds = visible, own, named, kinds or {}
        self.titles = titles or {}

    async def public(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
        return {key: {"title": self.titles[key]} for key in keys if key in self.titles}

    async def holders(self, record_pks: Sequence[int]) -> dict[int, Holder]:
        return {
            pk: Holder(f"CIR-{pk}", self.kinds.get(pk, "incident"), pk in self.seen, pk in self.own)
            for pk in record_pks
        }

    async def named(self, names: Sequence[str]) -> list[tuple[str, int]]:
        return [(name, pk) for name, pk in self.names if name in names]


class Index:
    """A finder that finds everything it was given, or is down."""

    def __init__(self, *ids: str, down: bool = False) -> None:
        self.ids, self.down = [("home", id) for id in ids], down

    async def find(self, parameters: Any, *, limit: int, offset: int = 0) -> Found:
        raise NotImplementedError

    def reasons(self, document: Any, other: Any) -> list[Reason]:
        return [Reason("tag", "misuse:fraud", "Fraud"), Reason("words", "cloned voices")]

    async def similar(self, document: Any, *, limit: int) -> Found:
        if self.down:
            raise Unavailable("down")
        return Found(self.ids, len(self.ids), 1)

    async def matcher(self, parameters: Any) -> Matcher:
        raise NotImplementedError


def telling(*values: str) -> dict[str, Any]:
    return {"kind": "incident", "content": {"indicators": [{"type": "url", "value": v} for v in values]}}


async def compare(node: Node, shelf: Books, document: Any, *, own: int | None = None) -> Duplicates:
    async with node.database.read() as session:
        return await likely_duplicates(session, None, shelf, document, secret=SECRET, record_pk=own)


async def test_shared_indicators(node: Node) -> None:
    public, hidden, own = await records(node, 3)
    parts = [{"content": telling("b.evil.example")}]
    async with node.database.write() as session:
        rows = [
            *marks_of(public, telling("hxxps://evil[.]example/a/"), secret=SECRET),
            *marks_of(hidden, telling("https://EVIL.example/a"), parts, secret=SECRET),
            *marks_of(own, telling("https://evil.example/a"), secret=SECRET),
        ]
        await remember_marks(session, rows)
    found = await compare(node, Books([public]), telling("x.example", "http://www.evil.example/a"), own=own)
    assert found.note == NOT_CHECKED
    told = {hit.stewards_only: hit for hit in found.hits}
    assert len(found.hits) == 2
    assert told[False].pointer == "/content/indicators/1/value"
    assert f"CIR-{public}" in told[False].message
    assert f"CIR-{hidden}" in told[True].message
    # What stands in a restricted part is for stewards, also where the record is for everybody.
    found = await compare(node, Books([public, hidden]), telling("b.evil.example"))
    assert [hit.stewards_only for hit in found.hits] == [True]
    assert [
        hit.stewards_only for hit in (await compare(node, Books(own=[hidden]), parts[0]["content"])).hits
    ] == [False]
    async with node.database.write() as session:
        await remember_marks(session, (), instead_of=[hidden])
        await service.forget(session, public)
    assert (await compare(node, Books([public]), telling("evil.example/a"), own=own)).hits == ()


async def test_drafts_are_compared_for_stewards_alone(node: Node) -> None:
    draft, public = await records(node, 2)
    named = {"aliases": [{"scheme": "AIID", "id": "7"}], "kind": "incident"}
    async with node.database.write() as session:
        rows = marks_of(public, telling("evil.example/a"), secret=SECRET)
        await remember_marks(session, rows)
        document = {**telling("evil.example/a", "evil.example/b"), **named}
        for pk in (draft, public):
            await remember_draft(session, pk, document, (), secret=SECRET)
    both = Books([draft, public])
    found = await compare(node, both, telling("evil.example/a"))
    assert sorted((hit.stewards_only, hit.message[:16]) for hit in found.hits) == [
        (False, f"The record CIR-{public}"[:16]),
        (True, f"The record CIR-{draft}"[:16]),
    ]
    # What a revision adds is hidden, also where the record is for everybody.
    found = await compare(node, both, telling("evil.example/b"))
    assert [hit.stewards_only for hit in found.hits] == [True, True]
    told = await compare(node, Books(own=[draft, public]), telling("evil.example/b"))
    assert [hit.stewards_only for hit in told.hits] == [False, False]
    found = await compare(node, both, {**named, "aliases": [{"scheme": "aiid", "id": "7"}]})
    assert {(hit.rule, hit.pointer, hit.stewards_only) for hit in found.hits} == {
        ("shared-alias", "/aliases/0/id", True)
    }
    async with node.database.write() as session:
        await forget_drafts(session, [draft, public])
    found = await compare(node, both, telling("evil.example/b", "evil.example/a"))
    assert [hit.stewards_only for hit in found.hits] == [False]


async def test_names_are_compared_among_records_of_a_kind(node: Node) -> None:
    shelf = Books([1, 2, 3], named=[("aiid:7", 1), ("aiid:7", 2), ("aiid:7", 4)], kinds={2: "weakness"})
    document = {"kind": "incident", "source": {"scheme": "AIID", "id": "7"}}
    found = await compare(node, shelf, document, own=3)
    assert [(hit.rule, hit.stewards_only, hit.message[:16]) for hit in found.hits] == [
        ("shared-alias", False, "The record CIR-1"),
        ("shared-alias", True, "The record CIR-4"),
    ]


async def test_similar_titles(node: Node) -> None:
    title = "Cloned voices asked relatives for urgent payments"
    shelf = Books(
        titles={("home", "A"): title.upper(), ("home", "B"): "Cloned voices in a film about payments"}
    )
    document = {"kind": "incident", "origin": "home", "id": "OWN", "title": title}
    async with node.database.read() as session:

        async def look(finder: Index | None, **fields: Any) -> Duplicates:
            return await likely_duplicates(session, finder, shelf, {**document, **fields}, secret=SECRET)

        found = await look(Index("A", "B", "OWN", "GONE"))
        assert [(hit.rule, hit.pointer, "A" in hit.message) for hit in found.hits] == [
            ("similar-record", "/title", True)
        ]
        assert found.note is None
        assert await look(Index("A"), title="A lesson") == Duplicates(())
        assert await look(Index("A"), kind="response") == Duplicates(())
        assert await look(Index("A", down=True)) == Duplicates((), NOT_CHECKED)
        assert await look(None) == Duplicates((), NOT_CHECKED)
