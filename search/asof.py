"""What `as_of` means, and what became since then of the records that answer it."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from registry.changelog.append import public_head
from registry.db import now
from registry.errors import Finding, Malformed, Severity
from registry.records import queries as records
from registry.records.content.partial import PartialDate
from registry.records.versions import WITHDRAWN as TAKEN_BACK
from search import queries
from search.request import AS_OF_FORMS, AsOf, Request
from search.results import CURRENT, REVISED, WITHDRAWN, Hit, SinceThen, version_of

# What somebody may have meant as a year.
_YEARS = range(1900, 2101)


class _Withdrawal(msgspec.Struct):
    code: str | None = None


class _Taken(msgspec.Struct):
    withdrawal: _Withdrawal | None = None


_taken = msgspec.json.Decoder(_Taken).decode


async def resolve(session: AsyncSession, request: Request) -> Request:
    """The request with the position that its `as_of` means. Raises `Malformed` for one that is still to come:
    its answer would not stay the same.
    """
    if request.as_of is None or request.as_of.position is not None:
        return request
    asked = request.as_of.asked
    if isinstance(asked, PartialDate):
        return replace(request, as_of=await _at_end_of(session, asked))
    at = await queries.changed_at(session, asked)
    if at is None and asked > 0:
        head = await public_head(session)
        year = f" For the end of that year write {asked}-12." if asked in _YEARS else ""
        raise _wrong("not-yet", f"There is no position {asked} yet.", f"Write one up to {head}.{year}")
    notes = request.notes
    if asked in _YEARS:
        text = f"{asked} was read as a position."
        note = Finding("read-as-position", "/as_of", text, f"For the end of that year write {asked}-12.")
        notes = (*notes, replace(note, severity=Severity.WARNING))
    return replace(request, as_of=AsOf(asked, asked, at), notes=notes)


async def _at_end_of(session: AsyncSession, date: PartialDate) -> AsOf:
    end = date.latest()
    if end > now():
        ended = "has not ended" if date.earliest() <= now() else "is still to come"
        raise _wrong("not-yet", f"{date} {ended}: what is public then may change.", AS_OF_FORMS)
    return AsOf(date, await queries.position_at(session, end), end)


def _wrong(code: str, text: str, suggestion: str) -> Malformed:
    finding = Finding(code, "/as_of", text, suggestion)
    return Malformed("The search has parameters that cannot be read.", findings=[finding])


async def with_since_then(session: AsyncSession, hits: Sequence[Hit]) -> list[Hit]:
    """The hits with what became of each since; without those of which nothing is to be shown any more."""
    newest = await queries.newest_of(session, [(hit.origin, hit.id) for hit in hits])
    taken = [(*key, found.number) for key, found in newest.items() if found.action == TAKEN_BACK]
    documents = await records.numbered(session, taken) if taken else {}
    told: list[Hit] = []
    for hit in hits:
        found = newest.get((hit.origin, hit.id))
        if found is None:
            continue
        version, code, state = version_of(hit.document), None, CURRENT
        if found.action == TAKEN_BACK:
            stored = documents.get((hit.origin, hit.id, found.number))
            withdrawal = _taken(stored.document).withdrawal if stored is not None else None
            state, code = WITHDRAWN, withdrawal.code if withdrawal is not None else None
        elif found.number != version:
            state = REVISED
        told.append(replace(hit, version=version, since_then=SinceThen(state, found.number, found.at, code)))
    return told
