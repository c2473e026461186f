from collections.abc import Sequence
from datetime import timedelta
from statistics import median

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.canonical import digest
from registry.errors import NotFound
from registry.notices.models import Notice, NoticeAnswer
from registry.notices.rules import State
from registry.records.models import Record
from registry.records.queries import OURS_FIRST

_COUNTED = 1000


async def by_receipt(session: AsyncSession, actor: Actor, receipt: str) -> Notice:
    """The notice of a receipt; stewards name it by its number, too. Raises `NotFound`.

    By the hash, so that the time it takes says nothing about receipts there are.
    """
    found = await session.scalar(select(Notice).where(Notice.receipt_hash == digest(receipt.encode())))
    if found is None and actor.steward:
        found = await session.scalar(select(Notice).where(Notice.number == receipt.upper()))
    if found is None:
        raise NotFound("There is no notice under this receipt.")
    return found


async def answers(session: AsyncSession, notice: Notice) -> Sequence[NoticeAnswer]:
    query = select(NoticeAnswer).where(NoticeAnswer.notice_pk == notice.pk)
    return (await session.scalars(query.order_by(NoticeAnswer.pk))).all()


async def queue(
    session: AsyncSession, *, state: State | None, after: int | None, limit: int
) -> Sequence[tuple[Notice, Record | None]]:
    """Notices with the record that each names, where there is one; those that wait longest first."""
    query = select(Notice)
    query = (
        query.where(Notice.state == state.value)
        if state is not None
        else query.where(Notice.state != State.CLOSED.value)
    )
    if after is not None:
        query = query.where(Notice.pk > after)
    found = (await session.scalars(query.order_by(Notice.pk).limit(limit))).all()
    ids = {notice.record_id for notice in found if notice.record_id is not None}
    named: dict[str, Record] = {}
    for record in await session.scalars(select(Record).where(Record.id.in_(ids)).order_by(*OURS_FIRST)):
        named.setdefault(record.id, record)
    return [(notice, named.get(notice.record_id or "")) for notice in found]


async def record_of(session: AsyncSession, notice: Notice) -> Record | None:
    """The record that a notice names, if there is one: the registry's own, where two have the id."""
    if notice.record_id is None:
        return None
    query = select(Record).where(Record.id == notice.record_id).order_by(*OURS_FIRST).limit(1)
    return await session.scalar(query)


async def median_to_first_answer(session: AsyncSession) -> timedelta | None:
    """How long the senders of the last notices waited for a first answer; None while none was answered."""
    query = select(Notice.at, Notice.first_answer_at).where(Notice.first_answer_at.is_not(None))
    rows = (await session.execute(query.order_by(Notice.pk.desc()).limit(_COUNTED))).all()
    waits = [(first - at).total_seconds() for at, first in rows if first is not None]
    return timedelta(seconds=median(waits)) if waits else None


async def about_own(session: AsyncSession, provider: int, *, limit: int = 50) -> Sequence[Notice]:
    """Open notices about records of an organisation: it is told that they are there."""
    query = (
        select(Notice)
        .join(Record, Record.id == Notice.record_id)
        .where(Record.provider_pk == provider, Notice.state != State.CLOSED.value)
        .order_by(Notice.pk)
        .limit(limit)
    )
    return (await session.scalars(query)).all()
