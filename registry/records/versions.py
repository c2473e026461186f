"""The one place where versions are written: the version, what lists are cut from, and the changelog, in one
go.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from registry.actor import Actor
from registry.canonical import canonical, commitment
from registry.changelog.append import Entry, append, reserve_public
from registry.clock import read_instant
from registry.db import table_of
from registry.errors import Invalid
from registry.finder import Finder
from registry.moderation.screening.marks import forget_drafts, marks_of, remember_marks
from registry.records import documents
from registry.records.draft_queries import parts as parts_of
from registry.records.models import (
    Audience,
    Draft,
    Record,
    RecordLink,
    RecordName,
    RecordProvider,
    RecordTag,
    Version,
)
from registry.records.outcomes.service import keep_outcomes
from registry.records.queries import Stored
from registry.records.relations import loops
from registry.records.restricted.store import keep_parts
from registry.signing.service import drop_signatures, publish_signatures, signed_drafts
from registry.taxonomies.vocabulary import Vocabulary

PUBLISHED, REVISED, WITHDRAWN, REINSTATED = "published", "revised", "withdrawn", "reinstated"
# What the columns hold; what somebody else's record brings along may be longer, and more.
_LONGEST_ROLE, _LONGEST_ORIGIN, _LONGEST_SLUG = 32, 255, 64
_MOST_FOREIGN = 2000


@dataclass(frozen=True, slots=True)
class Desk:
    """What writes need besides a session: the name of this registry, the vocabulary that tags are checked by,
    how many drafts an organisation may begin in a day, the registry's secret, and its search where it has
    one.
    """

    origin: str
    vocabulary: Vocabulary
    drafts_per_day: int = 5000
    secret: bytes = field(default=b"", repr=False)
    finder: Finder | None = None


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a version of another registry's record brings along: whose it is, its bytes as they are, and the
    salt and commitment under which they stand in its origin's log.

    `at` is its own time, `told_at` when it was written here. `fills` marks one that is older than what is
    held of the record, which lists are not cut from.
    """

    origin: str
    body: bytes
    salt: bytes
    commit: str
    at: datetime
    told_at: datetime
    fills: bool = False


@dataclass(slots=True)
class NextVersion:
    """A version about to be written. `record` is None for one whose record is written with it.

    `columns` are what else changes in the record's row. `parts` are the restricted parts that stand beside
    the version, all of them, and `audience` whom it is for from now on, as (group or person, name); None
    leaves those there are as they are. `ends_draft` removes the draft that it was made from. `by` did it,
    where that is not the actor. `foreign` is there for a version of another registry's record.
    """

    record: Record | None
    id: str
    kind: str
    action: str
    number: int
    document: dict[str, Any]
    shared: bool = False
    columns: dict[str, Any] = field(default_factory=dict)
    parts: Sequence[Mapping[str, Any]] | None = None
    audience: Sequence[tuple[str, str]] | None = None
    ends_draft: bool = False
    by: str | None = None
    foreign: Foreign | None = None

    @property
    def newest(self) -> bool:
        """Whether lists are cut from it."""
        return self.foreign is None or not self.foreign.fills


_Key = tuple[str, str]
"""(origin, id) of a record."""

_Links = Sequence[tuple[str, str, str]]
"""(role, origin, id) of what a document refers to."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A version with what was worked out for it. `tags` and `links` are what lists are cut from."""

    step: NextVersion
    pk: int
    seq: int | None
    stored: Stored
    salt: bytes
    tags: Sequence[str]
    links: _Links


