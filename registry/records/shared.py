"""Reads of records that are shared below TLP:CLEAR and not public. Nothing of them is in a public index, a
list or a feed that somebody else reads.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.records.models import Audience, Record, Version
from registry.records.queries import STORED, Stored, among, stored_rows
from registry.records.visibility import GROUP, PERSON, readable

_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Shared:
    """The newest version of a record that is shared and not public, with whom it is for. `owner` is the key
    of the organisation that owns it.
    """

    stored: Stored
    pk: int
    tlp: str
    owner: int | None
    groups: tuple[str, ...] = ()
    people: tuple[str, ...] = ()


def _newest(*columns: Any) -> Select[Any]:
    is_newest = and_(Version.record_pk == Record.pk, Version.shared, Version.number == Record.shared)
    return select(*columns).join(Version, is_newest).where(Record.current == 0, Record.shared > 0)


async def newest_shared(
    session: AsyncSession, actor: Actor, *, kind: Sequence[str] = (), limit: int
) -> list[Stored]:
    """The newest version of each record that is shared with the actor and not public, the newest first,
    withdrawn ones among them.
    """
    query = _newest(*STORED).where(readable(actor)).order_by(Version.pk.desc()).limit(limit)
    if kind:
        query = query.where(Record.kind.in_(kind))
    return await stored_rows(session, query)


async def shared_with(
    session: AsyncSession, actor: Actor, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Stored]:
    """Those of the records that are shared with the actor, not public and not withdrawn: decided now, whoever
    proposed them.
    """
    found: dict[tuple[str, str], Stored] = {}
    for start in range(0, len(keys), _CHUNK):
        query = _newest(*STORED).where(among(keys[start : start + _CHUNK]), readable(actor))
        for row in await stored_rows(session, query.where(Version.action != "withdrawn")):
            found[row.origin, row.id] = row
    return found


async def any_shared(session: AsyncSession) -> bool:
    """Whether anything is shared that is not public."""
    query = select(Record.pk).where(Record.current == 0, Record.shared > 0).limit(1)
    return await session.scalar(query) is not None


async def were_shared(session: AsyncSession, keys: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of the records that have, or had, a version below TLP:CLEAR."""
    found: list[tuple[str, str]] = []
    for start in range(0, len(keys), _CHUNK):
        query = select(Record.origin, Record.id).where(among(keys[start : start + _CHUNK]), Record.shared > 0)
        found += [(origin, id) for origin, id in await session.execute(query)]
    return found


async def all_shared(session: AsyncSession, *, after: int, limit: int) -> list[Shared]:
    """A page of everything that is shared, not public and not withdrawn, whoever may read it, by the records'
    keys: what an index of it is made from.
    """
    return await _with_audience(session, [Record.pk > after], limit)


async def shared_under(
    session: AsyncSession, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Shared]:
    """The same of these records, as far as they are shared."""
    found: dict[tuple[str, str], Shared] = {}
    for start in range(0, len(keys), _CHUNK):
        for row in await _with_audience(session, [among(keys[start : start + _CHUNK])], _CHUNK):
            found[row.stored.origin, row.stored.id] = row
    return found


async def _with_audience(
    session: AsyncSession, conditions: Iterable[ColumnElement[bool]], limit: int
) -> list[Shared]:
    query = _newest(*STORED, Record.pk, Record.tlp, Record.provider_pk).where(
        *conditions, Version.action != "withdrawn"
    )
    rows = (await session.execute(query.order_by(Record.pk).limit(limit))).all()
    named: dict[tuple[int, str], list[str]] = {}
    of_these = select(Audience.record_pk, Audience.audience, Audience.name).where(
        Audience.record_pk.in_([row[-3] for row in rows])
    )
    for pk, audience, name in await session.execute(of_these) if rows else ():
        named.setdefault((pk, audience), []).append(name)
    return [
        Shared(
            Stored(*stored),
            pk,
            tlp,
            owner,
            tuple(sorted(named.get((pk, GROUP), ()))),
            tuple(sorted(named.get((pk, PERSON), ()))),
        )
        for *stored, pk, tlp, owner in rows
    ]


async def levels(session: AsyncSession, rows: Sequence[Stored]) -> dict[tuple[str, str], str]:
    """The TLP level of each of these records, by (origin, id)."""
    ids = [row.id for row in rows if row.shared]
    found = await session.execute(select(Record.origin, Record.id, Record.tlp).where(Record.id.in_(ids)))
    return {(row[0], row[1]): row[2] for row in found}
