"""Invitations to sharing groups that wait for an answer: a source of the queue."""

from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.sharing.queries import invitations
from registry.waiting import MOST, QueueItem


async def group_invitations_waiting(session: AsyncSession, actor: Actor) -> list[QueueItem]:
    """Sharing groups that the organisation was invited to, for its administrators."""
    if actor.provider is None or Scope.PROVIDER_ADMIN not in actor.scopes:
        return []
    return [
        QueueItem(
            "group-invitation",
            slug,
            since,
            f"{owner} invites you to the sharing group {name}. Accept, or decline.",
            f"/api/v1/providers/{actor.provider_slug}/sharing-groups/{slug}",
        )
        for slug, name, owner, since in (await invitations(session, actor.provider))[:MOST]
    ]
