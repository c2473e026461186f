"""Erasure: what a record said is destroyed, by law or to protect somebody. That cannot be undone.

Every version's bytes and salt, drafts, restricted parts, files and everything that was worked out from them
go. What stays is that there was a record: its id, the numbers of its versions and their commitments, which
say nothing without the salt, and a code that every reader is told (410).
"""

from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.canonical import CODE
from registry.db import now
from registry.errors import Conflict, Finding, Forbidden, Invalid
from registry.idempotency import Replay
from registry.moderation.screening.service import forget
from registry.records import draft_queries
from registry.records.campaigns.models import CampaignMember, CampaignTrait
from registry.records.evidence.service import erase_evidence
from registry.records.models import (
    Audience,
    Draft,
    Invitation,
    Record,
    RecordLink,
    RecordName,
    RecordProvider,
    RecordTag,
    Version,
)
from registry.records.outcomes.models import Outcome, OutcomeSubject, RecordPublisher
from registry.records.preconditions import match
from registry.records.responses.models import ResponsesSeen
from registry.records.restricted.store import erase_parts
from registry.records.suppression import ERASED, any_record, reason_findings, tell
from registry.records.workflow import Life
from registry.signing.models import DraftSignature, VersionSignature

ERASED_VERSION = "erased-version"
ERASING = (ERASED, ERASED_VERSION)
"""The actions in the changelog after which no file may hold what was there before: of a record, and of an
older version of one that stays.
"""

# What speaks of the text, is found by it, or approved it by its digest.
ABOUT_THE_TEXT = (
    RecordName,
    Draft,
    DraftSignature,
    Invitation,
    CampaignMember,
    CampaignTrait,
    RecordTag,
    RecordLink,
    RecordProvider,
    Audience,
    ResponsesSeen,
    OutcomeSubject,
    Outcome,
    RecordPublisher,
)


GROUNDS = (
    "personal-data",
    "court-order",
    "copyright",
    "safety",
    "secret",
    "unlawful",
    "request",
    "other",
)
"""The grounds that docs/operator.md explains. Any other code is taken, too: laws differ."""


@dataclass(frozen=True, slots=True)
class Erased:
    """A record of which only the commitments are left."""

    id: str
    code: str


async def erase(
    session: AsyncSession,
    actor: Actor,
    id: str,
    code: str,
    reason: str,
    *,
    if_match: str | None = "*",
    origin: str | None = None,
) -> Erased:
    """Destroy what a record says, published or not. `code` says on what ground, to everybody who asks for it.

    Whoever made it commits, and then has the database let go of what it still holds of it
    (`Database.forget_deleted`). Raises `Invalid`, `NotFound`, `Conflict`, and what `If-Match` demands: the
    newest version's ETag, or the draft's while there is none.
    """
    actor.require(Scope.REGISTRY_STEWARD)
    if findings := [*_ground_findings(code), *reason_findings(reason)]:
        raise Invalid("An erasure names its ground and says why.", findings=findings)
    record = await any_record(session, id, origin)
    if record.provider_pk is None:
        raise Forbidden(
            f"{record.id} is a record of {record.origin}, which alone erases it, for all who mirror it. "
            "Suppress it here, and ask there.",
            origin=record.origin,
        )
    if record.erased is not None:
        raise Conflict(f"{record.id} is erased already: {record.erased}.")
    before = await draft_queries.last_version(session, record)
    draft = await session.get(Draft, record.pk)
    await match(session, if_match, record, None if before else draft, before)
    await tell(session, actor, record, ERASED, code=code)
    await destroy(session, record)
    # Stored answers are sealed, and cannot be told apart: whoever repeats a request of today is told the
    # present state instead.
    await session.execute(delete(Replay))
    await session.flush()
    record.erased, record.erased_at = code, now()
    await note(
        session,
        actor,
        "record",
        "erase",
        record.id,
        provider=record.provider_pk,
        commit=before.commit if before else None,
        code=record.erased,
        reason=reason.strip(),
    )
    return Erased(record.id, record.erased)


async def destroy(session: AsyncSession, record: Record) -> None:
    """Destroy what a record says, and all that was worked out from it."""
    await session.execute(
        update(Version).where(Version.record_pk == record.pk).values(document=b"", salt=b"")
    )
    versions = select(Version.pk).where(Version.record_pk == record.pk)
    await session.execute(delete(VersionSignature).where(VersionSignature.version_pk.in_(versions)))
    await erase_parts(session, record.pk)
    await erase_evidence(session, record.pk)
    await forget(session, record.pk)
    for table in ABOUT_THE_TEXT:
        await session.execute(delete(table).where(table.record_pk == record.pk))
    hide(record)


def hide(record: Record) -> None:
    """Let a record be none that anybody reads."""
    # The place in the public order stays, as a sign that it was public; all that shows content is cut off.
    record.life, record.listed = Life.ERASED.value, False
    record.current = record.shared = 0
    record.last_seq = record.shown_provider = record.input_digest = None
    record.suppressed = record.suppressed_at = None


def _ground_findings(code: str) -> list[Finding]:
    """What is wrong with a ground. It stands in the log for good, where words have no place."""
    if isinstance(code, str) and CODE.fullmatch(code):
        return []
    problem = (
        "The ground of an erasure is a code: it stands in the log for good, and words could tell of what was "
        "erased. It has 1 to 40 small letters, digits and hyphens, and begins with a letter."
    )
    known = ", ".join(f'"{ground}"' for ground in GROUNDS[:-1])
    return [Finding("bad-code", "/code", problem, f'Such as {known} or "{GROUNDS[-1]}".')]
