"""How many drafts an organisation may begin in a day. The row is the lock: two at once cannot both take the
last one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from registry.db import now, table_of
from registry.errors import TooMany
from registry.records.models import DraftQuota

_POLICY = "drafts"


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a day's drafts: `limit` a day, `left` of them, `seconds` until it begins anew."""

    limit: int
    left: int
    seconds: int

    def headers(self) -> dict[str, str]:
        """draft-ietf-httpapi-ratelimit-headers: the policy, and where the sender stands in it."""
        day = int(timedelta(days=1).total_seconds())
        return {
            "RateLimit-Policy": f'"{_POLICY}";q={self.limit};w={day}',
            "RateLimit": f'"{_POLICY}";r={self.left};t={self.seconds}',
        }


async def count_draft(session: AsyncSession, provider: int, limit: int) -> None:
    """Count one more draft. Raises `TooMany` when the day's are used up; what fails later is not counted."""
    day, seconds = _today()
    table = table_of(DraftQuota)
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    begun = await session.execute(
        make(table)
        .values(provider_pk=provider, day=day, used=0)
        .on_conflict_do_nothing(index_elements=["provider_pk", "day"])
        .returning(table.c.used)
    )
    if begun.first() is not None:
        await session.execute(delete(table).where(table.c.provider_pk == provider, table.c.day < day))
    mine = (table.c.provider_pk == provider, table.c.day == day, table.c.used < limit)
    taken = await session.execute(
        update(table).where(*mine).values(used=table.c.used + 1).returning(table.c.used)
    )
    if taken.first() is None:
        raise TooMany(
            f"Your organisation began {limit:,} drafts today, which is the most. "
            "Go on tomorrow (UTC), or ask the operator for more.",
            retry_after=seconds,
        )


async def drafts_left(session: AsyncSession, provider: int | None, limit: int) -> Left:
    """What is left of today."""
    day, seconds = _today()
    row = await session.get(DraftQuota, (provider, day), populate_existing=True) if provider else None
    return Left(limit, max(0, limit - (row.used if row else 0)), seconds)


def _today() -> tuple[str, int]:
    moment = now()
    midnight = datetime(moment.year, moment.month, moment.day, tzinfo=UTC) + timedelta(days=1)
    return moment.date().isoformat(), max(1, int((midnight - moment).total_seconds()))
