"""Relations that must not lead back to where they began: nothing supersedes, or derives from, itself."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.errors import Finding
from registry.records.documents import links_of
from registry.records.models import Record, RecordLink
from registry.records.queries import among

Key = tuple[str, str]
"""(origin, id) of a record."""

ACYCLIC = ("caused-by", "derived-from", "duplicate-of", "part-of-campaign", "supersedes")
# A longer chain is nothing that people wrote; it is left unfollowed.
MOST_RECORDS = 1000


def _by_role(links: Iterable[tuple[str, str, str]]) -> dict[str, list[Key]]:
    """What a document refers to in the roles that must not loop, as relations or as fields of those names."""
    found: dict[str, list[Key]] = {}
    for said, origin, id in links:
        if (role := said.replace("_", "-")) in ACYCLIC:
            found.setdefault(role, []).append((origin, id))
    return found


async def loops(
    session: AsyncSession,
    key: Key,
    links: Iterable[tuple[str, str, str]],
    beside: Mapping[Key, Mapping[str, Any]],
) -> list[Finding]:
    """A finding for each role in which a document with these links, published under `key`, would lead back to
    itself.

    `beside` holds documents that are about to be written with it; all else is read from what is published.
    """
    return [
        Finding(
            "cyclic-relation",
            "/relations",
            f"Followed from record to record, {role!r} leads back to this record.",
            "Take out the relation that is the wrong way round.",
        )
        for role, first in _by_role(links).items()
        if await _leads_back(session, key, first, role, beside)
    ]


async def _leads_back(
    session: AsyncSession, key: Key, first: Iterable[Key], role: str, beside: Mapping[Key, Mapping[str, Any]]
) -> bool:
    seen: set[Key] = set()
    ahead = set(first)
    while ahead and len(seen) < MOST_RECORDS:
        if key in ahead:
            return True
        seen |= ahead
        written = [at for at in ahead if at not in beside]
        following = {
            target for at in ahead if at in beside for target in _by_role(links_of(beside[at])).get(role, ())
        }
        if written:
            rows = await session.execute(
                select(RecordLink.target_origin, RecordLink.target_id)
                .join(Record, Record.pk == RecordLink.record_pk)
                .where(
                    among(written),
                    RecordLink.role.in_((role, role.replace("-", "_"))),
                )
            )
            following |= {(origin, id) for origin, id in rows}
        ahead = following - seen
    return False
