"""The only writer of the audit trail."""

from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.audit.models import Act
from registry.db import now, table_of


async def note(
    session: AsyncSession,
    actor: Actor,
    topic: str,
    action: str,
    subject: str,
    *,
    provider: int | None = None,
    version: str | None = None,
    commit: str | None = None,
    **detail: Any,
) -> None:
    """Write down an act, in the transaction that does it.

    `topic` names the sort of `subject` (`record`, `provider`, `client`, `session`, …). `provider` is the key
    of the organisation that it concerns. `detail` holds codes, slugs and numbers: never content, a title, a
    secret, or a digest of a text.
    """
    await session.execute(
        insert(table_of(Act)),
        [
            {
                "at": now(),
                "actor": actor.name,
                "actor_provider": actor.provider_slug,
                "provider_pk": provider,
                "topic": topic,
                "action": action,
                "subject": subject,
                "version": version,
                "commit": commit,
                "address": actor.address,
                "request": actor.request,
                "detail": detail,
            }
        ],
    )
