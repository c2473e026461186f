"""Incidents to report on, with what the reader may see of what was set aside."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.errors import NotFound
from registry.records import queries
from registry.records.content.patch import apply_patch
from registry.records.models import Record
from registry.records.visibility import Facts, Tlp, may_read_shared

_decode = msgspec.json.Decoder().decode


async def readable_incident(
    session: AsyncSession, actor: Actor, id: str, origin: str | None = None
) -> tuple[dict[str, Any], str]:
    """The newest version that the actor may read, and its label. Raises `NotFound`, also for other kinds."""
    row = await queries.newest(session, actor, id, origin)
    _only_incidents(row.id, row.kind)
    document = _decode(row.document)
    if not actor.reads_restricted:
        return document, row.label
    record = await session.scalar(select(Record).where(Record.id == row.id, Record.origin == row.origin))
    if record is None:
        raise NotFound(f"There is no record {row.id} here.")
    return _overlaid(document, record, actor, await queries.parts(session, record)), row.label


async def draft_incident(session: AsyncSession, actor: Actor, id: str) -> tuple[dict[str, Any], str]:
    """The draft with everything that was set aside, for those who may work on it; without one, the version
    that a revision would start from. Raises `NotFound`, `Forbidden`.
    """
    actor.require(Scope.RECORDS_READ)
    record, draft = await queries.draft(session, actor, id)
    _only_incidents(record.id, record.kind)
    if draft is None:
        return await readable_incident(session, actor, id, record.origin)
    return _overlaid(_decode(draft.document), record, actor, draft.restricted), "draft"


def _only_incidents(id: str, kind: str) -> None:
    if kind != "incident":
        raise NotFound(f"Reports are made of incidents; {id} is a record of kind {kind!r}.")


def _overlaid(
    document: dict[str, Any], record: Record, actor: Actor, parts: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The document with the restricted parts laid over it that are for this reader."""
    for part in parts:
        facts = Facts(
            False,
            True,
            Tlp(part["tlp"]),
            record.provider_pk,
            frozenset(part.get("groups", ())),
            frozenset(part.get("people", ())),
        )
        if part["tlp"] == Tlp.CLEAR or may_read_shared(actor, facts):
            document = apply_patch(document, part["content"])
    return document
