"""The log's verifier keys, as every process shows them: those that sign may be on another machine."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.changelog.append import Entry, append, lock
from registry.changelog.models import NodeFact
from registry.db import Database, now
from registry.transparency.notes import Verifier

FACT = "verifier_keys"
SCOPE = "node"
"""What an answer that describes this registry depends on."""


async def verifier_keys(session: AsyncSession) -> list[str]:
    """The keys that checkpoints are verified with, as text, the newest first."""
    fact = await session.get(NodeFact, FACT)
    return fact.value.split() if fact is not None else []


async def show_verifiers(database: Database, origin: str, verifiers: Sequence[Verifier]) -> None:
    """Let every process show these from now on."""
    shown = [str(each) for each in verifiers]
    async with database.read() as session:
        if await verifier_keys(session) == shown:
            return
    async with database.write() as session:
        await keep_verifiers(session, origin, verifiers)


async def keep_verifiers(session: AsyncSession, origin: str, verifiers: Sequence[Verifier]) -> None:
    """The same, in the transaction of a session that writes."""
    await lock(session)
    fact = await session.scalar(select(NodeFact).where(NodeFact.name == FACT))
    value = "\n".join(str(each) for each in verifiers)
    if fact is None:
        session.add(NodeFact(name=FACT, value=value))
    else:
        fact.value = value
    await append(session, [Entry("node", FACT, origin, origin, "system", now(), scopes=(SCOPE,))])
