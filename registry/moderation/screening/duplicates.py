"""Whether somebody has told this already: records that share indicators or names, and records that say nearly
the same.

What is compared must not tell the submitter of records that they may not see. Texts are compared through the
search index, which holds public records alone. Indicators and names are compared with all records, drafts
among them, by keyed hashes; those that meet in what is hidden from the submitter become hits for stewards
alone, which block nothing, are not counted with the others, and do not take their place.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rapidfuzz import fuzz
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.errors import CandorError
from registry.finder import Finder, Reason
from registry.moderation.screening import Hit, as_hit
from registry.moderation.screening.marks import mark_of
from registry.moderation.screening.models import IndicatorMark
from registry.moderation.screening.page import Found
from registry.moderation.screening.traits import ALIAS, INDICATOR, indicators, names

DocumentKey = tuple[str, str]
"""(origin, id) of a record."""
SHARED, NAMED, SIMILAR = "shared-indicator", "shared-alias", "similar-record"
ABOUT = {
    SHARED: "indicators that another record holds; stewards alone are told where it is hidden",
    NAMED: "names elsewhere that another record of the same kind bears, told alike",
    SIMILAR: "public records of the same kind with nearly the same title or summary",
}
NOT_CHECKED = "Duplicates were not checked: this registry runs without search, or it does not answer."
_MOST_HITS = 50
# Rows that are looked at to find those: what is hidden must not take the place of what may be told.
_MOST_ROWS = 5000
_MOST_ALIKE = 20
_LEAST_ALIKE = 90.0  # of 100, by rapidfuzz's token_sort_ratio
_LEAST_WORDS = {"title": 3, "summary": 12}
_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Holder:
    """A record that holds what a draft holds. `told` says whether the submitter may read it, `own` whether
    they work on it, and `gone` that it was withdrawn.
    """

    id: str
    kind: str
    told: bool
    own: bool
    gone: bool = False


class Shelf(Protocol):
    """The records, as far as this needs them; records hand it over."""

    async def public(self, keys: Sequence[DocumentKey]) -> Mapping[DocumentKey, Mapping[str, Any]]:
        """The newest public documents of those that are listed."""

    async def holders(self, record_pks: Sequence[int]) -> Mapping[int, Holder]:
        """What the submitter may know of each of these records."""

    async def named(self, names: Sequence[str]) -> Sequence[tuple[str, int]]:
        """(name, record) of the public versions that are known elsewhere by any of these names."""


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
    hits = await _shared(session, shelf, document, secret=secret, record_pk=record_pk)
    if finder is None:
        return Duplicates(tuple(hits), NOT_CHECKED)
    try:
        hits += await _similar(finder, shelf, document, secret)
    except CandorError:
        return Duplicates(tuple(hits), NOT_CHECKED)
    return Duplicates(tuple(hits))


# --- what both hold ---


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a draft holds something, and its normal form."""

    rule: str
    pointer: str
    value: str


async def _shared(
    session: AsyncSession,
    shelf: Shelf,
    document: Mapping[str, Any],
    *,
    secret: bytes,
    record_pk: int | None,
) -> list[Hit]:
    marked: dict[str, _Place] = {}
    for pointer, value in indicators(document):
        marked.setdefault(mark_of(secret, INDICATOR, value), _Place(SHARED, pointer, value))
    named = {value: _Place(NAMED, pointer, value) for pointer, value, _ in reversed(names(document))}
    for value, place in named.items():
        marked.setdefault(mark_of(secret, ALIAS, value), place)
    # Of each record and place one row, one that may be told where there is.
    rows: dict[tuple[int, _Place], bool] = {}
    for name, pk in await shelf.named(list(named)):
        rows[pk, named[name]] = False
    marks = list(marked)
    for start in range(0, len(marks), _CHUNK):
        query = (
            select(IndicatorMark.record_pk, IndicatorMark.mark, IndicatorMark.hidden, IndicatorMark.draft)
            .where(IndicatorMark.mark.in_(marks[start : start + _CHUNK]))
            .order_by(IndicatorMark.record_pk)
            .limit(_MOST_ROWS)
        )
        for pk, mark, hidden, draft in await session.execute(query):
            key = pk, marked[mark]
            rows[key] = rows.get(key, True) and (hidden or draft)
    kept = {key: apart for key, apart in rows.items() if key[0] != (record_pk or 0)}
    holders = await shelf.holders(sorted({pk for pk, _ in kept}))
    hits: dict[bool, list[Hit]] = {True: [], False: []}
    for (pk, place), apart in kept.items():
        holder = holders.get(pk)
        if holder is None or not _matters(place, holder, document):
            continue
        told = holder.own or (holder.told and not apart)
        if len(hits[told]) < _MOST_HITS:
            hits[told].append(_hit(place, pk, holder.id, secret, told=told))
    return hits[True] + hits[False]


