"""Follows the changelog and keeps clusters of records, with work proportional to what changed.

Of each change, the records that share a trait with it before or after, and the clusters that those stand in,
are joined anew. All else stays as it is.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

import msgspec
import structlog
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.changelog.append import lock
from registry.changelog.tail import ChangeRow
from registry.db import Database, table_of
from registry.moderation.screening.traits import Trait
from registry.records import identity, queries
from registry.records.campaigns.clusters import MOST_HOLDERS, clusters, joining
from registry.records.campaigns.models import Campaign, CampaignMember, CampaignTrait
from registry.records.campaigns.queries import holders_of, publishers, traits_of
from registry.records.models import Record
from registry.records.queries import Stored, among

NAME = "campaigns"
BATCH = 500
_CHUNK = 400
_decode = msgspec.json.Decoder().decode

T = TypeVar("T")

Key = tuple[str, str]

log = structlog.get_logger("candor.campaigns")


class CampaignReader:
    """A `registry.changelog.tail.LogReader`."""

    name = NAME
    batch = BATCH

    def __init__(self, database: Database) -> None:
        self._database = database

    async def position(self) -> None:
        return None

    async def consume(self, changes: Sequence[ChangeRow], *, upto: int) -> None:
        """Join anew what the changes touch."""
        keys = list(
            dict.fromkeys(
                (change.origin, change.subject)
                for change in changes
                if change.topic == "record" and change.public_seq is not None
            )
        )
        if not keys:
            return
        async with self._database.read() as session:
            if not await self._moves(session, keys):
                return
        async with self._database.write() as session:
            # Read again under the lock: what is erased meanwhile must not be written down after that.
            await lock(session)
            pks, found = await _read(session, keys)
            await _keep(session, pks, await asyncio.to_thread(_traits, found))

    async def release(self) -> None:
        """Nothing is held between two batches."""

    async def _moves(self, session: AsyncSession, keys: Sequence[Key]) -> bool:
        """Whether any of the records has, or had, what could join it. Of most imports none does."""
        pks, found = await _read(session, keys)
        if any((await asyncio.to_thread(_traits, found)).values()):
            return True
        for chunk in _chunks(list(pks.values())):
            query = select(CampaignTrait.record_pk).where(CampaignTrait.record_pk.in_(chunk)).limit(1)
            if await session.scalar(query) is not None:
                return True
        return False


async def _read(session: AsyncSession, keys: Sequence[Key]) -> tuple[dict[Key, int], dict[Key, bytes]]:
    """The keys of the records, and the documents of those that are listed and stand for themselves: what was
    made from a source that another record stands for is the same, and no other case.
    """
    keys = list(dict.fromkeys((*keys, *await identity.same_source(session, keys))))
    pks: dict[Key, int] = {}
    for chunk in _chunks(keys):
        rows = await session.execute(select(Record.origin, Record.id, Record.pk).where(among(chunk)))
        pks.update(((origin, id), pk) for origin, id, pk in rows)
    shown: Mapping[Key, Stored | None] = await queries.documents(session, keys)
    copies = await identity.copies_among(session, keys)
    return pks, {key: row.document for key, row in shown.items() if row is not None and key not in copies}


def _traits(found: Mapping[Key, bytes]) -> dict[Key, frozenset[Trait]]:
    held: dict[Key, frozenset[Trait]] = {}
    for key, document in found.items():
        try:
            held[key] = joining(_decode(document))
        except Exception:
            log.exception("record left out of campaigns", origin=key[0], id=key[1])
    return held


async def _keep(session: AsyncSession, pks: Mapping[Key, int], held: Mapping[Key, frozenset[Trait]]) -> None:
    now_held = {pk: held.get(key, frozenset()) for key, pk in pks.items()}
    before = await traits_of(session, list(now_held))
    changed = {pk: traits ^ before.get(pk, frozenset()) for pk, traits in now_held.items()}
    changed = {pk: traits for pk, traits in changed.items() if traits}
    if changed:
        await _write_traits(session, changed, now_held)
    affected = frozenset(trait for traits in changed.values() for trait in traits)
    # Of a trait that many have had no cluster comes or goes, unless these changes made it common, or rare.
    near = MOST_HOLDERS + len(changed)
    counted = await holders_of(session, affected)
    moved = [trait for trait in affected if counted.get(trait, 0) <= near]
    # Who published a record, and when, may have changed though its traits did not.
    having = {pk for pk, traits in now_held.items() if traits}
    seeds = {*having, *changed, *await _holding(session, moved)}
    members = await _clustered(session, seeds)
    await _join_anew(session, members)


async def _write_traits(
    session: AsyncSession, changed: Collection[int], now_held: Mapping[int, frozenset[Trait]]
) -> None:
    table = table_of(CampaignTrait)
    for chunk in _chunks(list(changed)):
        await session.execute(delete(table).where(table.c.record_pk.in_(chunk)))
    rows = [
        {"record_pk": pk, "kind": trait.kind, "value": trait.value}
        for pk in changed
        for trait in now_held[pk]
    ]
    if rows:
        await session.execute(insert(table), rows)


async def _holding(session: AsyncSession, traits: Sequence[Trait]) -> set[int]:
    wanted = set(traits)
    found: set[int] = set()
    for chunk in _chunks(sorted({trait.value for trait in traits})):
        query = select(CampaignTrait.record_pk, CampaignTrait.kind, CampaignTrait.value)
        for pk, kind, value in await session.execute(query.where(CampaignTrait.value.in_(chunk))):
            if (kind, value) in wanted:
                found.add(pk)
    return found


async def _clustered(session: AsyncSession, seeds: Collection[int]) -> set[int]:
    """The records, with all that stand in a cluster with one of them."""
    members = set(seeds)
    for chunk in _chunks(list(seeds)):
        theirs = select(CampaignMember.cluster).where(CampaignMember.record_pk.in_(chunk))
        query = select(CampaignMember.record_pk).where(CampaignMember.cluster.in_(theirs))
        members.update(await session.scalars(query))
    return members


async def _join_anew(session: AsyncSession, members: Collection[int]) -> None:
    held = await traits_of(session, list(members))
    counted = await holders_of(session, frozenset(trait for traits in held.values() for trait in traits))
    found = await asyncio.to_thread(clusters, held, counted)
    member, campaign = table_of(CampaignMember), table_of(Campaign)
    for chunk in _chunks(list(members)):
        # A cluster bears the key of a record in it, which is one of these.
        await session.execute(delete(member).where(member.c.record_pk.in_(chunk)))
        await session.execute(delete(campaign).where(campaign.c.cluster.in_(chunk)))
    if not found:
        return
    rows = [{"record_pk": pk, "cluster": records[0]} for records in found for pk in records]
    await session.execute(insert(member), rows)
    told = await publishers(session, [row["record_pk"] for row in rows])
    newest = await _newest(session, [row["record_pk"] for row in rows])
    lines = [
        {
            "cluster": records[0],
            "organisations": len({name for pk in records for name in told.get(pk, ())}),
            "last_seq": max(newest.get(pk, 0) for pk in records),
        }
        for records in found
    ]
    await session.execute(insert(campaign), lines)


async def _newest(session: AsyncSession, pks: Sequence[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for chunk in _chunks(pks):
        rows = await session.execute(select(Record.pk, Record.last_seq).where(Record.pk.in_(chunk)))
        found.update((pk, seq or 0) for pk, seq in rows)
    return found


def _chunks(values: Sequence[T]) -> list[Sequence[T]]:
    return [values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK)]
