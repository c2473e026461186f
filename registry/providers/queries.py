from collections.abc import Sequence

from rapidfuzz import process
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.errors import NotFound
from registry.providers.models import Application, Provider
from registry.providers.onboarding import State


async def find(session: AsyncSession, slug: str) -> Provider | None:
    """The provider of that slug, whatever its state; also by the slug that it applied under."""
    asked = slug.lower()
    query = select(Provider).where(or_(Provider.slug == asked, Provider.applied_as == asked))
    return await session.scalar(query.order_by(Provider.pk).limit(1))


async def by_slug(
    session: AsyncSession, slug: str, *, public: bool = False, deciding: bool = False
) -> Provider:
    """The provider of that slug. Raises `NotFound`, with the nearest slugs there are.

    With `public`, one that was never approved is not found either, and in the same words. The nearest
    ones told are approved ones; only for those who are `deciding` they are any.
    """
    provider = await find(session, slug)
    if provider is None or (public and provider.approved_at is None):
        told = select(Provider.slug)
        if not deciding:
            told = told.where(Provider.state == State.APPROVED)
        slugs = (await session.scalars(told)).all()
        near = [match for match, score, _ in process.extract(slug.lower(), slugs, limit=3) if score >= 60]
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise NotFound(f"There is no provider {slug[:64]!r}.{hint}")
    return provider


async def all_providers(
    session: AsyncSession, *, public: bool, state: State | None = None
) -> Sequence[Provider]:
    """Every provider by slug; with `public`, only those that have been approved at some time."""
    query = select(Provider).order_by(Provider.slug)
    if public:
        query = query.where(Provider.approved_at.is_not(None))
    if state is not None:
        query = query.where(Provider.state == state.value)
    return (await session.scalars(query)).all()


async def application(session: AsyncSession, provider: Provider) -> Application | None:
    """What came with a provider's application; None for one that was added by an operator."""
    return await session.get(Application, provider.pk)


async def waiting(session: AsyncSession, *, limit: int = 100) -> Sequence[tuple[Provider, Application]]:
    """Applications that nobody decided on, the oldest first."""
    query = (
        select(Provider, Application)
        .join(Application, Application.provider_pk == Provider.pk)
        .where(Provider.state == State.APPLIED.value)
        .order_by(Application.at)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in await session.execute(query)]
