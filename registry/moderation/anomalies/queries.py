from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import BigInteger, Boolean, column, func, select, table, true
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.errors import NotFound
from registry.moderation.anomalies.models import Anomaly, HourCount
from registry.moderation.anomalies.rules import RULES, Activity
from registry.providers.models import Provider
from registry.waiting import MOST, QueueItem

_PUBLISHED = ("published", "shared")
_ABOUT = {rule.name: rule.about for rule in RULES}
_RECORD = table("record", column("provider_pk", BigInteger), column("listed", Boolean))


async def activity(
    session: AsyncSession, provider_pk: int, at: datetime, *, new_networks: tuple[str, ...] = ()
) -> Activity:
    """What an organisation did, as the rules read it. The last hour is the clock's own, begun or not."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    day = at - timedelta(days=1)
    query = select(HourCount).where(
        HourCount.provider_pk == provider_pk, HourCount.hour > at - timedelta(days=30)
    )
    writes: Counter[datetime] = Counter()
    publications: Counter[datetime] = Counter()
    kinds: Counter[str] = Counter()
    before: Counter[str] = Counter()
    withdrawals = 0
    for row in await session.scalars(query):
        writes[row.hour] += row.count
        # The hour that a day ago lies in counts to the day: better a little more than an hour too little.
        today = row.hour > day - timedelta(hours=1)
        if row.action in _PUBLISHED:
            publications[row.hour] += row.count
            (kinds if today else before)[row.kind] += row.count
        elif row.action == "withdrawn" and today:
            withdrawals += row.count
    listed = await session.scalar(
        select(func.count())
        .select_from(_RECORD)
        .where(_RECORD.c.provider_pk == provider_pk, _RECORD.c.listed == true())
    )
    return Activity(
        writes=writes[hour],
        usual_writes=_usual(writes, hour),
        publications=publications[hour],
        usual_publications=_usual(publications, hour),
        withdrawals=withdrawals,
        listed=(listed or 0) + withdrawals,
        kinds=dict(kinds),
        kinds_before=dict(before),
        new_networks=new_networks,
    )


def _usual(counts: Counter[datetime], hour: datetime) -> float:
    """The median of the hours in which there was anything at all, less the present one."""
    return float(median([count for each, count in counts.items() if each != hour and count] or [0]))


async def page(
    session: AsyncSession, actor: Actor, *, state: str | None, before: int | None, limit: int
) -> Sequence[tuple[Anomaly, Provider]]:
    """What stewards see, the latest first. Raises `Forbidden`."""
    actor.require(Scope.REGISTRY_STEWARD)
    query: Any = select(Anomaly, Provider).join(Provider, Provider.pk == Anomaly.provider_pk)
    if state is not None:
        query = query.where(Anomaly.state == state)
    if before is not None:
        query = query.where(Anomaly.pk < before)
    return [(row[0], row[1]) for row in await session.execute(query.order_by(Anomaly.pk.desc()).limit(limit))]


async def one(session: AsyncSession, actor: Actor, number: int) -> tuple[Anomaly, Provider]:
    """One anomaly. Raises `NotFound`, `Forbidden`."""
    actor.require(Scope.REGISTRY_STEWARD)
    row = await session.get(Anomaly, number) if 0 < number < 2**53 else None
    if row is None:
        raise NotFound(f"There is no anomaly {number}.")
    return row, await session.get_one(Provider, row.provider_pk)


async def anomalies_waiting(session: AsyncSession, actor: Actor) -> list[QueueItem]:
    """Unusual activity that no steward answered: a source of the queue."""
    if not actor.steward:
        return []
    query = (
        select(Anomaly, Provider)
        .join(Provider, Provider.pk == Anomaly.provider_pk)
        .where(Anomaly.state == "open")
        .order_by(Anomaly.pk)
        .limit(MOST)
    )
    return [
        QueueItem(
            "anomaly",
            str(row.pk),
            row.at,
            f"{provider.slug}: {_ABOUT.get(row.rule, row.rule)}.",
            "/api/v1/anomalies?state=open",
        )
        for row, provider in await session.execute(query)
    ]
