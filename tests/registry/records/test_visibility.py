"""Who may read what: the rule over facts and its twin in SQL say the same about everybody and everything."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import ANONYMOUS, Actor, Scope
from registry.db import Database, now
from registry.providers.models import Provider
from registry.records.models import Audience, Record
from registry.records.visibility import (
    GROUP,
    PERSON,
    Facts,
    Tlp,
    may_read,
    may_read_shared,
    may_work_on,
    readable,
)

GROUPS = ("bank-isac", "labs", "newsrooms")
PEOPLE = ("ann@example.org", "bo@example.org")
PROVIDERS = (1, 2, 3)

groups = st.frozensets(st.sampled_from(GROUPS))
facts = st.builds(
    Facts,
    public=st.booleans(),
    shared=st.booleans(),
    tlp=st.sampled_from(Tlp),
    provider=st.sampled_from(PROVIDERS),
    groups=groups,
    people=st.frozensets(st.sampled_from(PEOPLE)),
    suppressed=st.booleans(),
)
# Ends that make all the difference are drawn as often as everything between them.
scopes = st.one_of(
    st.just(frozenset[Scope]()),
    st.just(frozenset({Scope.RECORDS_READ})),
    st.frozensets(st.sampled_from(Scope)),
)
actors = st.one_of(
    st.just(ANONYMOUS),
    st.builds(
        Actor,
        name=st.just("somebody"),
        provider=st.none() | st.sampled_from((*PROVIDERS, 99)),
        approved=st.booleans(),
        scopes=scopes,
        groups=groups,
        person=st.none() | st.sampled_from(PEOPLE),
        vetted_researcher=st.booleans(),
    ),
)


async def store(session: AsyncSession, records: Iterable[tuple[str, Facts]]) -> None:
    moment = now()
    session.add_all(
        Provider(
            pk=pk, slug=f"p{pk}", name=f"P{pk}", state="approved", domain_verified=False, created_at=moment
        )
        for pk in PROVIDERS
    )
    await session.flush()
    rows, audiences = [], []
    for pk, (id, fact) in enumerate(records, 1):
        rows.append(
            {
                "pk": pk,
                "origin": "registry.example/log",
                "id": id,
                "kind": "lesson",
                "provider_pk": fact.provider,
                "life": "published",
                "tlp": fact.tlp.value,
                "current": int(fact.public),
                "shared": int(fact.shared),
                "suppressed": "an order" if fact.suppressed else None,
                "created_at": moment,
            }
        )
        audiences += [{"record_pk": pk, "audience": GROUP, "name": name} for name in fact.groups]
        audiences += [{"record_pk": pk, "audience": PERSON, "name": name} for name in fact.people]
    await session.execute(insert(Record), rows)
    if audiences:
        await session.execute(insert(Audience), audiences)


def some_of(strategy: st.SearchStrategy[Facts], number: int) -> list[Facts]:
    """A fixed draw of distinct values: hypothesis runs inside of one event loop only without a database."""
    drawn: list[Facts] = []

    @settings(
        max_examples=1,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(st.lists(strategy, min_size=number, max_size=number, unique=True))
    def draw(values: list[Facts]) -> None:
        drawn[:] = values

    draw()
    return drawn


def every_kind_of_actor() -> list[Actor]:
    found: list[Actor] = [ANONYMOUS]

    @settings(max_examples=250, database=None, deadline=None)
    @given(actors)
    def draw(actor: Actor) -> None:
        found.append(actor)

    draw()
    return found


async def test_the_rule_and_its_twin_in_sql_agree(database: Database) -> None:
    """Hypothesis draws the records once and actors by the hundred: each question answers for all records."""
    kinds = [
        Facts(
            public,
            shared,
            tlp,
            1 + number % 3,
            frozenset(GROUPS[:number]),
            frozenset(PEOPLE[: number % 3]),
            suppressed,
        )
        for suppressed in (False, True)
        for public in (False, True)
        for shared in (False, True)
        for tlp in Tlp
        for number in range(4)
    ]
    records = {f"CIR-{number:010}": fact for number, fact in enumerate([*kinds, *some_of(facts, 60)])}
    async with database.write() as session:
        await store(session, records.items())
    seen: set[int] = set()
    async with database.read() as session:
        for actor in every_kind_of_actor():
            allowed = set(await session.scalars(select(Record.id).where(readable(actor))))
            expected = {id for id, fact in records.items() if may_read(actor, fact)}
            assert allowed == expected, actor
            seen.add(len(allowed))
    assert len(seen) > 5, "the actors drawn differ in what they see"


def person(**more: object) -> Actor:
    return replace(Actor(name="somebody", scopes=frozenset({Scope.RECORDS_READ})), **more)  # type: ignore[arg-type]


SHARED = Facts(False, True, Tlp.AMBER, 1, frozenset({"labs"}), frozenset({"ann@example.org"}))


@pytest.mark.parametrize(
    ("actor", "tlp", "expected"),
    [
        (ANONYMOUS, Tlp.GREEN, False),
        (person(), Tlp.GREEN, False),
        (person(approved=True), Tlp.GREEN, True),
        (person(vetted_researcher=True), Tlp.GREEN, True),
        (person(approved=True), Tlp.AMBER, False),
        (person(groups=frozenset({"labs"})), Tlp.AMBER, True),
        (person(groups=frozenset({"labs"})), Tlp.AMBER_STRICT, True),
        (person(groups=frozenset({"newsrooms"})), Tlp.AMBER, False),
        (person(groups=frozenset({"labs"})), Tlp.RED, False),
        (person(person="ann@example.org"), Tlp.RED, True),
        (person(person="bo@example.org"), Tlp.RED, False),
        (person(person="ann@example.org"), Tlp.AMBER, False),
        (person(provider=1), Tlp.RED, True),
        (person(provider=2), Tlp.RED, False),
        (person(scopes=frozenset({Scope.RECORDS_READ, Scope.REGISTRY_STEWARD})), Tlp.RED, True),
        (person(scopes=frozenset({Scope.REGISTRY_STEWARD})), Tlp.RED, False),
        (person(provider=1, scopes=frozenset({Scope.RECORDS_WRITE})), Tlp.GREEN, False),
        (person(provider=1), Tlp.CLEAR, True),
        (person(approved=True), Tlp.CLEAR, False),
    ],
)
def test_what_is_shared_is_for_those_whom_its_level_names(actor: Actor, tlp: Tlp, expected: bool) -> None:
    assert may_read(actor, replace(SHARED, tlp=tlp)) is expected


def test_what_is_public_is_everybodys_and_its_shared_versions_stay_their_members() -> None:
    both = replace(SHARED, public=True)
    assert may_read(ANONYMOUS, both)
    assert not may_read_shared(ANONYMOUS, both)
    assert may_read_shared(person(groups=frozenset({"labs"})), both)
    assert not may_read_shared(person(groups=frozenset({"labs"})), replace(both, shared=False))


def test_what_an_order_withholds_is_left_to_its_owner_and_to_stewards() -> None:
    withheld = Facts(True, True, Tlp.GREEN, 1, suppressed=True)
    assert not may_read(ANONYMOUS, withheld)
    assert not may_read(person(approved=True, provider=2), withheld)
    assert may_read(person(provider=1), withheld)
    assert may_read(person(scopes=frozenset({Scope.REGISTRY_STEWARD})), withheld)


def test_what_was_never_published_is_nobodys() -> None:
    nothing = replace(SHARED, shared=False)
    steward = person(scopes=frozenset(Scope), provider=1, groups=frozenset(GROUPS), person="ann@example.org")
    assert not may_read(steward, nothing)


def test_drafts_are_for_those_who_work_on_them() -> None:
    assert may_work_on(person(provider=1), 1)
    assert not may_work_on(person(provider=2), 1)
    assert not may_work_on(ANONYMOUS, 1)
    assert may_work_on(person(scopes=frozenset({Scope.REGISTRY_STEWARD})), 1)
