"""The one place where an `Actor` is put together from who holds a token or a session."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.providers.models import Provider
from registry.providers.onboarding import MAY_HOLD_TOKENS, Kind, State
from registry.sharing.queries import groups_of


def usable(provider: Provider | None) -> bool:
    """Whether an organisation's tokens and members may act for it."""
    return provider is not None and State(provider.state) in MAY_HOLD_TOKENS


async def acting(
    session: AsyncSession,
    name: str,
    provider: Provider | None,
    scopes: Iterable[Scope],
    *,
    person: str | None = None,
) -> Actor:
    """An actor for an organisation, or for none."""
    if provider is None:
        return Actor(name=name, scopes=frozenset(scopes), person=person)
    approved = provider.state == State.APPROVED
    return Actor(
        name=name,
        provider=provider.pk,
        provider_slug=provider.slug,
        approved=approved,
        scopes=frozenset(scopes),
        groups=await groups_of(session, provider.pk),
        person=person,
        vetted_researcher=approved and provider.kind == Kind.RESEARCHER,
    )
