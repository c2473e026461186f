"""Public changes as events: in order, with what a question is asked about."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import ANONYMOUS
from registry.events.event import Event
from registry.records import list_queries, views
from registry.records.list_queries import Changed
from registry.records.models import Record, Version
from registry.records.queries import among
from registry.records.visibility import readable

Versions = dict[tuple[str, str, int], tuple[bytes, bool]]
"""By (origin, id, number): the document, and whether it is what the record says now."""


async def events_after(session: AsyncSession, after: int, *, limit: int) -> list[Event]:
    """The changes with a public sequence number greater than `after`, in order. What is said of each is what
    may be said now: nothing of what was erased or withheld since.
    """
    changes = await list_queries.changes(session, after=after, limit=limit)
    versions = await _versions(session, changes)
    return [_event(change, versions) for change in changes]


async def _versions(session: AsyncSession, changes: Sequence[Changed]) -> Versions:
    """The versions that these changes made, and those before them."""
    keys = {(change.origin, change.id) for change in changes}
    if not keys:
        return {}
    numbers = {number for change in changes for number in (change.version, change.version - 1)}
    rows = await session.execute(
        select(Record.origin, Record.id, Version.number, Version.document, Record.current)
        .join(Version, Version.record_pk == Record.pk)
        .where(among(list(keys)), readable(ANONYMOUS), Version.shared.is_(False), Version.number.in_(numbers))
    )
    return {
        (origin, id, number): (document, number == current)
        for origin, id, number, document, current in rows
        if document
    }


def _event(change: Changed, versions: Versions) -> Event:
    document, newest = versions.get((change.origin, change.id, change.version), (b"", False))
    before, _ = versions.get((change.origin, change.id, change.version - 1), (b"", False))
    told: dict[str, Any] = views.change(change)
    value: dict[str, Any] | None = msgspec.json.decode(document) if document else None
    if value is not None and (revision := value.get("revision")):
        told["revision"] = revision
    if newest:
        # An older version has been revised or withdrawn since: what it said is to be had at its own address,
        # with that said beside it.
        told["record"] = msgspec.Raw(document)
    return Event(
        seq=change.seq,
        record=(change.origin, change.id),
        action=change.action,
        data=msgspec.json.encode(told),
        document=value,
        before=msgspec.json.decode(before) if before else None,
    )
