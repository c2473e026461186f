"""Scheduled publication, as it happens: to the second, once, by whichever worker runs.

Every worker sleeps until the next draft is due, and then takes what is due under the changelog's lock, in
one transaction for some hundreds: what one has published is gone from the drafts that the next one finds,
and what a killed one has not committed is found again. No lease is needed, and none has to run out.

What is due and when is told by the database's clock alone (`db.clock_of`).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.audit.service import act, note_all
from registry.changelog.append import lock
from registry.clock import instant
from registry.db import Database, clock_of
from registry.errors import CandorError
from registry.providers.models import Provider
from registry.records import copublishers, draft_queries, screening
from registry.records.beyond import at_publication
from registry.records.models import Draft, Record, Version
from registry.records.publishing import Candidate, next_version
from registry.records.versions import Desk, NextVersion, write_versions
from registry.records.workflow import Step

POLL_SECONDS = 0.5
RETRY_SECONDS = (0.2, 1, 5, 15, 60)
BATCH = 1000
"""Drafts that one transaction publishes, and a bundle more at most."""

log = structlog.get_logger("candor.firing")


@dataclass(frozen=True, slots=True)
class Bundle:
    """The drafts that go out together, or not at all, and why they cannot, where that is known."""

    members: tuple[Candidate, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class _Due:
    record: Record
    draft: Draft
    provider: Provider


class Firing:
    """Publishes what is due, in this process, as long as it runs."""

    def __init__(self, database: Database, desk: Callable[[], Awaitable[Desk]]) -> None:
        self.database = database
        self.desk = desk
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look again now: something was scheduled, maybe for a time before the next that is known."""
        self._wake.set()

    async def run(self) -> None:
        """Publish what is due until cancelled."""
        failures = 0
        while True:
            self._wake.clear()
            try:
                delay = await self.step()
                failures = 0
            except Exception:
                delay = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                failures += 1
                log.exception("scheduled publication failed", retry_in=delay)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), delay)

    async def step(self) -> float:
        """Publish what is due now. Answers for how many seconds there is nothing to do."""
        # Asked for ahead, so that nothing is left to prepare when the time has come.
        desk = await self.desk()
        async with self.database.read() as session:
            first = await session.scalar(select(func.min(Draft.due_at)))
            moment = await clock_of(session)
        if first is None:
            return POLL_SECONDS
        if first > moment:
            ahead: float = (first - moment).total_seconds()
            return min(POLL_SECONDS, ahead)
        while await fire(self.database, desk):
            pass
        return 0.0


async def fire(database: Database, desk: Desk, *, limit: int = BATCH) -> int:
    """Publish a batch of what is due; answers how many drafts were dealt with.

    Should the batch fail, each of its bundles is tried by itself: what stands in the way of one is no
    other's. A bundle that cannot go out is taken off its schedule, and its owners are told in their queues.
    """
    try:
        async with database.write() as session:
            bundles = await _due(session, limit)
            refused = await _publish(session, desk, bundles)
            await _miss(session, refused)
            return sum(len(bundle.members) for bundle in bundles)
    except Exception as error:
        log.warning("a batch of scheduled drafts failed; trying one by one", error=type(error).__name__)
    return await _one_by_one(database, desk, limit)


async def _one_by_one(database: Database, desk: Desk, limit: int) -> int:
    async with database.write() as session:
        keys = [_key_of(bundle) for bundle in await _due(session, limit)]
    done = 0
    for key in keys:
        try:
            async with database.write() as session:
                bundles = await _due(session, limit, only=key)
                await _miss(session, await _publish(session, desk, bundles))
        except Exception as error:
            if not isinstance(error, CandorError):
                log.exception("a scheduled bundle failed")
            async with database.write() as session:
                bundles = await _due(session, limit, only=key)
                await _miss(session, [(bundle, _reasons(bundle, error)) for bundle in bundles])
        done += sum(len(bundle.members) for bundle in bundles)
    return done


_Refused = tuple[Bundle, dict[int, tuple[str, str]]]
"""A bundle, and (code, text) of why by the record's key."""

_OTHERS = ("together", "Another record that was to go out with it could not, or was not scheduled for then.")


async def _publish(session: AsyncSession, desk: Desk, bundles: Iterable[Bundle]) -> list[_Refused]:
    """Write what can go out, all of it or none; answers the rest."""
    at = await clock_of(session)
    steps: list[NextVersion] = []
    out: list[Candidate] = []
    refused: list[_Refused] = []
    for bundle in bundles:
        reasons = {} if bundle.whole else {one.record.pk: _OTHERS for one in bundle.members}
        made: list[NextVersion] = []
        for one in bundle.members:
            try:
                if one.draft.step != Step.APPROVED:
                    reasons[one.record.pk] = ("not-approved", "The draft is not approved.")
                step = next_version(one, at=at)
                step.by = one.draft.scheduled_by
                made.append(step)
            except CandorError as error:
                reasons[one.record.pk] = (error.code, error.detail)
        if reasons:
            refused.append((bundle, {one.record.pk: _OTHERS for one in bundle.members} | reasons))
        else:
            steps += made
            out += bundle.members
    for one in out:
        session.expunge(one.draft)
    stored = await write_versions(session, desk, Actor(name="schedule"), steps)
    if joint := [one.record.pk for one in out if one.asked]:
        await copublishers.published(session, joint)
    acts = [
        act(
            _scheduler(one),
            "record",
            row.action,
            one.record.id,
            one.record.provider_pk,
            row.label,
            row.commit,
            {"due": instant(one.draft.due_at or at)},
        )
        for one, row in zip(out, stored, strict=True)
    ]
    await note_all(session, acts)
    return refused


