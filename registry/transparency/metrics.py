"""How our own log is doing, in numbers."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.changelog.models import Change, ReaderState
from registry.transparency.entries import log_of
from registry.transparency.notes import read_note
from registry.transparency.sequencer import CHECKPOINT, ERASED, NAME, TOPIC, VERSIONS

_COSIGNATURE_BYTES = 72
"""A time of eight bytes, and an Ed25519 signature: a log's own signature has no time."""


@dataclass(frozen=True, slots=True)
class Measured:
    """`size` entries are held, `published` of them under the checkpoint that was signed at `signed_at`.
    `waiting_since` is when the oldest public change was made that no checkpoint covers; None where there is
    none. `witnesses` is how many cosigned the checkpoint.
    """

    size: int = 0
    published: int = 0
    signed_at: datetime | None = None
    waiting_since: datetime | None = None
    witnesses: int = 0


async def measured(session: AsyncSession, origin: str) -> Measured:
    """The log of this registry, as it is now."""
    row = await log_of(session, origin)
    # What says nothing to the log moves the reader's place, but not the log's.
    read = await session.scalar(select(func.max(ReaderState.position)).where(ReaderState.name == NAME)) or 0
    place = max(read, row.position if row is not None else 0)
    waiting = await session.scalar(
        select(Change.at)
        .where(
            Change.seq > place,
            Change.topic == "record",
            Change.origin == origin,
            Change.public_seq.is_not(None),
            Change.action.in_((*VERSIONS, ERASED)),
        )
        .order_by(Change.seq)
        .limit(1)
    )
    if row is None or row.checkpoint is None:
        return Measured(waiting_since=waiting)
    signed = await session.scalar(
        select(Change.at)
        .where(Change.seq > row.position, Change.topic == TOPIC, Change.action == CHECKPOINT)
        .order_by(Change.seq)
        .limit(1)
    )
    lines = read_note(row.checkpoint).signatures
    witnesses = sum(len(each.signature) == _COSIGNATURE_BYTES for each in lines)
    return Measured(row.size, row.published, signed, waiting, witnesses)
