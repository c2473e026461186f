"""Writes of one record at a time: drafts, and what readers see of them.

Each function is one transaction's worth of work; the caller opens it with `Database.write`. Whoever changes
what is there takes the changelog's lock before reading it: at PostgreSQL's usual isolation two writers would
otherwise both find what they expected, and the second would undo the first without knowing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.canonical import canonical, digest
from registry.changelog.append import Entry, append, lock
from registry.clock import read_instant
from registry.db import now
from registry.errors import (
    Conflict,
    Finding,
    Forbidden,
    Invalid,
    has_errors,
)
from registry.ids import new_id
from registry.providers.models import Provider
from registry.records import documents, queries
from registry.records.content.check import Checked, check
from registry.records.models import Audience, Draft, Record, Version
from registry.records.preconditions import match
from registry.records.versions import (
    PUBLISHED,
    REINSTATED,
    REVISED,
    WITHDRAWN,
    Desk,
    NextVersion,
    write_versions,
)
from registry.records.visibility import GROUP, PERSON, Tlp, may_work_on
from registry.records.workflow import Action, Life, Standing, Step, advance
from registry.taxonomies.vocabulary import Vocabulary

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class DraftState:
    """A draft as it stands after a write, with the findings that did not stop it."""

    id: str
    kind: str
    step: str
    etag: str
    document: bytes
    handling: Mapping[str, Any]
    restricted: Sequence[Any]
    findings: tuple[Finding, ...] = ()


def etag_of(draft: Draft) -> str:
    return f"{draft.digest}.{draft.revision}"


def publisher_of(provider: Provider) -> documents.Publisher:
    return documents.Publisher(
        provider.slug, provider.name, provider.domain, provider.domain_verified, provider.sector
    )


# --- drafts ---


async def create_draft(session: AsyncSession, desk: Desk, actor: Actor, raw: Any) -> DraftState:
    """Begin a record. Raises `Invalid` with every finding, `Unauthenticated`, `Forbidden`."""
    actor.require(Scope.RECORDS_WRITE)
    provider = await _own_provider(session, actor)
    id = new_id()
    submission, findings = _checked(desk, raw, own_id=id)
    record = Record(
        origin=desk.origin,
        id=id,
        kind=submission["kind"],
        provider_pk=provider.pk,
        life=Life.UNPUBLISHED.value,
        tlp=Tlp.CLEAR.value,
        created_at=now(),
    )
    session.add(record)
    await session.flush()
    draft = await _put_draft(session, actor, provider, record, None, submission, raw, before=None)
    return _draft_state(record, draft, findings)


async def replace_draft(
    session: AsyncSession, desk: Desk, actor: Actor, id: str, raw: Any, *, if_match: str | None
) -> DraftState:
    """Put a draft in place of the one there is, or begin a revision of a published record.

    `if_match` is the draft's ETag, or, while there is none, the newest version's. Handling and restricted
    parts that are not sent stay as they are: they stand beside the draft, and whoever read it did not see
    them. Raises `PreconditionRequired`, `PreconditionFailed`, `Conflict`, `Invalid`, `NotFound`.
    """
    actor.require(Scope.RECORDS_WRITE)
    await lock(session)
    record, draft = await queries.draft(session, actor, id)
    before = await queries.last_version(session, record)
    match(if_match, etag_of(draft) if draft else (before.commit if before else ""))
    advance(_standing(record, draft), Action.EDIT)
    earlier = _decode(draft.document) if draft else _decode(before.document) if before else None
    submission, findings = _checked(desk, raw, own_id=record.id, previous=earlier)
    if submission["kind"] != record.kind:
        raise Conflict(f"{record.id} is a record of kind {record.kind!r}, and that does not change.")
    provider = await session.get_one(Provider, record.provider_pk)
    draft = await _put_draft(session, actor, provider, record, draft, submission, raw, before=before)
    return _draft_state(record, draft, findings)


async def read_draft(session: AsyncSession, actor: Actor, id: str) -> DraftState:
    """The draft, or where a published record has none, the bytes that a revision starts from."""
    actor.require(Scope.RECORDS_WRITE)
    record, draft = await queries.draft(session, actor, id)
    if draft is not None:
        return _draft_state(record, draft)
    before = await queries.last_version(session, record)
    if before is None:
        raise RuntimeError(f"{record.id} has neither a draft nor a version")
    return DraftState(
        record.id,
        record.kind,
        Step.NONE.value,
        before.commit,
        canonical(_start_of_revision(before)),
        await queries.handling(session, record),
        await queries.parts(session, record),
    )


def _start_of_revision(before: Version) -> dict[str, Any]:
    document = _decode(before.document)
    for stamped in ("version", "published", "modified", "updated", "revision", "withdrawal"):
        document.pop(stamped, None)
    return {**document, "prev": before.commit}


async def _put_draft(
    session: AsyncSession,
    actor: Actor,
    provider: Provider,
    record: Record,
    draft: Draft | None,
    submission: dict[str, Any],
    raw: Mapping[str, Any],
    *,
    before: Version | None,
) -> Draft:
    public, aside = documents.set_aside(submission)
    prev = before.commit if before else None
    publisher = publisher_of(provider)
    body = documents.draft(public, id=record.id, origin=record.origin, publisher=publisher, prev=prev)
    if "handling" in raw:
        handling = {"tlp": Tlp.CLEAR.value, **submission.get("handling", {})}
    else:
        handling = draft.handling if draft else await queries.handling(session, record)
    if "restricted" in raw:
        parts = submission.get("restricted", [])
    else:
        parts = draft.restricted if draft else await queries.parts(session, record)
    restricted = documents.with_aside(parts, aside)
    return await keep_draft(session, actor, record, draft, body, handling=handling, restricted=restricted)


async def keep_draft(
    session: AsyncSession,
    actor: Actor,
    record: Record,
    draft: Draft | None,
    body: Mapping[str, Any],
    *,
    handling: Mapping[str, Any],
    restricted: Sequence[Mapping[str, Any]],
) -> Draft:
    """Write the draft beside a record, in place of the one there is."""
    if draft is None:
        draft = Draft(record_pk=record.pk, revision=0)
        session.add(draft)
    draft.step = Step.DRAFT.value
    draft.document = canonical(body)
    draft.digest = digest(draft.document)
    draft.revision += 1
    draft.handling = dict(handling)
    draft.restricted = list(restricted)
    draft.author = actor.name
    draft.updated_at = now()
    await session.flush()
    entry = Entry(
        topic="record",
        action="drafted",
        subject=record.id,
        origin=record.origin,
        actor=actor.name,
        at=draft.updated_at,
        kind=record.kind,
    )
    await append(session, [entry])
    return draft


def _draft_state(record: Record, draft: Draft, findings: tuple[Finding, ...] = ()) -> DraftState:
    return DraftState(
        record.id,
        record.kind,
        draft.step,
        etag_of(draft),
        draft.document,
        draft.handling,
        draft.restricted,
        findings,
    )


def judge(
    vocabulary: Vocabulary,
    raw: Any,
    *,
    own_id: str | None = None,
    previous: Mapping[str, Any] | None = None,
) -> Checked:
    """Everything that is wrong with a submission, and its normal form, as submitting it finds."""
    checked = check(raw, vocabulary=vocabulary, own_id=own_id, previous=previous)
    if checked.submission is None:
        return checked
    return replace(checked, findings=(*checked.findings, *documents.unfit(checked.submission)))


def _checked(
    desk: Desk, raw: Any, *, own_id: str, previous: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    checked = judge(desk.vocabulary, raw, own_id=own_id, previous=previous)
    if checked.submission is None or has_errors(checked.findings):
        raise Invalid("The record cannot be taken as it is.", findings=checked.findings)
    return checked.submission, checked.findings


# --- what readers see ---


async def publish(
    session: AsyncSession, desk: Desk, actor: Actor, id: str, *, if_match: str | None
) -> queries.Stored:
    """Publish the draft as the next version. `if_match` is the draft's ETag."""
    actor.require(Scope.RECORDS_PUBLISH)
    await lock(session)
    record, draft = await queries.draft(session, actor, id)
    match(if_match, etag_of(draft) if draft else "")
    after = advance(_standing(record, draft), Action.PUBLISH)
    if draft is None:
        raise RuntimeError("the workflow published without a draft")
    provider = await session.get_one(Provider, record.provider_pk)
    _may_publish(actor, provider)
    tlp = _level(record, draft)
    shared = tlp is not Tlp.CLEAR
    before = await queries.last_version(session, record)
    if before is not None and before.shared and not shared:
        before = None  # what members saw was numbered apart; going CLEAR makes version 1
    body = _decode(draft.document)
    if body.get("co_providers"):
        raise Conflict(
            "Publication waits until each co-provider approved these exact bytes. "
            "Remove `co_providers` to publish alone."
        )
    if before is not None and not body.get("revision"):
        problem = "From the second version on, `revision` is required."
        hint = 'Such as {"type": "correction", "note": "The date was wrong."}.'
        findings = [Finding("revision-missing", "/revision", problem, hint)]
        raise Invalid("A revision says what changed.", findings=findings)
    number = (record.shared if shared else record.current) + 1
    document = documents.publish(
        body, number=number, at=now(), before=_decode(before.document) if before else None
    )
    columns: dict[str, Any] = {"life": after.life.value}
    if shared:
        # Going CLEAR later leaves both as they are: the versions that members saw stay theirs.
        columns["tlp"] = tlp.value
        await _set_audience(session, record, draft.handling)
    await session.delete(draft)
    action = PUBLISHED if number == 1 else REVISED
    step = NextVersion(
        record, record.id, record.kind, action, number, document, shared, columns, draft.restricted
    )
    return (await write_versions(session, desk, actor, [step]))[0]


