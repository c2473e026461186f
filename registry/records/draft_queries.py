"""What stands behind a record, for those who work on it: its draft, who publishes it jointly, how it is
handled, and the version that a revision starts from.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.errors import Forbidden, NotFound
from registry.ids import parse_id
from registry.providers.models import Provider
from registry.records.gone import gone
from registry.records.models import (
    Draft,
    Invitation,
    Record,
    Version,
)
from registry.records.queries import NO_RECORD, OURS_FIRST, audience_of
from registry.records.restricted.store import newest_parts
from registry.records.visibility import (
    Tlp,
    invited,
    workable,
)


@dataclass(frozen=True, slots=True)
class Invited:
    """An organisation that publishes a record jointly, or is asked to."""

    invitation: Invitation
    provider: Provider


_THEIRS = (
    "{id} is a record of {origin}, which alone changes it. Respond to it, or ask the registry that "
    "published it."
)


async def draft(session: AsyncSession, actor: Actor, id: str) -> tuple[Record, Draft | None]:
    """A record and its draft, for those who may work on it; for everybody else there is no such record."""
    return await _drafted(session, id, workable(actor))


async def shown_draft(
    session: AsyncSession, actor: Actor, id: str
) -> tuple[Record, Draft | None, Invitation | None]:
    """The same, also for an organisation that is invited to publish it, with its invitation."""
    record, draft = await _drafted(session, id, or_(workable(actor), invited(actor)))
    if actor.provider is None or actor.provider == record.provider_pk:
        return record, draft, None
    invitation = await session.get(Invitation, (record.pk, actor.provider))
    # Who is left out of the next version may still leave the newest, and has no business in the draft.
    return record, draft if invitation is None or invitation.invited else None, invitation


async def _drafted(session: AsyncSession, id: str, seen: ColumnElement[bool]) -> tuple[Record, Draft | None]:
    """What is hidden and what does not exist are asked for, and not found, in the same way."""
    tidy = parse_id(id)
    query = select(Record, Draft).outerjoin(Draft, Draft.record_pk == Record.pk)
    row = (await session.execute(query.where(Record.id == tidy, seen).order_by(*OURS_FIRST))).first()
    if row is None or row.Record.provider_pk is None:
        await _tell_if_theirs(session, tidy)
        raise NotFound(NO_RECORD.format(id=tidy))
    if row.Record.erased is not None:
        raise await gone(session, row.Record)
    return row.Record, row.Draft


async def _tell_if_theirs(session: AsyncSession, id: str) -> None:
    """Raises `Forbidden` for a record that only another registry may change: everybody may know of it."""
    query = select(Record.origin).where(Record.id == id, Record.provider_pk.is_(None), Record.current > 0)
    origin = await session.scalar(query.order_by(Record.pk).limit(1))
    if origin is not None:
        raise Forbidden(_THEIRS.format(id=id, origin=origin), origin=origin)


async def invitations(session: AsyncSession, record_pks: Iterable[int]) -> dict[int, list[Invited]]:
    """Who publishes these records jointly, or is asked to, in the order in which they are named."""
    query = (
        select(Invitation, Provider)
        .join(Provider, Provider.pk == Invitation.provider_pk)
        .where(Invitation.record_pk.in_(record_pks))
        .order_by(Invitation.record_pk, Invitation.position)
    )
    found: dict[int, list[Invited]] = {}
    for invitation, provider in await session.execute(query):
        found.setdefault(invitation.record_pk, []).append(Invited(invitation, provider))
    return found


async def handling(session: AsyncSession, record: Record) -> dict[str, Any]:
    """How a revision of the record is handled unless its author says otherwise: as the record is."""
    if record.current or not record.shared:
        return {"tlp": Tlp.CLEAR.value}
    groups, people = await audience_of(session, record)
    named = {"groups": groups, "people": people}
    return {"tlp": record.tlp, **{key: names for key, names in named.items() if names}}


async def parts(session: AsyncSession, record: Record) -> list[dict[str, Any]]:
    """The restricted parts of the record as they stand, in the shape of a submission's `restricted`."""
    newest = await newest_parts(session, record.pk)
    return [
        {"id": part.part, **part.handling, "content": msgspec.json.decode(part.content)}
        for part in newest.values()
        if not part.removed
    ]


async def last_version(session: AsyncSession, record: Record) -> Version | None:
    """The version that a revision starts from: the newest public one, or the newest shared one before there
    is any.
    """
    public = record.current > 0
    return await session.scalar(
        select(Version).where(
            Version.record_pk == record.pk,
            Version.shared.is_(not public),
            Version.number == (record.current if public else record.shared),
        )
    )
