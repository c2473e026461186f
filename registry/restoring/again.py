"""Taking back again what a restored backup brought back, from the list beside the keys."""

import asyncio
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.canonical import CODE
from registry.changelog.append import lock
from registry.changelog.tail import head
from registry.extensions import Node
from registry.records.erasure import erase
from registry.records.models import Record
from registry.records.suppression import ERASED, SUPPRESSED, suppress, unsuppress
from registry.transparency.taken_back import UNKNOWN, TakenBack, TakenBackList

RESTORER = Actor(name="restore", scopes=frozenset({Scope.REGISTRY_STEWARD}))
_REASON = "The list beside the keys tells of it, and the database was restored."
_WITHHELD = "An order that the list does not name"


@dataclass(frozen=True, slots=True)
class Again:
    """Ids of the records that were erased, withheld and shown again; `unknown` are those of which the
    database holds nothing.
    """

    erased: tuple[str, ...] = ()
    suppressed: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


async def take_back(node: Node) -> Again | None:
    """Apply the list, in one transaction; None where there is no list. Safe to repeat.

    What is last said of a record holds; an erasure holds whatever is said after it.
    """
    held = TakenBackList(node.settings.keys_folder)
    if not held.there():
        return None
    last: dict[tuple[str, str], TakenBack] = {}
    for line in await asyncio.to_thread(held.read):
        key = line.origin, line.id
        if key not in last or last[key].action != ERASED:
            last[key] = line
    done: dict[str, list[str]] = {"erased": [], "suppressed": [], "shown": [], "unknown": []}
    async with node.database.write() as session:
        await lock(session)
        for line in last.values():
            if became := await _apply(session, line):
                done[became].append(line.id)
        newest = await head(session)
    await node.database.forget_deleted()
    if newest < held.place():
        await asyncio.to_thread(held.begin_at, newest)
    return Again(**{name: tuple(ids) for name, ids in done.items()})


async def _apply(session: AsyncSession, line: TakenBack) -> str | None:
    """What became of the record; None where it is as the list says."""
    query = select(Record).where(Record.origin == line.origin, Record.id == line.id)
    record = await session.scalar(query)
    if record is None:
        return "unknown" if line.action in (ERASED, SUPPRESSED) else None
    if record.erased is not None:
        return None
    named = {"origin": line.origin}
    if line.action == ERASED:
        ground = line.code if line.code and CODE.fullmatch(line.code) else UNKNOWN
        await erase(session, RESTORER, line.id, ground, _REASON, **named)
        return "erased"
    if line.action == SUPPRESSED and record.suppressed is None and record.current + record.shared > 0:
        await suppress(session, RESTORER, line.id, line.code or _WITHHELD, _REASON, **named)
        return "suppressed"
    if line.action not in (ERASED, SUPPRESSED) and record.suppressed is not None:
        await unsuppress(session, RESTORER, line.id, _REASON, **named)
        return "shown"
    return None
