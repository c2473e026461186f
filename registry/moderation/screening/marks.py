"""Marks: keyed hashes of what records hold, by which drafts are compared with records that their authors may
not see.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.db import table_of
from registry.moderation.screening.models import IndicatorMark
from registry.moderation.screening.traits import ALIAS, INDICATOR, indicators, names


def mark_of(secret: bytes, kind: str, value: str) -> str:
    """The mark of the normal form of an indicator or a name."""
    text = f"{kind}\n{value}".encode("utf-8", "surrogatepass")
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def marks_of(
    record_pk: int,
    document: Mapping[str, Any],
    parts: Sequence[Mapping[str, Any]] = (),
    *,
    secret: bytes,
    public: bool = True,
) -> list[dict[str, Any]]:
    """The marks of a version that is published or shared, as rows. `parts` are its restricted parts. The
    names of a `public` one are kept in words, elsewhere.
    """
    held = [(INDICATOR, value) for _, value in indicators(document)]
    if not public:
        held += [(ALIAS, value) for _, value, _ in names(document)]
    marks = {mark_of(secret, kind, value): False for kind, value in held}
    for part in parts:
        content = part.get("content")
        if isinstance(content, Mapping):
            for _, value in indicators(content):
                marks.setdefault(mark_of(secret, INDICATOR, value), True)
    return [
        {"record_pk": record_pk, "mark": mark, "hidden": hidden, "draft": False}
        for mark, hidden in marks.items()
    ]


async def remember_marks(
    session: AsyncSession, rows: Sequence[Mapping[str, Any]], *, instead_of: Sequence[int] = ()
) -> None:
    """Keep the marks of many versions. Records in `instead_of` may have had some, which give way."""
    if instead_of:
        await session.execute(delete(IndicatorMark).where(IndicatorMark.record_pk.in_(instead_of)))
    if rows:
        await session.execute(insert(table_of(IndicatorMark)), list(rows))


async def remember_draft(
    session: AsyncSession,
    record_pk: int,
    document: Mapping[str, Any],
    parts: Sequence[Mapping[str, Any]],
    *,
    secret: bytes,
) -> None:
    """Keep what a draft that was handed in adds to the marks of its record, in place of what it added before.
    It is hidden from everybody who does not work on it.
    """
    await forget_drafts(session, [record_pk])
    held = set(await session.scalars(select(IndicatorMark.mark).where(IndicatorMark.record_pk == record_pk)))
    rows = marks_of(record_pk, document, parts, secret=secret, public=False)
    await remember_marks(session, [row | {"draft": True} for row in rows if row["mark"] not in held])


async def forget_drafts(session: AsyncSession, record_pks: Sequence[int]) -> None:
    """Let go of what drafts added: they became versions, or are no more."""
    mine = IndicatorMark.record_pk.in_(record_pks)
    await session.execute(delete(IndicatorMark).where(mine, IndicatorMark.draft.is_(True)))
