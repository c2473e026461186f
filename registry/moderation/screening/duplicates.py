"""Whether somebody has told this already: records that share indicators, and records with nearly the same
title.

What is compared must not tell the submitter of records that they may not see. Similar titles are looked for
in the search index, which holds public records alone. Indicators are compared with all records, by keyed
hashes; those that meet in records that are hidden from the submitter become hits for stewards alone, which
block nothing.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rapidfuzz import fuzz
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.db import table_of
from registry.errors import CandorError
from registry.finder import Finder
from registry.moderation.screening import Hit, as_hit
from registry.moderation.screening.models import IndicatorMark
from registry.moderation.screening.page import Found
from registry.moderation.screening.traits import indicators

DocumentKey = tuple[str, str]
"""(origin, id) of a record."""
SHARED, SIMILAR = "shared-indicator", "similar-record"
ABOUT = {
    SHARED: "indicators that another record holds; stewards alone are told where it is hidden",
    SIMILAR: "public records of the same kind with nearly the same title",
}
NOT_CHECKED = "Duplicates were not checked: this registry runs without search, or it does not answer."
_MOST_HITS = 50
_MOST_ALIKE = 10
_LEAST_ALIKE = 90.0  # of 100, by rapidfuzz's token_sort_ratio
_LEAST_WORDS = 3
_WORD = re.compile(r"\w{4,}")


class Shelf(Protocol):
    """The records, as far as this needs them; records hand it over."""

    async def public(self, keys: Sequence[DocumentKey]) -> Mapping[DocumentKey, Mapping[str, Any]]:
        """The newest public documents of those that are listed."""

    async def visible(self, record_pks: Sequence[int]) -> Mapping[int, str]:
        """The ids of those that the submitter may read."""

    async def ids(self, record_pks: Sequence[int]) -> Mapping[int, str]:
        """The ids of all of them."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What was found, and in `note` what could not be looked for."""

    hits: tuple[Hit, ...]
    note: str | None = None


async def likely_duplicates(
    session: AsyncSession,
    finder: Finder | None,
    shelf: Shelf,
    document: Mapping[str, Any],
    *,
    secret: bytes,
    record_pk: int | None = None,
) -> Duplicates:
    """Records that may tell of the same matter. `record_pk` is the record's own, which is left out."""
    hits = await _shared_indicators(session, shelf, document, secret=secret, record_pk=record_pk)
    if finder is None:
        return Duplicates(tuple(hits), NOT_CHECKED)
    try:
        hits += await _similar(finder, shelf, document, secret)
    except CandorError:
        return Duplicates(tuple(hits), NOT_CHECKED)
    return Duplicates(tuple(hits))


# --- indicators ---


def _mark(secret: bytes, value: str) -> str:
    text = f"indicator\n{value}".encode("utf-8", "surrogatepass")
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def marks_of(
    record_pk: int,
    document: Mapping[str, Any],
    parts: Sequence[Mapping[str, Any]] = (),
    *,
    secret: bytes,
) -> list[dict[str, Any]]:
    """The marks of a version that is published or shared, as rows. `parts` are its restricted parts."""
    marks = {_mark(secret, value): False for _, value in indicators(document)}
    for part in parts:
        content = part.get("content")
        if isinstance(content, Mapping):
            for _, value in indicators(content):
                marks.setdefault(_mark(secret, value), True)
    return [{"record_pk": record_pk, "mark": mark, "hidden": hidden} for mark, hidden in marks.items()]


async def remember_marks(
    session: AsyncSession, rows: Sequence[Mapping[str, Any]], *, instead_of: Sequence[int] = ()
) -> None:
    """Keep the marks of many versions. Records in `instead_of` had some, which give way."""
    if instead_of:
        await session.execute(delete(IndicatorMark).where(IndicatorMark.record_pk.in_(instead_of)))
    if rows:
        await session.execute(insert(table_of(IndicatorMark)), list(rows))


async def remember_indicators(
    session: AsyncSession,
    record_pk: int,
    document: Mapping[str, Any],
    parts: Sequence[Mapping[str, Any]] = (),
    *,
    secret: bytes,
    fresh: bool = False,
) -> None:
    """Keep the marks of a version that was published or shared, in place of the one's before. `parts` are its
    restricted parts. A `fresh` record has none yet.
    """
    rows = marks_of(record_pk, document, parts, secret=secret)
    await remember_marks(session, rows, instead_of=() if fresh else (record_pk,))


async def _shared_indicators(
    session: AsyncSession,
    shelf: Shelf,
    document: Mapping[str, Any],
    *,
    secret: bytes,
    record_pk: int | None,
) -> list[Hit]:
    where: dict[str, tuple[str, str]] = {}
    for pointer, value in indicators(document):
        where.setdefault(_mark(secret, value), (pointer, value))
    marks = list(where)
    rows: list[tuple[int, str, bool]] = []
    for start in range(0, len(marks), 400):
        query = select(IndicatorMark.record_pk, IndicatorMark.mark, IndicatorMark.hidden).where(
            IndicatorMark.mark.in_(marks[start : start + 400]), IndicatorMark.record_pk != (record_pk or 0)
        )
        rows += [(pk, mark, hidden) for pk, mark, hidden in await session.execute(query.limit(_MOST_HITS))]
    rows = rows[:_MOST_HITS]
    if not rows:
        return []
    pks = sorted({pk for pk, _, _ in rows})
    visible, ids = await shelf.visible(pks), await shelf.ids(pks)
    hits = []
    for pk, mark, hidden in rows:
        pointer, value = where[mark]
        told = pk in visible and not hidden
        message = f"The record {ids.get(pk, '')} holds the same indicator" + (
            "." if told else ", which the submitter may not see."
        )
        suggestion = (
            "Relate the two, or add to that one, if they tell of the same matter."
            if told
            else "See whether the two tell of the same matter, and whether their owners should know."
        )
        found = Found(pointer, f"{value}\n{pk}", message, suggestion)
        hits.append(as_hit(SHARED, found, secret, stewards_only=not told))
    return hits


# --- titles ---


async def _similar(finder: Finder, shelf: Shelf, document: Mapping[str, Any], secret: bytes) -> list[Hit]:
    title, kind = document.get("title"), document.get("kind")
    if not isinstance(title, str) or kind == "response":
        return []
    told = sorted(dict.fromkeys(_WORD.findall(title.casefold())), key=len, reverse=True)
    if len(told) < _LEAST_WORDS:
        return []
    own = (document.get("origin"), document.get("id"))
    keys: dict[DocumentKey, None] = {}
    # All long words, then fewer: one word may have been written otherwise.
    for count in dict.fromkeys((min(len(told), 6), _LEAST_WORDS)):
        parameters = {"q": [" ".join(told[:count])], "kind": [str(kind)]}
        found = await finder.find(parameters, limit=_MOST_ALIKE)
        keys.update(dict.fromkeys(found.ids))
    keys.pop((str(own[0]), str(own[1])), None)
    hits = []
    for (_, id), other in (await shelf.public(list(keys))).items():
        if fuzz.token_sort_ratio(title.casefold(), str(other.get("title", "")).casefold()) >= _LEAST_ALIKE:
            message = f"The record {id} has nearly the same title."
            suggestion = "If it tells of the same matter, respond to it or relate the two."
            hits.append(as_hit(SIMILAR, Found("/title", f"{title}\n{id}", message, suggestion), secret))
    return hits
