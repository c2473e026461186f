"""Where drafts meet the rules of screening: on submission, and before anything is published."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.changelog.append import lock
from registry.errors import Finding, Invalid
from registry.moderation.screening import Hit, screen
from registry.moderation.screening import service as hits
from registry.moderation.screening.duplicates import DocumentKey, Holder, likely_duplicates
from registry.moderation.screening.marks import remember_draft
from registry.moderation.screening.models import ScreeningHit
from registry.records import draft_queries, queries
from registry.records.models import Draft, Record, RecordName
from registry.records.versions import Desk
from registry.records.visibility import readable, workable
from registry.records.workflow import Life

# Longer ones take tens of milliseconds, in which others would not be answered.
_SCREENED_AT_ONCE = 32_768
_CHUNK, _MOST_NAMED = 400, 5000
_decode = msgspec.json.Decoder().decode


class HeldBack(Invalid):
    """Screening found something in what was about to be published. `found` has to outlive the transaction
    that this ends: a reviewer resolves it by its number.
    """

    def __init__(self, record_pk: int, found: Sequence[Hit], findings: Sequence[Finding]) -> None:
        super().__init__(
            "Screening found what a reviewer has to resolve, with a reason, before this is published.",
            findings=findings,
        )
        self.record_pk = record_pk
        self.found = found

    async def keep(self, session: AsyncSession) -> None:
        """Store what was found, in a transaction of its own."""
        await lock(session)
        await hits.keep_hits(session, self.record_pk, self.found)


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The records, as far as the search for duplicates may know them."""

    session: AsyncSession
    actor: Actor

    async def public(self, keys: Sequence[DocumentKey]) -> Mapping[DocumentKey, Mapping[str, Any]]:
        rows = await queries.documents(self.session, keys)
        return {key: _decode(row.document) for key, row in rows.items() if row is not None}

    async def holders(self, record_pks: Sequence[int]) -> Mapping[int, Holder]:
        found: dict[int, Holder] = {}
        gone = Record.life == Life.WITHDRAWN.value
        columns = (Record.pk, Record.id, Record.kind, readable(self.actor), workable(self.actor), gone)
        for start in range(0, len(record_pks), _CHUNK):
            query = select(*columns).where(Record.pk.in_(record_pks[start : start + _CHUNK]))
            for pk, id, kind, *facts in await self.session.execute(query):
                found[pk] = Holder(id, kind, *map(bool, facts))
        return found

    async def named(self, names: Sequence[str]) -> Sequence[tuple[str, int]]:
        if not names:
            return ()
        query = select(RecordName.name, RecordName.record_pk).where(RecordName.name.in_(names))
        rows = await self.session.execute(query.order_by(RecordName.record_pk).limit(_MOST_NAMED))
        return [(name, pk) for name, pk in rows]


async def look(session: AsyncSession, desk: Desk, actor: Actor, record: Record, draft: Draft) -> list[Hit]:
    """Everything in a draft that a person should look at."""
    document = _decode(draft.document)
    # In restricted parts only secrets count: what is there is meant for those who may see it.
    whole = {**document, "restricted": draft.restricted}
    if len(draft.document) < _SCREENED_AT_ONCE:
        found = screen(whole, secret=desk.secret)
    else:
        found = await asyncio.to_thread(screen, whole, secret=desk.secret)
    alike = await likely_duplicates(
        session,
        desk.finder,
        _Shelf(session, actor),
        document,
        secret=desk.secret,
        record_pk=record.pk,
    )
    return [*found, *alike.hits]


async def screened(
    session: AsyncSession, desk: Desk, actor: Actor, record: Record, draft: Draft
) -> tuple[Finding, ...]:
    """Screen a draft that is submitted, and keep what was found; answers what blocks its publication."""
    await hits.keep_hits(session, record.pk, await look(session, desk, actor, record, draft))
    await remember(session, desk, record, draft)
    return tuple(hits.as_findings(await hits.open_hits(session, record.pk)))


async def remember(session: AsyncSession, desk: Desk, record: Record, draft: Draft) -> None:
    """Let drafts of others be compared with one that was handed in, or waits for its time."""
    if desk.secret:
        document = _decode(draft.document)
        await remember_draft(session, record.pk, document, draft.restricted, secret=desk.secret)


async def pass_on_the_way(
    session: AsyncSession, desk: Desk, actor: Actor, record: Record, draft: Draft
) -> None:
    """Screen a draft that is published without having been submitted. Raises `HeldBack`."""
    found = await look(session, desk, actor, record, draft)
    await hits.keep_hits(session, record.pk, found)
    if waiting := await hits.open_hits(session, record.pk):
        raise HeldBack(record.pk, found, hits.as_findings(waiting))


async def open_findings(session: AsyncSession, record_pks: Sequence[int]) -> dict[int, list[Finding]]:
    """What blocks the publication of each of these records; nothing of what only stewards may know."""
    query = select(ScreeningHit).where(
        ScreeningHit.record_pk.in_(record_pks),
        ScreeningHit.state == hits.OPEN,
        ScreeningHit.stewards_only.is_(False),
    )
    found: dict[int, list[ScreeningHit]] = {}
    for row in await session.scalars(query.order_by(ScreeningHit.number)):
        found.setdefault(row.record_pk, []).append(row)
    return {pk: hits.as_findings(rows) for pk, rows in found.items()}


async def resolve(session: AsyncSession, actor: Actor, id: str, number: int, reason: Any) -> ScreeningHit:
    """Accept one hit, with the reason. Raises `NotFound`, `Invalid`, `Conflict`, `Forbidden`."""
    actor.require(Scope.RECORDS_READ if actor.steward else Scope.RECORDS_REVIEW)
    await lock(session)
    record, _ = await draft_queries.draft(session, actor, id)
    return await hits.resolve(session, actor, record.pk, number, reason)
