"""Reads of what was reported. Whatever is read passes through `registry.records.visibility`."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.changelog.append import public_head
from registry.changelog.models import Change
from registry.providers.models import Provider
from registry.records import queries
from registry.records.copies import is_copy
from registry.records.models import Record
from registry.records.outcomes.asked import Asked, Table
from registry.records.outcomes.claims import DESCRIBED, Claim, Key, claims_of, dangers_of, subject_of
from registry.records.outcomes.counting import UNNAMED, Entry, Report, rank
from registry.records.outcomes.models import Outcome, OutcomeSubject, RecordPublisher
from registry.records.outcomes.service import AGAINST
from registry.records.queries import Stored
from registry.records.visibility import readable
from registry.taxonomies.equivalents import MATCHES, Equivalent, equivalents
from registry.taxonomies.vocabulary import Vocabulary

MOST_COUNTED = 50_000
"""So many reports, the newest first, are counted; an answer of more says that it is not of all."""
_AT_ONCE = 400

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that is asked about: a tag, or a record by `claims.subject_of`. `equivalents` are tags of
    other vocabularies that stand for it.
    """

    name: str
    equivalents: Sequence[Equivalent] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A report with the record that it stands in: `claim` is what the record says."""

    report: Report
    stored: Stored
    document: Mapping[str, Any]
    claim: Claim


@dataclass(frozen=True)
class Evidence:
    """What was reported against something.

    `of` is the record that was asked about, if any. `entries` are one page of `total`; `sources` are the
    newest few of each, in their order, and `mitigations` the records that entries speak of, as far as they
    can be read. `complete` is false where there were more reports than are counted.
    """

    asked: Asked
    of: Stored | None
    subjects: Sequence[Subject]
    entries: Sequence[Entry]
    total: int
    reports: int
    sources: Sequence[Sequence[Source]]
    mitigations: Mapping[Key, Stored]
    complete: bool
    position: int
    terms: Mapping[Key, str | None] = field(default_factory=dict)


async def evidence(session: AsyncSession, actor: Actor, vocabulary: Vocabulary, asked: Asked) -> Evidence:
    """What was reported against what is asked about. Raises `NotFound` and what else reading a record raises
    where that is one.
    """
    position = await public_head(session)
    of, subjects = await _subjects(session, actor, vocabulary, asked)
    wanted = _with_narrower(vocabulary, subjects)
    found = await _reports(session, actor, asked, wanted)
    counted = found[:MOST_COUNTED]
    owners, terms = await _mitigations(session, actor, {key for row, _ in counted if (key := _target(row))})
    # Aside: a broad term has tens of thousands of reports, and others are answered meanwhile.
    reports, entries = await asyncio.to_thread(_ranked, asked, counted, owners, terms)
    page = entries[asked.offset : asked.offset + asked.limit]
    targets = [entry.target for entry in page if entry.target is not None]
    held = await queries.documents(session, targets)
    return Evidence(
        asked,
        of,
        subjects,
        page,
        len(entries),
        reports,
        await _sources(session, actor, page, asked.sources),
        {key: stored for key, stored in held.items() if stored is not None and key in owners},
        len(found) <= MOST_COUNTED,
        position,
        terms,
    )


async def _subjects(
    session: AsyncSession, actor: Actor, vocabulary: Vocabulary, asked: Asked
) -> tuple[Stored | None, list[Subject]]:
    matches = MATCHES[asked.crosswalks]
    if asked.tag is not None:
        return None, [Subject(asked.tag, equivalents(vocabulary, asked.tag, matches))]
    of = await queries.newest(session, actor, str(asked.record), asked.record_origin)
    tags = dangers_of(_decode(of.document))
    said = [Subject(tag, equivalents(vocabulary, tag, matches)) for tag in tags]
    return of, [Subject(subject_of(of.origin, of.id)), *said]


def _with_narrower(vocabulary: Vocabulary, subjects: Iterable[Subject]) -> list[str]:
    """Every subject that counts: the tags, those that stand for them, and what only a vocabulary knows to be
    narrower. Rows tell by themselves what their paths say.
    """
    wanted: dict[str, None] = {}
    for subject in subjects:
        for name in (subject.name, *(other.tag for other in subject.equivalents)):
            wanted[name] = None
            wanted.update(dict.fromkeys(vocabulary.descendants(name)))
    return list(wanted)


# --- rows


def organisation() -> ColumnElement[str]:
    """What makes an organisation one and the same: its domain as it is proven here now, or as the record
    shows it proven, else its account. As a condition on `Record`, `RecordPublisher` and `Provider`.
    """
    return case(
        (RecordPublisher.slug.is_(None), literal(UNNAMED)),
        (Provider.domain_verified.is_(True), literal("domain ") + func.lower(Provider.domain)),
        (RecordPublisher.domain.is_not(None), literal("domain ") + RecordPublisher.domain),
        else_=Record.origin + literal(" ") + RecordPublisher.slug,
    )


def with_publishers(query: Select[Any]) -> Select[Any]:
    """Join whoever published each record, one row for each organisation."""
    ours = and_(
        Provider.slug == RecordPublisher.slug,
        Record.provider_pk.is_not(None),
        Provider.domain.is_not(None),
    )
    return query.join(RecordPublisher, RecordPublisher.record_pk == Record.pk).outerjoin(Provider, ours)


async def first_seq_since(session: AsyncSession, asked: Asked | Table) -> int | None:
    """The public number from which on a record counts; None where all do."""
    if asked.since is None:
        return None
    first = await session.scalar(select(func.min(Change.public_seq)).where(Change.at >= asked.since))
    return first if first is not None else await public_head(session) + 1


def countable(actor: Actor, asked: Asked | Table, since: int | None) -> list[ColumnElement[bool]]:
    """Whether a record's reports count, as conditions on `Record`."""
    found = [queries.IS_LISTED, readable(actor)]
    if asked.origins:
        found.append(Record.origin.in_(asked.origins))
    else:
        found.append(~is_copy())
    if not asked.imported:
        found.append(Record.imported.is_(False))
    if since is not None:
        found.append(Record.first_seq >= since)
    return found


