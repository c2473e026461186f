"""How what extensions run beside the database is: for `/readyz` and `/metrics`.

An extension's `health` answers with plain values, all but the first of them left out where it does not know:

    answers    whether it answers questions
    engine     what it runs, and `version` which
    position   the public sequence number that it has read to
    queue      how many tasks it was given and has not finished
    reason     why it does not answer, in a sentence
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.changelog import aside
from registry.changelog.append import public_head
from registry.changelog.models import Change

Health = Callable[[], dict[str, Any]]

log = structlog.get_logger("candor.health")


async def looked_at(session: AsyncSession, healths: Mapping[str, Health]) -> dict[str, dict[str, Any]]:
    """What each extension says of itself, with how far it is behind: public changes, and seconds since the
    oldest of them.
    """
    newest = await public_head(session)
    told: dict[str, dict[str, Any]] = {}
    for name, health in healths.items():
        try:
            said = await asyncio.to_thread(health)
        except Exception:
            log.exception("an extension does not say how it is", extension=name)
            said = {"answers": False, "reason": "It does not say how it is; see the log."}
        position = said.get("position")
        if position is not None:
            said["behind"] = max(newest - position, 0)
            said["behind_seconds"] = await _seconds_behind(session, position)
        told[name] = {key: value for key, value in said.items() if value is not None}
    return told


async def _seconds_behind(session: AsyncSession, position: int) -> float:
    """How long ago the oldest public change was that lies past a position; 0 where there is none."""
    query = select(Change.at).where(Change.public_seq > position).order_by(Change.public_seq).limit(1)
    at = await session.scalar(query)
    return round(max((datetime.now(UTC) - at).total_seconds(), 0), 1) if at is not None else 0.0


async def measure(registry: CollectorRegistry, session: AsyncSession, healths: Mapping[str, Health]) -> None:
    """Enter what extensions say of themselves, and what readers of the log set aside, into the metrics."""
    aside_by = await aside.counts(session)
    held = Gauge(
        "candor_set_aside", "Records that a log reader went on without.", ["reader"], registry=registry
    )
    for reader, count in aside_by.items():
        held.labels(reader).set(count)
    for name, said in (await looked_at(session, healths)).items():
        known = {key: float(said[key]) for key in _GAUGES if key in said}
        for key, value in known.items():
            Gauge(f"candor_{name}_{key}", _GAUGES[key], registry=registry).set(value)
        info = Gauge(
            f"candor_{name}_engine", "1 for the engine that is run.", ["engine", "version"], registry=registry
        )
        info.labels(str(said.get("engine", "")), str(said.get("version", ""))).set(1)


_GAUGES = {
    "answers": "1 while it answers questions.",
    "position": "The public sequence number that it has read to.",
    "behind": "Public changes that it has not read yet.",
    "behind_seconds": "How long ago the oldest public change was that it has not read yet.",
    "queue": "Tasks that the engine was given and has not finished.",
}