async def write_versions(
    session: AsyncSession, desk: Desk, actor: Actor, steps: Sequence[NextVersion]
) -> list[Stored]:
    """Write versions, what lists are cut from, and the changelog. The caller holds the changelog's lock.

    Written in bulk, since an import brings hundreds at once and a single publication is an import of one.
    Several versions of one record stand in their order; lists are cut from the last. Raises `Invalid` for a
    record whose relations would lead back to itself.
    """
    if not steps:
        return []
    links = [_links_of(step) for step in steps]
    await _refuse_loops(session, desk, steps, links)
    public = sum(not step.shared for step in steps)
    first = await reserve_public(session, public) if public else 0
    numbers = iter(range(first, first + public))
    seqs = [None if step.shared else next(numbers) for step in steps]
    left = await scopes_left(session, _once(step.record for step in steps if step.record is not None))
    keys = await _write_records(session, desk, steps, seqs)
    written = [
        _worked_out(desk, step, *keys[_key(desk, step)], seq, refers)
        for step, seq, refers in zip(steps, seqs, links, strict=True)
    ]
    await _write_rows(session, written)
    await _keep_audiences(session, written)
    await _keep_signatures(session, written)
    await _end_drafts(session, written)
    await keep_parts(
        session,
        {each.pk: each.step.parts for each in written if each.step.parts is not None},
        at={each.pk: each.stored.at for each in written},
        fresh={each.pk for each in written if each.step.record is None},
    )
    await _remember_indicators(session, desk, written)
    entries = [_entry(desk, actor, each, left.get(each.pk, ())) for each in written]
    await append(session, entries, first_public=first if public else None)
    return [each.stored for each in written]


async def _refuse_loops(
    session: AsyncSession, desk: Desk, steps: Sequence[NextVersion], links: Sequence[_Links]
) -> None:
    beside = {_key(desk, step): step.document for step in steps}
    for step, refers in zip(steps, links, strict=True):
        # Whatever a record refers to, it can be taken back; and what another registry says is not ours to
        # refuse.
        if step.action == WITHDRAWN or step.foreign is not None:
            continue
        if findings := await loops(session, (desk.origin, step.id), refers, beside):
            raise Invalid("A record cannot follow from itself.", findings=findings)


def _key(desk: Desk, step: NextVersion) -> _Key:
    return (step.foreign.origin if step.foreign else desk.origin), step.id


def _once(records: Iterable[Record]) -> list[Record]:
    return list({record.pk: record for record in records}.values())


def _links_of(step: NextVersion) -> _Links:
    if step.foreign is None:
        return documents.links_of(step.document)
    return [
        (role, origin, id)
        for role, origin, id in documents.links_of(step.document)[:_MOST_FOREIGN]
        if len(origin) <= _LONGEST_ORIGIN
    ]


async def _write_records(
    session: AsyncSession, desk: Desk, steps: Sequence[NextVersion], seqs: Sequence[int | None]
) -> dict[_Key, tuple[int, int | None]]:
    """Write the records' own rows; answers the key of each, and the number of its first public version, by
    origin and id.
    """
    fresh: dict[_Key, dict[str, Any]] = {}
    changes: dict[_Key, tuple[Record, dict[str, Any]]] = {}
    keys: dict[_Key, tuple[int, int | None]] = {}
    for step, seq in zip(steps, seqs, strict=True):
        key = _key(desk, step)
        columns = {**step.columns, **_record_columns(step, seq)} if step.newest else {}
        if step.record is None:
            fresh[key] = {"first_seq": seq, **fresh.get(key, {}), **columns}
            continue
        began = step.record.first_seq
        if not began and seq is not None:
            began = columns["first_seq"] = changes[key][1]["first_seq"] if key in changes else seq
        keys[key] = step.record.pk, began
        if columns:
            changes[key] = step.record, {**(changes[key][1] if key in changes else {}), **columns}
    # Rows that change in the same columns are changed by one statement.
    changed: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for record, columns in changes.values():
        changed.setdefault(tuple(sorted(columns)), []).append({**columns, "of": record.pk})
        # That statement goes past the session, which would go on holding what was.
        for name, value in columns.items():
            set_committed_value(record, name, value)
    for names, rows in changed.items():
        table = table_of(Record)
        statement = table.update().where(table.c.pk == bindparam("of"))
        await session.execute(statement.values({name: bindparam(name) for name in names}), rows)
    if fresh:
        made = await session.execute(
            insert(Record).returning(Record.origin, Record.id, Record.pk), list(fresh.values())
        )
        for origin, id, pk in made:
            keys[origin, id] = pk, fresh[origin, id]["first_seq"]
    return keys