_COLUMNS: tuple[Any, ...] = (
    Outcome.record_pk,
    Outcome.number,
    Record.kind,
    Outcome.outcome,
    Outcome.measured,
    Outcome.safeguard,
    Outcome.target_origin,
    Outcome.target_id,
    Record.imported,
    Record.first_seq,
)
_TARGET, _SEQ = 6, 9


async def _reports(
    session: AsyncSession, actor: Actor, asked: Asked, subjects: Sequence[str]
) -> list[tuple[Sequence[Any], frozenset[str]]]:
    """What is reported against any of the subjects, the newest first, as rows of `_COLUMNS`, each with who
    says so; at most one more than is counted.
    """
    since = await first_seq_since(session, asked)
    conditions = countable(actor, asked, since)
    if asked.kinds:
        conditions.append(Record.kind.in_(asked.kinds))
    mitigation = (
        select(Record.pk, Record.origin, Record.id).where(queries.IS_LISTED, readable(actor)).subquery()
    )
    by: dict[tuple[int, int], set[str]] = {}
    rows: dict[tuple[int, int], Any] = {}
    for start in range(0, len(subjects), _AT_ONCE):
        named = and_(
            OutcomeSubject.subject.in_(subjects[start : start + _AT_ONCE]), OutcomeSubject.role == AGAINST
        )
        itself = and_(OutcomeSubject.record_pk == Outcome.record_pk, OutcomeSubject.number == Outcome.number)
        direct = (
            select(*_COLUMNS, organisation())
            .select_from(OutcomeSubject)
            .join(Outcome, itself)
            .join(Record, Record.pk == Outcome.record_pk)
            .where(named, Outcome.inherits.is_(False), Outcome.outcome != DESCRIBED)
        )
        # What does not say against what speaks of whatever its mitigation is against.
        inherited = (
            select(*_COLUMNS, organisation())
            .select_from(OutcomeSubject)
            .join(mitigation, mitigation.c.pk == OutcomeSubject.record_pk)
            .join(
                Outcome,
                and_(
                    Outcome.target_id == mitigation.c.id,
                    Outcome.target_origin == mitigation.c.origin,
                    Outcome.inherits.is_(True),
                ),
            )
            .join(Record, Record.pk == Outcome.record_pk)
            .where(named, OutcomeSubject.number == 0)
        )
        for query in (direct, inherited):
            found = with_publishers(query).where(*conditions)
            newest = found.order_by(Record.first_seq.desc()).limit(2 * MOST_COUNTED)
            for row in await session.execute(newest):
                key = row[0], row[1]
                rows[key] = row
                by.setdefault(key, set()).add(row[-1])
    newest_first = sorted(rows, key=lambda key: (-rows[key][_SEQ], key))
    return [(rows[key], frozenset(by[key])) for key in newest_first[: MOST_COUNTED + 1]]