def _matters(place: _Place, holder: Holder, document: Mapping[str, Any]) -> bool:
    """An incident and the weakness that it used may bear one name; two incidents are the same."""
    return place.rule == SHARED or (holder.kind == document.get("kind") and not holder.gone)


def _hit(place: _Place, pk: int, id: str, secret: bytes, *, told: bool) -> Hit:
    what = "holds the same indicator" if place.rule == SHARED else "is known elsewhere by the same name"
    message = f"The record {id} {what}" + ("." if told else ", which the submitter may not see.")
    suggestion = (
        "Relate the two, or add to that one, if they tell of the same matter."
        if told
        else "See whether the two tell of the same matter, and whether their owners should know."
    )
    found = Found(place.pointer, f"{place.value}\n{pk}", message, suggestion)
    return as_hit(place.rule, found, secret, stewards_only=not told)


# --- what they say ---


async def _similar(finder: Finder, shelf: Shelf, document: Mapping[str, Any], secret: bytes) -> list[Hit]:
    if document.get("kind") == "response" or not any(_said(document, name) for name in _LEAST_WORDS):
        return []
    found = await finder.similar(document, limit=_MOST_ALIKE)
    own = (str(document.get("origin")), str(document.get("id")))
    hits = []
    for key, other in (await shelf.public([key for key in found.ids if key != own])).items():
        # Kinds are compared where both say theirs.
        if other.get("kind", document.get("kind")) != document.get("kind"):
            continue
        same = [name for name in _LEAST_WORDS if _nearly(_said(document, name), _said(other, name))]
        if same:
            message = f"The record {key[1]} has nearly the same {same[0]}."
            if shared := _in_words(finder.reasons(document, other)):
                message = f"{message[:-1]}, and shares {shared}."
            suggestion = "If it tells of the same matter, respond to it or relate the two."
            # The key goes by what was compared, not by what else the two share meanwhile.
            matched = Found(f"/{same[0]}", f"{document[same[0]]}\n{key[1]}", message, suggestion)
            hits.append(as_hit(SIMILAR, matched, secret))
    return hits


def _said(document: Mapping[str, Any], name: str) -> str:
    """A text that is long enough to be compared, without case."""
    value = document.get(name)
    if not isinstance(value, str) or len(value.split()) < _LEAST_WORDS[name]:
        return ""
    return value.casefold()


def _nearly(one: str, other: str) -> bool:
    if not one or not other:
        return False
    ratio: Callable[..., float] = fuzz.token_sort_ratio
    return ratio(one, other, score_cutoff=_LEAST_ALIKE) >= _LEAST_ALIKE


_CALLED = {
    "indicator": "the indicator",
    "host": "the host",
    "alias": "the alias",
    "actor": "the actor",
    "system": "the system",
    "tag": "the term",
}


def _in_words(reasons: Sequence[Reason]) -> str:
    """The reasons that say most, in a few words."""
    told = [f"{_CALLED[one.kind]} {one.label or one.value}" for one in reasons if one.kind in _CALLED]
    return ", ".join(told[:3])[:200]
