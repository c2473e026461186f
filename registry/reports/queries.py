"""Incidents to report on, with what the reader may see of what was set aside."""

from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.errors import NotFound
from registry.records import draft_queries, queries
from registry.records.content.patch import apply_patch
from registry.records.restricted import queries as restricted

_decode = msgspec.json.Decoder().decode


async def readable_incident(
    session: AsyncSession, actor: Actor, id: str, origin: str | None = None
) -> tuple[dict[str, Any], str]:
    """The newest version that the actor may read, and its label. Raises `NotFound`, also for other kinds."""
    if actor.reads_restricted:
        beside = await restricted.parts(session, actor, id, origin)
        _only_incidents(beside.version.id, beside.version.kind)
        return dict(beside.document), beside.version.label
    row = await queries.newest(session, actor, id, origin)
    _only_incidents(row.id, row.kind)
    return _decode(row.document), row.label


async def draft_incident(session: AsyncSession, actor: Actor, id: str) -> tuple[dict[str, Any], str]:
    """The draft with everything that was set aside, for those who may work on it; without one, the version
    that a revision would start from. Raises `NotFound`, `Forbidden`.
    """
    actor.require(Scope.RECORDS_READ)
    record, draft = await draft_queries.draft(session, actor, id)
    _only_incidents(record.id, record.kind)
    if draft is None:
        return await readable_incident(session, actor, id, record.origin)
    document: dict[str, Any] = _decode(draft.document)
    for part in draft.restricted:
        document = apply_patch(document, part["content"])
    return document, "draft"


def _only_incidents(id: str, kind: str) -> None:
    if kind != "incident":
        raise NotFound(f"Reports are made of incidents; {id} is a record of kind {kind!r}.")
