"""Applications that wait for stewards: a source of the queue."""

from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.providers.queries import waiting
from registry.waiting import MOST, QueueItem


async def applications_waiting(session: AsyncSession, actor: Actor) -> list[QueueItem]:
    """For stewards: applications that nobody decided on."""
    if not actor.steward:
        return []
    return [
        QueueItem(
            "application",
            provider.slug,
            application.at,
            f"{provider.name} applied. Let it in, approve it or decline it, with a reason.",
            f"/api/v1/providers/{provider.slug}",
        )
        for provider, application in await waiting(session, limit=MOST)
    ]
