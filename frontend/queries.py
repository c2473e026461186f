"""Reads that only the pages need."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from frontend.urls import web
from registry.actor import ANONYMOUS
from registry.federation.models import Peer
from registry.feeds.links import registry_at
from registry.records.models import Record, Version
from registry.records.visibility import readable
from registry.transparency.models import Log


@dataclass(frozen=True, slots=True)
class Listed:
    """A listed record, and when its newest public version was made."""

    id: str
    at: datetime


async def registry_of(session: AsyncSession, origin: str) -> str:
    """Where the registry of another origin answers: as it is followed, or as its origin says."""
    url = await session.scalar(select(Peer.url).join(Log, Log.pk == Peer.log_pk).where(Log.origin == origin))
    # What is followed may be somebody's copy of it.
    if url is None or web(url) is None or "/mirror/" in url:
        return registry_at(origin)
    return url.rstrip("/")


async def listed_between(session: AsyncSession, origin: str, after: int, upto: int) -> Sequence[Listed]:
    """The records of one origin that were first published at a public number above `after`, up to `upto`, in
    order.
    """
    rows = await session.execute(
        select(Record.id, Version.at)
        .join(
            Version,
            and_(Version.record_pk == Record.pk, Version.shared.is_(False), Version.number == Record.current),
        )
        .where(
            Record.listed,
            readable(ANONYMOUS),
            Record.origin == origin,
            Record.first_seq > after,
            Record.first_seq <= upto,
        )
        .order_by(Record.first_seq)
    )
    return [Listed(*row) for row in rows]
