"""Writes. Each function is one transaction's worth of work; the caller opens it with `Database.write`."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.canonical import canonical, commitment, digest
from registry.changelog.append import Entry, append, lock, reserve_public
from registry.clock import read_instant
from registry.db import now
from registry.errors import Conflict, Finding, Forbidden, Invalid, PreconditionFailed, PreconditionRequired, has_errors
from registry.ids import new_id
from registry.providers.models import Provider
from registry.records import documents, queries
from registry.records.content.check import check
from registry.records.models import Audience, Draft, Record, RecordLink, RecordTag, RestrictedPart, Version
from registry.records.visibility import GROUP, PERSON, Tlp, may_work_on
from registry.records.workflow import Action, Life, Standing, Step, advance
from registry.taxonomies.vocabulary import Vocabulary

PUBLISHED, REVISED, WITHDRAWN, REINSTATED = "published", "revised", "withdrawn", "reinstated"
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Desk:
    """What writes need besides a session: the name of this registry and the vocabulary that tags are checked by."""

    origin: str
    vocabulary: Vocabulary


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


@dataclass(frozen=True, slots=True)
class Incoming:
    """One item of an import: a checked, normalised submission under the key of its source.

    `digest` tells whether the item changed since it was last seen. `raw` is the submission before it was checked, for
    the case that it did: the ids of its elements are then carried over from the version before.
    """

    key: tuple[str, str]
    id: str
    submission: dict[str, Any]
    digest: str
    raw: dict[str, Any]
    lenient: bool = True


@dataclass(slots=True)
class _Next:
    """A version about to be written. `record` is None for one whose record is written with it."""

    record: Record | None
    id: str
    kind: str
    action: str
    number: int
    document: dict[str, Any]
    shared: bool = False
    columns: dict[str, Any] = field(default_factory=dict)


def etag_of(draft: Draft) -> str:
    return f"{draft.digest}.{draft.revision}"


def publisher_of(provider: Provider) -> documents.Publisher:
    return documents.Publisher(
        provider.slug, provider.name, provider.domain, provider.domain_verified, provider.sector
    )


# --- drafts ---------------------------------------------------------------------------------------------------------


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
        tlp=submission.get("handling", {}).get("tlp", Tlp.CLEAR.value),
        created_at=now(),
    )
    session.add(record)
    await session.flush()
    draft = await _put_draft(session, desk, actor, provider, record, None, submission, prev=None)
    return _draft_state(record, draft, findings)


async def replace_draft(
    session: AsyncSession, desk: Desk, actor: Actor, id: str, raw: Any, *, if_match: str | None
) -> DraftState:
    """Put a draft in place of the one there is, or begin a revision of a published record.

    `if_match` is the draft's ETag, or, while there is none, the newest version's. Raises `PreconditionRequired`,
    `PreconditionFailed`, `Conflict`, `Invalid`, `NotFound`.
    """
    actor.require(Scope.RECORDS_WRITE)
    record, draft = await queries.draft(session, actor, id)
    before = await queries.last_version(session, record)
    _match(if_match, etag_of(draft) if draft else (before.commit if before else ""))
    advance(_standing(record, draft), Action.EDIT)
    earlier = _decode(draft.document) if draft else _decode(before.document) if before else None
    submission, findings = _checked(desk, raw, own_id=record.id, previous=earlier)
    if submission["kind"] != record.kind:
        raise Conflict(f"{record.id} is a record of kind {record.kind!r}, and that does not change.")
    provider = await session.get_one(Provider, record.provider_pk)
    prev = before.commit if before else None
    draft = await _put_draft(session, desk, actor, provider, record, draft, submission, prev=prev)
    return _draft_state(record, draft, findings)


async def read_draft(session: AsyncSession, desk: Desk, actor: Actor, id: str) -> DraftState:
    """The draft, or where a published record has none, the bytes that a revision starts from."""
    actor.require(Scope.RECORDS_WRITE)
    record, draft = await queries.draft(session, actor, id)
    if draft is not None:
        return _draft_state(record, draft)
    before = await queries.last_version(session, record)
    assert before is not None, "a record without a draft has a version"
    document = _start_of_revision(before)
    return DraftState(
        record.id,
        record.kind,
        Step.NONE.value,
        before.commit,
        canonical(document),
        {"tlp": record.tlp},
        (),
    )


def _start_of_revision(before: Version) -> dict[str, Any]:
    document = _decode(before.document)
    for stamped in ("version", "published", "modified", "updated", "revision", "withdrawal"):
        document.pop(stamped, None)
    return {**document, "prev": before.commit}


async def _put_draft(
    session: AsyncSession,
    desk: Desk,
    actor: Actor,
    provider: Provider,
    record: Record,
    draft: Draft | None,
    submission: dict[str, Any],
    *,
    prev: str | None,
) -> Draft:
    public, aside = documents.set_aside(submission)
    restricted = [*submission.get("restricted", ())]
    if aside:
        restricted.append({"id": "set-aside", "tlp": Tlp.RED.value, "content": aside})
    body = canonical(
        documents.draft(public, id=record.id, origin=record.origin, publisher=publisher_of(provider), prev=prev)
    )
    if draft is None:
        draft = Draft(record_pk=record.pk, revision=0)
        session.add(draft)
    draft.step = Step.DRAFT.value
    draft.document = body
    draft.digest = digest(body)
    draft.revision += 1
    draft.handling = submission.get("handling", {"tlp": record.tlp})
    draft.restricted = restricted
    draft.author = actor.name
    draft.updated_at = now()
    await session.flush()
    await append(session, [_entry(record, "drafted", actor)])
    return draft


def _draft_state(record: Record, draft: Draft, findings: tuple[Finding, ...] = ()) -> DraftState:
    return DraftState(
        record.id, record.kind, draft.step, etag_of(draft), draft.document, draft.handling, draft.restricted, findings
    )


def _checked(
    desk: Desk, raw: Any, *, own_id: str, previous: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    checked = check(raw, vocabulary=desk.vocabulary, own_id=own_id, previous=previous)
    if checked.submission is None or has_errors(checked.findings):
        raise Invalid("The record cannot be taken as it is.", findings=checked.findings)
    return checked.submission, checked.findings


# --- what readers see -----------------------------------------------------------------------------------------------


async def publish(
    session: AsyncSession, desk: Desk, actor: Actor, id: str, *, if_match: str | None
) -> queries.Stored:
    """Publish the draft as the next version. `if_match` is the draft's ETag."""
    actor.require(Scope.RECORDS_PUBLISH)
    record, draft = await queries.draft(session, actor, id)
    _match(if_match, etag_of(draft) if draft else "")
    after = advance(_standing(record, draft), Action.PUBLISH)
    if draft is None:
        raise RuntimeError("the workflow published without a draft")
    provider = await session.get_one(Provider, record.provider_pk)
    _may_publish(actor, provider)
    before = await queries.last_version(session, record)
    body = _decode(draft.document)
    if before is not None and not body.get("revision"):
        raise Invalid(
            "A revision says what changed.",
            findings=[
                Finding(
                    "revision-missing",
                    "/revision",
                    "From the second version on, `revision` is required.",
                    'Such as {"type": "correction", "note": "The date was wrong."}.',
                )
            ],
        )
    if body.get("co_providers"):
        raise Conflict(
            "Publication waits until each co-provider approved these exact bytes. Remove `co_providers` to publish alone."
        )
    handling = draft.handling
    tlp = Tlp(handling.get("tlp", Tlp.CLEAR.value))
    if record.current and tlp is not Tlp.CLEAR:
        raise Conflict("CLEAR is never taken back: withdraw the record, or have it erased.")
    shared = tlp is not Tlp.CLEAR
    if before is not None and before.shared and not shared:
        before = None  # what members saw was numbered apart; going CLEAR makes version 1
    number = (record.shared if shared else record.current) + 1
    await lock(session)
    document = documents.publish(
        body,
        number=number,
        at=now(),
        before=_decode(before.document) if before else None,
    )
    await _keep_parts(session, record, draft.restricted)
    await _set_audience(session, record, tlp, handling)
    await session.execute(delete(Draft).where(Draft.record_pk == record.pk))
    action = PUBLISHED if number == 1 else REVISED
    columns = {"life": after.life.value, "tlp": tlp.value}
    step = _Next(record, record.id, record.kind, action, number, document, shared, columns)
    return (await _write_versions(session, desk, actor, provider, [step]))[0]


