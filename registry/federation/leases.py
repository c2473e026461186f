"""Who asks a peer now: one process at a time, under a lease that runs out by itself when the process dies."""

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator
from datetime import timedelta

import structlog
from sqlalchemy import or_, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry.db import Database, clock_of
from registry.federation.models import Peer

LEASE = timedelta(seconds=20)

log = structlog.get_logger("candor.federation")


class LeaseLost(Exception):
    """Another process follows the peer now: it took over while this one stood still."""


def holder_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"[-128:]


@contextlib.asynccontextmanager
async def leased(database: Database, log_pk: int, holder: str) -> AsyncIterator[bool]:
    """Hold the lease of a peer, renewed for as long as it is held. False where another process has it."""
    async with database.write() as session:
        won = await _take(session, log_pk, holder)
    if not won:
        yield False
        return
    renewing = asyncio.create_task(_renew(database, log_pk, holder))
    try:
        yield True
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        await asyncio.shield(_let_go(database, log_pk, holder))


async def require(session: AsyncSession, peer: Peer, holder: str) -> None:
    """Raises `LeaseLost` unless this holder may write what it learnt of the peer. What it writes renews the
    lease, which cannot be renewed meanwhile where one writes at a time.
    """
    moment = await clock_of(session)
    if peer.holder != holder or peer.lease_until is None or peer.lease_until < moment:
        raise LeaseLost(f"Another process follows {peer.url} now.")
    peer.lease_until = moment + LEASE


async def _take(session: AsyncSession, log_pk: int, holder: str) -> bool:
    moment = await clock_of(session)
    free = or_(Peer.holder.is_(None), Peer.holder == holder, Peer.lease_until < moment)
    taken = await session.execute(
        update(Peer)
        .where(Peer.log_pk == log_pk, free)
        .values(holder=holder, lease_until=moment + LEASE)
        .returning(Peer.log_pk)
    )
    return taken.first() is not None


async def _renew(database: Database, log_pk: int, holder: str) -> None:
    while True:
        await asyncio.sleep(LEASE.total_seconds() / 3)
        try:
            async with database.write() as session:
                if not await _take(session, log_pk, holder):
                    return
        except Exception:
            log.exception("the lease of a peer could not be renewed")


async def _let_go(database: Database, log_pk: int, holder: str) -> None:
    async with database.write() as session:
        mine = update(Peer).where(Peer.log_pk == log_pk, Peer.holder == holder)
        await session.execute(mine.values(holder=None, lease_until=None))
