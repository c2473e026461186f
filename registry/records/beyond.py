"""What only the database knows of a submission: groups, parts and records that it names."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.auth.actors import acting
from registry.errors import Finding
from registry.providers.models import Provider
from registry.records.models import Draft, Record
from registry.records.responses.checks import response_findings
from registry.records.restricted.queries import unknown_commits
from registry.records.visibility import Tlp
from registry.sharing.queries import unknown_groups


async def beyond(
    session: AsyncSession,
    actor: Actor,
    provider: int,
    home: str,
    submission: Mapping[str, Any],
    *,
    id: str | None,
    begun: bool,
) -> list[Finding]:
    """Findings about a checked submission of an organisation. `id` is the record's, `begun` tells that there
    is a draft or a version of it, whose handling holds while none is sent.
    """
    handling = submission.get("handling") or {}
    pk = await session.scalar(select(Record.pk).where(Record.id == id, Record.origin == home)) if id else None
    # What goes out later by another level is looked at once more then (`at_publication`).
    public = handling.get("tlp", "" if begun else Tlp.CLEAR) == Tlp.CLEAR
    return [
        *await unknown_groups(session, provider, _groups(handling, submission.get("restricted") or ())),
        *await unknown_commits(session, pk, submission),
        *await response_findings(session, actor, provider, home, submission, public=public),
    ]


def _groups(
    handling: Mapping[str, Any], restricted: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    """Each group that is named, with the pointer to it."""
    for place, slug in enumerate(handling.get("groups") or ()):
        yield f"/handling/groups/{place}", slug
    for index, part in enumerate(restricted):
        for place, slug in enumerate(part.get("groups") or ()):
            yield f"/restricted/{index}/groups/{place}", slug


async def groups_beyond(
    session: AsyncSession, provider: int, handling: Mapping[str, Any], restricted: Sequence[Mapping[str, Any]]
) -> list[Finding]:
    """A finding for each group that an organisation names and does not belong to."""
    return await unknown_groups(session, provider, _groups(handling, restricted))


async def at_publication(
    session: AsyncSession,
    record: Record,
    draft: Draft,
    provider: Provider,
    readers: dict[int, Actor] | None = None,
) -> list[Finding]:
    """What has become wrong since a draft was taken: a group was left, a record was withheld or hidden.

    `readers` keeps, for as many drafts as are published at once, whom each organisation reads as.
    """
    handling = draft.handling
    found = await groups_beyond(session, provider.pk, handling, draft.restricted)
    if record.kind == "response":
        # Nobody in particular asks: a schedule may.
        readers = {} if readers is None else readers
        if provider.pk not in readers:
            readers[provider.pk] = await acting(session, provider.slug, provider, (Scope.RECORDS_READ,))
        reader = readers[provider.pk]
        body = msgspec.json.decode(draft.document)
        public = handling.get("tlp", Tlp.CLEAR) == Tlp.CLEAR
        found += await response_findings(session, reader, provider.pk, record.origin, body, public=public)
    return found
