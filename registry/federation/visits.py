"""A visit to a peer: a pull, and what comes of it that an operator has to know. Whatever goes wrong concerns
this peer alone, and leaves it read as far as it was.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from registry.db import now
from registry.errors import Unreached
from registry.extensions import Node
from registry.federation import alarms
from registry.federation.again import ask_again, look
from registry.federation.evidence import evidence_of, keep
from registry.federation.heads import Forked, Rollback
from registry.federation.leases import LeaseLost, leased
from registry.federation.lines import tidy
from registry.federation.models import FOLLOWING, FROZEN, Peer
from registry.federation.pull import AT_ONCE, Place, Pull, Told
from registry.federation.remote import Remote
from registry.federation.taking import Overtaken, Taken
from registry.records.api_shared import desk_of
from registry.settings import Settings
from registry.transparency.models import Log
from registry.transparency.notes import NoteError, read_verifier
from registry.transparency.storage import open_storage
from registry.transparency.verified import TileError

LONGEST_PAUSE = timedelta(minutes=15)
CACHED = timedelta(seconds=15)
_SPREAD = 0.2
"""How much sooner or later than planned a peer is asked: those who started together spread out."""

log = structlog.get_logger("candor.federation")


@dataclass(slots=True)
class Visited:
    """What a visit came to. `code` and `error` say what went wrong, `busy` that another process is there."""

    origin: str
    taken: Taken = field(default_factory=Taken)
    regained: int = 0
    requests: int = 0
    code: str | None = None
    error: str | None = None
    busy: bool = False


Open = Callable[[str], Remote]


def opening(settings: Settings) -> Open:
    """How peers are asked."""
    return lambda url: Remote(url, allow_private=settings.federation_allow_private)


async def visit(
    node: Node,
    log_pk: int,
    holder: str,
    *,
    at_once: int = AT_ONCE,
    told: Told | None = None,
    open_remote: Open | None = None,
) -> Visited:
    """Read what is new at a peer, ask again for what is due, and set when it is visited next."""
    async with node.database.read() as session:
        peer, row = await session.get_one(Peer, log_pk), await session.get_one(Log, log_pk)
    visited = Visited(row.origin)
    if peer.state != FOLLOWING:
        visited.code, visited.error = peer.state, _why_not(peer)
        return visited
    async with leased(node.database, log_pk, holder) as won:
        if not won:
            visited.busy = True
            return visited
        remote = (open_remote or opening(node.settings))(peer.url)
        storage = open_storage(node.settings, node.database)
        place = Place(node.database, storage, await desk_of(node), holder)
        pull = Pull(place, remote, log_pk, at_once, told, visited.taken)
        try:
            await pull.run()
            visited.regained = await ask_again(place, remote, log_pk)
            if peer.audit_at <= now():
                await look(place, remote, log_pk, timedelta(minutes=node.settings.follow_audit_minutes))
        except (LeaseLost, Overtaken) as error:
            visited.busy = True
            log.info("another process follows a peer", origin=row.origin, why=str(error))
        except Exception as error:
            visited.code, visited.error = await failed(node, log_pk, row.origin, error)
        else:
            await _heard(node, log_pk)
        visited.requests = remote.requests
    return visited


async def _heard(node: Node, log_pk: int) -> None:
    async with node.database.write() as session:
        peer = await session.get_one(Peer, log_pk)
        peer.heard_at, peer.failed = now(), 0
        peer.error_code = peer.error = peer.error_at = None
        peer.due_at = peer.heard_at + _spread(timedelta(seconds=node.settings.follow_seconds))


async def failed(node: Node, log_pk: int, origin: str, error: Exception) -> tuple[str, str]:
    """Keep what went wrong; answers its code and its text."""
    code, text = _named(error)
    async with node.database.write() as session:
        peer = await session.get_one(Peer, log_pk)
        if isinstance(error, Forked):
            await _freeze(session, node, peer, origin, error)
        elif alarm := _alarm(code, peer):
            key = error.shown.root.hex() if isinstance(error, Rollback) else ""
            await alarms.raise_alarm(session, origin, alarm, text, key=key)
        peer.failed += 1
        peer.error_code, peer.error, peer.error_at = code, text, now()
        pause = timedelta(seconds=node.settings.follow_seconds) * 2 ** min(peer.failed, 20)
        peer.due_at = now() + _spread(min(pause, LONGEST_PAUSE))
    if code == "error":
        log.error("following failed", origin=origin, exc_info=error)
    else:
        log.warning("a peer was not followed further", origin=origin, code=code, why=text)
    return code, text


def _alarm(code: str, peer: Peer) -> str | None:
    """The alarm that a failure raises. What a cache on the way explains raises none: it may hold a checkpoint
    for seconds longer than the one that was seen, or not have heard of a tile.
    """
    match code:
        case "unsigned":
            return alarms.UNSIGNED
        case "rollback" if peer.head_at is None or now() - peer.head_at > CACHED:
            return alarms.ROLLBACK
        case "tiles" if peer.error_code == code:
            return alarms.UNPROVEN
        case _:
            return None


def _named(error: Exception) -> tuple[str, str]:
    match error:
        case Unreached():
            return str(error.extra.get("reason") or error.code), tidy(error.detail, 1000)
        case Forked():
            return "forked", tidy(str(error), 1000)
        case Rollback():
            return "rollback", tidy(str(error), 1000)
        case NoteError():
            return "unsigned", tidy(str(error), 1000)
        case TileError():
            return "tiles", tidy(f"The log's files do not prove its checkpoint. {error}", 1000)
        case _:
            return "error", f"This registry could not take it in ({type(error).__name__}); its log says more."


async def _freeze(session: AsyncSession, node: Node, peer: Peer, origin: str, forked: Forked) -> None:
    """Follow a registry no further that signed two logs, and keep what proves it: as a file, and with the
    alarm, since processes of one registry may run on several machines.
    """
    proof = evidence_of(forked, [read_verifier(each) for each in peer.verifiers])
    path = keep(node.settings.data / "evidence", proof)
    peer.state = FROZEN
    text = f"{forked} It is not followed any more; {path} proves it."
    key = forked.shown.root.hex()
    await alarms.raise_alarm(session, origin, alarms.FORKED, text, key=key, file=str(path), evidence=proof)
    log.error("a registry signed two logs", origin=origin, evidence=str(path))


def _why_not(peer: Peer) -> str:
    if peer.state == FROZEN:
        return f"It is frozen: {peer.error or 'it signed two logs.'}"
    return "It was removed. Add it again to follow it."


def _spread(pause: timedelta) -> timedelta:
    return pause * random.uniform(1 - _SPREAD, 1 + _SPREAD)
