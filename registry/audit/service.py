"""The only writer of the audit trail."""

from collections.abc import Mapping, Sequence
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
    await note_all(session, [act(actor, topic, action, subject, provider, version, commit, detail)])


def act(
    actor: Actor,
    topic: str,
    action: str,
    subject: str,
    provider: int | None,
    version: str | None,
    commit: str | None,
    detail: Mapping[str, Any],
) -> dict[str, Any]:
    """One act as a row, for `note_all`; what each field holds, `note` says."""
    return {
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
        "detail": dict(detail),
    }


async def note_all(session: AsyncSession, acts: Sequence[Mapping[str, Any]]) -> None:
    """Write down many acts of one transaction."""
    if acts:
        await session.execute(insert(table_of(Act)), list(acts))
