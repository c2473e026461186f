"""What readers see of a record: published, withdrawn, reinstated.

`next_version` decides about one draft from facts at hand and asks no database, so that a thousand that are
due at once are decided on as one is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.changelog.append import lock
from registry.clock import instant, read_instant
from registry.db import clock_of, now
from registry.errors import Conflict, Finding, Forbidden, Invalid
from registry.providers.models import Provider
from registry.providers.onboarding import Kind, State
from registry.records import copublishers, documents, draft_queries
from registry.records.beyond import at_publication
from registry.records.draft_queries import Invited
from registry.records.drafts import end_schedule, standing_of
from registry.records.models import Draft, Record, Version
from registry.records.preconditions import match_draft, match_version
from registry.records.queries import Stored
from registry.records.screening import open_findings, pass_on_the_way
from registry.records.signatures import signed_along
from registry.records.versions import (
    PUBLISHED,
    REINSTATED,
    REVISED,
    WITHDRAWN,
    Desk,
    NextVersion,
    write_versions,
)
from registry.records.visibility import Tlp, named_in
from registry.records.workflow import Action, Life, Step, advance

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Candidate:
    """A draft that is to be published, and all that is asked about it."""

    record: Record
    draft: Draft
    provider: Provider
    before: Version | None
    asked: Sequence[Invited]
    open_findings: Sequence[Finding] = ()
    unfit: Sequence[Finding] = ()

    @property
    def not_before(self) -> datetime | None:
        """The end of the embargo that the draft is under. One that a schedule set moves with the schedule."""
        until = self.draft.handling.get("embargo_until")
        return read_instant(until) if until and self.draft.due_at is None else self.draft.due_at


def next_version(one: Candidate, *, at: datetime, moved: bool = False) -> NextVersion:
    """The version that a draft becomes. Raises `Conflict`, `Forbidden` or `Invalid`, saying what is in the
    way. `moved` tells that a schedule it may have is about to be replaced by one for `at`.
    """
    may_go_out(one.provider, one.record.kind)
    tlp = _level(one, at, moved)
    shared = tlp is not Tlp.CLEAR
    before = one.before
    if before is not None and before.shared and not shared:
        before = None  # what members saw was numbered apart; going CLEAR makes version 1
    _all_agree(one)
    body = _decode(one.draft.document)
    if before is not None and not body.get("revision"):
        problem = "From the second version on, `revision` is required."
        hint = 'Such as {"type": "correction", "note": "The date was wrong."}.'
        findings = [Finding("revision-missing", "/revision", problem, hint)]
        raise Invalid("A revision says what changed.", findings=findings)
    if one.unfit:
        raise Invalid("The draft cannot be published as it stands.", findings=one.unfit)
    if one.open_findings:
        raise Invalid(
            "Screening found what a reviewer has to resolve, with a reason, before this is published.",
            findings=one.open_findings,
        )
    number = (one.record.shared if shared else one.record.current) + 1
    document = documents.publish(
        body, number=number, at=at, before=_decode(before.document) if before else None
    )
    columns: dict[str, Any] = {"life": Life.PUBLISHED.value}
    audience = None
    if shared:
        # Going CLEAR later leaves both as they are: the versions that members saw stay theirs.
        columns["tlp"] = tlp.value
        audience = named_in(one.draft.handling)
    return NextVersion(
        one.record,
        one.record.id,
        one.record.kind,
        PUBLISHED if number == 1 else REVISED,
        number,
        document,
        shared,
        columns,
        one.draft.restricted,
        audience=audience,
        ends_draft=True,
    )


def may_go_out(provider: Provider, kind: str) -> None:
    """Whether an organisation may change what readers see. Raises `Forbidden`."""
    if provider.held_at is not None:
        raise Forbidden(
            f"A steward holds what {provider.name} publishes; drafts may be written. The stewards say why."
        )
    if provider.state != State.APPROVED:
        raise Forbidden(f"{provider.name} is not approved to publish; drafts may be written and validated.")
    if provider.kind == Kind.RESEARCHER and kind != "response":
        raise Forbidden("A researcher's account publishes responses only.")


def _all_agree(one: Candidate) -> None:
    asked = [each for each in one.asked if each.invitation.invited]
    if waiting := copublishers.waited_for(asked, one.draft.digest):
        raise Conflict(
            f"Publication waits until each co-provider approved these exact bytes; not yet: "
            f"{', '.join(waiting)}.",
            waiting_for=waiting,
        )
    for each in asked:
        # Whoever approved and was suspended since is not shown as one who publishes.
        if each.provider.state != State.APPROVED or each.provider.held_at is not None:
            raise Conflict(
                f"{each.provider.slug} cannot publish at the moment, and this is to bear its name."
            )


def _level(one: Candidate, at: datetime, moved: bool) -> Tlp:
    """The level at which a draft may go out then. Raises `Conflict`."""
    until = one.not_before
    if until and until > at and not (moved and one.draft.due_at is not None):
        raise Conflict(
            f"The draft is under embargo until {instant(until)}. Publish it then, or take the embargo back: "
            "cancel its schedule, or change its handling."
        )
    tlp = Tlp(one.draft.handling.get("tlp", Tlp.CLEAR.value))
    if one.record.current and tlp is not Tlp.CLEAR:
        raise Conflict("CLEAR is never taken back: withdraw the record, or have it erased.")
    return tlp


def not_an_author(actor: Actor, provider: Provider, draft: Draft) -> None:
    """The four-eyes rule: whoever decides about a text did not write it. Raises `Forbidden`."""
    if provider.four_eyes and (actor.person or actor.name) in draft.authors:
        raise Forbidden(
            f"{provider.name} works by the four-eyes rule, and you wrote part of this draft. "
            "Somebody else approves and publishes it."
        )


async def candidate(
    session: AsyncSession, record: Record, draft: Draft, provider: Provider, before: Version | None
) -> Candidate:
    """All that publication asks about one draft."""
    asked = (await draft_queries.invitations(session, [record.pk])).get(record.pk, [])
    # A text that nobody submitted yet is screened on its way; what is kept is about the one before.
    waiting = await open_findings(session, [record.pk]) if draft.step != Step.DRAFT else {}
    unfit = await at_publication(session, record, draft, provider)
    return Candidate(record, draft, provider, before, asked, waiting.get(record.pk, ()), unfit)


async def publish(
    session: AsyncSession,
    desk: Desk,
    actor: Actor,
    id: str,
    *,
    if_match: str | None,
    signature: str | None = None,
) -> Stored:
    """Publish the draft as the next version. `if_match` is the draft's ETag, `signature` the organisation's
    own over its bytes.

    Without the four-eyes rule, a draft that nobody submitted or approved passes both on the way.
    """
    actor.require(Scope.RECORDS_PUBLISH)
    await lock(session)
    record, draft = await draft_queries.draft(session, actor, id)
    match_draft(if_match, draft)
    provider = await session.get_one(Provider, record.provider_pk)
    advance(standing_of(record, draft, four_eyes=provider.four_eyes), Action.PUBLISH)
    if draft is None:
        raise RuntimeError("the workflow published without a draft")
    not_an_author(actor, provider, draft)
    if signature is not None:
        await signed_along(session, actor, record, draft, signature)
    before = await draft_queries.last_version(session, record)
    passed = draft.step != Step.APPROVED
    ready = await candidate(session, record, draft, provider, before)
    step = next_version(ready, at=await clock_of(session))
    if draft.step == Step.DRAFT:
        await pass_on_the_way(session, desk, actor, record, draft)
    session.expunge(draft)
    (stored,) = await write_versions(session, desk, actor, [step])
    await copublishers.published(session, [record.pk])
    await _noted(session, actor, record, stored, **({"passed": "submit, approve"} if passed else {}))
    return stored


async def _noted(session: AsyncSession, actor: Actor, record: Record, stored: Stored, **detail: Any) -> None:
    await note(
        session,
        actor,
        "record",
        stored.action,
        record.id,
        provider=record.provider_pk,
        version=stored.label,
        commit=stored.commit,
        **detail,
    )


async def withdraw(
    session: AsyncSession,
    desk: Desk,
    actor: Actor,
    id: str,
    withdrawal: Mapping[str, Any],
    *,
    if_match: str | None,
) -> Stored:
    """Withdraw a published record: it stays reachable by id and leaves lists, search and feeds."""
    return await _new_standing(session, desk, actor, id, Action.WITHDRAW, withdrawal, if_match)


async def reinstate(
    session: AsyncSession, desk: Desk, actor: Actor, id: str, note: str, *, if_match: str | None
) -> Stored:
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
) -> Stored:
    actor.require(Scope.RECORDS_PUBLISH)
    await lock(session)
    record, draft = await draft_queries.draft(session, actor, id)
    before = await draft_queries.last_version(session, record)
    await match_version(session, if_match, record, before)
    after = advance(standing_of(record, draft), action)
    if before is None:
        raise RuntimeError("the workflow let an unpublished record through")
    provider = await session.get_one(Provider, record.provider_pk)
    may_go_out(provider, record.kind)
    text = _decode(before.document)
    number = before.number + 1
    if action is Action.WITHDRAW:
        document = documents.withdraw(text, number=number, at=now(), withdrawal=words)
        done = WITHDRAWN
    else:
        document = documents.reinstate(text, number=number, at=now(), note=words.get("note", ""))
        done = REINSTATED
    if draft is not None:
        end_schedule(draft, "withdrawn")
        session.expunge(draft)
        await copublishers.given_up(session, record.pk)
    columns = {"life": after.life.value}
    step = NextVersion(
        record, record.id, record.kind, done, number, document, before.shared, columns, ends_draft=True
    )
    (stored,) = await write_versions(session, desk, actor, [step])
    await _noted(session, actor, record, stored)
    return stored
