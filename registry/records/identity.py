"""One thing in several records: what is known of a record's others, here and elsewhere."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.changelog.append import Entry, append
from registry.db import now
from registry.errors import Conflict, Invalid
from registry.records import draft_queries, queries
from registry.records.copies import goes_before, is_copy, of_same_source
from registry.records.groups import MOST, Groups, Key, Pair, group
from registry.records.models import Record, RecordLink, RecordName, SameAs
from registry.records.preconditions import match_version
from registry.records.queries import IS_LISTED, Stored, among
from registry.records.suppression import any_record, reason_findings

SAME_AS = "same-as"
SOURCE, ALIAS = "source", "alias"
_MOST_COPIES, _MOST_NAMED = 1000, 20
_MOST_SHOWN = 100
# Records that are looked at to make one group: beyond, it is too large whatever they say.
_MOST_LOOKED_AT = 4 * MOST
_MOST_CLAIMS = 2000
_MOST_STEPS = 8
"""From one record to the next: a longer chain is nothing that people wrote."""


async def copies_among(session: AsyncSession, keys: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the records that others are shown in place of."""
    found: set[tuple[str, str]] = set()
    for start in range(0, len(keys), 400):
        query = select(Record.origin, Record.id).where(among(keys[start : start + 400]), is_copy())
        found.update((origin, id) for origin, id in await session.execute(query))
    return found


async def holds_others(session: AsyncSession) -> bool:
    """Whether any record of another registry is here: where none is, nothing is a copy or has one."""
    return await session.scalar(select(Record.pk).where(Record.provider_pk.is_(None)).limit(1)) is not None


