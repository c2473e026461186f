"""What an export reads of the records that it writes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import ANONYMOUS
from registry.records.models import Record, Version
from registry.records.queries import IS_LISTED, STORED, Stored, among, current, numbered, stored_rows
from registry.records.visibility import readable
from search.document import Key


@dataclass(frozen=True, slots=True)
class Said:
    """What a record said at a position, as canonical bytes, and whether it was withdrawn since."""

    document: bytes
    withdrawn: bool = False


async def documents_at(
    session: AsyncSession, keys: Sequence[Key], position: int, *, past: Mapping[Key, int] | None = None
) -> list[Said]:
    """What these records said at a public position, in the order of `keys`.

    Left out is what is not public by now: erased or withheld and, unless `past` is given, withdrawn. `past`
    are the numbers of the versions that are meant, for a question as of an earlier position.
    """
    newest = current().where(among(keys), readable(ANONYMOUS))
    if past is None:
        newest = newest.where(IS_LISTED)
    found: dict[Key, Stored] = {(row.origin, row.id): row for row in await stored_rows(session, newest)}
    taken_back = {key for key, row in found.items() if row.withdrawn}
    changed = [key for key, row in found.items() if not _meant(row, key, position, past)]
    for key in changed:
        del found[key]
    if past is not None:
        meant = await numbered(session, [(*key, past[key]) for key in changed])
        found |= {(row.origin, row.id): row for row in meant.values()}
    elif changed:
        earlier = (
            select(*STORED)
            .join(Version, and_(Version.record_pk == Record.pk, Version.shared.is_(False)))
            .where(among(changed), readable(ANONYMOUS), Version.public_seq <= position)
            .order_by(Version.public_seq)
        )
        found |= {(row.origin, row.id): row for row in await stored_rows(session, earlier)}
    return [
        Said(row.document, key in taken_back)
        for key in keys
        if key in found and (row := found[key]).document and not row.withdrawn
    ]


def _meant(row: Stored, key: Key, position: int, past: Mapping[Key, int] | None) -> bool:
    if past is not None:
        return row.number == past[key]
    return row.public_seq is not None and row.public_seq <= position