def _record_columns(step: NextVersion, seq: int | None) -> dict[str, Any]:
    if seq is None:
        return {"shared": step.number}
    document = step.document
    return {
        "current": step.number,
        "last_seq": seq,
        "listed": step.action != WITHDRAWN and not (step.record and step.record.suppressed),
        "imported": document.get("basis") == "imported",
        "shown_provider": _shown_provider(document),
    }


def _shown_provider(document: Mapping[str, Any]) -> str | None:
    shown = document.get("provider") or {}
    return str(shown["slug"])[:_LONGEST_SLUG] if "slug" in shown else None


def _worked_out(
    desk: Desk, step: NextVersion, pk: int, first_seq: int | None, seq: int | None, links: _Links
) -> _Written:
    foreign = step.foreign
    body = foreign.body if foreign else canonical(step.document)
    salt = foreign.salt if foreign else secrets.token_bytes(32)
    tags = _with_broader(desk.vocabulary, step.document)
    return _Written(
        step,
        pk,
        seq,
        Stored(
            foreign.origin if foreign else desk.origin,
            step.id,
            step.kind,
            step.number,
            step.shared,
            step.action,
            body,
            foreign.commit if foreign else commitment(salt, body),
            foreign.at if foreign else read_instant(step.document["updated"]),
            seq,
            first_seq,
            seq is not None and step.action != WITHDRAWN,
            _shown_provider(step.document),
        ),
        salt,
        tags[:_MOST_FOREIGN] if foreign else tags,
        links,
    )


async def _write_rows(session: AsyncSession, written: Sequence[_Written]) -> None:
    versions = [
        {
            "record_pk": each.pk,
            "shared": each.step.shared,
            "number": each.step.number,
            "action": each.step.action,
            "document": each.stored.document,
            "salt": each.salt,
            "commit": each.stored.commit,
            "public_seq": each.seq,
            "at": each.stored.at,
        }
        for each in written
    ]
    await session.execute(insert(table_of(Version)), versions)
    # Of several versions of one record, lists are cut from the last.
    newest = {each.pk: each for each in written if each.seq is not None and each.step.newest}
    public = list(newest.values())
    revised = [each.pk for each in public if each.step.record is not None]
    if revised:
        for table in (RecordTag, RecordLink, RecordProvider, RecordName):
            await session.execute(delete(table_of(table)).where(table_of(table).c.record_pk.in_(revised)))
    shown = [
        {"record_pk": each.pk, "slug": slug, "first_seq": each.stored.first_seq, "last_seq": each.seq}
        for each in public
        for slug in documents.slugs_of(each.step.document)
    ]
    tags = [
        {"record_pk": each.pk, "tag": tag, "first_seq": each.stored.first_seq, "last_seq": each.seq}
        for each in public
        for tag in each.tags
    ]
    links = [
        {"record_pk": each.pk, "role": role, "target_origin": origin, "target_id": id}
        for each in public
        for role, origin, id in dict.fromkeys((role[:_LONGEST_ROLE], *rest) for role, *rest in each.links)
    ]
    if tags:
        await session.execute(insert(table_of(RecordTag)), tags)
    if links:
        await session.execute(insert(table_of(RecordLink)), links)
    if shown:
        await session.execute(insert(table_of(RecordProvider)), shown)
    names = [
        {"record_pk": each.pk, "name": name}
        for each in public
        for name in documents.names_of(each.step.document)
    ]
    if names:
        await session.execute(insert(table_of(RecordName)), names)
    reported = [(each.pk, each.step.document, each.step.foreign is not None) for each in public]
    await keep_outcomes(session, reported, revised=revised)


async def _keep_audiences(session: AsyncSession, written: Sequence[_Written]) -> None:
    """Whom shared versions are for from now on."""
    told = {each.pk: each.step.audience for each in written if each.step.audience is not None}
    if not told:
        return
    audience = table_of(Audience)
    await session.execute(delete(audience).where(audience.c.record_pk.in_(told)))
    rows = [
        {"record_pk": pk, "audience": sort, "name": name}
        for pk, named in told.items()
        for sort, name in dict.fromkeys(named)
    ]
    if rows:
        await session.execute(insert(audience), rows)


