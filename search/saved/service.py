"""Searches that are kept: saved, listed and let go of, by an organisation's members or by one person."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.auth.models import Person
from registry.canonical import is_line
from registry.changelog.append import lock
from registry.db import now
from registry.errors import Conflict, Finding, Forbidden, Invalid, Malformed, NotFound, Unauthenticated
from search.request import parse
from search.saved.models import SavedSearch

Owner = Literal["person", "organisation"]
OWNERS: tuple[Owner, ...] = get_args(Owner)
MOST = 100
"""Searches that one owner may keep."""
LONGEST_NAME = 120
LONGEST_QUESTION = 4000
_MOST_PARAMETERS = 500
_FOR_WHOM = "Searches are kept for those who are signed in or send a token."
# Of a page, a feed or an export: how an answer is shown, and not what was asked.
_NOT_THE_QUESTION = frozenset(
    {"limit", "offset", "facets", "cursor", "format", "part", "bom", "content", "imported"}
)


@dataclass(frozen=True, slots=True)
class Saved:
    """A search as its owner sees it. `question` is canonical."""

    id: str
    name: str
    owner: Owner
    question: str
    created_at: datetime


def may_keep(actor: Actor) -> None:
    """Raises `Unauthenticated` for nobody, `Forbidden` for a client that may not write for its
    organisation.
    """
    if not actor.known:
        raise Unauthenticated(_FOR_WHOM)
    if actor.person is None:
        actor.require(Scope.RECORDS_WRITE)


async def save(
    session: AsyncSession, actor: Actor, name: str, search: str, owner: Owner | None = None
) -> Saved:
    """Keep a search. `search` is the query string, or the whole address, of one; it is written canonically.

    Without `owner` it is the person's who is signed in, and otherwise the organisation's. Raises `Invalid`
    with findings for a name or a question that cannot be read, `Conflict` for one too many and for a question
    that is there already, `Unauthenticated` and `Forbidden`.
    """
    may_keep(actor)
    owner = owner or ("person" if actor.person is not None else "organisation")
    findings: list[Finding] = []
    if not is_line(name, LONGEST_NAME):
        problem = f"A name is one line of 1 to {LONGEST_NAME} characters."
        findings.append(Finding("bad-name", "/name", problem, "Such as what it is about."))
    question, wrong = _canonical(search)
    if findings := [*findings, *wrong]:
        raise Invalid("The search cannot be kept.", findings=findings)
    await lock(session)
    person, provider = await _owning(session, actor, owner)
    mine = SavedSearch.person_pk == person if owner == "person" else SavedSearch.provider_pk == provider
    held = {row.question: row for row in await session.scalars(select(SavedSearch).where(mine))}
    if (same := held.get(question)) is not None:
        raise Conflict(f"This question is kept already, as {same.name!r}.", id=same.id)
    if len(held) >= MOST:
        raise Conflict(f"{MOST} searches are kept, and that is the most. Let go of one first.")
    row = SavedSearch(
        id=secrets.token_hex(8),
        provider_pk=provider,
        person_pk=person,
        name=name.strip(),
        question=question,
        created_at=now(),
    )
    session.add(row)
    await session.flush()
    await note(session, actor, "search", "save", row.id, provider=provider)
    return _saved(row)


async def saved_by(session: AsyncSession, actor: Actor) -> list[Saved]:
    """What the actor and their organisation keep, by name."""
    rows = await session.scalars(
        select(SavedSearch).where(await _theirs(session, actor)).order_by(SavedSearch.name, SavedSearch.id)
    )
    return [_saved(row) for row in rows]


async def one_of(session: AsyncSession, actor: Actor, id: str) -> Saved:
    """One of them. Raises `NotFound`."""
    row = await session.scalar(select(SavedSearch).where(SavedSearch.id == id, await _theirs(session, actor)))
    if row is None:
        raise NotFound(f"You keep no search {id[:16]!r}.")
    return _saved(row)


async def forget(session: AsyncSession, actor: Actor, id: str) -> None:
    """Let go of one. Raises `NotFound`, and `Forbidden` for an organisation's to those who may not write for
    it.
    """
    await lock(session)
    found = await one_of(session, actor, id)
    if found.owner == "organisation":
        actor.require(Scope.RECORDS_WRITE)
    await session.execute(delete(SavedSearch).where(SavedSearch.id == id))
    provider = actor.provider if found.owner == "organisation" else None
    await note(session, actor, "search", "forget", id, provider=provider)


async def _owning(session: AsyncSession, actor: Actor, owner: Owner) -> tuple[int | None, int | None]:
    """(person, organisation), of which one is None."""
    if owner == "organisation":
        actor.require(Scope.RECORDS_WRITE)
        if actor.provider is None:
            raise Forbidden("You act for no organisation. Keep the search for yourself.")
        return None, actor.provider
    if (person := await _person(session, actor)) is None:
        raise Forbidden("A client keeps searches for its organisation, not for a person.")
    return person, None


async def _theirs(session: AsyncSession, actor: Actor) -> ColumnElement[bool]:
    if not actor.known:
        raise Unauthenticated(_FOR_WHOM)
    grounds = []
    if (person := await _person(session, actor)) is not None:
        grounds.append(SavedSearch.person_pk == person)
    if actor.provider is not None and Scope.RECORDS_READ in actor.scopes:
        grounds.append(SavedSearch.provider_pk == actor.provider)
    if not grounds:
        actor.require(Scope.RECORDS_READ)
        raise Forbidden("Searches are kept by people and by organisations.")
    return or_(*grounds)


async def _person(session: AsyncSession, actor: Actor) -> int | None:
    if actor.person is None:
        return None
    return await session.scalar(select(Person.pk).where(Person.email == actor.person))


def _canonical(search: str) -> tuple[str, list[Finding]]:
    """The question as it is written everywhere, or what is wrong with it."""
    try:
        query = urlsplit(search).query if "?" in search else search
        pairs = parse_qsl(query.strip(), max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return "", [
            Finding("unreadable", "/search", "This is no query string.", "Such as q=voice&kind=incident")
        ]
    parameters: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in _NOT_THE_QUESTION:
            parameters.setdefault(name, []).append(value)
    try:
        question = parse(parameters).canonical
    except Malformed as error:
        return "", [
            Finding(one.code, f"/search{one.pointer}", one.message, one.suggestion) for one in error.findings
        ]
    if not question:
        message = "It asks for nothing, so that all records would answer."
        return "", [Finding("no-question", "/search", message, "Add words or a filter, as in q=voice.")]
    if len(question) > LONGEST_QUESTION:
        message = f"The question has {len(question):,} characters; {LONGEST_QUESTION:,} are kept at most."
        return "", [Finding("too-long", "/search", message, "Ask for less.")]
    return question, []


def _saved(row: SavedSearch) -> Saved:
    owner: Owner = "person" if row.person_pk is not None else "organisation"
    return Saved(row.id, row.name, owner, row.question, row.created_at)
