"""How versions of restricted parts are written. Called where a record's version is written, and by itself."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry.canonical import canonical, commitment
from registry.db import table_of
from registry.records.documents import ASIDE
from registry.records.models import PartAudience, RestrictedPart
from registry.records.visibility import GROUP, PERSON

_NOT_HANDLING = frozenset({"id", "content"})


async def keep_parts(
    session: AsyncSession, record_pk: int, parts: Sequence[Mapping[str, Any]], *, at: datetime
) -> None:
    """Store the parts that stand beside a record from now on, in the shape of a submission's `restricted`.

    Each that is new or changed gets a version and a commitment of its own, and so does the removal of one
    that stands there no more. What was set aside from a document stays: who sends parts anew may never have
    seen that it is one.
    """
    standing = await newest_parts(session, record_pk)
    for part in parts:
        handling = {key: value for key, value in part.items() if key not in _NOT_HANDLING}
        await keep_part(
            session, record_pk, standing.get(part["id"]), part["id"], handling, part["content"], at
        )
    named = {ASIDE, *(part["id"] for part in parts)}
    for latest in standing.values():
        if latest.part not in named and not latest.removed:
            await keep_part(session, record_pk, latest, latest.part, latest.handling, None, at)


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
    written = canonical(content)
    if (
        latest is not None
        and (latest.content, latest.handling) == (written, handling)
        and latest.removed == (content is None)
    ):
        return latest
    salt = secrets.token_bytes(32)
    version = RestrictedPart(
        record_pk=record_pk,
        part=part,
        number=latest.number + 1 if latest is not None else 1,
        handling=dict(handling),
        tlp=handling["tlp"],
        removed=content is None,
        content=written,
        salt=salt,
        commit=commitment(salt, written),
        at=at,
    )
    session.add(version)
    await session.flush()
    rows = [
        {"record_pk": record_pk, "part": part, "number": version.number, "audience": audience, "name": name}
        for audience, field in ((GROUP, "groups"), (PERSON, "people"))
        for name in dict.fromkeys(handling.get(field) or ())
    ]
    if rows:
        await session.execute(insert(table_of(PartAudience)), rows)
    return version


async def newest_parts(session: AsyncSession, record_pk: int) -> dict[str, RestrictedPart]:
    """The newest version of each part of a record, removals among them, by the part's id."""
    newest = (
        select(RestrictedPart.part, func.max(RestrictedPart.number).label("number"))
        .where(RestrictedPart.record_pk == record_pk)
        .group_by(RestrictedPart.part)
        .subquery()
    )
    query = (
        select(RestrictedPart)
        .join(newest, (newest.c.part == RestrictedPart.part) & (newest.c.number == RestrictedPart.number))
        .where(RestrictedPart.record_pk == record_pk)
        .order_by(RestrictedPart.at, RestrictedPart.part)
    )
    return {part.part: part for part in await session.scalars(query)}


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
