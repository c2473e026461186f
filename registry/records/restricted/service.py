"""Writes of restricted parts by themselves, without a new version of the record."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.changelog.append import Entry, append, lock
from registry.db import now
from registry.errors import (
    Conflict,
    Finding,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    has_errors,
)
from registry.providers.models import Provider
from registry.records import documents, draft_queries
from registry.records.content.check import check
from registry.records.content.submission import Restricted
from registry.records.drafts import touch
from registry.records.models import Draft, Record, RestrictedPart
from registry.records.publishing import may_go_out
from registry.records.restricted.store import keep_part, newest_parts
from registry.records.versions import Desk
from registry.records.workflow import Life
from registry.sharing.queries import unknown_groups

_CODINGS = frozenset({"br", "zstd", "gzip"})
# Fields of a document that stand otherwise in a submission, or that checking a part alone should not see.
_NOT_SENT = documents.STAMPED | {"co_providers", "prev", "revision", "restricted_commits"}


async def replace_part(
    session: AsyncSession,
    desk: Desk,
    actor: Actor,
    id: str,
    name: str,
    raw: Any,
    *,
    if_match: str | None,
    if_none_match: str | None,
) -> RestrictedPart:
    """Put a part in place of the one there is, or add one. `raw` is {tlp, groups, people, content}.

    `if_match` is the part's own commitment; for a part that is not there, `if_none_match` is `*`. Raises
    `Invalid` with every finding, `NotFound`, `Forbidden`, `Conflict`, `PreconditionFailed`,
    `PreconditionRequired`.
    """
    record, provider, draft = await _record(session, actor, id)
    if record.life != Life.PUBLISHED:
        raise Conflict(f"{record.id} is {record.life}; the parts of a published record can be replaced.")
    if provider.four_eyes:
        raise Conflict(
            f"{provider.name} has everything seen by two. Change the part in a draft of the record and have "
            "that approved."
        )
    latest = (await newest_parts(session, record.pk)).get(name)
    _match(latest, if_match, if_none_match)
    part = await _checked(session, desk, record, name, raw)
    return await _keep(session, actor, record, draft, latest, name, part)


async def remove_part(
    session: AsyncSession, actor: Actor, id: str, name: str, *, if_match: str | None
) -> RestrictedPart:
    """Remove a part. That is a version of it, too: its owner can read what stood before, and nobody else."""
    record, _, draft = await _record(session, actor, id)
    latest = (await newest_parts(session, record.pk)).get(name)
    if latest is None or latest.removed:
        raise NotFound(f"The record {record.id} has no such part that can be shown.")
    _match(latest, if_match, None)
    return await _keep(session, actor, record, draft, latest, name, None)


async def _record(session: AsyncSession, actor: Actor, id: str) -> tuple[Record, Provider, Draft | None]:
    actor.require(Scope.RECORDS_PUBLISH)
    await lock(session)
    record, draft = await draft_queries.draft(session, actor, id)
    provider = await session.get_one(Provider, record.provider_pk)
    may_go_out(provider, record.kind)
    return record, provider, draft


async def _keep(
    session: AsyncSession,
    actor: Actor,
    record: Record,
    draft: Draft | None,
    latest: RestrictedPart | None,
    name: str,
    part: dict[str, Any] | None,
) -> RestrictedPart:
    before = _as_submitted(latest)
    handling = (
        {key: value for key, value in part.items() if key not in ("id", "content")}
        if part is not None
        else dict(latest.handling if latest else {})
    )
    content = part["content"] if part is not None else None
    kept = await keep_part(session, record.pk, latest, name, handling, content, now())
    if kept is latest:
        return kept
    if draft is not None:
        _carry_over(draft, actor, before, name, part)
    done = "part-removed" if part is None else "part-replaced" if before else "part-added"
    await note(
        session,
        actor,
        "record",
        done,
        record.id,
        provider=record.provider_pk,
        version=str(kept.number),
        commit=kept.commit,
        part=name,
        tlp=kept.tlp,
    )
    entry = Entry(
        topic="record",
        action="restricted",
        subject=record.id,
        origin=record.origin,
        actor=actor.name,
        at=kept.at,
        kind=record.kind,
    )
    await append(session, [entry])
    return kept


def _as_submitted(latest: RestrictedPart | None) -> dict[str, Any] | None:
    if latest is None or latest.removed:
        return None
    return {"id": latest.part, **latest.handling, "content": msgspec.json.decode(latest.content)}


def _carry_over(
    draft: Draft,
    actor: Actor,
    before: Mapping[str, Any] | None,
    name: str,
    part: Mapping[str, Any] | None,
) -> None:
    """Bring a draft up to date that holds the part as it stood before: publishing it would put that back.

    Where its author changed the part already, the author's stands.
    """
    held = next((one for one in draft.restricted if one["id"] == name), None)
    if held != before:
        return
    rest = [one for one in draft.restricted if one["id"] != name]
    draft.restricted = [*rest, *([dict(part)] if part is not None else [])]
    touch(draft, actor, "/restricted")


async def _checked(session: AsyncSession, desk: Desk, record: Record, name: str, raw: Any) -> dict[str, Any]:
    """The part in its normal form. It is checked as what it would make of the newest document."""
    if not isinstance(raw, dict):
        raise Invalid(
            "The part cannot be taken as it is.",
            findings=[Finding("wrong-type", "", "A part is an object.", "Send tlp and content.")],
        )
    version = await draft_queries.last_version(session, record)
    if version is None:
        raise RuntimeError(f"{record.id} is published without a version")
    document = msgspec.json.decode(version.document)
    base = {key: value for key, value in document.items() if key not in _NOT_SENT}
    sent = {**raw, "id": name}
    checked = check({**base, "restricted": [sent]}, vocabulary=desk.vocabulary, own_id=record.id)
    within = "/restricted/0"
    findings = [
        replace(one, pointer=one.pointer.removeprefix(within))
        for one in checked.findings
        if one.pointer == within or one.pointer.startswith(f"{within}/")
    ]
    if not has_errors(findings):
        part = Restricted.model_validate(sent).model_dump(exclude_unset=True, exclude_none=True)
        named = ((f"/groups/{place}", slug) for place, slug in enumerate(part.get("groups") or ()))
        findings += await unknown_groups(session, record.owner, named)
    if has_errors(findings):
        raise Invalid("The part cannot be taken as it is.", findings=findings)
    return part


def _match(latest: RestrictedPart | None, if_match: str | None, if_none_match: str | None) -> None:
    """RFC 9110, section 13.1: the part that was read is the one there is, or none was read and none is."""
    present = latest.commit if latest is not None and not latest.removed else None
    if if_match:
        for tag in if_match.split(","):
            stem = tag.strip().removeprefix("W/").strip('"')
            bare, dash, coding = stem.rpartition("-")
            if present and (stem in (present, "*") or (dash and coding in _CODINGS and bare == present)):
                return
    elif if_none_match and if_none_match.strip() == "*":
        if present is None:
            return
    else:
        raise PreconditionRequired(
            "Send `If-Match` with the commitment of the part that you read, or `If-None-Match: *` to add one."
        )
    raise PreconditionFailed("Somebody changed the part since. Read it again, then decide.", present=present)