def _scheduler(one: Candidate) -> Actor:
    return Actor(name=one.draft.scheduled_by or "schedule", provider_slug=one.provider.slug)


async def _miss(session: AsyncSession, refused: Sequence[_Refused]) -> None:
    """Take bundles off their schedules, and say why where their owners look."""
    acts = []
    for bundle, reasons in refused:
        for one in bundle.members:
            code, text = reasons[one.record.pk]
            due = instant(one.draft.due_at) if one.draft.due_at else None
            acts.append(
                act(
                    _scheduler(one),
                    "record",
                    "missed",
                    one.record.id,
                    one.record.provider_pk,
                    None,
                    None,
                    {"due": due, "reason": code},
                )
            )
            one.draft.missed = {"at": due, "reason": code, "detail": text}
            one.draft.due_at, one.draft.together, one.draft.scheduled_by = None, [], None
            one.draft.revision += 1
    await session.flush()
    await note_all(session, acts)


def _reasons(bundle: Bundle, error: Exception) -> dict[int, tuple[str, str]]:
    if isinstance(error, CandorError):
        said = (error.code, error.findings[0].message if error.findings else error.detail)
    else:
        said = ("error", "The registry could not publish it. The operator finds the reason in the log.")
    return {one.record.pk: said for one in bundle.members}


_Key = tuple[datetime | None, tuple[str, ...]]


def _key_of(bundle: Bundle) -> _Key:
    draft = bundle.members[0].draft
    return draft.due_at, tuple(draft.together)


async def _due(session: AsyncSession, limit: int, *, only: _Key | None = None) -> list[Bundle]:
    """What is due, in bundles, the longest overdue first. Takes the changelog's lock."""
    await lock(session)
    at = await clock_of(session)
    query = (
        select(Record, Draft, Provider)
        .join(Draft, Draft.record_pk == Record.pk)
        .join(Provider, Provider.pk == Record.provider_pk)
    )
    if only is None:
        rows = await session.execute(
            query.where(Draft.due_at <= at).order_by(Draft.due_at, Draft.record_pk).limit(limit)
        )
    else:
        rows = await session.execute(query.where(Draft.due_at == only[0], Record.id.in_(only[1])))
    due = [_Due(*row) for row in rows]
    present = {each.record.id for each in due}
    if beyond := sorted({id for each in due for id in each.draft.together} - present):
        # The batch may end in the middle of a bundle.
        more = await session.execute(query.where(Record.id.in_(beyond), Draft.due_at <= at))
        due += [_Due(*row) for row in more]
    return await _bundles(session, due)


async def _bundles(session: AsyncSession, due: Sequence[_Due]) -> list[Bundle]:
    grouped: dict[_Key, list[_Due]] = {}
    for each in due:
        grouped.setdefault((each.draft.due_at, tuple(each.draft.together)), []).append(each)
    pks = [each.record.pk for each in due]
    before = await _newest(session, pks)
    asked = await draft_queries.invitations(session, pks)
    waiting = await screening.open_findings(session, pks)
    # Asks the database only about those that name groups or another record.
    readers: dict[int, Actor] = {}
    unfit = {
        each.record.pk: await at_publication(session, each.record, each.draft, each.provider, readers)
        for each in due
    }
    return [
        Bundle(
            tuple(
                Candidate(
                    each.record,
                    each.draft,
                    each.provider,
                    before.get(each.record.pk),
                    asked.get(each.record.pk, ()),
                    waiting.get(each.record.pk, ()),
                    unfit[each.record.pk],
                )
                for each in members
            ),
            # Named by each other, and there for the same time: only then had all of them agreed.
            whole={each.record.id for each in members} == set(together),
        )
        for (_, together), members in grouped.items()
    ]


async def _newest(session: AsyncSession, pks: Sequence[int]) -> dict[int, Version]:
    """`draft_queries.last_version` of many records."""
    public = Record.current > 0
    query = (
        select(Version)
        .join(Record, Record.pk == Version.record_pk)
        .where(
            Record.pk.in_(pks),
            Version.shared == case((public, False), else_=True),
            Version.number == case((public, Record.current), else_=Record.shared),
        )
    )
    return {version.record_pk: version for version in await session.scalars(query)}
