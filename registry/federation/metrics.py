"""Peers in Prometheus' words."""

from datetime import timedelta

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.db import now
from registry.federation.items import counts
from registry.federation.models import FOLLOWING, FROZEN, Alarm
from registry.federation.queries import peers
from registry.federation.views import STALE, UNREACHABLE, standing
from registry.settings import Settings

_STATES = (FOLLOWING, STALE, UNREACHABLE, FROZEN)


async def measure(registry: CollectorRegistry, session: AsyncSession, settings: Settings) -> None:
    """Add what is known of every registry that is followed."""

    def gauge(name: str, help: str, *labels: str) -> Gauge:
        return Gauge(name, help, ["origin", *labels], registry=registry)

    state = gauge("candor_peer_state", "1 for the state that a peer is in.", "state")
    read = gauge("candor_peer_read_entries", "Entries of a peer's log that were read.")
    head = gauge("candor_peer_head_entries", "Entries of the newest checkpoint of a peer that was verified.")
    heard = gauge(
        "candor_peer_heard_seconds", "Seconds since a peer last answered with a checkpoint that counts."
    )
    failed = gauge("candor_peer_failures", "How often a peer failed since then.")
    items = gauge("candor_peer_items", "Items of a peer that are not here, by the reason.", "state")
    alarms = gauge("candor_alarms", "Alarms that were raised about a peer, by their code.", "code")
    rows = await peers(session)
    held = await counts(session, [row.pk for row, _ in rows])
    moment, stale = now(), timedelta(hours=settings.follow_stale_hours)
    for row, peer in rows:
        present = standing(peer, moment, stale)
        for each in _STATES:
            state.labels(row.origin, each).set(each == present)
        read.labels(row.origin).set(row.size)
        head.labels(row.origin).set(peer.head_size)
        heard.labels(row.origin).set((moment - (peer.heard_at or peer.added_at)).total_seconds())
        failed.labels(row.origin).set(peer.failed)
        for each, count in held[row.pk].items():
            items.labels(row.origin, each).set(count)
    raised = select(Alarm.origin, Alarm.code, func.count()).group_by(Alarm.origin, Alarm.code)
    for origin, code, count in await session.execute(raised):
        alarms.labels(origin, code).set(count)
