"""Reads of records that are shared below TLP:CLEAR and not public, for one reader. Nothing of them is in an
index, a list or a feed that somebody else reads.
"""

from collections.abc import Sequence

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.records.models import Record, Version
from registry.records.queries import STORED, Stored, stored_rows
from registry.records.visibility import readable


async def newest_shared(
    session: AsyncSession, actor: Actor, *, kind: Sequence[str] = (), limit: int
) -> list[Stored]:
    """The newest version of each record that is shared with the actor and not public, the newest first,
    withdrawn ones among them.
    """
    query = (
        select(*STORED)
        .join(
            Version,
            and_(Version.record_pk == Record.pk, Version.shared, Version.number == Record.shared),
        )
        .where(Record.current == 0, Record.shared > 0, readable(actor))
        .order_by(Version.pk.desc())
        .limit(limit)
    )
    if kind:
        query = query.where(Record.kind.in_(kind))
    return await stored_rows(session, query)


async def levels(session: AsyncSession, rows: Sequence[Stored]) -> dict[tuple[str, str], str]:
    """The TLP level of each of these records, by (origin, id)."""
    ids = [row.id for row in rows if row.shared]
    found = await session.execute(select(Record.origin, Record.id, Record.tlp).where(Record.id.in_(ids)))
    return {(row[0], row[1]): row[2] for row in found}
