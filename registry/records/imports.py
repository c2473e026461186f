"""Imports: many records at once, each known again by where it came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.changelog.append import lock
from registry.db import now
from registry.errors import Conflict, Invalid
from registry.providers.models import Provider
from registry.records import documents, draft_queries
from registry.records.content.check import check
from registry.records.copublishers import publisher_of
from registry.records.drafts import keep_draft
from registry.records.models import Draft, Record
from registry.records.versions import PUBLISHED, REVISED, Desk, NextVersion, write_versions
from registry.records.visibility import Tlp
from registry.records.workflow import Life

CREATED, UNCHANGED = "created", "unchanged"
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Incoming:
    """One item of an import: a checked, normalised submission under the key of its source.

    `digest` tells whether the item changed since it was last seen. `raw` is the submission before it was
    checked, for the case that it did: the ids of its elements are then carried over from the version before.
    """

    key: tuple[str, str]
    id: str
    submission: dict[str, Any]
    digest: str
    raw: dict[str, Any]
    lenient: bool = True


async def import_batch(
    session: AsyncSession,
    desk: Desk,
    actor: Actor,
    provider: Provider,
    batch: Sequence[Incoming],
    *,
    publish: bool,
) -> list[str]:
    """Bring in one batch; answers `created`, `revised` or `unchanged` for each item, in order.

    An item is known again by (provider, scheme, source id), and has changed when its digest has. A withdrawn
    record stays withdrawn, whatever its source says later. With `publish`, what an earlier import left as a
    draft is published, too. Raises `Conflict` or `Invalid` about an item that cannot be written; then nothing
    is.
    """
    await lock(session)
    known = await _known(session, provider.pk, [item.key for item in batch])
    run = _Run(session, desk, actor, provider, now(), publish)
    outcomes = [await run.take(item, *known.get(item.key, (None, None))) for item in batch]
    await write_versions(session, desk, actor, run.steps)
    return outcomes


async def _known(
    session: AsyncSession, provider: int, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], tuple[Record, Draft | None]]:
    found: dict[tuple[str, str], tuple[Record, Draft | None]] = {}
    for scheme in {scheme for scheme, _ in keys}:
        ids = [source_id for of, source_id in keys if of == scheme]
        rows = await session.execute(
            select(Record, Draft)
            .outerjoin(Draft, Draft.record_pk == Record.pk)
            .where(Record.provider_pk == provider, Record.source_scheme == scheme, Record.source_id.in_(ids))
        )
        for row in rows:
            found[scheme, row.Record.source_id] = (row.Record, row.Draft)
    return found


class _Run:
    """One batch on its way; `steps` gathers the versions that are written at its end."""

    def __init__(
        self,
        session: AsyncSession,
        desk: Desk,
        actor: Actor,
        provider: Provider,
        moment: datetime,
        publish: bool,
    ) -> None:
        self.session = session
        self.desk = desk
        self.actor = actor
        self.provider = provider
        self.moment = moment
        self.publish = publish
        self.steps: list[NextVersion] = []

    async def take(self, item: Incoming, record: Record | None, draft: Draft | None) -> str:
        if record is None:
            await self._create(item)
            return CREATED
        if record.life == Life.WITHDRAWN:
            return UNCHANGED
        if record.erased is not None:
            raise Conflict(f"It was erased here as {record.id}, and is not taken in again: {record.erased}.")
        if record.input_digest == item.digest:
            if not self.publish or draft is None or not self._ours(record, draft):
                return UNCHANGED
            # As it stands: whoever has gone over it since it was imported has had the last word.
            await self._step(record, draft, _decode(draft.document), draft.restricted)
            return REVISED
        if draft is not None and draft.author != self.actor.name:
            raise Conflict(f"{draft.author} is working on a draft of {record.id}; publish that first.")
        await self._revise(item, record, draft)
        return REVISED

    def _ours(self, record: Record, draft: Draft) -> bool:
        """Whether the draft waits to be published by an import; a revision that somebody writes does not."""
        return record.life == Life.UNPUBLISHED or draft.author == self.actor.name

    async def _create(self, item: Incoming) -> None:
        body, parts = self._draft(item.submission, item.id, prev=None)
        columns = self._columns(item)
        if self.publish:
            document = documents.publish(body, number=1, at=self.moment, before=None)
            self.steps.append(
                NextVersion(
                    None, item.id, body["kind"], PUBLISHED, 1, document, columns=columns, parts=parts or None
                )
            )
            return
        record = Record(**columns)
        self.session.add(record)
        await self.session.flush()
        await self._keep(record, None, body, parts)

    async def _revise(self, item: Incoming, record: Record, draft: Draft | None) -> None:
        before = await draft_queries.last_version(self.session, record)
        checked = check(
            item.raw,
            vocabulary=self.desk.vocabulary,
            lenient=item.lenient,
            previous=_decode(before.document) if before else None,
            own_id=record.id,
        )
        if checked.submission is None:
            raise Invalid("The item cannot be taken as it is.", findings=checked.findings)
        submission = checked.submission
        if submission["kind"] != record.kind:
            raise Conflict(
                f"{record.id} is a record of kind {record.kind!r}, and that does not change; "
                f"the item has become one of kind {submission['kind']!r}."
            )
        if before is not None:
            submission.setdefault("revision", {"type": "new-information", "note": "The source changed."})
        body, parts = self._draft(submission, record.id, prev=before.prev if before else None)
        record.input_digest = item.digest
        if self.publish:
            await self._step(record, draft, body, parts)
        else:
            await self._keep(record, draft, body, parts)

    async def _step(
        self,
        record: Record,
        draft: Draft | None,
        body: dict[str, Any],
        parts: Sequence[Mapping[str, Any]],
    ) -> None:
        before = await draft_queries.last_version(self.session, record)
        number = record.current + 1
        document = documents.publish(
            body, number=number, at=self.moment, before=_decode(before.document) if before else None
        )
        columns = {"life": Life.PUBLISHED.value}
        action = REVISED if record.current else PUBLISHED
        self.steps.append(
            NextVersion(
                record, record.id, record.kind, action, number, document, columns=columns, parts=parts or None
            )
        )
        if draft is not None:
            await self.session.delete(draft)

    def _draft(
        self, submission: dict[str, Any], id: str, *, prev: str | None
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        if submission.get("co_providers"):
            raise Conflict("Publication waits until each co-provider approved it: an import cannot ask them.")
        if findings := documents.unfit(submission):
            raise Invalid("The item cannot be published.", findings=findings)
        public, aside = documents.set_aside(submission)
        publisher = publisher_of(self.provider)
        body = documents.draft(public, id=id, origin=self.desk.origin, publisher=publisher, prev=prev)
        return body, documents.with_aside((), aside)

    async def _keep(
        self,
        record: Record,
        draft: Draft | None,
        body: dict[str, Any],
        parts: Sequence[Mapping[str, Any]],
    ) -> None:
        handling = {"tlp": Tlp.CLEAR.value}
        await keep_draft(self.session, self.actor, record, draft, body, handling=handling, restricted=parts)

    def _columns(self, item: Incoming) -> dict[str, Any]:
        life = Life.PUBLISHED if self.publish else Life.UNPUBLISHED
        return {
            "origin": self.desk.origin,
            "id": item.id,
            "kind": item.submission["kind"],
            "provider_pk": self.provider.pk,
            "life": life.value,
            "tlp": Tlp.CLEAR.value,
            "source_scheme": item.key[0],
            "source_id": item.key[1],
            "input_digest": item.digest,
            "created_at": self.moment,
        }
