"""Reads of responses: a page of them, what all of them amount to, and the owner's replies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from registry.actor import ANONYMOUS, Actor
from registry.records import queries
from registry.records.models import Record, RecordLink, Version
from registry.records.queries import Stored
from registry.records.responses.models import ResponsesSeen
from registry.records.responses.summary import UNNAMED, Summary, organisations_of, summarise
from registry.records.shared import newest_shared
from registry.records.visibility import readable
from registry.signing.models import VersionSignature

MOST_COUNTED = 2000
"""So many responses, the newest first, are counted; a summary of more says that it is not of all."""
MOST_SHARED = 200
_AT_ONCE = 400

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Responses:
    """What was said about a record.

    `rows` are public responses, the newest first, `restricted` those below TLP:CLEAR that its reader may see.
    `replies` names, for each response, what the record's owner answered to it. `following` is the `first_seq`
    after which the next page begins. `complete` is false when there are more than were counted.
    """

    of: Stored
    rows: Sequence[Stored]
    restricted: Sequence[Stored]
    replies: Mapping[str, Sequence[str]]
    summary: Summary
    complete: bool
    following: int | None


async def responses(
    session: AsyncSession,
    actor: Actor,
    id: str,
    origin: str | None = None,
    *,
    before: int | None = None,
    limit: int,
) -> Responses:
    """A page of the responses to a record. Raises `NotFound` like reading the record."""
    of = await queries.newest(session, actor, id, origin)
    found = await queries.linking(session, actor, of.origin, of.id, role="about", limit=MOST_COUNTED + 1)
    counted = found[:MOST_COUNTED]
    proven = await _proven(session, [of, *counted])
    owners = organisations_of(_decode(of.document), proven)
    ahead = [row for row in found if before is None or (row.first_seq or 0) < before]
    rows = ahead[:limit]
    return Responses(
        of,
        rows,
        await _restricted(session, actor, of) if before is None else (),
        await _replies(session, actor, of.origin, rows, owners),
        summarise([_decode(row.document) for row in counted], owners=owners, proven=proven),
        len(found) <= MOST_COUNTED,
        rows[-1].first_seq if len(ahead) > limit else None,
    )


async def summary(session: AsyncSession, actor: Actor, of: Stored) -> Summary:
    """What the public responses to a record amount to."""
    found = await queries.linking(session, actor, of.origin, of.id, role="about", limit=MOST_COUNTED)
    proven = await _proven(session, [of, *found])
    owners = organisations_of(_decode(of.document), proven)
    return summarise([_decode(row.document) for row in found], owners=owners, proven=proven)


async def _proven(session: AsyncSession, rows: Sequence[Stored]) -> dict[tuple[str, str], set[str]]:
    """Of the records that are other registries': the domains whose keys signed what they say now."""
    found: dict[tuple[str, str], set[str]] = {}
    for start in range(0, len(rows), _AT_ONCE):
        query = (
            select(Record.origin, Record.id, VersionSignature.domain)
            .join(Version, and_(Version.record_pk == Record.pk, Version.number == Record.current))
            .outerjoin(
                VersionSignature,
                and_(VersionSignature.version_pk == Version.pk, VersionSignature.jwk.is_not(None)),
            )
            .where(
                queries.among((row.origin, row.id) for row in rows[start : start + _AT_ONCE]),
                Record.provider_pk.is_(None),
                Version.shared.is_(False),
            )
        )
        for origin, id, domain in await session.execute(query):
            found.setdefault((origin, id), set()).update({domain} if domain is not None else ())
    return found


async def _replies(
    session: AsyncSession, actor: Actor, origin: str, rows: Sequence[Stored], owners: Sequence[str]
) -> dict[str, list[str]]:
    """What the owner of the record said to each response, as far as the owner is named. It speaks at the
    record's own registry: any other may call anybody by that name.
    """
    named = set(owners) - {UNNAMED}
    if not rows or not named:
        return {}
    replies: dict[str, list[str]] = {}
    asked = {(row.origin, row.id) for row in rows}
    links = select(RecordLink.record_pk).where(
        RecordLink.role == "about", RecordLink.target_id.in_([row.id for row in rows])
    )
    query = queries.current().where(
        queries.IS_LISTED, readable(actor), Record.pk.in_(links), Record.origin == origin
    )
    for row in await queries.stored_rows(session, query.order_by(Record.first_seq).limit(MOST_COUNTED)):
        document = _decode(row.document)
        about = (document.get("content") or {}).get("about") or {}
        target = str(about.get("id"))
        if (about.get("origin", row.origin), target) in asked and not named.isdisjoint(
            organisations_of(document)
        ):
            replies.setdefault(target, []).append(row.id)
    return replies


async def _restricted(session: AsyncSession, actor: Actor, of: Stored) -> list[Stored]:
    """Responses that were shared below TLP:CLEAR and that the actor may see. Of them nothing is indexed, so
    that the newest few are looked through.
    """
    if not actor.reads_restricted:
        return []
    rows = await newest_shared(session, actor, kind=("response",), limit=MOST_SHARED)
    return [row for row in rows if not row.withdrawn and _is_about(_decode(row.document), of)]


def _is_about(document: Mapping[str, Any], of: Stored) -> bool:
    about = (document.get("content") or {}).get("about") or {}
    return about.get("id") == of.id and about.get("origin", document.get("origin")) == of.origin


async def unanswered(session: AsyncSession, provider: int, *, limit: int = 100) -> list[tuple[Stored, str]]:
    """Public responses of others to an organisation's records that it has neither marked as seen nor replied
    to, the oldest first, each with the id of the record that it is about.
    """
    target, reply, answer = aliased(Record), aliased(Record), aliased(RecordLink)
    replied = (
        select(answer.record_pk)
        .join(reply, reply.pk == answer.record_pk)
        .where(
            answer.role == "about",
            answer.target_id == Record.id,
            answer.target_origin == Record.origin,
            reply.provider_pk == provider,
            reply.listed,
        )
        .correlate(Record)
        .exists()
    )
    query = (
        queries.current()
        .add_columns(target.id)
        .join(RecordLink, (RecordLink.record_pk == Record.pk) & (RecordLink.role == "about"))
        .join(target, (target.id == RecordLink.target_id) & (target.origin == RecordLink.target_origin))
        .outerjoin(ResponsesSeen, ResponsesSeen.record_pk == target.pk)
        .where(
            target.provider_pk == provider,
            # Another registry's has no owner here.
            Record.provider_pk.is_distinct_from(provider),
            Record.first_seq > func.coalesce(ResponsesSeen.up_to, 0),
            queries.IS_LISTED,
            readable(ANONYMOUS),
            ~replied,
        )
        .order_by(Record.first_seq)
        .limit(limit)
    )
    return [(Stored(*row[:-1]), row[-1]) for row in await session.execute(query)]