def _level(record: Record, draft: Draft) -> Tlp:
    """The level at which a draft may go out now. Raises `Conflict`."""
    until = draft.handling.get("embargo_until")
    if until and read_instant(until) > now():
        raise Conflict(f"The draft is under embargo until {until}. Publish it then, or change its handling.")
    tlp = Tlp(draft.handling.get("tlp", Tlp.CLEAR.value))
    if record.current and tlp is not Tlp.CLEAR:
        raise Conflict("CLEAR is never taken back: withdraw the record, or have it erased.")
    return tlp


async def withdraw(
    session: AsyncSession,
    desk: Desk,
    actor: Actor,
    id: str,
    withdrawal: Mapping[str, Any],
    *,
    if_match: str | None,
) -> queries.Stored:
    """Withdraw a published record: it stays reachable by id and leaves lists, search and feeds."""
    return await _new_standing(session, desk, actor, id, Action.WITHDRAW, withdrawal, if_match)


async def reinstate(
    session: AsyncSession, desk: Desk, actor: Actor, id: str, note: str, *, if_match: str | None
) -> queries.Stored:
    """Take a withdrawal back."""
    return await _new_standing(session, desk, actor, id, Action.REINSTATE, {"note": note}, if_match)


async def _new_standing(
    session: AsyncSession,
    desk: Desk,
    actor: Actor,
    id: str,
    action: Action,
    words: Mapping[str, Any],
    if_match: str | None,
) -> queries.Stored:
    actor.require(Scope.RECORDS_PUBLISH)
    await lock(session)
    record, draft = await queries.draft(session, actor, id)
    before = await queries.last_version(session, record)
    match(if_match, before.commit if before else "")
    after = advance(_standing(record, draft), action)
    if before is None:
        raise RuntimeError("the workflow let an unpublished record through")
    provider = await session.get_one(Provider, record.provider_pk)
    _may_publish(actor, provider)
    text = _decode(before.document)
    number = before.number + 1
    if action is Action.WITHDRAW:
        document = documents.withdraw(text, number=number, at=now(), withdrawal=words)
        done = WITHDRAWN
    else:
        document = documents.reinstate(text, number=number, at=now(), note=words.get("note", ""))
        done = REINSTATED
    if draft is not None:
        await session.delete(draft)
    columns = {"life": after.life.value}
    step = NextVersion(record, record.id, record.kind, done, number, document, before.shared, columns)
    return (await write_versions(session, desk, actor, [step]))[0]


def _may_publish(actor: Actor, provider: Provider) -> None:
    if not actor.approved and not actor.steward:
        raise Forbidden(
            f"{provider.name} is not approved to publish yet; drafts may be written and validated."
        )


async def _set_audience(session: AsyncSession, record: Record, handling: Mapping[str, Any]) -> None:
    await session.execute(delete(Audience).where(Audience.record_pk == record.pk))
    named = {GROUP: handling.get("groups", ()), PERSON: handling.get("people", ())}
    rows = [
        {"record_pk": record.pk, "audience": audience, "name": name}
        for audience, names in named.items()
        for name in dict.fromkeys(names)
    ]
    if rows:
        await session.execute(insert(Audience), rows)


def _standing(record: Record, draft: Draft | None) -> Standing:
    return Standing(Life(record.life), Step(draft.step) if draft else Step.NONE)


async def _own_provider(session: AsyncSession, actor: Actor) -> Provider:
    provider = await session.get(Provider, actor.provider) if actor.provider is not None else None
    if provider is None or not may_work_on(actor, provider.pk):
        raise Forbidden("Only an organisation's own client can submit records.")
    return provider
