"""Drafts: begun, replaced, read, and what stands beside them.

Each function is one transaction's worth of work; the caller opens it with `Database.write`. Whoever changes
what is there takes the changelog's lock before reading it: at PostgreSQL's usual isolation two writers would
otherwise both find what they expected, and the second would undo the first without knowing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.canonical import canonical, digest
from registry.changelog.append import Entry, append, lock
from registry.clock import instant
from registry.db import now
from registry.errors import Conflict, Finding, Forbidden, Invalid, has_errors
from registry.ids import new_id
from registry.moderation.screening.models import ScreeningHit
from registry.moderation.screening.service import hits_of
from registry.providers.models import Provider
from registry.records import copublishers, documents, draft_queries
from registry.records.beyond import beyond, groups_beyond
from registry.records.content.check import Checked, check
from registry.records.differences import changed
from registry.records.models import Draft, Invitation, Record, Version
from registry.records.preconditions import etag_of, match, remember
from registry.records.quotas import count_draft
from registry.records.versions import Desk
from registry.records.visibility import Tlp, may_see_part, may_work_on
from registry.records.workflow import Action, Life, Standing, Step, advance
from registry.signing import views
from registry.signing.queries import on_draft
from registry.signing.service import drop_signatures
from registry.taxonomies.vocabulary import Vocabulary

_decode = msgspec.json.Decoder().decode
# Beside the document in what GET /handling answers; only these two can be put.
_PUT = ("handling", "restricted")


@dataclass(frozen=True, slots=True)
class DraftState:
    """A draft as it stands, with the findings that did not stop it.

    `schedule`, `missed`, `comments`, `approvals` and `signatures` are in the shape in which they are shown.
    """

    id: str
    kind: str
    step: str
    etag: str
    document: bytes
    handling: Mapping[str, Any]
    restricted: Sequence[Any]
    findings: tuple[Finding, ...] = ()
    authors: Sequence[str] = ()
    approved_by: str | None = None
    comments: Sequence[Any] = ()
    approvals: Sequence[Any] = ()
    schedule: Mapping[str, Any] | None = None
    missed: Mapping[str, Any] | None = None
    hits: Sequence[ScreeningHit] = ()
    signatures: Sequence[Any] = ()


def standing_of(record: Record, draft: Draft | None, *, four_eyes: bool = False) -> Standing:
    return Standing(Life(record.life), Step(draft.step) if draft else Step.NONE, four_eyes)


async def create_draft(session: AsyncSession, desk: Desk, actor: Actor, raw: Any) -> DraftState:
    """Begin a record. Raises `Invalid` with every finding, `Unauthenticated`, `Forbidden`, `TooMany`."""
    actor.require(Scope.RECORDS_WRITE)
    provider = await _own_provider(session, actor)
    id = new_id()
    submission, findings, asked = await _checked(session, desk, actor, provider, raw, own_id=id)
    await count_draft(session, provider.pk, desk.drafts_per_day)
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
    draft = await _put_draft(session, actor, provider, record, None, submission, raw, asked, before=None)
    await note(session, actor, "record", "drafted", record.id, provider=provider.pk)
    return await state_of(session, record, draft, findings)


async def replace_draft(
    session: AsyncSession, desk: Desk, actor: Actor, id: str, raw: Any, *, if_match: str | None
) -> DraftState:
    """Put a draft in place of the one there is, or begin a revision of a published record.

    `if_match` is the draft's ETag, or, while there is none, the newest version's. Handling, restricted parts
    and co-publishers that are not sent stay as they are: they stand beside the draft, and whoever read it did
    not see them all. Raises `PreconditionRequired`, `PreconditionFailed`, `Conflict`, `Invalid`, `NotFound`.
    """
    actor.require(Scope.RECORDS_WRITE)
    await lock(session)
    record, draft = await draft_queries.draft(session, actor, id)
    before = await draft_queries.last_version(session, record)
    await match(session, if_match, record, draft, before)
    advance(standing_of(record, draft), Action.EDIT)
    earlier = _decode(draft.document) if draft else _decode(before.document) if before else None
    provider = await session.get_one(Provider, record.provider_pk)
    submission, findings, asked = await _checked(
        session, desk, actor, provider, raw, own_id=record.id, previous=earlier
    )
    if submission["kind"] != record.kind:
        raise Conflict(f"{record.id} is a record of kind {record.kind!r}, and that does not change.")
    draft = await _put_draft(session, actor, provider, record, draft, submission, raw, asked, before=before)
    await note(session, actor, "record", "edited", record.id, provider=provider.pk)
    return await state_of(session, record, draft, findings)


async def put_handling(
    session: AsyncSession, desk: Desk, actor: Actor, id: str, raw: Mapping[str, Any], *, if_match: str | None
) -> DraftState:
    """Put handling and restricted parts in place of those there are; what is not sent stays.

    `raw` has the shape that reading them answers; only those two are put. They are checked against the text
    as it stands, which stays the same to the byte. Raises like `replace_draft`, and `Conflict` where a public
    record would be taken back.
    """
    actor.require(Scope.RECORDS_WRITE)
    await lock(session)
    record, draft = await draft_queries.draft(session, actor, id)
    before = await draft_queries.last_version(session, record)
    await match(session, if_match, record, draft, before)
    advance(standing_of(record, draft), Action.EDIT)
    text = _decode(draft.document) if draft else _start_of_revision(before)
    sent = {name: raw[name] for name in _PUT if name in raw}
    body = {key: value for key, value in text.items() if key not in documents.STAMPED | _NOT_SENT}
    checked = judge(desk.vocabulary, {**body, **sent}, own_id=record.id, previous=text)
    findings = tuple(one for one in checked.findings if one.pointer.split("/")[1:2] in ([n] for n in _PUT))
    if has_errors(findings) or checked.submission is None:
        raise Invalid("The handling cannot be taken as it is.", findings=findings or checked.findings)
    handling = draft.handling if draft else await draft_queries.handling(session, record)
    restricted = draft.restricted if draft else await draft_queries.parts(session, record)
    if "handling" in sent:
        handling = {"tlp": Tlp.CLEAR.value, **checked.submission.get("handling", {})}
    if "restricted" in sent:
        restricted = checked.submission.get("restricted", [])
    asked = checked.submission
    if wrong := await groups_beyond(
        session, record.owner, asked.get("handling", {}), asked.get("restricted", ())
    ):
        raise Invalid("The handling cannot be taken as it is.", findings=(*findings, *wrong))
    if record.current and handling["tlp"] != Tlp.CLEAR:
        raise Conflict("CLEAR is never taken back: withdraw the record, or have it erased.")
    draft = await keep_draft(session, actor, record, draft, text, handling=handling, restricted=restricted)
    await note(session, actor, "record", "handled", record.id, provider=record.provider_pk)
    return await state_of(session, record, draft, findings)


# What stands in a draft and is not part of a submission, or is no matter of handling.
_NOT_SENT = frozenset({"prev", "co_providers"})


async def read_draft(session: AsyncSession, actor: Actor, id: str) -> DraftState:
    """The draft, or where a published record has none, the bytes that a revision starts from.

    An organisation that is invited to publish it jointly reads the text, how it is handled and who approved
    it; of the restricted parts those that are shared with it, and nothing of what its author and reviewers
    said to each other.
    """
    actor.require(Scope.RECORDS_WRITE)
    record, draft, invitation = await draft_queries.shown_draft(session, actor, id)
    if draft is not None:
        state = await state_of(session, record, draft)
    else:
        state = await _without_draft(session, record)
    return state if invitation is None else for_guest(actor, state)


async def _without_draft(session: AsyncSession, record: Record) -> DraftState:
    before = await draft_queries.last_version(session, record)
    return DraftState(
        record.id,
        record.kind,
        Step.NONE.value,
        before.commit if before else "",
        canonical(_start_of_revision(before)),
        await draft_queries.handling(session, record),
        await draft_queries.parts(session, record),
    )


def for_guest(actor: Actor, state: DraftState) -> DraftState:
    """What an organisation that is invited to publish it sees of a draft."""
    parts = [part for part in state.restricted if may_see_part(actor, part)]
    return replace(state, restricted=parts, authors=(), approved_by=None, comments=(), missed=None, hits=())


def _start_of_revision(before: Version | None) -> dict[str, Any]:
    if before is None:
        raise RuntimeError("a record has neither a draft nor a version")
    document = _decode(before.document)
    for stamped in ("version", "published", "modified", "updated", "revision", "withdrawal"):
        document.pop(stamped, None)
    return {**document, "prev": before.prev}


async def _put_draft(
    session: AsyncSession,
    actor: Actor,
    provider: Provider,
    record: Record,
    draft: Draft | None,
    submission: dict[str, Any],
    raw: Mapping[str, Any],
    asked: Sequence[Provider],
    *,
    before: Version | None,
) -> Draft:
    public, aside = documents.set_aside(submission)
    if "co_providers" in raw:
        await copublishers.invite_exactly(session, record, asked)
    body = documents.draft(
        public,
        id=record.id,
        origin=record.origin,
        publisher=copublishers.publisher_of(provider),
        prev=before.prev if before else None,
        beside=await copublishers.publishers(session, record),
    )
    if "handling" in raw:
        handling = {"tlp": Tlp.CLEAR.value, **submission.get("handling", {})}
    else:
        handling = draft.handling if draft else await draft_queries.handling(session, record)
    if "restricted" in raw:
        parts = submission.get("restricted", [])
    else:
        parts = draft.restricted if draft else await draft_queries.parts(session, record)
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
    guest: bool = False,
) -> Draft:
    """Write the draft beside a record, in place of the one there is.

    Whatever was decided about the one before ends with it: its approval, and its schedule. `guest` is an
    organisation that takes its name out of it, and becomes no author by that.
    """
    pointers: Iterable[str] = ()
    if draft is None:
        draft = Draft(record_pk=record.pk, revision=0, authors=[], comments=[], trail=[], together=[])
        session.add(draft)
    else:
        pointers = (
            *changed(_decode(draft.document), body),
            *changed(draft.handling, handling, under="/handling"),
            *changed({"restricted": draft.restricted}, {"restricted": list(restricted)}),
        )
        end_schedule(draft, "edited")
    draft.step = Step.DRAFT.value
    draft.document = canonical(body)
    if draft.digest is not None and draft.digest != digest(draft.document):
        await drop_signatures(session, [record.pk])
    draft.digest = digest(draft.document)
    draft.revision += 1
    draft.handling = dict(handling)
    draft.restricted = list(restricted)
    draft.author = actor.name
    if not guest:
        draft.authors = list(dict.fromkeys((*draft.authors, actor.person or actor.name)))
    draft.approved_by = None
    draft.updated_at = now()
    remember(draft, pointers)
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


def touch(draft: Draft, actor: Actor, *pointers: str) -> None:
    """Count a change of what stands beside the draft's bytes, so that its ETag moves."""
    draft.revision += 1
    draft.updated_at = now()
    remember(draft, pointers)
    # Who acts on a draft without editing it is no author, and the trail names them all the same.
    draft.trail = [*draft.trail[:-1], {**draft.trail[-1], "by": actor.name}]


