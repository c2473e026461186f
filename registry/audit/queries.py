"""Reads of the audit trail, in pages: a trail grows for ever, and is never held whole."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import column, select, table
from sqlalchemy.ext.asyncio import AsyncSession

from registry.audit.models import Act
from registry.db import Database
from registry.errors import NotFound

PAGE = 500
# The room of organisations stands above this one: of their table, no more is needed here than this.
_PROVIDER = table("provider", column("pk"), column("slug"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which acts: all conditions hold. `provider` is the key of the organisation that they concern."""

    provider: int | None = None
    topic: str | None = None
    action: str | None = None
    subject: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def acts(
    session: AsyncSession, wanted: Wanted, *, before: int | None = None, limit: int
) -> Sequence[Act]:
    """Acts, the newest first. `before` is the key that a page ended with."""
    query = select(Act)
    for name in ("topic", "action", "subject", "actor"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(getattr(Act, name) == value)
    if wanted.provider is not None:
        query = query.where(Act.provider_pk == wanted.provider)
    if wanted.since is not None:
        query = query.where(Act.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Act.at < wanted.until)
    if before is not None:
        query = query.where(Act.pk < before)
    return (await session.scalars(query.order_by(Act.pk.desc()).limit(limit))).all()


async def all_acts(database: Database, wanted: Wanted) -> AsyncIterator[Act]:
    """Every act there is, the newest first. Each page has a session of its own: a slow reader holds none."""
    before = None
    while True:
        async with database.read() as session:
            page = await acts(session, wanted, before=before, limit=PAGE)
        for act in page:
            yield act
        if len(page) < PAGE:
            return
        before = page[-1].pk


async def provider_key(session: AsyncSession, slug: str) -> int:
    """The key of an organisation, for stewards. Raises `NotFound`."""
    found = await session.scalar(select(_PROVIDER.c.pk).where(_PROVIDER.c.slug == slug.lower()))
    if found is None:
        raise NotFound(f"There is no provider {slug[:64]!r}.")
    return int(found)
