"""What an import asks the database."""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.exchange.item import Key
from registry.records.models import Record


async def known(session: AsyncSession, provider: int, keys: Collection[Key]) -> dict[Key, tuple[str, str]]:
    """Id and digest of the records that a provider imported under these keys."""
    by_scheme: dict[str, list[str]] = defaultdict(list)
    for scheme, id in keys:
        by_scheme[scheme].append(id)
    found: dict[Key, tuple[str, str]] = {}
    for scheme, ids in by_scheme.items():
        rows = await session.execute(
            select(Record.source_id, Record.id, Record.input_digest).where(
                Record.provider_pk == provider, Record.source_scheme == scheme, Record.source_id.in_(ids)
            )
        )
        found |= {(scheme, source_id): (id, digest or "") for source_id, id, digest in rows if source_id}
    return found
