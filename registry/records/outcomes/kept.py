"""Matrices as they were counted last, by the public position that they were counted at.

To count one takes seconds in a large registry. Whoever asks while it is counted waits for it, and it serves
until something public changes, for members, pages and programs alike: only what everybody may read is
counted. What happens in private leaves it as it is, or it would be felt by how long an answer takes.
"""

import asyncio
from collections import OrderedDict
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import ANONYMOUS
from registry.changelog.append import public_head
from registry.db import Database
from registry.providers.models import Provider
from registry.records.outcomes.asked import Table
from registry.records.outcomes.matrix import Matrix, matrix
from registry.taxonomies.vocabulary import Vocabulary

MOST = 16
_Key = tuple[str, Table]
_Standing = tuple[int, tuple[tuple[str, str], ...]]


class _Shelf:
    """What one process keeps of one registry."""

    def __init__(self) -> None:
        self.kept: OrderedDict[_Key, tuple[_Standing, Matrix]] = OrderedDict()
        self.counting: dict[_Key, asyncio.Lock] = {}


async def _standing(session: AsyncSession) -> _Standing:
    """What a count follows from: what was published, and whose domains are proven."""
    proven = select(Provider.slug, Provider.domain).where(
        Provider.approved_at.is_not(None), Provider.domain_verified.is_(True), Provider.domain.is_not(None)
    )
    rows = await session.execute(proven.order_by(Provider.slug))
    return await public_head(session), tuple((slug, str(domain)) for slug, domain in rows)


_SHELVES: WeakKeyDictionary[Database, _Shelf] = WeakKeyDictionary()


async def kept_matrix(database: Database, vocabulary: Vocabulary, asked: Table) -> Matrix:
    """The matrix that is asked for, as of now."""
    shelf = _SHELVES.setdefault(database, _Shelf())
    key = vocabulary.digest, asked
    lock = shelf.counting.setdefault(key, asyncio.Lock())
    try:
        async with lock, database.read() as session:
            # Looked up before anything is counted: what is written meanwhile makes it stale.
            standing = await _standing(session)
            at, found = shelf.kept.get(key, (None, None))
            if found is None or at != standing:
                found = await matrix(session, ANONYMOUS, vocabulary, asked)
                shelf.kept[key] = standing, found
            shelf.kept.move_to_end(key)
            while len(shelf.kept) > MOST:
                shelf.kept.popitem(last=False)
            return found
    finally:
        if not lock.locked():
            shelf.counting.pop(key, None)
