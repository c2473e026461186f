"""What becomes of hits: kept with the record, resolved with a reason, gone with the text."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, String, column, delete, select, table
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.canonical import forbidden_characters
from registry.db import now
from registry.errors import Conflict, Finding, Forbidden, Invalid, NotFound
from registry.moderation.screening import Hit
from registry.moderation.screening.models import IndicatorMark, ScreeningHit

OPEN, RESOLVED, GONE = "open", "resolved", "gone"
# Hits for stewards are counted apart: a gap among the others would tell that there are some.
_STEWARDS_FROM = 1_000_000
LONGEST_REASON = 1000

# By its name: records stand above this room.
_RECORD = table("record", column("pk", BigInteger), column("id", String), column("provider_pk", BigInteger))


async def keep_hits(session: AsyncSession, record_pk: int, hits: Sequence[Hit]) -> list[ScreeningHit]:
    """Put what was found now in place of what was found before. A hit that was resolved stays resolved while
    its text stays, also after it was gone for a while. Answers the open ones, those for stewards among them.
    """
    query = select(ScreeningHit).where(ScreeningHit.record_pk == record_pk).order_by(ScreeningHit.number)
    before = {row.key: row for row in await session.scalars(query)}
    numbers = {False: 0, True: _STEWARDS_FROM}
    for row in before.values():
        numbers[row.stewards_only] = max(numbers[row.stewards_only], row.number)
    found = {hit.key: hit for hit in hits}
    for key, row in before.items():
        if key not in found:
            row.state = GONE
        elif row.state == GONE:
            row.state = OPEN if row.resolved_by is None else RESOLVED
    for key, hit in found.items():
        if key in before:
            continue
        numbers[hit.stewards_only] += 1
        before[key] = ScreeningHit(
            record_pk=record_pk,
            number=numbers[hit.stewards_only],
            rule=hit.rule,
            pointer=hit.pointer,
            message=hit.message[:500],
            suggestion=hit.suggestion[:500],
            key=key,
            stewards_only=hit.stewards_only,
            state=OPEN,
            at=now(),
        )
        session.add(before[key])
    await session.flush()
    return [row for row in before.values() if row.state == OPEN]


async def hits_of(session: AsyncSession, record_pk: int, *, stewards: bool = False) -> list[ScreeningHit]:
    """What stands of a record's hits, resolved ones too; those for stewards only where `stewards` says so."""
    query = select(ScreeningHit).where(ScreeningHit.record_pk == record_pk, ScreeningHit.state != GONE)
    if not stewards:
        query = query.where(ScreeningHit.stewards_only.is_(False))
    return list(await session.scalars(query.order_by(ScreeningHit.number)))


async def open_hits(session: AsyncSession, record_pk: int, *, stewards: bool = False) -> list[ScreeningHit]:
    """What waits for somebody. Without `stewards` these are the hits that block publication: one that the
    submitter may not know of must not be felt either.
    """
    return [row for row in await hits_of(session, record_pk, stewards=stewards) if row.state == OPEN]


def as_findings(hits: Sequence[ScreeningHit]) -> list[Finding]:
    """Hits as the findings of an answer; the number is what `resolve` is told."""
    return [
        Finding(f"screening-{hit.rule}", hit.pointer, f"{hit.message} (hit {hit.number})", hit.suggestion)
        for hit in hits
    ]


async def resolve(
    session: AsyncSession, actor: Actor, record_pk: int, number: int, reason: str
) -> ScreeningHit:
    """Accept a hit, with the reason. The caller made sure that the actor may work on the record.

    Reviewers and publishers resolve; what is for stewards exists for stewards alone. Raises `Invalid` for a
    reason that is none, `NotFound`, `Conflict` when it is not open any more, `Forbidden`.
    """
    if not (actor.steward or {Scope.RECORDS_REVIEW, Scope.RECORDS_PUBLISH} & actor.scopes):
        actor.require(Scope.RECORDS_REVIEW)
        raise Forbidden("Somebody who reviews or publishes resolves what screening found.")
    reason = reason.strip() if isinstance(reason, str) else ""
    if not 1 <= len(reason) <= LONGEST_REASON or forbidden_characters(reason):
        problem = f"A reason is a text of 1 to {LONGEST_REASON} characters."
        hint = 'Such as {"reason": "The number is a hotline."}.'
        raise Invalid("Say why this may stay.", findings=[Finding("bad-reason", "/reason", problem, hint)])
    rows = await hits_of(session, record_pk, stewards=actor.steward)
    row = next((row for row in rows if row.number == number), None)
    if row is None:
        raise NotFound(f"Screening has no hit {number} of this record.")
    if row.state != OPEN:
        raise Conflict(f"Hit {number} is resolved already.")
    row.state, row.resolved_by, row.reason = RESOLVED, actor.name, reason
    record = (await session.execute(select(_RECORD).where(_RECORD.c.pk == record_pk))).one()
    await note(
        session,
        actor,
        "screening",
        "resolved",
        record.id,
        # What only stewards may know of stays out of the organisation's own trail.
        provider=None if row.stewards_only else record.provider_pk,
        rule=row.rule,
        number=number,
    )
    await session.flush()
    return row


async def forget(session: AsyncSession, record_pk: int) -> None:
    """Let go of everything kept about a record's text: what erasing it calls for."""
    await session.execute(delete(ScreeningHit).where(ScreeningHit.record_pk == record_pk))
    await session.execute(delete(IndicatorMark).where(IndicatorMark.record_pk == record_pk))
