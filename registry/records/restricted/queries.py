"""Reads of restricted parts. What a reader may not see and what is not there take the same path to the same
answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from registry.actor import Actor, Scope
from registry.errors import Finding, NotFound
from registry.ids import parse_id
from registry.records import queries
from registry.records.content.patch import apply_patch
from registry.records.models import Record, RestrictedPart
from registry.records.visibility import may_work_on, readable_part

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Part:
    """One version of a restricted part, as far as its reader may know whom else it is for.

    `content` is the merge patch, None where this version removes the part. `salt` and the canonical bytes of
    `content` give `commit`.
    """

    part: str
    number: int
    tlp: str
    groups: tuple[str, ...]
    people: tuple[str, ...] | None
    commit: str
    salt: bytes
    content: Any
    at: datetime


@dataclass(frozen=True, slots=True)
class Beside:
    """What a reader may see of a record: the parts, and the newest document with all of them laid over it."""

    version: queries.Stored
    parts: tuple[Part, ...]
    document: Mapping[str, Any]


async def parts(session: AsyncSession, actor: Actor, id: str, origin: str | None = None) -> Beside:
    """The parts of a record that the actor may see as they stand, and what they make of its document.

    Raises `Unauthenticated`, `Forbidden`, `Malformed` for a mistyped id and `NotFound`.
    """
    actor.require(Scope.RECORDS_READ)
    version = await queries.newest(session, actor, id, origin)
    newest, rows = _newest(actor, version.origin, version.id)
    found = [
        _part(actor, row[0], row[1]) for row in await session.execute(rows.where(newest.removed.is_(False)))
    ]
    document = _decode(version.document)
    for part in found:
        document = apply_patch(document, part.content)
    return Beside(version, tuple(found), document)


async def part(
    session: AsyncSession, actor: Actor, id: str, name: str, number: str, origin: str | None = None
) -> Part:
    """One version of a part. Who may see it is said by that version and by the newest one: what was shared
    with more people later was not what stood before, and who was shut out is shut out of both.
    """
    actor.require(Scope.RECORDS_READ)
    version = await queries.newest(session, actor, id, origin)
    if number.isascii() and number.isdigit() and len(number) <= 9:
        newest, rows = _newest(actor, version.origin, version.id)
        asked = aliased(RestrictedPart)
        query = (
            rows.add_columns(asked)
            .join(asked, (asked.record_pk == newest.record_pk) & (asked.part == newest.part))
            .where(asked.part == name[:64], asked.number == int(number), readable_part(actor, asked))
        )
        row = (await session.execute(query)).first()
        # A part that was removed is its owner's alone from then on.
        if row is not None and (not row[0].removed or may_work_on(actor, row[1])):
            return _part(actor, row[2], row[1])
    raise NotFound(f"The record {parse_id(id)} has no such part that can be shown.")


def _newest(actor: Actor, origin: str, id: str) -> tuple[Any, Any]:
    """The newest version of each part that the actor may see, with the owner of its record."""
    newest = aliased(RestrictedPart)
    later = aliased(RestrictedPart)
    last = (
        select(func.max(later.number))
        .where(later.record_pk == newest.record_pk, later.part == newest.part)
        .correlate(newest)
        .scalar_subquery()
    )
    query = (
        select(newest, Record.provider_pk)
        .join(Record, Record.pk == newest.record_pk)
        .where(Record.id == id, Record.origin == origin, newest.number == last, readable_part(actor, newest))
        # Where two parts say something of the same field, the one that was written last has it.
        .order_by(newest.at, newest.part)
    )
    return newest, query


def _part(actor: Actor, row: RestrictedPart, owner: int) -> Part:
    groups, own = row.handling.get("groups") or (), may_work_on(actor, owner)
    return Part(
        row.part,
        row.number,
        row.tlp,
        # Which other circles it went to is none of a member's business.
        tuple(groups) if own else tuple(name for name in groups if name in actor.groups),
        tuple(row.handling.get("people") or ()) if own else None,
        row.commit,
        row.salt,
        _decode(row.content),
        row.at,
    )


async def unknown_commits(
    session: AsyncSession, record_pk: int | None, submission: Mapping[str, Any]
) -> list[Finding]:
    """A finding for each of `restricted_commits` that is not the commitment to a version of that part."""
    named = submission.get("restricted_commits") or ()
    if not named:
        return []
    there: set[tuple[str, str]] = set()
    if record_pk is not None:
        of_record = select(RestrictedPart.part, RestrictedPart.commit).where(
            RestrictedPart.record_pk == record_pk
        )
        there = {(row[0], row[1]) for row in await session.execute(of_record)}
    return [
        Finding(
            "unknown-commit",
            f"/restricted_commits/{place}",
            f"No version of the restricted part {one['id']!r} has this commitment.",
            "Take those that GET /records/{id}/restricted tells, after the part was published.",
        )
        for place, one in enumerate(named)
        if (one["id"], one["commit"]) not in there
    ]
