"""Suppression: an order withholds a record on this node. Neither a withdrawal nor an erasure.

No version is written and nothing is destroyed: the record answers 451 with the code of the order on every
path, leaves lists, search and feeds at once, and comes back when the order is lifted.
"""

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.canonical import is_line
from registry.changelog.append import EVERYTHING, Entry, append, lock
from registry.changelog.models import Change
from registry.db import now
from registry.errors import Conflict, Finding, Invalid, NotFound
from registry.ids import parse_id
from registry.records import draft_queries
from registry.records.models import Record
from registry.records.preconditions import match_version
from registry.records.versions import scopes_left
from registry.records.workflow import Life

LONGEST_CODE = 200
LONGEST_REASON = 500
ANY = "*"
SUPPRESSED, UNSUPPRESSED, ERASED = "suppressed", "unsuppressed", "erased"
"""What the changelog says that became of a record."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """Where a record stands after `suppress` or `unsuppress`. `code` is None when nothing withholds it."""

    id: str
    code: str | None
    commit: str


async def suppress(
    session: AsyncSession,
    actor: Actor,
    id: str,
    code: str,
    reason: str,
    *,
    if_match: str | None = ANY,
    origin: str | None = None,
) -> Withheld:
    """Withhold a record by an order: our own, or another registry's copy here. `code` is a short text of the
    order, which every reader is told.

    Raises `Invalid` for a code or a reason that is none, `NotFound`, `Conflict` when there is nothing to
    withhold or it is withheld already, and what `If-Match` demands.
    """
    actor.require(Scope.REGISTRY_STEWARD)
    if findings := [*_order_findings(code), *reason_findings(reason)]:
        raise Invalid("A suppression names its order and says why.", findings=findings)
    record = await any_record(session, id, origin)
    if record.suppressed is not None:
        raise Conflict(f"{record.id} is suppressed already, by {record.suppressed!r}.")
    before = await draft_queries.last_version(session, record)
    if before is None:
        raise Conflict(f"{record.id} was never published: there is nothing to withhold.")
    await match_version(session, if_match, record, before)
    record.suppressed = code.strip()
    record.suppressed_at = now()
    record.listed = False
    await tell(session, actor, record, SUPPRESSED, code=record.suppressed)
    await note(
        session,
        actor,
        "record",
        "suppress",
        record.id,
        provider=record.provider_pk,
        commit=before.commit,
        code=record.suppressed,
        reason=reason.strip(),
    )
    return Withheld(record.id, record.suppressed, before.commit)


async def unsuppress(
    session: AsyncSession,
    actor: Actor,
    id: str,
    reason: str,
    *,
    if_match: str | None = ANY,
    origin: str | None = None,
) -> Withheld:
    """Show a record again that an order withheld: as it is now, withdrawn when it was withdrawn."""
    actor.require(Scope.REGISTRY_STEWARD)
    if findings := reason_findings(reason):
        raise Invalid("Say why the record is shown again.", findings=findings)
    record = await any_record(session, id, origin)
    before = await draft_queries.last_version(session, record)
    if record.suppressed is None or before is None:
        raise Conflict(f"{record.id} is not suppressed.")
    await match_version(session, if_match, record, before)
    code = record.suppressed
    record.suppressed = record.suppressed_at = None
    record.listed = record.current > 0 and record.life == Life.PUBLISHED.value
    await tell(session, actor, record, UNSUPPRESSED)
    await note(
        session,
        actor,
        "record",
        "unsuppress",
        record.id,
        provider=record.provider_pk,
        commit=before.commit,
        code=code,
        reason=reason.strip(),
    )
    return Withheld(record.id, None, before.commit)


async def any_record(session: AsyncSession, id: str, origin: str | None = None) -> Record:
    """The record of that id, whoever may read it, under the changelog's lock; our own where several origins
    have one and none is named. Raises `NotFound`.
    """
    await lock(session)
    tidy = parse_id(id)
    query = select(Record).where(Record.id == tidy)
    if origin is not None:
        query = query.where(Record.origin == origin)
    record = await session.scalar(query.order_by(Record.provider_pk.is_(None), Record.pk).limit(1))
    if record is None:
        raise NotFound(f"There is no record {tidy} here.")
    return record


async def tell(
    session: AsyncSession, actor: Actor, record: Record, action: str, *, code: str | None = None
) -> None:
    """A public change: the index and every follower have to let go of the record, or take it up. `code` is
    that of the order, or of the ground.
    """
    public = record.current > 0
    scopes: tuple[str, ...] = ("all", f"record:{record.id}", f"kind:{record.kind}") if public else ()
    if action == ERASED:
        await _forget_scopes(session, record)
        # By name, a scope would say which tags it bore and who published it.
        scopes += (EVERYTHING,) if public else ()
    elif public:
        scopes += tuple((await scopes_left(session, [record]))[record.pk])
    entry = Entry(
        topic="record",
        action=action,
        subject=record.id,
        origin=record.origin,
        actor=actor.name,
        at=now(),
        version=record.current or record.shared,
        kind=record.kind,
        public=public,
        scopes=tuple(dict.fromkeys(scopes)),
        detail={"code": code} if code is not None else {},
    )
    await append(session, [entry])


async def _forget_scopes(session: AsyncSession, record: Record) -> None:
    """Let go of what the changelog tells of a record's tags and providers. Whoever has not read that yet
    reads of the erasure after it.
    """
    told = update(Change).where(Change.topic == "record", Change.subject == record.id)
    await session.execute(told.where(Change.origin == record.origin).values(scopes=[f"record:{record.id}"]))


def _order_findings(code: str) -> list[Finding]:
    """What is wrong with the name of an order, which readers are told."""
    if is_line(code, LONGEST_CODE):
        return []
    problem = f"The code of an order is one line of 1 to {LONGEST_CODE} characters."
    return [Finding("bad-code", "/code", problem, 'Such as "Court of Example, 12 O 34/26".')]


def reason_findings(reason: str) -> list[Finding]:
    """What is wrong with a steward's reason."""
    if is_line(reason, LONGEST_REASON):
        return []
    problem = f"A reason is one line of 1 to {LONGEST_REASON} characters."
    return [Finding("bad-reason", "/reason", problem, "It is for the audit trail; readers do not see it.")]