async def _remember_indicators(session: AsyncSession, desk: Desk, written: Sequence[_Written]) -> None:
    """Let screening find these again by what it warns of."""
    if not desk.secret:
        return
    rows: list[dict[str, Any]] = []
    revised: list[int] = []
    for each in written:
        step = each.step
        if step.action in (WITHDRAWN, REINSTATED) or step.foreign is not None:
            continue
        parts = step.parts
        if step.record is not None:
            revised.append(each.pk)
            had_parts = step.number > 1 or (not step.shared and step.record.shared)
            if parts is None and had_parts:
                parts = await parts_of(session, step.record)
        rows += marks_of(each.pk, step.document, parts or (), secret=desk.secret, public=not step.shared)
    await remember_marks(session, rows, instead_of=revised)


async def _keep_signatures(session: AsyncSession, written: Sequence[_Written]) -> None:
    """Let what was signed as a draft be signed as the version that it became."""
    ended = {each.pk: each for each in written if each.step.ends_draft}
    signed = await signed_drafts(session, list(ended)) if ended else []
    if not signed:
        return
    made = [ended[pk] for pk in signed if ended[pk].step.action in (PUBLISHED, REVISED)]
    if made:
        is_one = or_(
            *(
                and_(
                    Version.record_pk == each.pk,
                    Version.shared.is_(each.step.shared),
                    Version.number == each.step.number,
                )
                for each in made
            )
        )
        rows = await session.execute(select(Version.record_pk, Version.pk).where(is_one))
        await publish_signatures(session, dict(rows.all()))
    await drop_signatures(session, signed)


async def _end_drafts(session: AsyncSession, written: Sequence[_Written]) -> None:
    """Remove the drafts that became versions, or were given up with them."""
    ended = [each.pk for each in written if each.step.ends_draft]
    if ended:
        drafts = table_of(Draft)
        await session.execute(delete(drafts).where(drafts.c.record_pk.in_(ended)))
        await forget_drafts(session, ended)


def _with_broader(vocabulary: Vocabulary, document: Mapping[str, Any]) -> list[str]:
    borne: dict[str, None] = {}
    for tag in documents.tags_of(document):
        borne[tag[:255]] = None
        borne.update(dict.fromkeys(vocabulary.ancestors(tag)))
    return list(borne)


def _entry(desk: Desk, actor: Actor, written: _Written, left: Sequence[str]) -> Entry:
    step, stored = written.step, written.stored
    public = written.seq is not None
    return Entry(
        topic="record",
        action=step.action if public else "shared",
        subject=step.id,
        origin=stored.origin,
        actor=step.by or actor.name,
        # Clocks of others are for display: ours tells since when something can be read here.
        at=step.foreign.told_at if step.foreign else stored.at,
        version=step.number,
        kind=step.kind,
        public=public,
        # A public change alone makes public answers stale; any other must not even be felt in them.
        scopes=tuple(dict.fromkeys((*_scopes(written), *left))) if public else (),
    )


def _scopes(written: _Written) -> tuple[str, ...]:
    step = written.step
    about = [f"record:{id}" for role, _, id in written.links if role == "about"]
    by = [f"provider:{slug}" for slug in documents.slugs_of(step.document)]
    tags = (f"tag:{tag}" for tag in written.tags)
    return ("all", f"record:{step.id}", f"kind:{step.kind}", *by, *about, *tags)


async def scopes_left(session: AsyncSession, records: Sequence[Record]) -> dict[int, list[str]]:
    """What the newest versions stand in, by the record's key: a feed that a revision leaves is stale too."""
    left: dict[int, list[str]] = {record.pk: [] for record in records}
    if not left:
        return left
    shown = select(RecordProvider.record_pk, RecordProvider.slug).where(RecordProvider.record_pk.in_(left))
    for pk, slug in await session.execute(shown):
        left[pk].append(f"provider:{slug}")
    tags = select(RecordTag.record_pk, RecordTag.tag).where(RecordTag.record_pk.in_(left))
    for pk, tag in await session.execute(tags):
        left[pk].append(f"tag:{tag}")
    links = select(RecordLink.record_pk, RecordLink.target_id).where(
        RecordLink.record_pk.in_(left), RecordLink.role == "about"
    )
    for pk, target in await session.execute(links):
        left[pk].append(f"record:{target}")
    return left
