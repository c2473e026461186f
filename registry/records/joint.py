"""Joint records: several organisations publish one text together, each having approved its exact bytes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.changelog.append import lock
from registry.db import now
from registry.errors import Conflict, Invalid
from registry.providers.models import Provider
from registry.records import copublishers, documents, draft_queries, queries
from registry.records.drafts import DraftState, for_guest, keep_draft, standing_of, state_of, touch
from registry.records.models import Draft, Invitation, Record, Version
from registry.records.preconditions import match_bytes, match_draft, match_version
from registry.records.signatures import signed_along
from registry.records.versions import REVISED, Desk, NextVersion, write_versions
from registry.records.workflow import Action, Step, advance

_decode = msgspec.json.Decoder().decode


async def invite(
    session: AsyncSession, desk: Desk, actor: Actor, id: str, slug: str, *, if_match: str | None
) -> DraftState:
    """Ask another organisation to publish the draft jointly. Its name stands in the text from now on, so that
    whatever was approved is approved no longer.
    """
    actor.require(Scope.RECORDS_WRITE)
    await lock(session)
    record, draft = await draft_queries.draft(session, actor, id)
    match_draft(if_match, draft)
    advance(standing_of(record, draft), Action.INVITE)
    if draft is None:
        raise RuntimeError("the workflow invited somebody to a draft that is not there")
    provider = await session.get_one(Provider, record.provider_pk)
    asked, wrong = await copublishers.named(session, provider.slug, {"co_providers": [slug]})
    if wrong:
        findings = [replace(one, pointer="/provider") for one in wrong]
        raise Invalid("This organisation cannot be invited.", findings=findings)
    present = (await draft_queries.invitations(session, [record.pk])).get(record.pk, [])
    kept = [one.provider for one in present if one.invitation.invited]
    if not await copublishers.invite_exactly(session, record, [*kept, *asked]):
        raise Conflict(f"{slug} is invited already.")
    draft = await _renamed(session, actor, record, draft)
    await note(session, actor, "record", "invited", record.id, provider=record.provider_pk, invited=slug)
    return await state_of(session, record, draft)


async def approve_jointly(
    session: AsyncSession,
    actor: Actor,
    record: Record,
    draft: Draft | None,
    invitation: Invitation,
    *,
    if_match: str | None,
    signature: str | None = None,
) -> DraftState:
    """Approve these exact bytes for an organisation that is invited, and sign them for it where it does."""
    match_bytes(if_match, draft)
    if draft is None:
        raise Conflict(f"{record.id} has no draft to approve.")
    if draft.step == Step.RETURNED:
        raise Conflict("The draft was returned to its authors. Approve what they make of it.")
    if signature is not None:
        await signed_along(session, actor, record, draft, signature)
    invitation.digest = draft.digest
    invitation.approved_by = actor.name
    invitation.approved_at = now()
    touch(draft, actor, "/approvals")
    await session.flush()
    await note(
        session, actor, "record", "joined", record.id, provider=record.provider_pk, by=actor.provider_slug
    )
    return for_guest(actor, await state_of(session, record, draft))


async def leave(
    session: AsyncSession, desk: Desk, actor: Actor, id: str, *, if_match: str | None
) -> queries.Stored | None:
    """Publish a record jointly no more, or decline to. Nobody is asked.

    Where the newest version names the organisation, there is a new one without it, and `if_match` is the
    newest version's ETag; else it is the draft's, and the answer is None: there is nothing more to be seen.
    """
    actor.require(Scope.RECORDS_PUBLISH)
    await lock(session)
    record, draft, invitation = await draft_queries.shown_draft(session, actor, id)
    before = await draft_queries.last_version(session, record)
    if invitation is None:
        raise Conflict(f"{record.id} is your own organisation's: withdraw it instead.")
    named = before is not None and actor.provider_slug in _beside(_decode(before.document))
    if named or (invitation.member and draft is None):
        await match_version(session, if_match, record, before)
    else:
        match_draft(if_match, draft)
    # A draft of which it was left out may be there all the same.
    beside = await session.get(Draft, record.pk)
    advance(standing_of(record, beside), Action.LEAVE)
    await session.execute(
        delete(Invitation).where(
            Invitation.record_pk == record.pk, Invitation.provider_pk == invitation.provider_pk
        )
    )
    stored = await _without(session, desk, actor, record, before) if named and before else None
    if beside is not None:
        newest = await draft_queries.last_version(session, record)
        await _renamed(session, actor, record, beside, prev=newest.prev if newest else None)
    version = {"version": stored.label, "commit": stored.commit} if stored else {}
    await note(
        session,
        actor,
        "record",
        "left",
        record.id,
        provider=record.provider_pk,
        **version,
        by=actor.provider_slug,
    )
    return stored


def _beside(document: Mapping[str, Any]) -> list[str]:
    return [one["slug"] for one in document.get("co_providers", ())]


async def _without(
    session: AsyncSession, desk: Desk, actor: Actor, record: Record, before: Version
) -> queries.Stored:
    """The newest version again, without the name of the actor's organisation."""
    number = before.number + 1
    slug = actor.provider_slug or ""
    document = documents.leave(_decode(before.document), number=number, at=now(), slug=slug)
    step = NextVersion(record, record.id, record.kind, REVISED, number, document, before.shared)
    (stored,) = await write_versions(session, desk, actor, [step])
    return stored


async def _renamed(
    session: AsyncSession, actor: Actor, record: Record, draft: Draft, *, prev: str | None = None
) -> Draft:
    """The draft with the names of those who are to publish it now, as an edit of the actor's."""
    beside = await copublishers.publishers(session, record)
    body = documents.jointly(_decode(draft.document), beside)
    if prev is not None:
        body["prev"] = prev
    return await keep_draft(
        session,
        actor,
        record,
        draft,
        body,
        handling=draft.handling,
        restricted=draft.restricted,
        guest=actor.provider != record.provider_pk,
    )
