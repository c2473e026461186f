"""What is in a feed now. All of it is public: a feed has no reader who may see more."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import ANONYMOUS
from registry.changelog.append import public_head
from registry.errors import Finding, Malformed, NotFound, Unavailable
from registry.feeds.assemble import Gathered, Row, search_name
from registry.feeds.selection import Selection, Topic
from registry.finder import Finder, Matcher
from registry.providers import queries as providers
from registry.records import list_queries
from registry.records import queries as records
from registry.records.models import Record, RecordLink, Version
from registry.records.queries import Stored
from registry.records.visibility import readable
from registry.taxonomies.vocabulary import Vocabulary

WITHDRAWN_SHOWN = timedelta(days=30)
"""How long a withdrawn record stands in feeds as withdrawn, so that whoever looks once a month is told."""

# An exact match is looked for among so many proposals of the index, newest first, before a search feed ends.
MAX_PROPOSALS = 1000
_PROPOSALS = 100


async def gather(
    session: AsyncSession,
    selection: Selection,
    *,
    limit: int,
    now: datetime,
    vocabulary: Vocabulary,
    finder: Finder | None,
) -> tuple[Gathered, bool]:
    """What the selection holds, and whether that is all there is to know: an index may be behind.

    Raises `NotFound` for a tag, provider or record that there is not, `Malformed` for a search that cannot be
    read, and `Unavailable` when search is not here.
    """
    origin = (selection.origin,) if selection.origin else ()
    match selection.topic:
        case Topic.ALL:
            narrow = {"imported": selection.imported, "origin": origin}
            return await _recent(session, "everything", limit, now, **narrow), True
        case Topic.KIND:
            narrow = {"kind": (selection.value,), "imported": selection.imported, "origin": origin}
            return await _recent(session, selection.value, limit, now, **narrow), True
        case Topic.PROVIDER:
            return await _provider(session, selection.value, origin, limit, now), True
        case Topic.TAG:
            return await _tag(session, selection.value, origin, limit, now, vocabulary), True
        case Topic.RECORD:
            return await _record(session, selection, limit, now), True
        case Topic.SEARCH:
            return await _search(session, selection.parameters, limit, now, finder)


async def _recent(session: AsyncSession, name: str, limit: int, now: datetime, **scope: Any) -> Gathered:
    """The newest changes in a scope, without the withdrawals that were shown long enough.

    Those still count for `changed`: their leaving is a change of the feed.
    """
    asked = limit
    while True:
        found = await list_queries.recent(session, limit=asked, **scope)
        shown = [row for row in found if not _has_left(row, now)]
        # Many withdrawals at once must not push out all that is still there.
        if len(shown) >= limit or len(found) < asked:
            break
        asked *= 4
    changes = (row.at + WITHDRAWN_SHOWN if _has_left(row, now) else row.at for row in found)
    return Gathered([_row(row) for row in shown[:limit]], name, max(changes, default=None))


def _has_left(row: Stored, now: datetime) -> bool:
    return row.withdrawn and row.at + WITHDRAWN_SHOWN <= now


def _row(stored: Stored, *, single_version: bool = False) -> Row:
    return Row(stored.document, stored.action, single_version)


async def _provider(
    session: AsyncSession, slug: str, origin: Sequence[str], limit: int, now: datetime
) -> Gathered:
    gathered = await _recent(session, slug, limit, now, provider=(slug,), origin=origin)
    if origin and gathered.rows:
        return Gathered(gathered.rows, _name_in(gathered.rows[0], slug), gathered.changed)
    try:
        provider = await providers.by_slug(session, slug, public=True)
    except NotFound:
        if not gathered.rows:
            raise
        # Mirrored from a peer: known by its records alone.
        return Gathered(gathered.rows, _name_in(gathered.rows[0], slug), gathered.changed)
    return Gathered(gathered.rows, provider.name, gathered.changed)


def _name_in(row: Row, slug: str) -> str:
    """What a document calls one of those who published it."""
    document = json.loads(row.document)
    shown = [document.get("provider"), *(document.get("co_providers") or ())]
    names = (one.get("name") for one in shown if isinstance(one, dict) and one.get("slug") == slug)
    return str(next(names, None) or slug)


async def _tag(
    session: AsyncSession,
    tag: str,
    origin: Sequence[str],
    limit: int,
    now: datetime,
    vocabulary: Vocabulary,
) -> Gathered:
    gathered = await _recent(session, vocabulary.label(tag), limit, now, tag=tag, origin=origin)
    if gathered.changed is None and not vocabulary.known(tag):
        near = vocabulary.nearest(tag)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise NotFound(f"There is no tag {tag[:80]!r}, and no record bears it.{hint}")
    return gathered


async def _record(session: AsyncSession, selection: Selection, limit: int, now: datetime) -> Gathered:
    """The versions of a record and the responses to it.

    While it is withdrawn, no version but that which says so.
    """
    versions = await records.versions(session, ANONYMOUS, selection.value, selection.origin, limit=limit)
    newest = versions[0]
    if newest.withdrawn:
        versions = [newest]
    found = [_Dated(row.public_seq or 0, row.at, _row(row, single_version=True)) for row in versions]
    found = _newest(found + await _answers(session, newest.origin, newest.id, limit, now), limit)
    title = str(json.loads(newest.document).get("title") or newest.id)
    return _gathered(found, title)


class _Dated(NamedTuple):
    """A row with what it is sorted by: its public sequence number, since an import dates thousands alike."""

    seq: int
    at: datetime
    row: Row


def _newest(found: list[_Dated], limit: int) -> list[_Dated]:
    return sorted(found, key=lambda dated: dated.seq, reverse=True)[:limit]


def _gathered(found: Sequence[_Dated], name: str) -> Gathered:
    return Gathered([dated.row for dated in found], name, max((dated.at for dated in found), default=None))


async def _answers(session: AsyncSession, origin: str, id: str, limit: int, now: datetime) -> list[_Dated]:
    """Responses to a record, those withdrawn of late among them, newest change first."""
    about = select(RecordLink.record_pk).where(
        RecordLink.target_origin == origin, RecordLink.target_id == id, RecordLink.role == "about"
    )
    shown = Record.pk.in_(about) & (Record.kind == "response") & (Record.listed | _withdrawn_since(now))
    return await _dated(session, _current().where(shown).order_by(Record.last_seq.desc()).limit(limit))


async def _withdrawn(session: AsyncSession, now: datetime) -> list[_Dated]:
    """Records withdrawn of late. In the order of an index of few rows, not by what changed last."""
    shown = Record.listed.is_(False) & Record.first_seq.is_not(None) & _withdrawn_since(now)
    return await _dated(
        session, _current().where(shown).order_by(Record.first_seq.desc()).limit(MAX_PROPOSALS)
    )


def _withdrawn_since(now: datetime) -> ColumnElement[bool]:
    return (Version.action == "withdrawn") & (Version.at > now - WITHDRAWN_SHOWN)


def _current() -> Select[int | None, datetime, bytes, str]:
    """Newest public versions."""
    return (
        select(Version.public_seq, Version.at, Version.document, Version.action)
        .join(
            Record,
            and_(Version.record_pk == Record.pk, Version.shared.is_(False), Version.number == Record.current),
        )
        .where(readable(ANONYMOUS))
    )


async def _dated(session: AsyncSession, query: Select[int | None, datetime, bytes, str]) -> list[_Dated]:
    rows = await session.execute(query)
    return [_Dated(seq or 0, at, Row(document, action)) for seq, at, document, action in rows]


async def _search(
    session: AsyncSession,
    parameters: Sequence[tuple[str, str]],
    limit: int,
    now: datetime,
    finder: Finder | None,
) -> tuple[Gathered, bool]:
    """The records that match exactly, newest change first. The index proposes, `Finder.matcher` decides."""
    if finder is None:
        raise Unavailable("This registry runs without search, so that there are no feeds of searches.")
    asked: dict[str, list[str]] = {}
    for key, value in parameters:
        asked.setdefault(key, []).append(value)
    if "as_of" in asked:
        finding = Finding("no-news", "/as_of", "What was public once does not change.", "Leave as_of out.")
        raise Malformed("A feed tells what is new.", findings=[finding])
    matches = await finder.matcher(asked)
    head = await public_head(session)
    found: list[_Dated] = []
    position = head
    for offset in range(0, MAX_PROPOSALS, _PROPOSALS):
        proposed = await finder.find({**asked, "sort": ["updated"]}, limit=_PROPOSALS, offset=offset)
        position = min(position, proposed.position)
        found += await _matching(session, proposed.ids, matches)
        if len(found) >= limit or offset + _PROPOSALS >= proposed.total:
            break
    # Not in the index any more, but whoever follows the search has to be told.
    withdrawn = await _withdrawn(session, now)
    found += [dated for dated in withdrawn if matches(json.loads(dated.row.document))]
    return _gathered(_newest(found, limit), search_name(parameters)), position >= head


async def _matching(session: AsyncSession, ids: Sequence[tuple[str, str]], matches: Matcher) -> list[_Dated]:
    proposed = await records.documents(session, list(ids))
    return [
        _Dated(stored.public_seq or 0, stored.at, _row(stored))
        for stored in proposed.values()
        if stored is not None and matches(json.loads(stored.document))
    ]
