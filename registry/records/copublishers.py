"""The organisations that publish a record jointly, as rows beside it: who is asked, and who is a member."""

from collections.abc import Iterable, Sequence
from typing import Any

from rapidfuzz import process
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry.db import now
from registry.errors import Finding
from registry.providers.models import Provider
from registry.providers.onboarding import State
from registry.records import documents, draft_queries
from registry.records.models import Invitation, Record

MOST = 100


def publisher_of(provider: Provider) -> documents.Publisher:
    return documents.Publisher(
        provider.slug, provider.name, provider.domain, provider.domain_verified, provider.sector
    )


async def publishers(session: AsyncSession, record: Record) -> list[documents.Publisher]:
    """Those that the next version is to name besides the provider, in order."""
    asked = (await draft_queries.invitations(session, [record.pk])).get(record.pk, [])
    return [publisher_of(one.provider) for one in asked if one.invitation.invited]


async def named(session: AsyncSession, own: str | None, raw: Any) -> tuple[list[Provider], list[Finding]]:
    """The organisations that a submission invites, in order, and what is wrong with that. `own` is the slug
    of the one that submits.

    Its form is checked elsewhere: here, what is no slug is passed over.
    """
    sent = raw.get("co_providers") if isinstance(raw, dict) else None
    sent = sent[:MOST] if isinstance(sent, list) else []
    slugs = {at: slug.lower() for at, one in enumerate(sent) if (slug := slug_in(one)) is not None}
    if not slugs:
        return [], []
    rows = await session.scalars(
        select(Provider).where(Provider.slug.in_(slugs.values()), Provider.state == State.APPROVED.value)
    )
    known = {row.slug: row for row in rows}
    asked: dict[int, Provider] = {}
    findings = []
    for at, slug in slugs.items():
        pointer = f"/co_providers/{at}"
        if slug == own:
            problem = "Your own organisation publishes it already."
            findings.append(Finding("co-provider-self", pointer, problem, "Take it out of the list."))
        elif slug not in known:
            findings.append(await _unknown(session, pointer, slug))
        else:
            asked[known[slug].pk] = known[slug]
    return list(asked.values()), findings


def slug_in(one: Any) -> str | None:
    """The slug of a co-publisher, named by it alone or in the shape in which documents show one."""
    slug = one.get("slug") if isinstance(one, dict) else one
    return slug if isinstance(slug, str) and 0 < len(slug) <= 64 else None


async def _unknown(session: AsyncSession, pointer: str, slug: str) -> Finding:
    slugs = (await session.scalars(select(Provider.slug).where(Provider.state == State.APPROVED.value))).all()
    near = [match for match, score, _ in process.extract(slug, slugs, limit=3) if score >= 60]
    hint = f"Did you mean {' or '.join(near)}?" if near else "`GET /api/v1/providers` lists those there are."
    return Finding("unknown-provider", pointer, f"There is no provider {slug!r} that could publish.", hint)


async def invite_exactly(session: AsyncSession, record: Record, asked: Sequence[Provider]) -> list[str]:
    """Let the next version name these and no others. Answers the slugs of those who are new.

    Who is in the newest version stays a member of that until the next one comes.
    """
    rows = await session.scalars(select(Invitation).where(Invitation.record_pk == record.pk))
    present = {row.provider_pk: row for row in rows}
    fresh = []
    for position, provider in enumerate({one.pk: one for one in asked}.values()):
        row = present.pop(provider.pk, None)
        if row is None:
            row = Invitation(
                record_pk=record.pk, provider_pk=provider.pk, invited=False, member=False, invited_at=now()
            )
            session.add(row)
        if not row.invited:
            fresh.append(provider.slug)
        row.position, row.invited = position, True
    for row in present.values():
        if row.member:
            row.invited = False
        else:
            await session.delete(row)
    await session.flush()
    return fresh


def waited_for(asked: Iterable[draft_queries.Invited], digest: str) -> list[str]:
    """The slugs of those who have not approved these exact bytes."""
    return [one.provider.slug for one in asked if one.invitation.invited and one.invitation.digest != digest]


async def published(session: AsyncSession, record_pks: Sequence[int]) -> None:
    """Those who were asked are members of what was published; who was not, is one no more."""
    of_records = Invitation.record_pk.in_(record_pks)
    await session.execute(
        delete(Invitation).where(of_records, Invitation.invited.is_(False)),
        execution_options={"synchronize_session": False},
    )
    await session.execute(
        update(Invitation).where(of_records).values(member=True),
        execution_options={"synchronize_session": False},
    )


async def given_up(session: AsyncSession, record_pk: int) -> None:
    """The draft is gone: who was only asked for it is asked no more, and members are members."""
    of_record = Invitation.record_pk == record_pk
    await session.execute(
        delete(Invitation).where(of_record, Invitation.member.is_(False)),
        execution_options={"synchronize_session": False},
    )
    await session.execute(
        update(Invitation).where(of_record).values(invited=True),
        execution_options={"synchronize_session": False},
    )
