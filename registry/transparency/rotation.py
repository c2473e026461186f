"""The log's keys over time: the first one, a new one beside it, and the end of the old one.

A change of keys is an entry of the log that both keys signed. From then on both sign checkpoints, so that
whoever has pinned the old one follows on and learns of the new one; the operator ends that.
"""

import secrets
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.changelog.append import Entry, append, lock
from registry.changelog.models import Change
from registry.db import Database, now
from registry.durable import write_whole
from registry.errors import Conflict, Misconfigured
from registry.settings import Settings
from registry.transparency.entries import log_of
from registry.transparency.keys import LOG_KEY, NEXT_KEY, Keys, load, prepare, private_text, write_log_keys
from registry.transparency.leaves import KeysLeaf
from registry.transparency.models import LogEntry
from registry.transparency.notes import Signer, Verifier
from registry.transparency.sequencer import KEYS, TOPIC
from registry.transparency.verifiers import keep_verifiers, show_verifiers, verifier_keys


@dataclass(frozen=True, slots=True)
class Shown:
    """A key of the log as operators see it. `announced` is whether the log tells of it, or it is the first;
    `signing` whether it is the newest.
    """

    verifier: Verifier
    signing: bool
    announced: bool


async def ready_keys(settings: Settings, database: Database, origin: str) -> Keys:
    """The keys of a registry, made where it never had any. Safe to repeat.

    None of the log where it is signed with keys that are not here: this machine then serves the log and
    writes none, for nobody who follows it would believe another key. Raises `Misconfigured` for a key that is
    of another origin, or open to others.
    """
    async with database.read() as session:
        known = await verifier_keys(session)
        row = await log_of(session, origin)
    if known or (row is not None and row.checkpoint is not None):
        keys = load(settings, origin)
        if not keys.log:
            return keys
    keys = prepare(settings, origin)
    await show_verifiers(database, origin, keys.verifiers)
    return keys


async def rotate(settings: Settings, database: Database, origin: str) -> Verifier:
    """Make a new key, and let the log say so; answers it. Both sign from now on.

    Raises `Conflict` while two overlap already. Where the environment brings the keys, they are for the
    operator to put there: the new one is written beside, and `Misconfigured` says where.
    """
    keys = _held(settings, origin)
    async with database.write() as session:
        await lock(session)
        new = keys.log[0]
        if len(keys.log) == 1:
            new = Signer(origin, secrets.token_bytes(32))
            if keys.given:
                raise _to_the_environment(keys, new)
        elif await _announced(session, origin, new.verifier) is not None:
            raise Conflict("Two keys overlap already. Retire the older one first: `candor key retire`.")
        signers = (new, *(each for each in keys.log if each != new))
        await _announce(session, origin, signers[1], new)
        await keep_verifiers(session, origin, [each.verifier for each in signers])
        if not keys.given:
            # Before the commit: the log may not tell of a key that nobody has. One that it does not tell of
            # is told of when this is done again.
            write_log_keys(keys.folder, signers)
    return new.verifier


async def retire(settings: Settings, database: Database, origin: str) -> Verifier:
    """Let the newest key alone sign from now on; answers it. The older ones are destroyed.

    Raises `Conflict` where there is one only, or where no checkpoint covers the change of keys yet.
    """
    keys = _held(settings, origin)
    if len(keys.log) == 1:
        raise Conflict("There is one key only. `candor key rotate` makes the next one.")
    newest = keys.log[0]
    async with database.write() as session:
        seq = await _announced(session, origin, newest.verifier)
        if seq is None or not await _published(session, origin, seq):
            raise Conflict(
                "No signed checkpoint covers the change of keys yet: nobody could have learnt of the new "
                "one. Try again in a moment, while the registry runs."
            )
        if keys.given:
            raise Misconfigured(
                "The keys come from CANDOR_LOG_KEY: leave the first one there, and start the registry again."
            )
        await keep_verifiers(session, origin, [newest.verifier])
        write_log_keys(keys.folder, [newest])
    return newest.verifier


async def shown(session: AsyncSession, keys: Keys, origin: str) -> list[Shown]:
    """The log's keys, the newest first."""
    last = len(keys.log) - 1
    return [
        Shown(
            each.verifier,
            place == 0,
            place == last or await _announced(session, origin, each.verifier) is not None,
        )
        for place, each in enumerate(keys.log)
    ]


def _held(settings: Settings, origin: str) -> Keys:
    keys = load(settings, origin)
    if not keys.log:
        raise Misconfigured(
            f"The log's key is not here: {settings.keys_folder / LOG_KEY}. Run this where the log is signed, "
            "or bring the key back from where you keep it."
        )
    return keys


def _to_the_environment(keys: Keys, new: Signer) -> Misconfigured:
    path = keys.folder / NEXT_KEY
    keys.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, f"{private_text(new)}\n".encode())
    return Misconfigured(
        f"The keys come from CANDOR_LOG_KEY. A new one is in {path}: put it before the old one there, with a "
        "space between, start the registry again, and run `candor key rotate` once more."
    )


async def _announce(session: AsyncSession, origin: str, old: Signer, new: Signer) -> None:
    leaf = KeysLeaf.make(origin, old, new)
    detail = {"entry": leaf.encode().decode(), "new": str(new.verifier)}
    await append(session, [Entry(TOPIC, KEYS, origin, origin, "cli", now(), detail=detail)])


async def _announced(session: AsyncSession, origin: str, key: Verifier) -> int | None:
    """The change with which the log tells of a key."""
    query = select(Change.seq, Change.detail).where(
        Change.topic == TOPIC, Change.action == KEYS, Change.origin == origin
    )
    for seq, detail in await session.execute(query.order_by(Change.seq.desc())):
        if detail.get("new") == str(key):
            return int(seq)
    return None


async def _published(session: AsyncSession, origin: str, seq: int) -> bool:
    row = await log_of(session, origin)
    if row is None:
        return False
    query = select(LogEntry.idx).where(LogEntry.log_pk == row.pk, LogEntry.seq == seq)
    index = await session.scalar(query)
    return index is not None and index < row.published
