"""Writes of evidence: a file at a time, whom it is for, and its end."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.changelog.append import lock
from registry.db import now, table_of
from registry.errors import (
    Conflict,
    Finding,
    Forbidden,
    Invalid,
    PreconditionFailed,
    PreconditionRequired,
    TooLarge,
)
from registry.providers.models import Provider
from registry.records import draft_queries
from registry.records.content.submission import Handling
from registry.records.evidence.models import EvidenceAudience, EvidenceFile
from registry.records.evidence.queries import Evidence, described, etag_of, held, no_file
from registry.records.models import Record
from registry.records.publishing import may_go_out
from registry.records.visibility import Tlp, named_in
from registry.settings import Settings
from registry.sharing.queries import unknown_groups

MEGABYTE = 1024 * 1024
NOBODY: Mapping[str, Any] = {"tlp": Tlp.RED.value}
"""Handling that leaves a file to its owner."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much evidence is taken: bytes of a file, files of a record, bytes of all files of a record."""

    file: int
    files: int
    record: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(
            settings.evidence_file_megabytes * MEGABYTE,
            settings.evidence_files,
            settings.evidence_record_megabytes * MEGABYTE,
        )


async def room_for(session: AsyncSession, actor: Actor, id: str, limits: Limits) -> int:
    """How many bytes the next file beside a record may have. Raises `NotFound`, `Conflict`, `TooLarge`.

    Asked before the body is read, so that what cannot be kept is not received.
    """
    actor.require(Scope.RECORDS_WRITE)
    record, _ = await draft_queries.draft(session, actor, id)
    return await _room(session, record, limits)


async def _room(session: AsyncSession, record: Record, limits: Limits) -> int:
    count, total = await held(session, record.pk)
    if count >= limits.files:
        raise Conflict(f"A record has at most {limits.files} files of evidence. Remove one first.")
    if total >= limits.record:
        raise TooLarge(f"The files of a record have at most {limits.record:,} bytes together.")
    return min(limits.file, limits.record - total)


async def add(
    session: AsyncSession,
    actor: Actor,
    id: str,
    *,
    name: str,
    media_type: str,
    content: bytes,
    handling: Mapping[str, Any],
    limits: Limits,
) -> Evidence:
    """Keep a file beside a record. Its type was verified; `name` is a safe one. Raises `Invalid` with every
    finding of its handling, `NotFound`, `Forbidden`, `Conflict`, `TooLarge`.
    """
    actor.require(Scope.RECORDS_WRITE)
    await lock(session)
    record, _ = await draft_queries.draft(session, actor, id)
    if len(content) > await _room(session, record, limits):
        raise TooLarge(f"The files of a record have at most {limits.record:,} bytes together.")
    shared = await _checked(session, record, handling)
    row = EvidenceFile(
        record_pk=record.pk,
        file=secrets.token_hex(8),
        name=name,
        media_type=media_type,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
        tlp=shared["tlp"],
        revision=1,
        added_by=actor.person or actor.name,
        at=now(),
    )
    await _may_share(session, actor, record, row, shared)
    session.add(row)
    await session.flush()
    await _set_audience(session, row, shared)
    await _note(session, actor, record, row, "evidence-added", size=row.size, type=media_type)
    return (await described(session, actor, record, [row]))[0]


async def share(
    session: AsyncSession,
    actor: Actor,
    id: str,
    file: str,
    handling: Mapping[str, Any],
    *,
    if_match: str | None,
) -> Evidence:
    """Say anew whom a file is for."""
    actor.require(Scope.RECORDS_WRITE)
    await lock(session)
    record, row = await _file(session, actor, id, file, if_match)
    shared = await _checked(session, record, handling)
    await _may_share(session, actor, record, row, shared)
    row.tlp = shared["tlp"]
    row.revision += 1
    await session.execute(delete(EvidenceAudience).where(EvidenceAudience.file_pk == row.pk))
    await _set_audience(session, row, shared)
    await session.flush()
    await _note(session, actor, record, row, "evidence-shared")
    return (await described(session, actor, record, [row]))[0]


