"""Alarms: what an operator has to know of, kept once and told once."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from registry.clock import instant
from registry.db import Database, now, table_of
from registry.errors import Unreached
from registry.federation.lines import tidy
from registry.federation.models import Alarm
from registry.outgoing import fetch
from registry.settings import Settings

ROLLBACK, FORKED, UNPROVEN, UNSIGNED = "rollback", "forked", "unproven", "unsigned"
MISSING, VANISHED, QUARANTINED, KEYS = "missing", "vanished", "quarantined", "keys"
PAUSES = tuple(timedelta(minutes=each) for each in (1, 5, 15, 60, 240, 720, 1440))
_TIMEOUT = 10.0
_ANSWER_BYTES = 64 * 1024
_AT_ONCE = 20

log = structlog.get_logger("candor.federation")


async def raise_alarm(
    session: AsyncSession, origin: str, code: str, text: str, *, key: str = "", **detail: Any
) -> None:
    """Keep an alarm, unless the same is kept already: one for each `key`; one a day where there is none."""
    moment = now()
    row = {
        "origin": origin,
        "code": code,
        "key": (key or moment.date().isoformat())[:64],
        "text": tidy(text, 1000),
        "detail": detail,
        "at": moment,
        "tries": 0,
        "due_at": moment,
    }
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    table = table_of(Alarm)
    made = await session.execute(
        dialect.insert(table).values(row).on_conflict_do_nothing().returning(table.c.pk)
    )
    if made.first() is not None:
        log.warning("alarm", origin=origin, code=code, text=row["text"])


async def tell_due(database: Database, settings: Settings) -> int:
    """Post what is due to the alert hook; answers how many it took. Nothing is lost where there is none: all
    stays with the peers' state. Any number of processes may do so: each alarm is claimed first.
    """
    url = settings.alert_url.get_secret_value() if settings.alert_url else None
    if url is None:
        return 0
    told = 0
    async with database.read() as session:
        due = select(Alarm).where(Alarm.due_at <= now()).order_by(Alarm.due_at).limit(_AT_ONCE)
        waiting = list(await session.scalars(due))
    for alarm in waiting:
        if await _claimed(database, alarm) and await _posted(url, alarm):
            told += 1
            async with database.write() as session:
                done = update(Alarm).where(Alarm.pk == alarm.pk)
                await session.execute(done.values(told_at=now(), due_at=None))
    return told


async def _claimed(database: Database, alarm: Alarm) -> bool:
    """Count the try and set the next before anything is sent: whoever comes second finds nothing due."""
    pause = PAUSES[alarm.tries] if alarm.tries < len(PAUSES) else None
    due = now() + pause if pause is not None else None
    mine = update(Alarm).where(Alarm.pk == alarm.pk, Alarm.tries == alarm.tries, Alarm.told_at.is_(None))
    async with database.write() as session:
        made = await session.execute(mine.values(tries=alarm.tries + 1, due_at=due).returning(Alarm.pk))
        return made.first() is not None


async def _posted(url: str, alarm: Alarm) -> bool:
    body = json.dumps(view(alarm)).encode()
    headers = {"Content-Type": "application/json"}
    try:
        # The operator's own address: it may well lead into the house.
        answer = await fetch(
            url,
            limit=_ANSWER_BYTES,
            timeout=_TIMEOUT,
            method="POST",
            headers=headers,
            body=body,
            allow_private=True,
        )
    except Unreached as error:
        log.warning("the alert hook did not answer", reason=error.extra.get("reason"), tries=alarm.tries + 1)
        return False
    if not 200 <= answer.status < 300:
        log.warning("the alert hook refused", status=answer.status, tries=alarm.tries + 1)
        return False
    return True


def view(alarm: Alarm) -> dict[str, Any]:
    """An alarm as the hook and the operator's view tell it."""
    return {
        "id": alarm.pk,
        "origin": alarm.origin,
        "code": alarm.code,
        "text": alarm.text,
        "detail": alarm.detail,
        "at": instant(alarm.at),
        "told": instant(alarm.told_at) if alarm.told_at else None,
    }


async def newest(session: AsyncSession, origins: Sequence[str], *, limit: int = 20) -> list[Alarm]:
    """The newest alarms about these peers."""
    query = select(Alarm).where(Alarm.origin.in_(origins)).order_by(Alarm.pk.desc()).limit(limit)
    return list(await session.scalars(query))
