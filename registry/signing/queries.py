from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.providers.models import Provider
from registry.signing.models import DraftSignature, ProviderKey, VersionSignature

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed a version, and with which key. `jwk` is None where nobody here could verify it."""

    provider: str | None
    domain: str | None
    kid: str
    jwk: dict[str, Any] | None
    jws: str
    at: datetime


async def keys_of(session: AsyncSession, provider: Provider) -> Sequence[ProviderKey]:
    """An organisation's keys, the newest first, those that ended among them."""
    query = select(ProviderKey).where(ProviderKey.provider_pk == provider.pk)
    return (await session.scalars(query.order_by(ProviderKey.pk.desc()))).all()


async def key_of(session: AsyncSession, provider_pk: int, kid: str) -> ProviderKey | None:
    """A key of an organisation, also one that ended."""
    query = select(ProviderKey).where(ProviderKey.provider_pk == provider_pk, ProviderKey.kid == kid)
    return await session.scalar(query)


async def key_under(session: AsyncSession, domain: str, kid: str) -> ProviderKey | None:
    """A key of an organisation whose domain, of that name, is proven here."""
    query = (
        select(ProviderKey)
        .join(Provider, Provider.pk == ProviderKey.provider_pk)
        .where(Provider.domain == domain, Provider.domain_verified, ProviderKey.kid == kid)
    )
    return await session.scalar(query.order_by(ProviderKey.pk).limit(1))


async def on_draft(session: AsyncSession, record_pk: int) -> list[tuple[str, str, datetime]]:
    """(slug, kid, time) of each signature of a draft, by slug."""
    query = (
        select(Provider.slug, ProviderKey.kid, DraftSignature.at)
        .join(Provider, Provider.pk == DraftSignature.provider_pk)
        .join(ProviderKey, ProviderKey.pk == DraftSignature.key_pk)
        .where(DraftSignature.record_pk == record_pk)
    )
    return [(row[0], row[1], row[2]) for row in await session.execute(query.order_by(Provider.slug))]


async def signatures_of(session: AsyncSession, version_pks: Iterable[int]) -> dict[int, list[Signed]]:
    """The signatures of versions by their keys, in the order in which they came; without those that have
    none.
    """
    pks = list(version_pks)
    found: dict[int, list[Signed]] = {}
    for start in range(0, len(pks), _AT_ONCE):
        query = select(VersionSignature).where(VersionSignature.version_pk.in_(pks[start : start + _AT_ONCE]))
        for row in await session.scalars(query.order_by(VersionSignature.pk)):
            one = Signed(row.provider, row.domain, row.kid, row.jwk, row.jws, row.at)
            found.setdefault(row.version_pk, []).append(one)
    return found
