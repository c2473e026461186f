"""What an organisation decides about its drafts before readers see them: submitted, returned, approved."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.changelog.append import lock
from registry.clock import instant
from registry.db import now
from registry.errors import Finding, Invalid
from registry.providers.models import Provider
from registry.records import draft_queries
from registry.records.differences import resolves
from registry.records.drafts import DraftState, end_schedule, standing_of, state_of, touch
from registry.records.joint import approve_jointly
from registry.records.models import Draft, Record
from registry.records.preconditions import match_draft
from registry.records.publishing import not_an_author
from registry.records.screening import screened
from registry.records.signatures import signed_along
from registry.records.versions import Desk
from registry.records.workflow import Action, advance

_decode = msgspec.json.Decoder().decode
Comments = Sequence[dict[str, str]]
"""(pointer, text) of each thing that a reviewer asks for."""


async def submit(
    session: AsyncSession, desk: Desk, actor: Actor, id: str, *, if_match: str | None
) -> DraftState:
    """Hand a draft to its reviewers. It is screened; what was found comes with the answer, and blocks its
    publication until it is resolved.
    """
    actor.require(Scope.RECORDS_WRITE)
    record, draft, _ = await _moved(session, actor, id, Action.SUBMIT, if_match)
    touch(draft, actor, "/state")
    findings = await screened(session, desk, actor, record, draft)
    state = await _kept(session, actor, record, draft, "submitted", findings=len(findings))
    return replace(state, findings=findings)


async def return_to_authors(
    session: AsyncSession, desk: Desk, actor: Actor, id: str, comments: Comments, *, if_match: str | None
) -> DraftState:
    """Hand a draft back with what is to be changed in it. Raises `Invalid` for a comment on nothing."""
    actor.require(Scope.RECORDS_REVIEW)
    record, draft, _ = await _moved(session, actor, id, Action.RETURN, if_match)
    body = _decode(draft.document)
    if wrong := [
        Finding(
            "no-such-place",
            f"/comments/{position}/pointer",
            f"The draft has nothing at {comment['pointer'][:80]!r}.",
            "Point at a field of the draft, such as /title; an empty pointer means the whole.",
        )
        for position, comment in enumerate(comments)
        if not resolves(body, comment["pointer"])
    ]:
        raise Invalid("Some comments are about what is not there.", findings=wrong)
    end_schedule(draft, "returned")
    draft.comments = [{**comment, "by": actor.name, "at": instant(now())} for comment in comments]
    draft.approved_by = None
    touch(draft, actor, "/state", "/comments")
    return await _kept(session, actor, record, draft, "returned", comments=len(comments))


async def approve(
    session: AsyncSession,
    desk: Desk,
    actor: Actor,
    id: str,
    *,
    if_match: str | None,
    signature: str | None = None,
) -> DraftState:
    """Approve a draft: as its own organisation's reviewer, or for one that is invited to publish it.
    `signature` is that organisation's over its bytes.
    """
    actor.require(Scope.RECORDS_REVIEW)
    await lock(session)
    record, draft, invitation = await draft_queries.shown_draft(session, actor, id)
    if invitation is not None:
        return await approve_jointly(
            session, actor, record, draft, invitation, if_match=if_match, signature=signature
        )
    record, draft, provider = await _moved(session, actor, id, Action.APPROVE, if_match)
    not_an_author(actor, provider, draft)
    if signature is not None:
        await signed_along(session, actor, record, draft, signature)
    draft.approved_by = actor.person or actor.name
    draft.comments = []
    touch(draft, actor, "/state")
    return await _kept(session, actor, record, draft, "approved")


async def _moved(
    session: AsyncSession, actor: Actor, id: str, action: Action, if_match: str | None
) -> tuple[Record, Draft, Provider]:
    """The draft, in the step that the action leads to."""
    await lock(session)
    record, draft = await draft_queries.draft(session, actor, id)
    match_draft(if_match, draft)
    provider = await session.get_one(Provider, record.provider_pk)
    after = advance(standing_of(record, draft, four_eyes=provider.four_eyes), action)
    if draft is None:
        raise RuntimeError("the workflow moved a draft that is not there")
    draft.step = after.step.value
    return record, draft, provider


async def _kept(
    session: AsyncSession, actor: Actor, record: Record, draft: Draft, done: str, **detail: Any
) -> DraftState:
    await session.flush()
    await note(session, actor, "record", done, record.id, provider=record.provider_pk, **detail)
    return await state_of(session, record, draft)
