"""Items of a peer that are not here: set aside, missing or withheld, with the reason, and when they are asked
for again.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.db import now, table_of
from registry.federation import alarms
from registry.federation.lines import ERASED, MISSING, QUARANTINED, SUPPRESSED, Trouble
from registry.federation.models import Peer, PeerItem

PAUSES = tuple(timedelta(minutes=each) for each in (1, 5, 30, 120, 720, 1440))
"""Between two tries to have an item after all. The last is repeated for ever."""
SOON = timedelta(seconds=5)
"""Before what is missing is asked for the first time: a cache on the way may just not have heard of it."""
_AT_ONCE = 400


async def keep_troubles(
    session: AsyncSession, peer: Peer, origin: str, troubles: Mapping[int, Trouble]
) -> None:
    """Set items aside with their reasons. What is missing raises an alarm once it was asked for again."""
    if not troubles:
        return
    moment = now()
    rows: list[dict[str, Any]] = [
        {
            "log_pk": peer.log_pk,
            "idx": index,
            "state": each.state,
            "code": each.code[:40],
            "text": each.shown,
            "content": each.kept,
            "tries": 0,
            "due_at": moment + (SOON if each.state == MISSING else PAUSES[0]) if each.retry else None,
            "released": False,
            "since": moment,
        }
        for index, each in troubles.items()
    ]
    await session.execute(insert(table_of(PeerItem)), rows)
    await _tell_of_quarantine(session, origin, troubles)


async def _tell_of_quarantine(session: AsyncSession, origin: str, troubles: Mapping[int, Trouble]) -> None:
    aside = sorted(index for index, each in troubles.items() if each.state == QUARANTINED)
    if aside:
        first = troubles[aside[0]]
        text = f"{len(aside):,} items were set aside; the first, {aside[0]}, because: {first.shown}"
        await alarms.raise_alarm(session, origin, alarms.QUARANTINED, text, indices=aside[:50])


def without_a_leaf(troubles: Mapping[int, Trouble], size: int) -> list[int]:
    """What is missing although none of the `size` entries that were read tells of its erasure.

    A suppression is none of these, and what is said to be erased may be, by a leaf that is still to come.
    """
    return sorted(
        index
        for index, each in troubles.items()
        if each.state == MISSING
        and (each.code != ERASED or (each.told_by is not None and each.told_by < size))
    )


async def drop_items(session: AsyncSession, log_pk: int, indices: Sequence[int]) -> None:
    """Forget items, their content included."""
    table = table_of(PeerItem)
    for start in range(0, len(indices), _AT_ONCE):
        some = indices[start : start + _AT_ONCE]
        await session.execute(delete(table).where(table.c.log_pk == log_pk, table.c.idx.in_(some)))


async def put_off(session: AsyncSession, items: Sequence[PeerItem], troubles: Mapping[int, Trouble]) -> None:
    """Keep items aside for what is wrong with them now, and ask for them later."""
    moment = now()
    for item in items:
        each = troubles[item.idx]
        item.tries += 1
        item.state, item.code, item.text = each.state, each.code[:40], each.shown
        item.content = each.kept
        item.due_at = moment + PAUSES[min(item.tries, len(PAUSES) - 1)] if each.retry else None
    await session.flush()


async def counts(session: AsyncSession, log_pks: Sequence[int]) -> dict[int, dict[str, int]]:
    """How many items each peer has in each state."""
    found: dict[int, dict[str, int]] = {
        pk: dict.fromkeys((QUARANTINED, MISSING, SUPPRESSED), 0) for pk in log_pks
    }
    query = select(PeerItem.log_pk, PeerItem.state, func.count()).where(PeerItem.log_pk.in_(log_pks))
    for pk, state, count in await session.execute(query.group_by(PeerItem.log_pk, PeerItem.state)):
        found[pk][state] = count
    return found


async def items_of(
    session: AsyncSession, log_pk: int, *, after: int | None = None, limit: int | None = None
) -> list[PeerItem]:
    """What is not here of a peer, by index."""
    query = select(PeerItem).where(PeerItem.log_pk == log_pk).order_by(PeerItem.idx).limit(limit)
    if after is not None:
        query = query.where(PeerItem.idx > after)
    return list(await session.scalars(query))


async def item_of(session: AsyncSession, log_pk: int, index: int) -> PeerItem | None:
    return await session.get(PeerItem, (log_pk, index))