def _target(row: Sequence[Any]) -> Key | None:
    return (row[_TARGET], row[_TARGET + 1]) if row[_TARGET + 1] is not None else None


def _report(
    row: Sequence[Any],
    by: frozenset[str],
    owners: Mapping[Key, frozenset[str]],
    terms: Mapping[Key, str | None],
) -> Report:
    """A report, with what is known of the mitigation that it speaks of."""
    pk, number, kind, outcome, measured, safeguard, _, _, imported, seq, _ = row
    target = _target(row)
    known = owners.get(target, frozenset()) if target else frozenset()
    if safeguard is None and target is not None:
        safeguard = terms.get(target)
    return Report(pk, number, kind, outcome, measured, by, safeguard, target, known, imported, seq)


async def _mitigations(
    session: AsyncSession, actor: Actor, keys: Iterable[Key]
) -> tuple[dict[Key, frozenset[str]], dict[Key, str | None]]:
    """Of the mitigation records among these that can be read here: whose they are, and which safeguard's
    term they bear. What is hidden and what is not there are alike.
    """
    wanted = sorted(keys)
    owners: dict[Key, set[str]] = {}
    terms: dict[Key, str | None] = {}
    columns: tuple[Any, ...] = (Record.origin, Record.id, Outcome.safeguard, organisation())
    for start in range(0, len(wanted), _AT_ONCE):
        query = (
            select(*columns)
            .select_from(Record)
            .join(Outcome, and_(Outcome.record_pk == Record.pk, Outcome.outcome == DESCRIBED))
            .where(queries.among(wanted[start : start + _AT_ONCE]), queries.IS_LISTED, readable(actor))
        )
        for origin, id, safeguard, who in await session.execute(with_publishers(query)):
            owners.setdefault((origin, id), set()).add(who)
            terms[origin, id] = safeguard
    return {key: frozenset(found) for key, found in owners.items()}, terms


def _ranked(
    asked: Asked,
    counted: Sequence[tuple[Sequence[Any], frozenset[str]]],
    owners: Mapping[Key, frozenset[str]],
    terms: Mapping[Key, str | None],
) -> tuple[int, list[Entry]]:
    """How many reports count, and what they speak of, in order."""
    reports = [_report(row, by, owners, terms) for row, by in counted]
    # A response to what is no mitigation, or to none that can be read here, reports on nothing here.
    reports = [one for one in reports if one.kind == "incident" or one.target in owners]
    return len(reports), [entry for entry in rank(reports) if _is_wanted(entry, asked)]


def _is_wanted(entry: Entry, asked: Asked) -> bool:
    if asked.safeguard is not None or asked.mitigation is not None:
        if entry.target is not None:
            return entry.target[1] == asked.mitigation
        named = entry.safeguard or ""
        return named == asked.safeguard or named.startswith(f"{asked.safeguard}/")
    if asked.show == "all":
        return True
    return (entry.target is None) == (asked.show == "safeguards")


async def _sources(
    session: AsyncSession, actor: Actor, entries: Sequence[Entry], most: int
) -> list[list[Source]]:
    """The newest few reports of each entry, with what their records say of them."""
    shown = [entry.reports[:most] for entry in entries]
    pks = sorted({one.record for reports in shown for one in reports})
    held: dict[int, tuple[Stored, Mapping[str, Any], Mapping[int, Claim]]] = {}
    for start in range(0, len(pks), _AT_ONCE):
        query = queries.current().add_columns(Record.pk)
        query = query.where(Record.pk.in_(pks[start : start + _AT_ONCE]), queries.IS_LISTED, readable(actor))
        for *row, pk in await session.execute(query):
            stored = Stored(*row)
            document = _decode(stored.document)
            held[pk] = stored, document, {claim.number: claim for claim in claims_of(document)}
    return [[found for one in reports if (found := _source(one, held)) is not None] for reports in shown]


_Held = Mapping[int, tuple[Stored, Mapping[str, Any], Mapping[int, Claim]]]


def _source(report: Report, held: _Held) -> Source | None:
    # Between two questions to the database a record may have been revised, or withdrawn.
    if report.record not in held:
        return None
    stored, document, claims = held[report.record]
    claim = claims.get(report.number)
    return Source(report, stored, document, claim) if claim is not None else None
