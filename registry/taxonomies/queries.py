"""Reading stored taxonomies."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.taxonomies.models import TaxonomyVersion
from registry.taxonomies.vocabulary import Taxonomy, Vocabulary


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One stored version of a namespace, without its terms."""

    id: int
    namespace: str
    version: str
    digest: str
    loaded_at: datetime


async def newest_id(session: AsyncSession) -> int:
    """A number that grows with every stored version; 0 while there is none."""
    return await session.scalar(select(func.max(TaxonomyVersion.id))) or 0


async def changed_at(session: AsyncSession) -> datetime | None:
    """When a taxonomy was last stored."""
    return await session.scalar(select(func.max(TaxonomyVersion.loaded_at)))


async def newest_versions(session: AsyncSession) -> list[StoredVersion]:
    """The version in use of each namespace, in order of namespaces."""
    newest = select(func.max(TaxonomyVersion.id)).group_by(TaxonomyVersion.namespace)
    # Sorted here: databases disagree on where a hyphen goes.
    return sorted(await _stored(session, TaxonomyVersion.id.in_(newest)), key=lambda stored: stored.namespace)


async def versions(session: AsyncSession, namespace: str) -> list[StoredVersion]:
    """Every stored version of one namespace, newest first; empty for an unknown one."""
    return (await _stored(session, TaxonomyVersion.namespace == namespace))[::-1]


async def _stored(session: AsyncSession, condition: object) -> list[StoredVersion]:
    table = TaxonomyVersion
    rows = await session.execute(
        select(table.id, table.namespace, table.version, table.digest, table.loaded_at)
        .where(condition)  # type: ignore[arg-type]
        .order_by(table.id)
    )
    return [StoredVersion(*row) for row in rows]


async def taxonomies(session: AsyncSession, ids: Iterable[int]) -> dict[int, Taxonomy]:
    """The taxonomies in these rows, by row."""
    rows = await session.execute(
        select(TaxonomyVersion.id, TaxonomyVersion.data).where(TaxonomyVersion.id.in_(list(ids)))
    )
    return {id: Taxonomy.from_json(data) for id, data in rows}


async def load_vocabulary(session: AsyncSession) -> Vocabulary:
    """A snapshot of the newest version of each namespace, read anew; a `VocabularyKeeper` keeps one."""
    rows = await taxonomies(session, [stored.id for stored in await newest_versions(session)])
    return Vocabulary(rows[id] for id in sorted(rows))
