"""The rows of what records report. They are written with the version that they follow from, in its
transaction: no reader of them can be ahead of it or behind.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import and_, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.db import Base, table_of
from registry.records.models import Record, Version
from registry.records.outcomes.claims import claims_of, publishers_of
from registry.records.outcomes.models import Outcome, OutcomeSubject, RecordPublisher
from registry.signing.models import VersionSignature

AGAINST, WITH = "against", "with"
TABLES: tuple[type[Base], ...] = (OutcomeSubject, Outcome, RecordPublisher)
Rows = tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]


def rows_of(pk: int, document: Mapping[str, Any], signed: Collection[str] | None = None) -> Rows:
    """The rows of a record in `TABLES`, from its newest public version. `signed` as `publishers_of` takes
    it. Pure.
    """
    claims = claims_of(document)
    if not claims:
        return [], [], []
    subjects = [
        {"record_pk": pk, "number": claim.number, "role": role, "subject": subject}
        for claim in claims
        for role, found in ((AGAINST, claim.subjects), (WITH, claim.safeguards))
        for subject in found
    ]
    outcomes = [
        {
            "record_pk": pk,
            "number": claim.number,
            "pointer": claim.pointer,
            "outcome": claim.outcome,
            "safeguard": claim.safeguard,
            "target_origin": claim.target[0] if claim.target else None,
            "target_id": claim.target[1] if claim.target else None,
            "inherits": claim.inherits,
            "measured": claim.measured,
        }
        for claim in claims
    ]
    publishers = [
        {"record_pk": pk, "position": position, "slug": one.slug, "domain": one.domain}
        for position, one in enumerate(publishers_of(document, signed))
    ]
    return subjects, outcomes, publishers


async def keep_outcomes(
    session: AsyncSession,
    written: Iterable[tuple[int, Mapping[str, Any], bool]],
    *,
    revised: Sequence[int] = (),
) -> None:
    """Keep what new versions report: the record's key, its document, and whether it is another registry's,
    whose signatures, if any, come after it (`prove`). `revised` are the records that had a version before.
    """
    if revised:
        for table in map(table_of, TABLES):
            await session.execute(delete(table).where(table.c.record_pk.in_(revised)))
    gathered: Rows = ([], [], [])
    for pk, document, foreign in written:
        for rows, more in zip(gathered, rows_of(pk, document, () if foreign else None), strict=True):
            rows += more
    for model, rows in zip(TABLES, gathered, strict=True):
        if rows:
            await session.execute(insert(table_of(model)), rows)


async def prove(session: AsyncSession, pk: int) -> None:
    """Take into account who signed another registry's record: a key of a domain proves it."""
    held = await session.scalar(
        select(RecordPublisher.record_pk).where(RecordPublisher.record_pk == pk).limit(1)
    )
    if held is None:
        return
    rows = await session.execute(
        select(Version.document, VersionSignature.domain)
        .join(Record, and_(Record.pk == Version.record_pk, Record.current == Version.number))
        .outerjoin(
            VersionSignature,
            and_(VersionSignature.version_pk == Version.pk, VersionSignature.jwk.is_not(None)),
        )
        .where(Record.pk == pk, Version.shared.is_(False), Record.provider_pk.is_(None))
    )
    found = rows.all()
    if not found or not found[0][0]:
        return
    signed = {domain for _, domain in found if domain is not None}
    _, _, publishers = rows_of(pk, msgspec.json.decode(found[0][0]), signed)
    await session.execute(delete(RecordPublisher).where(RecordPublisher.record_pk == pk))
    if publishers:
        await session.execute(insert(table_of(RecordPublisher)), publishers)
