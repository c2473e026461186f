"""What an operator does about peers: add, release, cut off, remove."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.audit.service import note
from registry.db import now
from registry.errors import Conflict, Invalid, NotFound, Unreached
from registry.federation.items import item_of, items_of
from registry.federation.lines import CUT_OFF, tidy
from registry.federation.models import FOLLOWING, FROZEN, REMOVED, Peer, PeerItem
from registry.federation.queries import peer_of
from registry.federation.remote import Remote
from registry.transparency.models import Log
from registry.transparency.notes import ED25519, NoteError, Verifier, read_verifier

BY = "cli"
LONGEST_NAME = 200
FIRST_LOOK = timedelta(hours=1)
"""After how long a sample of a new peer's documents is first asked for again."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a registry says of itself. Nothing in it is proven."""

    origin: str
    name: str
    software: str
    keys: tuple[str, ...]


def read_key(text: str) -> Verifier:
    """The key to pin. Raises `Invalid` for what is none that signs a log."""
    try:
        verifier = read_verifier(text)
    except NoteError as error:
        raise Invalid(f"The key cannot be read. {error}") from None
    if verifier.type != ED25519:
        raise Invalid("This is the key of a witness, and no log is signed with it. Ask for the log's key.")
    return verifier


async def describe(remote: Remote) -> Description:
    """What the registry at an address says of itself. Raises `Unreached`."""
    body = await remote.description()
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("origin"), str):
        raise Unreached(f"{remote.url!r} is no registry: /.well-known/candor says nothing of an origin.")
    keys = told.get("verifier_keys")
    listed = keys if isinstance(keys, list) else []
    return Description(
        tidy(told["origin"], 255),
        tidy(str(told.get("name") or ""), LONGEST_NAME),
        tidy(f"{told.get('software', '')} {told.get('version', '')}", 80),
        tuple(tidy(each, 500) for each in listed[:8] if isinstance(each, str)),
    )


async def add(session: AsyncSession, url: str, key: Verifier, name: str, *, own: str) -> Peer:
    """Follow the log of that key at an address.

    A peer that is known already is asked at the new address from now on, and the key counts beside those it
    has; for one that was removed it counts alone. Its log has to continue what was read of it. Raises
    `Conflict` for one that is frozen, and for our own origin.
    """
    origin = key.name
    if origin == own:
        raise Conflict(f"{origin} is this registry itself. Nobody follows its own log.")
    if len(origin) > 255:
        raise Invalid("An origin has at most 255 characters.")
    row = await session.scalar(select(Log).where(Log.origin == origin))
    if row is None:
        row = Log(origin=origin, size=0, frontier=b"", published=0, position=0)
        session.add(row)
        await session.flush()
    moment = now()
    peer = await session.get(Peer, row.pk)
    if peer is None:
        peer = Peer(
            log_pk=row.pk,
            url=url,
            name=name,
            verifiers=[str(key)],
            state=FOLLOWING,
            head_size=0,
            due_at=moment,
            audit_at=moment + FIRST_LOOK,
            failed=0,
            added_at=moment,
        )
        session.add(peer)
    elif peer.state == FROZEN:
        raise Conflict(
            f"{origin} is frozen: it signed two logs that contradict each other, and nothing under its name "
            "can be believed again. Its operator has to begin a new origin; add that one."
        )
    else:
        held = [] if peer.state == REMOVED else [each for each in peer.verifiers if each != str(key)]
        peer.url, peer.name, peer.state = url, name or peer.name, FOLLOWING
        peer.verifiers = [str(key), *held]
        peer.due_at, peer.failed, peer.etag = moment, 0, None
        peer.error_code = peer.error = peer.error_at = None
    await session.flush()
    await _noted(session, "follow", origin, url=url, key=str(key))
    return peer


async def remove(session: AsyncSession, origin: str) -> Peer:
    """Follow a registry no more. What was copied stays, under its own name."""
    peer = await peer_of(session, origin)
    if peer.state == REMOVED:
        raise Conflict(f"{origin} was removed already.")
    if peer.state != FROZEN:
        peer.state = REMOVED
    peer.holder = peer.lease_until = None
    await _noted(session, "unfollow", origin)
    return peer


async def release(session: AsyncSession, origin: str, indices: Sequence[int] | None) -> list[PeerItem]:
    """Let items be tried again now, whatever the cut-off says; all that can be, without `indices`.

    Nothing releases an item from verification. Raises `NotFound` for one that is not set aside, and
    `Conflict` for one that nothing can help.
    """
    peer = await peer_of(session, origin)
    if indices is None:
        chosen = [each for each in await items_of(session, peer.log_pk) if _may_help(each)]
    else:
        chosen = [await _releasable(session, peer, origin, index) for index in indices]
    moment = now()
    for item in chosen:
        item.due_at, item.released = moment, True
    peer.due_at = moment
    await _noted(session, "release", origin, items=[item.idx for item in chosen][:50], count=len(chosen))
    return chosen


async def _releasable(session: AsyncSession, peer: Peer, origin: str, index: int) -> PeerItem:
    item = await item_of(session, peer.log_pk, index)
    if item is None:
        raise NotFound(f"Item {index} of {origin} is not set aside.")
    if not _may_help(item):
        raise Conflict(
            f"Item {index} of {origin} cannot be released: {item.text} It stands so in the log for good, and "
            "asking again changes nothing."
        )
    return item


def _may_help(item: PeerItem) -> bool:
    """Whether asking again may bring an item: not where its leaf itself counts for nothing."""
    return item.due_at is not None or item.code == CUT_OFF


async def cut_off(session: AsyncSession, origin: str, index: int | None) -> Peer:
    """Take nothing from this index on, or lift that. What was taken in before stays."""
    peer = await peer_of(session, origin)
    peer.cut_off = index
    peer.due_at = now()
    await _noted(session, "cut-off", origin, index=index)
    return peer


async def _noted(session: AsyncSession, action: str, origin: str, **detail: Any) -> None:
    await note(session, Actor(name=BY), "peer", action, origin, **detail)