async def withdraw(
    session: AsyncSession, desk: Desk, actor: Actor, id: str, withdrawal: Mapping[str, Any], *, if_match: str | None
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
    record, draft = await queries.draft(session, actor, id)
    before = await queries.last_version(session, record)
    _match(if_match, before.commit if before else "")
    after = advance(_standing(record, draft), action)
    if before is None:
        raise RuntimeError("the workflow let an unpublished record through")
    provider = await session.get_one(Provider, record.provider_pk)
    _may_publish(actor, provider)
    await lock(session)
    text = _decode(before.document)
    number = before.number + 1
    if action is Action.WITHDRAW:
        document = documents.withdraw(text, number=number, at=now(), withdrawal=words)
        done = WITHDRAWN
    else:
        document = documents.reinstate(text, number=number, at=now(), note=words.get("note", ""))
        done = REINSTATED
    await session.execute(delete(Draft).where(Draft.record_pk == record.pk))
    columns = {"life": after.life.value}
    step = _Next(record, record.id, record.kind, done, number, document, before.shared, columns)
    return (await _write_versions(session, desk, actor, provider, [step]))[0]


def _may_publish(actor: Actor, provider: Provider) -> None:
    if not actor.approved and not actor.steward:
        raise Forbidden(f"{provider.name} is not approved to publish yet; drafts may be written and validated.")


# --- imports --------------------------------------------------------------------------------------------------------


async def import_batch(
    session: AsyncSession, desk: Desk, actor: Actor, provider: Provider, batch: Sequence[Incoming], *, publish: bool
) -> list[str]:
    """Bring in one batch; answers `created`, `revised` or `unchanged` for each item, in order.

    An item is known again by (provider, scheme, source id), and has changed when its digest has. A withdrawn record
    stays withdrawn, whatever its source says later.
    """
    keys = [item.key for item in batch]
    known = {
        (record.source_scheme, record.source_id): (record, draft)
        for record, draft in await _imported(session, provider.pk, keys)
    }
    outcomes: list[str] = []
    steps: list[_Next] = []
    await lock(session)
    moment = now()
    for item in batch:
        record, draft = known.get(item.key, (None, None))
        if record is None:
            public, _ = documents.set_aside(item.submission)
            outcomes.append("created")
            columns = _import_columns(desk, provider, item, moment, publish=publish)
            body = documents.draft(
                public, id=item.id, origin=desk.origin, publisher=publisher_of(provider), prev=None
            )
            if publish:
                document = documents.publish(body, number=1, at=moment, before=None)
                steps.append(_Next(None, item.id, body["kind"], PUBLISHED, 1, document, columns=columns))
            else:
                await _import_draft(session, actor, Record(**columns), body)
            continue
        waits = record.life == Life.UNPUBLISHED and publish
        if record.life == Life.WITHDRAWN or (record.input_digest == item.digest and not waits):
            outcomes.append("unchanged")
            continue
        outcomes.append("revised")
        before = await queries.last_version(session, record)
        earlier = _decode(before.document) if before else None
        again = check(
            item.raw, vocabulary=desk.vocabulary, lenient=item.lenient, previous=earlier, own_id=record.id
        )
        submission, _ = documents.set_aside(again.submission or item.submission)
        if before is not None and "revision" not in submission:
            submission["revision"] = {"type": "new-information", "note": "The source changed."}
        body = documents.draft(
            submission,
            id=record.id,
            origin=desk.origin,
            publisher=publisher_of(provider),
            prev=before.commit if before else None,
        )
        record.input_digest = item.digest
        if publish:
            document = documents.publish(body, number=record.current + 1, at=moment, before=earlier)
            action = REVISED if record.current else PUBLISHED
            columns = {"life": Life.PUBLISHED.value}
            steps.append(_Next(record, record.id, record.kind, action, record.current + 1, document, columns=columns))
            if draft is not None:
                await session.delete(draft)
        else:
            await _import_draft(session, actor, record, body, draft)
    await _write_versions(session, desk, actor, provider, steps)
    return outcomes


async def _imported(
    session: AsyncSession, provider: int, keys: Sequence[tuple[str, str]]
) -> list[tuple[Record, Draft | None]]:
    found: list[tuple[Record, Draft | None]] = []
    for scheme in {scheme for scheme, _ in keys}:
        ids = [source_id for of, source_id in keys if of == scheme]
        rows = await session.execute(
            select(Record, Draft)
            .outerjoin(Draft, Draft.record_pk == Record.pk)
            .where(Record.provider_pk == provider, Record.source_scheme == scheme, Record.source_id.in_(ids))
        )
        found += [(row.Record, row.Draft) for row in rows]
    return found


def _import_columns(
    desk: Desk, provider: Provider, item: Incoming, at: datetime, *, publish: bool
) -> dict[str, Any]:
    life = Life.PUBLISHED if publish else Life.UNPUBLISHED
    return {
        "origin": desk.origin,
        "id": item.id,
        "kind": item.submission["kind"],
        "provider_pk": provider.pk,
        "life": life.value,
        "tlp": Tlp.CLEAR.value,
        "source_scheme": item.key[0],
        "source_id": item.key[1],
        "input_digest": item.digest,
        "created_at": at,
    }


async def _import_draft(
    session: AsyncSession, actor: Actor, record: Record, body: dict[str, Any], draft: Draft | None = None
) -> None:
    if record.pk is None:
        session.add(record)
        await session.flush()
    if draft is None:
        draft = Draft(record_pk=record.pk, revision=0, restricted=[])
        session.add(draft)
    draft.step = Step.DRAFT.value
    draft.document = canonical(body)
    draft.digest = digest(draft.document)
    draft.revision += 1
    draft.handling = {"tlp": record.tlp}
    draft.author = actor.name
    draft.updated_at = now()
    await session.flush()
    await append(session, [_entry(record, "drafted", actor)])


# --- the one place where versions are written -----------------------------------------------------------------------


async def _write_versions(
    session: AsyncSession, desk: Desk, actor: Actor, provider: Provider, steps: Sequence[_Next]
) -> list[queries.Stored]:
    """Write versions, what lists are cut from, and the changelog. The caller holds the changelog's lock.

    Written in bulk, since an import brings hundreds at once and a single publication is an import of one.
    """
    if not steps:
        return []
    public = sum(not step.shared for step in steps)
    following = await reserve_public(session, public) if public else 0
    first = following
    rows: list[tuple[_Next, int | None, dict[str, Any]]] = []
    for step in steps:
        seq = None if step.shared else following
        following += seq is not None
        rows.append((step, seq, _record_columns(step, seq)))

    fresh = [{**step.columns, **columns} for step, _, columns in rows if step.record is None]
    keys: dict[str, int] = {}
    if fresh:
        for pk, id in await session.execute(insert(Record).returning(Record.pk, Record.id), fresh):
            keys[id] = pk
    changed = [
        {"key": step.record.pk, **step.columns, **columns} for step, _, columns in rows if step.record is not None
    ]
    for values in changed:
        # One statement each: the columns differ, and what an import revises is few.
        key = values.pop("key")
        await session.execute(update(Record).where(Record.pk == key).values(**values))
    pk_of = {step.id: step.record.pk if step.record is not None else keys[step.id] for step in steps}

    left = await _scopes_left(session, [step.record for step in steps if step.record is not None])

    stored: list[queries.Stored] = []
    versions: list[dict[str, Any]] = []
    tags: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    entries: list[Entry] = []
    for step, seq, columns in rows:
        body = canonical(step.document)
        salt = secrets.token_bytes(32)
        commit = commitment(salt, body)
        at = read_instant(step.document["updated"])
        pk = pk_of[step.id]
        versions.append(
            {
                "record_pk": pk,
                "shared": step.shared,
                "number": step.number,
                "action": step.action,
                "document": body,
                "salt": salt,
                "commit": commit,
                "public_seq": seq,
                "at": at,
            }
        )
        borne = _with_broader(desk.vocabulary, step.document)
        first_seq = columns.get("first_seq") or (step.record.first_seq if step.record is not None else None)
        if seq is not None:
            tags += [{"record_pk": pk, "tag": tag, "first_seq": first_seq, "last_seq": seq} for tag in borne]
            links += [
                {"record_pk": pk, "role": role, "target_origin": origin, "target_id": id}
                for role, origin, id in documents.links_of(step.document)
            ]
        shown = step.document.get("provider", {}).get("slug")
        entries.append(
            Entry(
                topic="record",
                action=step.action if seq is not None else "shared",
                subject=step.id,
                origin=desk.origin,
                actor=actor.name,
                at=at,
                version=step.number,
                kind=step.kind,
                public=seq is not None,
                scopes=tuple(dict.fromkeys((*_scopes(step, shown, borne), *left.get(pk, ())))) if seq is not None else (),
            )
        )
        stored.append(
            queries.Stored(
                desk.origin,
                step.id,
                step.kind,
                step.number,
                step.shared,
                step.action,
                body,
                commit,
                at,
                seq,
                first_seq,
                columns.get("listed", False),
                shown,
            )
        )
    await session.execute(insert(Version), versions)
    revised = [step.record.pk for step in steps if step.record is not None and not step.shared]
    if revised:
        await session.execute(delete(RecordTag).where(RecordTag.record_pk.in_(revised)))
        await session.execute(delete(RecordLink).where(RecordLink.record_pk.in_(revised)))
    if tags:
        await session.execute(insert(RecordTag), tags)
    if links:
        await session.execute(insert(RecordLink), links)
    await append(session, entries, first_public=first if public else None)
    return stored


def _record_columns(step: _Next, seq: int | None) -> dict[str, Any]:
    if seq is None:
        return {"shared": step.number}
    document = step.document
    columns: dict[str, Any] = {
        "current": step.number,
        "last_seq": seq,
        "listed": step.action != WITHDRAWN,
        "imported": document.get("basis") == "imported",
        "shown_provider": document.get("provider", {}).get("slug"),
    }
    if step.record is None or step.record.first_seq is None:
        columns["first_seq"] = seq
    return columns


def _with_broader(vocabulary: Vocabulary, document: Mapping[str, Any]) -> list[str]:
    borne: dict[str, None] = {}
    for tag in documents.tags_of(document):
        borne[tag[:255]] = None
        borne.update(dict.fromkeys(vocabulary.ancestors(tag)))
    return list(borne)


def _scopes(step: _Next, shown_provider: str | None, tags: Sequence[str]) -> tuple[str, ...]:
    about = [f"record:{id}" for role, _, id in documents.links_of(step.document) if role == "about"]
    by = [f"provider:{shown_provider}"] if shown_provider else []
    return ("all", f"record:{step.id}", f"kind:{step.kind}", *by, *about, *(f"tag:{tag}" for tag in tags))


async def _scopes_left(session: AsyncSession, records: Sequence[Record]) -> dict[int, list[str]]:
    """What the versions before stood in: a feed that a revision leaves is stale too."""
    left: dict[int, list[str]] = {
        record.pk: [f"provider:{record.shown_provider}"] if record.shown_provider else [] for record in records
    }
    if not left:
        return left
    for pk, tag in await session.execute(
        select(RecordTag.record_pk, RecordTag.tag).where(RecordTag.record_pk.in_(left))
    ):
        left[pk].append(f"tag:{tag}")
    for pk, target in await session.execute(
        select(RecordLink.record_pk, RecordLink.target_id).where(
            RecordLink.record_pk.in_(left), RecordLink.role == "about"
        )
    ):
        left[pk].append(f"record:{target}")
    return left


def _entry(record: Record, action: str, actor: Actor) -> Entry:
    return Entry(
        topic="record",
        action=action,
        subject=record.id,
        origin=record.origin,
        actor=actor.name,
        at=now(),
        kind=record.kind,
    )


async def _keep_parts(session: AsyncSession, record: Record, parts: Sequence[Mapping[str, Any]]) -> None:
    """Store each restricted part under a version and a commitment of its own, apart from the public document."""
    for part in parts:
        latest = await session.scalar(
            select(RestrictedPart.number)
            .where(RestrictedPart.record_pk == record.pk, RestrictedPart.part == part["id"])
            .order_by(RestrictedPart.number.desc())
            .limit(1)
        )
        content = canonical(part["content"])
        salt = secrets.token_bytes(32)
        session.add(
            RestrictedPart(
                record_pk=record.pk,
                part=part["id"],
                number=(latest or 0) + 1,
                handling={key: value for key, value in part.items() if key not in ("id", "content")},
                content=content,
                salt=salt,
                commit=commitment(salt, content),
                at=now(),
            )
        )


async def _set_audience(session: AsyncSession, record: Record, tlp: Tlp, handling: Mapping[str, Any]) -> None:
    await session.execute(delete(Audience).where(Audience.record_pk == record.pk))
    named = {GROUP: handling.get("groups", ()), PERSON: handling.get("people", ())}
    rows = [
        {"record_pk": record.pk, "audience": audience, "name": name}
        for audience, names in named.items()
        for name in dict.fromkeys(names)
    ]
    if rows and tlp is not Tlp.CLEAR:
        await session.execute(insert(Audience), rows)


def _standing(record: Record, draft: Draft | None) -> Standing:
    return Standing(Life(record.life), Step(draft.step) if draft else Step.NONE)


def _match(if_match: str | None, present: str) -> None:
    """RFC 9110, section 13.1.1; a suffix that names a content coding is left out of the comparison."""
    if not if_match:
        raise PreconditionRequired("Send `If-Match` with the ETag that you read, so that nobody's work is lost.")
    given = [tag.strip().removeprefix("W/").strip('"') for tag in if_match.split(",")]
    if not present or all(tag != present and tag.partition("-")[0] != present for tag in given):
        raise PreconditionFailed("Somebody changed it since. Read it again, then decide.", present=present)


async def _own_provider(session: AsyncSession, actor: Actor) -> Provider:
    provider = await session.get(Provider, actor.provider) if actor.provider is not None else None
    if provider is None or not may_work_on(actor, provider.pk):
        raise Forbidden("Only an organisation's own client can submit records.")
    return provider
