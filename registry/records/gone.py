"""What is said of a record that was erased: on what ground, and where the log tells of it."""

from datetime import datetime

from sqlalchemy import BigInteger, Integer, String, column, select, table
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.errors import Gone
from registry.records.models import Record
from registry.records.visibility import Tlp, may_work_on
from registry.records.workflow import Life

# By their names: the log stands above this room.
_LOG = table("log", column("pk", BigInteger), column("origin", String), column("published", BigInteger))
_ENTRY = table(
    "log_entry",
    column("log_pk", BigInteger),
    column("record_id", String),
    column("version", Integer),
    column("erased", BigInteger),
)


UNKNOWN_KIND = ""
# No public sequence number of ours, and yet one: it was public, so that everybody may know.
_WAS_PUBLIC = 0


def tombstone(origin: str, id: str, code: str, at: datetime) -> Record:
    """The row of a record of which only its erasure is known: readers are told, as they are at its origin."""
    return Record(
        origin=origin,
        id=id,
        kind=UNKNOWN_KIND,
        life=Life.ERASED.value,
        tlp=Tlp.CLEAR.value,
        first_seq=_WAS_PUBLIC,
        erased=code,
        erased_at=at,
        created_at=at,
    )


async def tell_if_erased(
    session: AsyncSession,
    actor: Actor,
    id: str,
    origin: str | None,
    version: int | None,
    *,
    ours: bool = False,
) -> None:
    """Raises `Gone` for a record that was erased, to all who could know that it was there; with `ours`, for
    none of another registry.
    """
    query = select(Record).where(Record.id == id, Record.erased.is_not(None))
    if ours:
        query = query.where(Record.provider_pk.is_not(None))
    if origin is not None:
        query = query.where(Record.origin == origin)
    record = await session.scalar(query.order_by(Record.provider_pk.is_(None), Record.pk).limit(1))
    if record is not None and (record.first_seq is not None or may_work_on(actor, record.provider_pk)):
        raise await gone(session, record, version)


async def gone(session: AsyncSession, record: Record, version: int | None = None) -> Gone:
    """The error that an erased record answers with. `erase_index` is the index of the entry in its origin's
    log that tells of the erasure of that version, or of the newest; None until a signed checkpoint covers it.
    """
    index = await _erase_index(session, record.origin, record.id, version)
    return Gone(
        f"The record {record.id} was erased, and cannot be had back: {record.erased}."
        f"{_told(record.origin, index)}",
        ground=record.erased,
        erase_index=index,
    )


async def gone_version(session: AsyncSession, origin: str, id: str, version: int) -> Gone:
    """The same of one version, where the record is still there."""
    index = await _erase_index(session, origin, id, version)
    text = f"Version {version} of the record {id} was erased, and cannot be had back.{_told(origin, index)}"
    return Gone(text, erase_index=index)


def _told(origin: str, index: int | None) -> str:
    return f" Entry {index} of the log of {origin} tells of it." if index is not None else ""


async def _erase_index(session: AsyncSession, origin: str, id: str, version: int | None) -> int | None:
    query = (
        select(_ENTRY.c.erased)
        .join(_LOG, _LOG.c.pk == _ENTRY.c.log_pk)
        .where(
            _LOG.c.origin == origin,
            _ENTRY.c.record_id == id,
            _ENTRY.c.erased < _LOG.c.published,
        )
        .order_by(_ENTRY.c.version.desc())
        .limit(1)
    )
    if version is not None:
        query = query.where(_ENTRY.c.version == version)
    return await session.scalar(query)