async def copies_of(
    session: AsyncSession, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """The (origin, id)s of what other registries made from the same sources, by record, the first first."""
    other = aliased(Record)
    # Put in order here: asked for an order, SQLite walks all records in it.
    query = (
        select(other.pk, Record.origin, Record.id, other.origin, other.id)
        .join(
            other,
            and_(of_same_source(other), other.origin != Record.origin),
        )
        .where(among(keys), func.coalesce(other.listed, false()))
        .limit(_MOST_COPIES)
    )
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    rows = sorted(await session.execute(query), key=itemgetter(0)) if keys else []
    for _, origin, id, *copy in rows:
        named = found.setdefault((origin, id), [])
        if len(named) < _MOST_NAMED:
            named.append((copy[0], copy[1]))
    return found


async def same_source(session: AsyncSession, keys: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Records of other registries that were made from the same sources as these, listed or not."""
    found: dict[tuple[str, str], None] = {}
    other = aliased(Record)
    for start in range(0, len(keys), 400):
        query = (
            select(other.origin, other.id)
            .join(
                Record,
                and_(of_same_source(other), other.pk != Record.pk),
            )
            .where(
                among(keys[start : start + 400]),
                other.provider_pk.is_(None),
            )
            .limit(_MOST_COPIES)
        )
        found.update(dict.fromkeys((origin, id) for origin, id in await session.execute(query)))
    return list(found)


async def shown_before(session: AsyncSession, keys: Sequence[tuple[str, str]]) -> dict[Key, list[Key]]:
    """For each record of another registry, those that stand for it whenever they are listed: `is_copy` of any
    time.
    """
    found: dict[Key, list[Key]] = {}
    other = aliased(Record)
    for start in range(0, len(keys), 400):
        query = (
            select(Record.origin, Record.id, other.origin, other.id)
            .join(other, and_(of_same_source(other), goes_before(other)))
            .where(among(keys[start : start + 400]), Record.provider_pk.is_(None))
            .limit(_MOST_COPIES)
        )
        for origin, id, *first in await session.execute(query):
            found.setdefault((origin, id), []).append((first[0], first[1]))
    return found


@dataclass(frozen=True, slots=True)
class Other:
    """A record that is the same as another, or shares a name with it. `grounds` are `source`, `alias` and
    `same-as`.
    """

    stored: Stored
    grounds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody says that two records are the same, and nobody who could has accepted it."""

    by: Key
    of: Key


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of a record's others. `larger` tells that more was said to be the same than a group
    holds.
    """

    of: Stored
    others: Sequence[Other]
    claims: Sequence[Claim]
    larger: bool


async def identity(
    session: AsyncSession, actor: Actor, home: str, id: str, origin: str | None = None
) -> Identity:
    """The others of a record, as far as they are listed here. Raises like reading the record."""
    return await identity_of(session, home, await queries.newest(session, actor, id, origin))


async def identity_of(session: AsyncSession, home: str, of: Stored) -> Identity:
    """The same, of a record that was read already."""
    key = (of.origin, of.id)
    grounds: dict[Key, dict[str, None]] = {}
    for other in (await copies_of(session, [key])).get(key, ()):
        grounds.setdefault(other, {})[SOURCE] = None
    for other in await _sharing_a_name(session, key):
        known = grounds.setdefault(other, {})
        if SOURCE not in known:
            known[ALIAS] = None
    found, groups, larger = await _same_as(session, home, key)
    for other in sorted(groups.of.get(key, frozenset()) - {key}):
        grounds.setdefault(other, {})[SAME_AS] = None
    shown = await queries.documents(session, list(grounds)[:_MOST_SHOWN])
    others = [Other(stored, tuple(grounds[key])) for key, stored in shown.items() if stored is not None]
    open_claims = [claim for claim in found if key in (claim.by, claim.of)]
    return Identity(of, others, open_claims[:_MOST_SHOWN], larger)


async def _sharing_a_name(session: AsyncSession, key: Key) -> list[Key]:
    """Listed records, ours first, that are known elsewhere by a name of this one."""
    mine, theirs, holder = aliased(RecordName), aliased(RecordName), aliased(Record)
    query = (
        select(Record.origin, Record.id)
        .join(theirs, theirs.record_pk == Record.pk)
        .join(mine, and_(mine.name == theirs.name, mine.record_pk != theirs.record_pk))
        .join(holder, holder.pk == mine.record_pk)
        .where(holder.id == key[1], holder.origin == key[0], IS_LISTED)
        .order_by(*queries.OURS_FIRST)
        .limit(_MOST_SHOWN)
    )
    return list(dict.fromkeys((origin, id) for origin, id in await session.execute(query)))


# --- same-as


async def _same_as(session: AsyncSession, home: str, key: Key) -> tuple[list[Claim], Groups, bool]:
    """The claims around a record that nobody accepted, the groups that those accepted make, and whether more
    was accepted than a group holds.
    """
    pairs: set[Pair] = set()
    claims: list[Claim] = []
    seen = {key}
    ahead = [key]
    for _ in range(_MOST_STEPS):
        if not ahead or len(seen) > _MOST_LOOKED_AT:
            break
        said = await _claims(session, ahead)
        decided = await _decided(session, ahead)
        accepted = {Pair.of(*one, decided=True) for one, yes in decided.items() if yes}
        for by, of in said:
            one = (min(by, of), max(by, of))
            if (of, by) in said and one not in decided:
                accepted.add(Pair.of(by, of))
        if ahead == [key]:
            claims = [
                Claim(by, of)
                for by, of in sorted(said)
                if (of, by) not in said and not decided.get((min(by, of), max(by, of)))
            ]
        pairs |= accepted
        ends = {end for pair in accepted for end in (pair.first, pair.second)}
        ahead = sorted(ends - seen)
        seen |= ends
    groups = group(pairs, home)
    return claims, groups, bool(groups.left_out or ahead)


async def _claims(session: AsyncSession, keys: Sequence[Key]) -> set[tuple[Key, Key]]:
    """Who says of whom to be the same: what these records say, what is answered to that, and, of a single
    record, what others say of it.
    """
    said = await _links(session, among(keys))
    if ends := [of for _, of in said]:
        said |= await _links(session, and_(among(ends), _targets(keys)))
    if len(keys) == 1:
        said |= await _links(session, _targets(keys))
    return said


async def _links(session: AsyncSession, which: ColumnElement[bool]) -> set[tuple[Key, Key]]:
    query = (
        select(Record.origin, Record.id, RecordLink.target_origin, RecordLink.target_id)
        .join(RecordLink, RecordLink.record_pk == Record.pk)
        .where(RecordLink.role == SAME_AS, which, IS_LISTED)
        .order_by(Record.pk)
        .limit(_MOST_CLAIMS)
    )
    rows = await session.execute(query)
    return {((origin, id), (to, of)) for origin, id, to, of in rows if (origin, id) != (to, of)}


def _targets(keys: Iterable[Key]) -> ColumnElement[bool]:
    return or_(*(and_(RecordLink.target_id == id, RecordLink.target_origin == origin) for origin, id in keys))


async def _decided(session: AsyncSession, keys: Collection[Key]) -> dict[tuple[Key, Key], bool]:
    """What stewards here decided about these records, by pair."""
    first = or_(*(and_(SameAs.first_id == id, SameAs.first_origin == origin) for origin, id in keys))
    second = or_(*(and_(SameAs.second_id == id, SameAs.second_origin == origin) for origin, id in keys))
    found: dict[tuple[Key, Key], bool] = {}
    for side in (first, second):
        for row in await session.scalars(select(SameAs).where(side).limit(_MOST_CLAIMS)):
            one, other = (row.first_origin, row.first_id), (row.second_origin, row.second_id)
            found[min(one, other), max(one, other)] = row.accepted
    return found


async def decide(
    session: AsyncSession,
    actor: Actor,
    id: str,
    target: Key,
    reason: str,
    *,
    accepted: bool,
    if_match: str | None,
    origin: str | None = None,
) -> tuple[Key, Key]:
    """Accept, as a steward, that two records are the same, or refuse it whoever says so. Answers the pair.

    Raises `Invalid`, `NotFound` for what is not held here, `Conflict` where neither of them says it, and what
    `If-Match` demands: the newest version's ETag of the first.
    """
    actor.require(Scope.REGISTRY_STEWARD)
    if findings := reason_findings(reason):
        raise Invalid("Say why the two are the same, or are not.", findings=findings)
    record = await any_record(session, id, origin)
    other = await any_record(session, target[1], target[0])
    await match_version(session, if_match, record, await draft_queries.last_version(session, record))
    one, two = (record.origin, record.id), (other.origin, other.id)
    if one == two:
        raise Conflict("A record is the same as itself whatever is decided.")
    if accepted and not {(one, two), (two, one)} & await _claims(session, [one]):
        raise Conflict(f"Neither {record.id} nor {other.id} says that they are the same.")
    first, second = min(one, two), max(one, two)
    row = await session.get(SameAs, (first[1], first[0], second[1], second[0]))
    if row is None:
        row = SameAs(first_id=first[1], first_origin=first[0], second_id=second[1], second_origin=second[0])
        session.add(row)
    row.accepted, row.by, row.at = accepted, actor.name, now()
    await session.flush()
    scopes = ("all", f"record:{record.id}", f"record:{other.id}")
    entry = Entry("record", SAME_AS, record.id, record.origin, actor.name, row.at, scopes=scopes)
    await append(session, [entry])
    action = "accept-same" if accepted else "refuse-same"
    detail = {"target": other.id, "target_origin": other.origin, "reason": reason.strip()}
    await note(session, actor, "record", action, record.id, provider=record.provider_pk, **detail)
    return one, two