async def remove(session: AsyncSession, actor: Actor, id: str, file: str, *, if_match: str | None) -> None:
    """Destroy a file."""
    actor.require(Scope.RECORDS_WRITE)
    await lock(session)
    record, row = await _file(session, actor, id, file, if_match)
    await session.execute(delete(EvidenceAudience).where(EvidenceAudience.file_pk == row.pk))
    await session.execute(delete(EvidenceFile).where(EvidenceFile.pk == row.pk))
    await _note(session, actor, record, row, "evidence-removed")


async def erase_evidence(session: AsyncSession, record_pk: int) -> None:
    """Destroy every file beside a record: for the erasure of the record."""
    files = select(EvidenceFile.pk).where(EvidenceFile.record_pk == record_pk)
    await session.execute(delete(EvidenceAudience).where(EvidenceAudience.file_pk.in_(files)))
    await session.execute(delete(EvidenceFile).where(EvidenceFile.record_pk == record_pk))


async def _file(
    session: AsyncSession, actor: Actor, id: str, file: str, if_match: str | None
) -> tuple[Record, EvidenceFile]:
    record, _ = await draft_queries.draft(session, actor, id)
    row = await session.scalar(
        select(EvidenceFile).where(EvidenceFile.record_pk == record.pk, EvidenceFile.file == file[:16])
    )
    if row is None:
        raise no_file(record.id)
    if not if_match:
        raise PreconditionRequired("Send `If-Match` with the ETag of the file that you read.")
    present = etag_of(row)
    if not any(tag.strip().strip('"') in (present, "*") for tag in if_match.split(",")):
        raise PreconditionFailed("Somebody changed it since. Read it again, then decide.", present=present)
    return record, row


async def _checked(session: AsyncSession, record: Record, handling: Mapping[str, Any]) -> dict[str, Any]:
    findings: list[Finding] = []
    shared: dict[str, Any] = dict(NOBODY)
    if unknown := sorted(set(handling) - {"tlp", "groups", "people"}):
        hint = "There are: tlp, groups, people."
        findings += [
            Finding("unknown-field", f"/{key[:80]}", "There is no such field.", hint) for key in unknown
        ]
    try:
        shared |= Handling.model_validate({k: v for k, v in handling.items() if k not in unknown}).model_dump(
            mode="json", exclude_none=True
        )
    except ValidationError as error:
        hint = 'Such as {"tlp": "AMBER", "groups": ["labs"]}.'
        findings += [
            Finding("bad-field", "".join(f"/{step}" for step in item["loc"]), f"{item['msg']}.", hint)
            for item in error.errors()
        ]
    if "tlp" not in handling and (shared.get("groups") or shared.get("people")):
        problem = "Groups and people are named, but not the level at which they may see it."
        findings.append(Finding("tlp-missing", "/tlp", problem, 'Add "AMBER" for groups, "RED" for people.'))
    named = ((f"/groups/{place}", slug) for place, slug in enumerate(shared.get("groups") or ()))
    findings += await unknown_groups(session, record.owner, named)
    if findings:
        raise Invalid("The file cannot be shared as asked.", findings=findings)
    return shared


async def _may_share(
    session: AsyncSession, actor: Actor, record: Record, row: EvidenceFile, shared: Mapping[str, Any]
) -> None:
    """Whoever lets others see a file publishes it: the same rules hold."""
    if shared["tlp"] == Tlp.RED and not shared.get("people"):
        return
    actor.require(Scope.RECORDS_PUBLISH)
    provider = await session.get_one(Provider, record.provider_pk)
    may_go_out(provider, record.kind)
    if provider.four_eyes and row.added_by == (actor.person or actor.name):
        raise Forbidden(
            f"{provider.name} has everything seen by two: add the file for your own organisation, and let "
            "somebody else share it."
        )


async def _set_audience(session: AsyncSession, row: EvidenceFile, shared: Mapping[str, Any]) -> None:
    rows = [{"file_pk": row.pk, "audience": audience, "name": name} for audience, name in named_in(shared)]
    if rows:
        await session.execute(insert(table_of(EvidenceAudience)), rows)


async def _note(
    session: AsyncSession, actor: Actor, record: Record, row: EvidenceFile, action: str, **detail: Any
) -> None:
    await note(
        session,
        actor,
        "record",
        action,
        record.id,
        provider=record.provider_pk,
        file=row.file,
        tlp=row.tlp,
        **detail,
    )
