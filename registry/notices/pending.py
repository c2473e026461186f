"""Notices that wait: a source of the queue, for stewards and for whom they concern."""

from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.notices import queries
from registry.notices.rules import State
from registry.waiting import MOST, QueueItem


async def notices_waiting(session: AsyncSession, actor: Actor) -> list[QueueItem]:
    """For stewards, notices without an answer. For an organisation, that there are some about its records:
    not who wrote them, nor what.
    """
    items: list[QueueItem] = []
    if actor.steward:
        rows = await queries.queue(session, state=State.RECEIVED, after=None, limit=MOST)
        items += [
            QueueItem(
                "notice",
                notice.number,
                notice.at,
                f"A notice ({notice.kind}) waits for a first answer.",
                f"/api/v1/notices/{notice.number}",
            )
            for notice, _ in rows
        ]
    if actor.provider is not None and actor.scopes & {Scope.RECORDS_PUBLISH, Scope.PROVIDER_ADMIN}:
        items += [
            QueueItem(
                "notice-received",
                f"{notice.record_id}",
                notice.at,
                f"The stewards received a notice ({notice.kind}) about {notice.record_id}.",
                f"/api/v1/records/{notice.record_id}",
            )
            for notice in await queries.about_own(session, actor.provider, limit=MOST)
        ]
    return items
