"""What an organisation has seen of the responses to its records."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.changelog.append import lock
from registry.db import now
from registry.records import draft_queries
from registry.records.models import Record, RecordLink
from registry.records.responses.models import ResponsesSeen


async def mark_seen(session: AsyncSession, actor: Actor, id: str) -> int:
    """Take the responses to a record of one's own off the queue; later ones come anew. Answers how far it was
    seen, as a public sequence number. Raises `NotFound`.
    """
    actor.require(Scope.RECORDS_WRITE)
    await lock(session)
    record, _ = await draft_queries.draft(session, actor, id)
    newest = await session.scalar(
        select(func.max(Record.first_seq))
        .join(RecordLink, RecordLink.record_pk == Record.pk)
        .where(
            RecordLink.role == "about",
            RecordLink.target_id == record.id,
            RecordLink.target_origin == record.origin,
        )
    )
    seen = await session.get(ResponsesSeen, record.pk)
    if seen is None:
        seen = ResponsesSeen(record_pk=record.pk, up_to=0, at=now())
        session.add(seen)
    seen.up_to, seen.at = max(newest or 0, seen.up_to), now()
    await note(session, actor, "record", "responses-seen", record.id, provider=record.provider_pk)
    return seen.up_to