def end_schedule(draft: Draft, reason: str) -> None:
    """Take a draft off its schedule, and tell its owner why."""
    if draft.due_at is None:
        return
    draft.missed = {"at": instant(draft.due_at), "reason": reason}
    draft.due_at, draft.together, draft.scheduled_by = None, [], None


async def state_of(
    session: AsyncSession, record: Record, draft: Draft, findings: tuple[Finding, ...] = ()
) -> DraftState:
    """A draft as it stands."""
    asked = (await draft_queries.invitations(session, [record.pk])).get(record.pk, [])
    schedule = None
    if draft.due_at is not None:
        others = [id for id in draft.together if id != record.id]
        schedule = {"at": instant(draft.due_at), "with": others, "by": draft.scheduled_by}
    # A draft that is written for the first time was not there to be signed.
    signed = await on_draft(session, record.pk) if draft.revision > 1 else []
    return DraftState(
        record.id,
        record.kind,
        draft.step,
        etag_of(draft),
        draft.document,
        draft.handling,
        draft.restricted,
        findings,
        draft.authors,
        draft.approved_by,
        draft.comments,
        [_approval(one, draft) for one in asked if one.invitation.invited],
        schedule,
        draft.missed,
        await hits_of(session, record.pk),
        views.on_draft(signed),
    )


