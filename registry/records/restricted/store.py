"""How versions of restricted parts are written. Called where a record's version is written, and by itself."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry.canonical import canonical, commitment
from registry.db import table_of
from registry.records.documents import ASIDE
from registry.records.models import PartAudience, RestrictedPart
from registry.records.visibility import named_in

_NOT_HANDLING = frozenset({"id", "content"})


async def keep_parts(
    session: AsyncSession,
    parts: Mapping[int, Sequence[Mapping[str, Any]]],
    *,
    at: Mapping[int, datetime],
    fresh: Collection[int] = (),
) -> None:
    """Store the parts that stand beside records from now on, in the shape of a submission's `restricted`, by
    the record's key. `fresh` records have none yet.

    Each that is new or changed gets a version and a commitment of its own, and so does the removal of one
    that stands there no more. What was set aside from a document stays: who sends parts anew may never have
    seen that it is one. Written in bulk: hundreds of records may be published in one transaction.
    """
    standing = await _newest_of(session, [pk for pk in parts if pk not in fresh])
    rows: list[dict[str, Any]] = []
    for pk, beside in parts.items():
        present = standing.get(pk, {})
        for part in beside:
            handling = {key: value for key, value in part.items() if key not in _NOT_HANDLING}
            rows += _next(pk, present.get(part["id"]), part["id"], handling, part["content"], at[pk])
        named = {ASIDE, *(part["id"] for part in beside)}
        for latest in present.values():
            if latest.part not in named and not latest.removed:
                rows += _next(pk, latest, latest.part, latest.handling, None, at[pk])
    if rows:
        await session.execute(insert(table_of(RestrictedPart)), rows)
    if audience := [named for row in rows for named in _audience_of(row)]:
        await session.execute(insert(table_of(PartAudience)), audience)


async def keep_part(
    session: AsyncSession,
    record_pk: int,
    latest: RestrictedPart | None,
    part: str,
    handling: Mapping[str, Any],
    content: Mapping[str, Any] | None,
    at: datetime,
) -> RestrictedPart:
    """Store the next version of one part, unless it says what the newest says. No content removes it."""
    rows = _next(record_pk, latest, part, handling, content, at)
    if latest is not None and not rows:
        return latest
    (row,) = rows
    version = RestrictedPart(**row)
    session.add(version)
    await session.flush()
    if audience := _audience_of(row):
        await session.execute(insert(table_of(PartAudience)), audience)
    return version


def _next(
    record_pk: int,
    latest: RestrictedPart | None,
    part: str,
    handling: Mapping[str, Any],
    content: Mapping[str, Any] | None,
    at: datetime,
) -> list[dict[str, Any]]:
    """The row of the next version of a part; none where it would say what the newest says."""
    written = canonical(content)
    if (
        latest is not None
        and (latest.content, latest.handling) == (written, handling)
        and latest.removed == (content is None)
    ):
        return []
    salt = secrets.token_bytes(32)
    return [
        {
            "record_pk": record_pk,
            "part": part,
            "number": latest.number + 1 if latest is not None else 1,
            "handling": dict(handling),
            "tlp": handling["tlp"],
            "removed": content is None,
            "content": written,
            "salt": salt,
            "commit": commitment(salt, written),
            "at": at,
        }
    ]


def _audience_of(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    key = {name: row[name] for name in ("record_pk", "part", "number")}
    return [{**key, "audience": audience, "name": name} for audience, name in named_in(row["handling"])]


async def newest_parts(session: AsyncSession, record_pk: int) -> dict[str, RestrictedPart]:
    """The newest version of each part of a record, removals among them, by the part's id."""
    return (await _newest_of(session, [record_pk])).get(record_pk, {})


async def _newest_of(
    session: AsyncSession, record_pks: Sequence[int]
) -> dict[int, dict[str, RestrictedPart]]:
    if not record_pks:
        return {}
    newest = (
        select(RestrictedPart.record_pk, RestrictedPart.part, func.max(RestrictedPart.number).label("number"))
        .where(RestrictedPart.record_pk.in_(record_pks))
        .group_by(RestrictedPart.record_pk, RestrictedPart.part)
        .subquery()
    )
    query = (
        select(RestrictedPart)
        .join(
            newest,
            (newest.c.record_pk == RestrictedPart.record_pk)
            & (newest.c.part == RestrictedPart.part)
            & (newest.c.number == RestrictedPart.number),
        )
        .order_by(RestrictedPart.at, RestrictedPart.part)
    )
    found: dict[int, dict[str, RestrictedPart]] = {}
    for part in await session.scalars(query):
        found.setdefault(part.record_pk, {})[part.part] = part
    return found


async def erase_parts(session: AsyncSession, record_pk: int) -> None:
    """Destroy what every version of every part of a record said, and its salt; the commitments stay."""
    await session.execute(delete(PartAudience).where(PartAudience.record_pk == record_pk))
    nothing = {"removed": True, "content": canonical(None), "salt": b""}
    # Whom it was for names people, too.
    whole = update(RestrictedPart).where(RestrictedPart.record_pk == record_pk)
    for part, number, tlp in await session.execute(
        select(RestrictedPart.part, RestrictedPart.number, RestrictedPart.tlp).where(
            RestrictedPart.record_pk == record_pk
        )
    ):
        one = whole.where(RestrictedPart.part == part, RestrictedPart.number == number)
        await session.execute(one.values(**nothing, handling={"tlp": tlp}))
