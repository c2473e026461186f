"""Reading what is known of peers."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.errors import NotFound
from registry.federation.models import REMOVED, Peer
from registry.transparency.models import Log


async def peer_of(session: AsyncSession, origin: str) -> Peer:
    """The peer of that origin. Raises `NotFound`, naming those there are."""
    peer = await session.scalar(select(Peer).join(Log, Log.pk == Peer.log_pk).where(Log.origin == origin))
    if peer is None:
        known = ", ".join(row.origin for row, _ in await peers(session)) or "none"
        raise NotFound(f"No registry {origin[:200]!r} is followed here. There are: {known}.")
    return peer


async def peers(session: AsyncSession, *, removed: bool = False) -> list[tuple[Log, Peer]]:
    """Every peer with its log, by origin."""
    query = select(Log, Peer).join(Peer, Peer.log_pk == Log.pk).order_by(Log.origin)
    if not removed:
        query = query.where(Peer.state != REMOVED)
    return [(log, peer) for log, peer in await session.execute(query)]