def _approval(one: draft_queries.Invited, draft: Draft) -> dict[str, Any]:
    invitation: Invitation = one.invitation
    given = invitation.digest == draft.digest
    when = {"at": instant(invitation.approved_at)} if given and invitation.approved_at else {}
    return {"provider": one.provider.slug, "approved": given, **when}


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


async def judge_whole(
    session: AsyncSession,
    vocabulary: Vocabulary,
    own: str | None,
    raw: Any,
    *,
    actor: Actor,
    home: str,
    provider: int | None,
    own_id: str | None = None,
    previous: Mapping[str, Any] | None = None,
) -> Checked:
    """`judge`, with what only the database knows: whether what the organisation names is there."""
    checked = judge(vocabulary, raw, own_id=own_id, previous=previous)
    if own is None:
        return checked  # nobody's submission: whom it invites is asked when it is somebody's
    _, wrong = await copublishers.named(session, own, raw)
    if checked.submission is not None and provider is not None:
        begun = previous is not None
        wrong += await beyond(session, actor, provider, home, checked.submission, id=own_id, begun=begun)
    if not wrong:
        return checked
    return Checked(None, (*checked.findings, *wrong))


async def _checked(
    session: AsyncSession,
    desk: Desk,
    actor: Actor,
    provider: Provider,
    raw: Any,
    *,
    own_id: str,
    previous: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], tuple[Finding, ...], list[Provider]]:
    """The submission, what was found and did not stop it, and the organisations that it invites."""
    checked = await judge_whole(
        session,
        desk.vocabulary,
        provider.slug,
        raw,
        actor=actor,
        home=desk.origin,
        provider=provider.pk,
        own_id=own_id,
        previous=previous,
    )
    if checked.submission is None or has_errors(checked.findings):
        raise Invalid("The record cannot be taken as it is.", findings=checked.findings)
    asked, _ = await copublishers.named(session, provider.slug, raw)
    return checked.submission, checked.findings, asked


async def _own_provider(session: AsyncSession, actor: Actor) -> Provider:
    provider = await session.get(Provider, actor.provider) if actor.provider is not None else None
    if provider is None or not may_work_on(actor, provider.pk):
        raise Forbidden("Only an organisation's own client can submit records.")
    return provider
