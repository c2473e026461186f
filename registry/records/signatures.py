"""What an organisation signs of a draft."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.changelog.append import lock
from registry.errors import Conflict
from registry.providers.models import Provider
from registry.records import draft_queries, queries
from registry.records.drafts import DraftState, for_guest, state_of, touch
from registry.records.models import Draft, Record, Version
from registry.records.preconditions import match_bytes
from registry.signing.queries import Signed, signatures_of
from registry.signing.service import sign_draft

CHANGED = "/signatures"
"""Where a signature shows, among what was changed beside a draft."""


async def put_signature(
    session: AsyncSession, actor: Actor, id: str, signature: Any, *, if_match: str | None
) -> DraftState:
    """Keep a signature of the draft's bytes by the actor's organisation: its owner, or one that is invited.

    `if_match` is compared by the bytes alone: what else changed is not signed. Raises `Invalid` for one that
    does not count, `Conflict` where there is no draft.
    """
    actor.require(Scope.RECORDS_WRITE)
    await lock(session)
    record, draft, invitation = await draft_queries.shown_draft(session, actor, id)
    match_bytes(if_match, draft)
    if draft is None:
        raise Conflict(f"{record.id} has no draft to sign.")
    await signed_along(session, actor, record, draft, signature)
    touch(draft, actor, CHANGED)
    await session.flush()
    state = await state_of(session, record, draft)
    return state if invitation is None else for_guest(actor, state)


async def signed_along(
    session: AsyncSession, actor: Actor, record: Record, draft: Draft, signature: Any
) -> None:
    """Keep the signature that came with something else that is done to a draft."""
    provider = await session.get_one(Provider, actor.provider)
    await sign_draft(session, record.pk, provider, draft.document, signature)
    await note(
        session, actor, "record", "signed", record.id, provider=record.provider_pk, by=actor.provider_slug
    )


async def signers(session: AsyncSession, row: queries.Stored) -> list[Signed]:
    """Who signed a version that may be read."""
    query = select(Version.pk).join(Record, Record.pk == Version.record_pk)
    pk = await session.scalar(
        query.where(
            Record.origin == row.origin,
            Record.id == row.id,
            Version.shared.is_(row.shared),
            Version.number == row.number,
        )
    )
    return (await signatures_of(session, [pk])).get(pk, []) if pk is not None else []


async def commit_before(session: AsyncSession, record_pk: int, number: int) -> str | None:
    """What stands as `prev` in the bytes that were signed of a public version: the commitment of the public
    version before it, None for the first.
    """
    return await session.scalar(
        select(Version.commit).where(
            Version.record_pk == record_pk, Version.shared.is_(False), Version.number == number - 1
        )
    )
