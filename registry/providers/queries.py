from collections.abc import Sequence

from rapidfuzz import process
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.errors import NotFound
from registry.providers.models import Provider
from registry.providers.onboarding import State

# Approved at some time: only these exist for the public.
SHOWN = (State.APPROVED, State.SUSPENDED, State.CLOSED)


async def by_slug(session: AsyncSession, slug: str, *, public: bool = False) -> Provider:
    """The provider of that slug. Raises `NotFound`, with the nearest slugs there are.

    With `public`, one that was never approved is not found either, and in the same words.
    """
    provider = await session.scalar(select(Provider).where(Provider.slug == slug.lower()))
    if provider is None or (public and provider.state not in SHOWN):
        told = select(Provider.slug)
        if public:
            told = told.where(Provider.state == State.APPROVED)
        slugs = (await session.scalars(told)).all()
        near = [match for match, score, _ in process.extract(slug.lower(), slugs, limit=3) if score >= 60]
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise NotFound(f"There is no provider {slug[:64]!r}.{hint}")
    return provider


async def all_providers(session: AsyncSession, *, public: bool) -> Sequence[Provider]:
    """Every provider by slug; with `public`, only those that have been approved at some time."""
    query = select(Provider).order_by(Provider.slug)
    if public:
        query = query.where(Provider.state.in_(SHOWN))
    return (await session.scalars(query)).all()
