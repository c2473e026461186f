"""What an organisation has to file, and by when: the time limits of its own incidents, for its queue.

Told are those of incidents that happened to its own systems or that it reports on somebody's behalf, as soon
as `times.aware` is recorded. A filing with a date meets the limit of its regime; to say that no regime
applies, a record says that `/content/filings` is not applicable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import and_, case, exists, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.db import now
from registry.records.content.patch import apply_patch
from registry.records.models import Draft, Record, RestrictedPart, Version
from registry.records.workflow import Life
from registry.reports.model import ClockState, Source
from registry.reports.regimes import REGIMES
from registry.waiting import MOST as MOST_ITEMS
from registry.waiting import QueueItem

# Whoever has not filed by then has other sources, or nothing to file.
TOLD_FOR = timedelta(days=90)
MOST = 500
_LONGEST = 240
_OWN = ("first-party", "on-behalf")
_NOT_IN_EARNEST = ("exercise", "controlled-test")
_NOTHING_HAPPENED = ("hazard", "near-miss")
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Deadline:
    """One report that is due. `since` is when its clock started."""

    record: str
    title: str
    regime: str
    what: str
    since: datetime
    due: datetime
    overdue: bool


def deadlines(document: Mapping[str, Any], at: datetime) -> list[Deadline]:
    """What is due of one incident, told whole, at a moment. Pure."""
    source = Source(document)
    named = {filing.get("regime") for filing in source.one("/content/filings") or ()}
    if document.get("basis", "first-party") not in _OWN:
        return []
    if source.one("/content/setting") in _NOT_IN_EARNEST or source.absence("/content/filings"):
        return []
    nothing_happened = source.one("/content/event_class") in _NOTHING_HAPPENED
    found = []
    for regime in REGIMES:
        if nothing_happened and regime.name not in named:
            continue
        # One report may meet several limits: the nearest of a regime is told.
        open = [
            (clock.due, clock.starts, clock)
            for clock in regime.clocks(source, at)
            if clock.state in (ClockState.RUNNING, ClockState.OVERDUE)
            and clock.due is not None
            and clock.starts is not None
            and at <= clock.due + TOLD_FOR
        ]
        if not open:
            continue
        due, since, clock = min(open, key=lambda each: each[0])
        what = f"{clock.title} under {regime.title.partition(':')[0]}"
        overdue = clock.state is ClockState.OVERDUE
        title = document.get("title", "")
        found.append(Deadline(document["id"], title, regime.name, what, since, due, overdue))
    return found


async def own_deadlines(session: AsyncSession, actor: Actor) -> list[Deadline]:
    """What is due of the incidents of the actor's organisation, drafts included, the nearest first.

    Only for who may read what was set aside. Of very many incidents the newest are looked at.
    """
    if actor.provider is None or not actor.reads_restricted:
        return []
    # When the organisation became aware is never in the document itself.
    set_aside = exists().where(RestrictedPart.record_pk == Record.pk)
    public = Record.current > 0
    newest = and_(
        Version.record_pk == Record.pk,
        Version.shared == not_(public),
        Version.number == case((public, Record.current), else_=Record.shared),
    )
    query = (
        select(Record.pk, Draft, Version.document)
        .outerjoin(Draft, Draft.record_pk == Record.pk)
        .outerjoin(Version, newest)
        .where(
            Record.provider_pk == actor.provider,
            Record.kind == "incident",
            Record.life != Life.WITHDRAWN.value,
            or_(Draft.record_pk.is_not(None), set_aside),
        )
        .order_by(Record.pk.desc())
        .limit(MOST)
    )
    rows = (await session.execute(query)).all()
    parts = await _parts(session, [pk for pk, draft, _ in rows if draft is None])
    moment, found = now(), []
    for pk, draft, published in rows:
        document = _decode(published if draft is None else draft.document)
        for part in parts.get(pk, ()) if draft is None else (each["content"] for each in draft.restricted):
            document = apply_patch(document, part)
        found += deadlines(document, moment)
    return sorted(found, key=lambda each: (each.due, each.record, each.regime))


async def _parts(session: AsyncSession, pks: Sequence[int]) -> dict[int, list[Any]]:
    """What the newest version of each part of these records lays over their documents."""
    newest: dict[tuple[int, str], RestrictedPart] = {}
    query = select(RestrictedPart).where(RestrictedPart.record_pk.in_(pks)).order_by(RestrictedPart.number)
    for part in await session.scalars(query):
        newest[part.record_pk, part.part] = part
    found: dict[int, list[Any]] = {}
    for (pk, _), part in newest.items():
        if not part.removed:
            found.setdefault(pk, []).append(_decode(part.content))
    return found


async def reports_due(session: AsyncSession, actor: Actor) -> list[QueueItem]:
    """The reports that the actor's organisation owes: a source of the queue."""
    return [
        QueueItem(
            type=f"report-{each.regime}",
            subject=each.record,
            since=each.since,
            text=f"{each.what}{', overdue' if each.overdue else ''}: {each.title}"[:_LONGEST],
            link=f"/api/v1/records/{each.record}/report/{each.regime}?draft=true",
            due=each.due,
        )
        for each in (await own_deadlines(session, actor))[:MOST_ITEMS]
    ]
