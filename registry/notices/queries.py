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
    query = select(Notice, Record).outerjoin(Record, Record.id == Notice.record_id)
    query = (
        query.where(Notice.state == state.value)
        if state is not None
        else query.where(Notice.state != State.CLOSED.value)
    )
    if after is not None:
        query = query.where(Notice.pk > after)
    return [(row[0], row[1]) for row in await session.execute(query.order_by(Notice.pk).limit(limit))]


async def record_of(session: AsyncSession, notice: Notice) -> Record | None:
    """The record that a notice names, if there is one: the registry's own, where two have the id."""
    if notice.record_id is None:
        return None
    query = select(Record).where(Record.id == notice.record_id).order_by(Record.pk).limit(1)
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
