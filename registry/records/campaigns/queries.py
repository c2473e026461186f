"""Reads of campaigns. What may not be read any more leaves them at once, whatever the kept rows say: clusters
are joined again from what the reader may see, and sizes and reasons are told of that.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import ANONYMOUS
from registry.moderation.screening.traits import HOST, INDICATOR, Trait, host_of
from registry.records.campaigns.clusters import MOST_HOLDERS, clusters
from registry.records.campaigns.models import Campaign, CampaignMember, CampaignTrait
from registry.records.models import Record, RecordProvider
from registry.records.queries import IS_LISTED, Stored, current, stored_rows
from registry.records.visibility import readable

MOST_SHARED = 20
MOST_RECORDS, MOST_IN_LISTS = 50, 10
"""Records that are shown of one campaign."""
_CHUNK = 400
_UNNAMED = ""
_KINDS = ("indicator", "host", "actor", "alias")


@dataclass(frozen=True, slots=True)
class SharedTrait:
    """What joins records, and how many of them have it."""

    kind: str
    value: str
    records: int


@dataclass(frozen=True, slots=True)
class Looks:
    """Records that look like one campaign: some of `size`, the latest first publication first.

    `organisations` published them, all that are not named as one. `shared` is what joins them, what most have
    first.
    """

    records: Sequence[Stored]
    size: int
    organisations: int
    shared: Sequence[SharedTrait]


async def campaign_of(session: AsyncSession, origin: str, id: str) -> Looks | None:
    """The campaign that a public record looks like a part of; None where it looks like none."""
    record = and_(Record.origin == origin, Record.id == id, IS_LISTED)
    query = select(Record.pk, CampaignMember.cluster).join(
        CampaignMember, CampaignMember.record_pk == Record.pk
    )
    row = (await session.execute(query.where(record))).first()
    if row is None:
        return None
    found = await _looks(session, [row.cluster], MOST_RECORDS, only=row.pk)
    return found[0] if found else None


async def page(
    session: AsyncSession, *, organisations: int, before: int | None, limit: int
) -> tuple[list[Looks], int | None]:
    """Campaigns across at least so many organisations, the latest change first, and where the next page
    begins. A page may be shorter than asked for: what left a campaign since is not counted.
    """
    query = select(Campaign.cluster, Campaign.last_seq).where(Campaign.organisations >= organisations)
    if before is not None:
        query = query.where(Campaign.last_seq < before)
    rows = (await session.execute(query.order_by(Campaign.last_seq.desc()).limit(limit + 1))).all()
    found = await _looks(session, [row.cluster for row in rows[:limit]], MOST_IN_LISTS)
    return [looks for looks in found if looks.organisations >= organisations], rows[
        limit - 1
    ].last_seq if len(rows) > limit else None


async def _looks(
    session: AsyncSession, kept: Sequence[int], most: int, *, only: int | None = None
) -> list[Looks]:
    """What becomes of kept clusters when those members that nobody may read any more are left out, in the
    order of the kept ones; with `only`, the one that holds that record.
    """
    members = select(Record.pk, CampaignMember.cluster).join(
        CampaignMember, CampaignMember.record_pk == Record.pk
    )
    seen = members.where(CampaignMember.cluster.in_(kept), IS_LISTED, readable(ANONYMOUS))
    place = {pk: kept.index(cluster) for pk, cluster in await session.execute(seen)}
    held = await traits_of(session, list(place))
    counted = await holders_of(session, _twice(held))
    joined = [one for one in clusters(held, counted) if only is None or only in one]
    joined.sort(key=lambda records: place[records[0]])
    # The newest records have the largest keys, but for what was published long after it was begun.
    some = [pk for records in joined for pk in records[-most:]]
    rows = {row.first_seq: row for row in await _stored(session, some)}
    first = await _first_seqs(session, some)
    publishing = await publishers(session, list(place))
    return [
        Looks(
            sorted(
                (rows[first[pk]] for pk in records[-most:] if first.get(pk) in rows),
                key=lambda row: row.first_seq or 0,
                reverse=True,
            ),
            len(records),
            len({name for pk in records for name in publishing[pk]}),
            _shared(records, held, counted),
        )
        for records in joined
    ]


async def _stored(session: AsyncSession, pks: Sequence[int]) -> list[Stored]:
    return await stored_rows(session, current().where(Record.pk.in_(pks))) if pks else []


async def _first_seqs(session: AsyncSession, pks: Sequence[int]) -> dict[int, int | None]:
    if not pks:
        return {}
    rows = await session.execute(select(Record.pk, Record.first_seq).where(Record.pk.in_(pks)))
    return dict(rows.all())


def _shared(
    records: Sequence[int], held: Mapping[int, Set[Trait]], counted: Mapping[Trait, int]
) -> list[SharedTrait]:
    times = Counter(trait for pk in records for trait in held[pk])
    shared = {trait for trait, count in times.items() if count > 1 and counted.get(trait, 0) <= MOST_HOLDERS}
    # An indicator says where it lies.
    hosts = {host_of(trait.value) for trait in shared if trait.kind == INDICATOR}
    told = [trait for trait in shared if not (trait.kind == HOST and trait.value in hosts)]
    told.sort(key=lambda trait: (-times[trait], _KINDS.index(trait.kind), trait.value))
    return [SharedTrait(trait.kind, trait.value, times[trait]) for trait in told[:MOST_SHARED]]


def _twice(held: Mapping[int, Set[Trait]]) -> frozenset[Trait]:
    """What more than one has."""
    times = Counter(trait for traits in held.values() for trait in traits)
    return frozenset(trait for trait, count in times.items() if count > 1)


async def publishers(session: AsyncSession, pks: Sequence[int]) -> dict[int, set[tuple[str, str]]]:
    """Who published the records, as far as readers know: (origin, slug). All that are not named are one."""
    found: dict[int, set[tuple[str, str]]] = {pk: set() for pk in pks}
    for start in range(0, len(pks), _CHUNK):
        query = (
            select(RecordProvider.record_pk, Record.origin, RecordProvider.slug)
            .join(Record, Record.pk == RecordProvider.record_pk)
            .where(RecordProvider.record_pk.in_(pks[start : start + _CHUNK]))
        )
        for pk, origin, slug in await session.execute(query):
            found[pk].add((origin, slug))
    return {pk: names or {(_UNNAMED, _UNNAMED)} for pk, names in found.items()}


async def traits_of(session: AsyncSession, pks: Sequence[int]) -> dict[int, frozenset[Trait]]:
    """The traits that are kept of records; of those that have none, nothing."""
    found: dict[int, set[Trait]] = {}
    for start in range(0, len(pks), _CHUNK):
        query = select(CampaignTrait.record_pk, CampaignTrait.kind, CampaignTrait.value)
        chosen = query.where(CampaignTrait.record_pk.in_(pks[start : start + _CHUNK]))
        for pk, kind, value in await session.execute(chosen):
            found.setdefault(pk, set()).add(Trait(kind, value))
    return {pk: frozenset(traits) for pk, traits in found.items()}


async def holders_of(session: AsyncSession, traits: Collection[Trait]) -> dict[Trait, int]:
    """How many records have each of these."""
    found: dict[Trait, int] = {}
    values = sorted({trait.value for trait in traits})
    for start in range(0, len(values), _CHUNK):
        query = select(CampaignTrait.kind, CampaignTrait.value, func.count()).where(
            CampaignTrait.value.in_(values[start : start + _CHUNK])
        )
        grouped = query.group_by(CampaignTrait.kind, CampaignTrait.value)
        for kind, value, count in await session.execute(grouped):
            found[Trait(kind, value)] = count
    return found
