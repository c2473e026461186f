"""Reads of the registry's tables that only search needs."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.changelog.models import Change
from registry.records import queries as records
from search.document import Key

RECORD = "record"
_STILL_LISTED = ("published", "revised", "reinstated")
_MOST = 5000


async def gone_since(session: AsyncSession, position: int) -> frozenset[Key]:
    """Records that left the lists after a public position: withdrawn, erased, suppressed or whatever ends
    so.
    """
    # By topic, SQLite would walk the whole log.
    about_records = func.coalesce(Change.topic, "") == RECORD
    rows = await session.execute(
        select(Change.origin, Change.subject)
        .where(Change.public_seq > position, about_records, Change.action.not_in(_STILL_LISTED))
        .order_by(Change.public_seq.desc())
        .limit(_MOST)
    )
    keys = list(dict.fromkeys((origin, id) for origin, id in rows))
    found = await records.documents(session, keys) if keys else {}
    return frozenset(key for key, stored in found.items() if stored is None)
