"""Scheduled publication: set, moved and cancelled until its time. `records.firing` lets it happen.

Times are told by the database's clock (`db.clock_of`): the workers of a registry may run on machines whose
clocks differ, and the database is one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.changelog.append import lock
from registry.clock import instant
from registry.db import clock_of
from registry.errors import CandorError, Conflict, Finding, Invalid
from registry.providers.models import Provider
from registry.records import draft_queries
from registry.records.drafts import DraftState, standing_of, state_of, touch
from registry.records.models import Draft, Record
from registry.records.preconditions import match_draft
from registry.records.publishing import candidate, next_version, not_an_author
from registry.records.screening import pass_on_the_way, remember
from registry.records.signatures import signed_along
from registry.records.versions import Desk
from registry.records.workflow import Action, Step, advance

LONGEST = timedelta(days=100 * 366)


async def schedule(
    session: AsyncSession,
    desk: Desk,
    actor: Actor,
    id: str,
    at: datetime,
    together: Sequence[str],
    *,
    if_match: str | None,
    signature: str | None = None,
) -> DraftState:
    """Let the draft be published at a time, with others or not at all; scheduling it again moves it.
    `signature` is the organisation's over its bytes, kept until it goes out.

    The drafts named that are the organisation's own are scheduled by the same call. Another's has to be
    scheduled by its owner, for the same time with the same records: at that time all of them go out, or none.
    The answer never tells whether another's is there. What would stop publication now stops this, too.
    """
    actor.require(Scope.RECORDS_PUBLISH)
    await lock(session)
    record, draft = await draft_queries.draft(session, actor, id)
    match_draft(if_match, draft)
    provider = await session.get_one(Provider, record.provider_pk)
    advance(standing_of(record, draft, four_eyes=provider.four_eyes), Action.SCHEDULE)
    moment = await clock_of(session)
    if not moment < at < moment + LONGEST:
        problem = f"{instant(at)} is not ahead, or too far."
        hint = f"It is {instant(moment)} now. To publish at once, publish."
        raise Invalid("A schedule is ahead.", findings=[Finding("not-ahead", "/at", problem, hint)])
    bundle = sorted({record.id, *together})
    own = select(Record, Draft).outerjoin(Draft, Draft.record_pk == Record.pk)
    rows = await session.execute(
        own.where(Record.id.in_(bundle), Record.id != record.id, Record.provider_pk == record.provider_pk)
    )
    if signature is not None and draft is not None:
        await signed_along(session, actor, record, draft, signature)
    members = [(record, draft), *((row.Record, row.Draft) for row in rows)]
    findings: list[Finding] = []
    for each, its_draft in members:
        try:
            await _fit(session, actor, provider, each, its_draft, at)
        except CandorError as error:
            if each is record:
                raise
            findings.append(Finding(error.code, f"/with/{together.index(each.id)}", error.detail))
    if findings:
        raise Invalid("Some of the records cannot go out together.", findings=findings)
    for each, its_draft in members:
        if its_draft is None:
            raise RuntimeError("the workflow scheduled a draft that is not there")
        passed = its_draft.step != Step.APPROVED
        if its_draft.step == Step.DRAFT:
            await pass_on_the_way(session, desk, actor, each, its_draft)
            await remember(session, desk, each, its_draft)
        its_draft.step = Step.APPROVED.value
        its_draft.due_at, its_draft.together, its_draft.scheduled_by = at, bundle, actor.name
        its_draft.missed = None
        its_draft.handling = {**its_draft.handling, "embargo_until": instant(at)}
        touch(its_draft, actor, "/schedule", "/handling/embargo_until", *(["/state"] if passed else []))
        await note(
            session,
            actor,
            "record",
            "scheduled",
            each.id,
            provider=provider.pk,
            at=instant(at),
            together=len(bundle),
        )
    await session.flush()
    return await state_of(session, record, members[0][1] or Draft())


async def _fit(
    session: AsyncSession,
    actor: Actor,
    provider: Provider,
    record: Record,
    draft: Draft | None,
    at: datetime,
) -> None:
    """Whether a draft could go out at that time, as far as anybody can tell now."""
    advance(standing_of(record, draft, four_eyes=provider.four_eyes), Action.SCHEDULE)
    if draft is None:
        raise RuntimeError("the workflow scheduled a draft that is not there")
    not_an_author(actor, provider, draft)
    before = await draft_queries.last_version(session, record)
    ready = await candidate(session, record, draft, provider, before)
    next_version(ready, at=at, moved=True)


async def cancel(
    session: AsyncSession, desk: Desk, actor: Actor, id: str, *, if_match: str | None
) -> DraftState:
    """Take a draft off its schedule; it stays approved. Those that were to go out with it go out no more."""
    actor.require(Scope.RECORDS_PUBLISH)
    await lock(session)
    record, draft = await draft_queries.draft(session, actor, id)
    match_draft(if_match, draft)
    provider = await session.get_one(Provider, record.provider_pk)
    advance(standing_of(record, draft, four_eyes=provider.four_eyes), Action.CANCEL)
    if draft is None or draft.due_at is None:
        raise Conflict(f"{record.id} is not scheduled.")
    draft.due_at, draft.together, draft.scheduled_by, draft.missed = None, [], None, None
    draft.handling = {key: value for key, value in draft.handling.items() if key != "embargo_until"}
    touch(draft, actor, "/schedule", "/handling/embargo_until")
    await session.flush()
    await note(session, actor, "record", "unscheduled", record.id, provider=provider.pk)
    return await state_of(session, record, draft)
