"""What follows a restored backup, before anything serves."""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.changelog.tail import Tail
from registry.extensions import Node
from registry.node import open_node
from registry.restoring.again import Again, take_back
from registry.restoring.lost import Recovered, recover
from registry.settings import Settings
from registry.transparency.entries import log_of
from registry.transparency.keys import load
from registry.transparency.notes import read_checkpoint, read_note
from registry.transparency.sequencer import Sequencer
from registry.transparency.storage import open_storage
from registry.transparency.taken_back import TakenBackList


@dataclass(frozen=True, slots=True)
class Brought:
    """What was done: `taken_back` is None where there is no `list`, `log` where nobody was asked for entries.
    `lost` says what the log still lacks.
    """

    list: str
    taken_back: Again | None
    log: Recovered | None
    lost: str | None


async def bring_back(settings: Settings, sources: Sequence[str], *, provider: str | None = None) -> Brought:
    """Bring back what the log lost, where there are sources, and take back what the list tells of.

    In this order: what was erased since stays so, also where a source hands it over. Raises what
    `registry.restoring.lost.recover` does; then nothing of the list was applied.
    """
    async with open_node(settings) as node:
        recovered = await recover(node, sources, provider=provider) if sources else None
        again = await take_back(node)
        lost = await _lost(node)
        if recovered is not None and lost is None:
            await _enter(node)
        return Brought(str(TakenBackList(settings.keys_folder).path), again, recovered, lost)


async def _lost(node: Node) -> str | None:
    note = load(node.settings, node.origin).signed()
    if note is None:
        return None
    async with node.database.read() as session:
        row = await log_of(session, node.origin)
    held, signed = row.size if row is not None else 0, read_checkpoint(read_note(note).text).size
    if held >= signed:
        return None
    return (
        f"The log lacks {signed - held:,} entries that were signed: nothing is signed until they are back. "
        "Run `candor recover --entries` with a dump, or with the address of a registry that mirrors this one."
    )


async def _enter(node: Node) -> None:
    """Write the log's files, and enter what the list brought."""
    keys = load(node.settings, node.origin)
    if not keys.log:
        return
    sequencer = Sequencer(node.database, node.origin, keys, open_storage(node.settings, node.database))
    tail = Tail(node.database, sequencer)
    try:
        await tail.catch_up()
    finally:
        await tail.give_up()
