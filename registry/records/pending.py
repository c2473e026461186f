"""What waits for somebody among the records: sources of the queue."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.clock import read_instant
from registry.moderation.screening.models import ScreeningHit
from registry.moderation.screening.service import OPEN
from registry.records.models import Draft, Invitation, Record
from registry.records.workflow import Step
from registry.waiting import MOST, QueueItem

_LONGEST_TITLE = 120


class _Title(msgspec.Struct):
    title: str = ""


_title = msgspec.json.Decoder(_Title).decode


async def drafts_waiting(session: AsyncSession, actor: Actor) -> list[QueueItem]:
    """The organisation's drafts: returned ones for authors, submitted ones for reviewers, and for publishers
    the approved, the scheduled, and those whose schedule came to nothing.
    """
    sorts: list[tuple[str, Scope, ColumnElement[bool]]] = [
        ("returned", Scope.RECORDS_WRITE, Draft.step == Step.RETURNED.value),
        ("submitted", Scope.RECORDS_REVIEW, Draft.step == Step.SUBMITTED.value),
        (
            "approved",
            Scope.RECORDS_PUBLISH,
            (Draft.step == Step.APPROVED.value) & Draft.due_at.is_(None) & Draft.missed.is_(None),
        ),
        ("scheduled", Scope.RECORDS_PUBLISH, Draft.due_at.is_not(None)),
        ("missed", Scope.RECORDS_PUBLISH, Draft.missed.is_not(None)),
    ]
    if actor.provider is None:
        return []
    items: list[QueueItem] = []
    for sort, scope, condition in sorts:
        if scope not in actor.scopes:
            continue
        query = select(Record.id, Draft).join(Draft, Draft.record_pk == Record.pk)
        rows = await session.execute(
            query.where(Record.provider_pk == actor.provider, condition)
            .order_by(Draft.updated_at)
            .limit(MOST)
        )
        items += [_of_draft(sort, id, draft) for id, draft in rows]
    return items


def _of_draft(sort: str, id: str, draft: Draft) -> QueueItem:
    title = _shown(draft)
    since: datetime = draft.updated_at
    match sort:
        case "returned":
            text = f"{title}: returned with {len(draft.comments)} comments."
        case "submitted":
            text = f"{title}: waits for a review."
        case "approved":
            text = f"{title}: approved, waits to be published."
        case "scheduled":
            others = len(draft.together) - 1
            text = f"{title}: goes out at its time" + (f", together with {others} more." if others else ".")
        case _:
            missed: dict[str, Any] = draft.missed or {}
            why = missed.get("detail") or missed.get("reason", "")
            text = f"{title}: was not published as scheduled ({why})."
            since = read_instant(missed["at"]) if missed.get("at") else since
    return QueueItem(sort, id, since, text, f"/api/v1/records/{id}/handling", draft.due_at)


def _shown(draft: Draft) -> str:
    title = _title(draft.document).title
    return title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1] + "…"


async def invitations_waiting(session: AsyncSession, actor: Actor) -> list[QueueItem]:
    """Drafts that others ask the organisation to publish jointly, and that wait for its approval."""
    if actor.provider is None or Scope.RECORDS_REVIEW not in actor.scopes:
        return []
    query = (
        select(Record.id, Draft)
        .join(Draft, Draft.record_pk == Record.pk)
        .join(Invitation, Invitation.record_pk == Record.pk)
        .where(
            Invitation.provider_pk == actor.provider,
            Invitation.invited,
            or_(Invitation.digest.is_(None), Invitation.digest != Draft.digest),
        )
    )
    rows = await session.execute(query.order_by(Draft.updated_at).limit(MOST))
    return [
        QueueItem(
            "invitation",
            id,
            draft.updated_at,
            f"{_shown(draft)}: you are asked to publish this jointly. Approve these exact bytes, or leave.",
            f"/api/v1/records/{id}/draft",
            draft.due_at,
        )
        for id, draft in rows
    ]


async def matches_waiting(session: AsyncSession, actor: Actor) -> list[QueueItem]:
    """What drafts share with records that their authors may not see: for stewards, who may bring the owners
    together.
    """
    if not actor.steward:
        return []
    query = (
        select(Record.id, ScreeningHit)
        .join(ScreeningHit, ScreeningHit.record_pk == Record.pk)
        .where(ScreeningHit.stewards_only, ScreeningHit.state == OPEN)
        .order_by(ScreeningHit.at)
        .limit(MOST)
    )
    return [
        QueueItem(
            "match",
            id,
            hit.at,
            f"{hit.message} Resolve it as finding {hit.number} of {id}, with a reason.",
            f"/api/v1/records/{id}/handling",
        )
        for id, hit in await session.execute(query)
    ]


async def findings_waiting(session: AsyncSession, actor: Actor) -> list[QueueItem]:
    """Drafts in which screening found what a reviewer has to resolve."""
    if actor.provider is None or Scope.RECORDS_REVIEW not in actor.scopes:
        return []
    query = (
        select(Record.id, func.count(), func.min(ScreeningHit.at))
        .join(ScreeningHit, ScreeningHit.record_pk == Record.pk)
        .join(Draft, Draft.record_pk == Record.pk)
        .where(
            Record.provider_pk == actor.provider,
            ScreeningHit.state == OPEN,
            ScreeningHit.stewards_only.is_(False),
        )
        .group_by(Record.id)
    )
    rows = await session.execute(query.order_by(func.min(ScreeningHit.at)).limit(MOST))
    return [
        QueueItem(
            "screening",
            id,
            at,
            f"Screening found {count} things in this draft; resolve each with a reason, or change the text.",
            f"/api/v1/records/{id}/handling",
        )
        for id, count, at in rows
    ]
