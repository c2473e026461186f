"""What is in a feed now. All of it is public: a feed has no reader who may see more."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import ANONYMOUS
from registry.changelog.append import public_head
from registry.errors import NotFound, Unavailable
from registry.feeds.assemble import Gathered, Row, search_name
from registry.feeds.selection import Selection, Topic
from registry.finder import Finder, Parameters
from registry.providers import queries as providers
from registry.providers.onboarding import State
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
_UNSEEN = (State.APPLIED, State.SANDBOX)


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
    match selection.topic:
        case Topic.ALL:
            return await _recent(session, "everything", limit, now, imported=selection.imported), True
        case Topic.KIND:
            kind = (selection.value,)
            return await _recent(
                session, selection.value, limit, now, kind=kind, imported=selection.imported
            ), True
        case Topic.PROVIDER:
            return await _provider(session, selection.value, limit, now), True
        case Topic.TAG:
            return await _tag(session, selection.value, limit, now, vocabulary), True
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
        found = await records.recent(session, limit=asked, **scope)
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


async def _provider(session: AsyncSession, slug: str, limit: int, now: datetime) -> Gathered:
    gathered = await _recent(session, slug, limit, now, provider=(slug,))
    try:
        provider = await providers.by_slug(session, slug)
    except NotFound:
        if not gathered.rows:
            raise
        # Mirrored from a peer: known by its records alone.
        named = json.loads(gathered.rows[0].document).get("provider", {}).get("name", slug)
        return Gathered(gathered.rows, str(named), gathered.changed)
    if State(provider.state) in _UNSEEN:
        raise NotFound(f"There is no provider {slug[:64]!r}.")
    return Gathered(gathered.rows, provider.name, gathered.changed)


async def _tag(
    session: AsyncSession, tag: str, limit: int, now: datetime, vocabulary: Vocabulary
) -> Gathered:
    gathered = await _recent(session, vocabulary.label(tag), limit, now, tag=tag)
    if gathered.changed is None and not vocabulary.known(tag):
        near = vocabulary.nearest(tag)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise NotFound(f"There is no tag {tag[:80]!r}, and no record bears it.{hint}")
    return gathered


async def _record(session: AsyncSession, selection: Selection, limit: int, now: datetime) -> Gathered:
    """The versions of a record and the responses to it.

    While it is withdrawn, no version but that which says so.
    """
    origin = dict(selection.parameters).get("origin")
    versions = await records.versions(session, ANONYMOUS, selection.value, origin, limit=limit)
    newest = versions[0]
    if newest.withdrawn:
        versions = [newest]
    answers = await _answers(session, newest.origin, newest.id, limit, now)
    dated = [(version.at, _row(version, single_version=True)) for version in versions] + answers
    dated.sort(key=lambda pair: pair[0], reverse=True)
    title = str(json.loads(newest.document).get("title") or newest.id)
    return Gathered([row for _, row in dated[:limit]], title, dated[0][0])


async def _answers(
    session: AsyncSession, origin: str, id: str, limit: int, now: datetime
) -> list[tuple[datetime, Row]]:
    """Responses to a record, those withdrawn of late among them, newest change first."""
    about = select(RecordLink.record_pk).where(
        RecordLink.target_origin == origin, RecordLink.target_id == id, RecordLink.role == "about"
    )
    return await _changed(session, Record.pk.in_(about) & (Record.kind == "response"), limit, now)


async def _changed(
    session: AsyncSession, condition: ColumnElement[bool], limit: int, now: datetime
) -> list[tuple[datetime, Row]]:
    rows = await session.execute(
        select(Version.at, Version.document, Version.action)
        .join(
            Record,
            and_(Version.record_pk == Record.pk, Version.shared.is_(False), Version.number == Record.current),
        )
        .where(readable(ANONYMOUS), condition, Record.listed | (Version.at > now - WITHDRAWN_SHOWN))
        .order_by(Record.last_seq.desc())
        .limit(limit)
    )
    return [(at, Row(document, action)) for at, document, action in rows]


async def _search(
    session: AsyncSession,
    parameters: Sequence[tuple[str, str]],
    limit: int,
    now: datetime,
    finder: Finder | None,
) -> tuple[Gathered, bool]:
    """The records that match exactly, newest change first. The index proposes, `Finder.match` decides."""
    if finder is None:
        raise Unavailable("This registry runs without search, so that there are no feeds of searches.")
    asked: dict[str, list[str]] = {}
    for key, value in parameters:
        asked.setdefault(key, []).append(value)
    head = await public_head(session)
    # Not in the index any more, but whoever follows the search has to be told.
    withdrawn = await _changed(session, Record.listed.is_(False), MAX_PROPOSALS, now)
    dated: list[tuple[datetime, Row]] = []
    position = head
    for offset in range(0, MAX_PROPOSALS, _PROPOSALS):
        found = await finder.find({**asked, "sort": ["updated"]}, limit=_PROPOSALS, offset=offset)
        position = min(position, found.position)
        dated += await _matching(session, asked, found.ids, finder)
        if len(dated) >= limit or offset + _PROPOSALS >= found.total:
            break
    dated += [(at, row) for at, row in withdrawn if finder.match(asked, json.loads(row.document))]
    dated.sort(key=lambda pair: pair[0], reverse=True)
    rows = dated[:limit]
    gathered = Gathered([row for _, row in rows], search_name(parameters), rows[0][0] if rows else None)
    return gathered, position >= head


async def _matching(
    session: AsyncSession, asked: Parameters, ids: Sequence[tuple[str, str]], finder: Finder
) -> list[tuple[datetime, Row]]:
    proposed = await records.documents(session, list(ids))
    return [
        (stored.at, _row(stored))
        for stored in proposed.values()
        if stored is not None and finder.match(asked, json.loads(stored.document))
    ]
