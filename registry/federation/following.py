"""Following, as long as a process runs: every peer is visited in its time, each by itself.

Any number of processes may follow: a lease for each peer says who visits it now. A slow peer keeps nobody
waiting but itself.
"""

import asyncio

import structlog
from sqlalchemy import or_, select

from registry.db import clock_of
from registry.extensions import Node
from registry.federation import alarms
from registry.federation.leases import holder_name
from registry.federation.models import FOLLOWING, Peer
from registry.federation.visits import visit

LOOK_SECONDS = 1.0
RETRY_SECONDS = (1, 5, 15, 60)
MOST_AT_ONCE = 64
AT_ONCE = 256
"""Entries that one transaction takes in beside everything else that a registry does."""

log = structlog.get_logger("candor.federation")


class Following:
    """Visits peers that are due, in this process."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.holder = holder_name()
        self._visits: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Follow until cancelled."""
        failures = 0
        telling = asyncio.create_task(self._tell())
        try:
            while True:
                pause = LOOK_SECONDS
                try:
                    await self.step()
                    failures = 0
                except Exception:
                    pause = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                    failures += 1
                    log.exception("following failed", retry_in=pause)
                await asyncio.sleep(pause)
        finally:
            visits = [*self._visits.values(), telling]
            for task in visits:
                task.cancel()
            await asyncio.gather(*visits, return_exceptions=True)

    async def step(self) -> int:
        """Begin visits to the peers that are due; answers how many go on now."""
        room = MOST_AT_ONCE - len(self._visits)
        async with self.node.database.read() as session:
            moment = await clock_of(session)
            free = or_(Peer.lease_until.is_(None), Peer.lease_until < moment)
            query = select(Peer.log_pk).where(Peer.state == FOLLOWING, Peer.due_at <= moment, free)
            due = list(await session.scalars(query.order_by(Peer.due_at).limit(MOST_AT_ONCE)))
        for log_pk in [each for each in due if each not in self._visits][:room]:
            task = asyncio.create_task(self._visit(log_pk))
            self._visits[log_pk] = task
        return len(self._visits)

    async def _visit(self, log_pk: int) -> None:
        try:
            await visit(self.node, log_pk, self.holder, at_once=AT_ONCE)
        except Exception:
            # A database that does not answer, say: what a peer does wrong is kept with the peer.
            log.exception("a visit failed")
        finally:
            del self._visits[log_pk]

    async def _tell(self) -> None:
        """Post alarms to the operator's hook."""
        while True:
            try:
                await alarms.tell_due(self.node.database, self.node.settings)
            except Exception:
                log.exception("alarms could not be told")
            await asyncio.sleep(LOOK_SECONDS)
