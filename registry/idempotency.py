"""`Idempotency-Key`: a POST that is repeated answers what it answered, and is not done twice.

The answer is stored in the transaction that does the work, so that a crash leaves both or neither. It may
hold a secret that is shown once, so it is sealed under a key that is made from the client's own: what is
stored opens for nobody else. The form follows draft-ietf-httpapi-idempotency-key-header.
"""

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from litestar import Response
from sqlalchemy import String, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from registry.actor import Actor
from registry.canonical import forbidden_characters
from registry.changelog.append import lock
from registry.db import Base, Bytes, UtcDateTime, now
from registry.errors import Conflict, Malformed
from registry.extensions import Node
from registry.http import BODY_DIGEST, AnyRequest

HEADER = "Idempotency-Key"
LONGEST = 255
KEPT = timedelta(hours=24)
Work = Callable[[AsyncSession], Awaitable[Response[Any]]]


class Replay(Base):
    """An answer that was given, by the digest of who asked under which key."""

    __tablename__ = "replay"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    asked: Mapped[str] = mapped_column(String(64))
    answer: Mapped[bytes] = mapped_column(Bytes)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


async def once(request: AnyRequest, node: Node, actor: Actor, work: Work) -> Response[Any]:
    """Do `work` in a write transaction, or answer what the same request under the same key was answered.

    The body must have been read by `registry.http.read_body` already. Raises `Conflict` when the key was used
    for another request, `Malformed` for a key that cannot be one. An error is not stored: it changed nothing,
    and may be tried again.
    """
    key = key_of(request)
    if key is None:
        async with node.database.write() as session:
            return await work(session)
    # Anonymous senders share no name: a key of theirs opens an answer only with the same body.
    mine = _mac(node.secret, actor.name, str(actor.provider), key)
    body = request.scope["state"].get(BODY_DIGEST, "")
    asked = _mac(node.secret, request.method, str(request.url), body)
    if not actor.known:
        mine = _mac(node.secret, mine, asked)
    sealed = Fernet(_sealing_key(node.secret, actor.name, key))
    async with node.database.write() as session:
        # Two that come at once would both find nothing: the second waits here for the first to commit.
        await lock(session)
        earlier = await session.scalar(select(Replay).where(Replay.key == mine))
        if earlier is not None and earlier.at > now() - KEPT:
            return _replayed(earlier, asked, sealed)
        await session.execute(delete(Replay).where(Replay.at <= now() - KEPT))
        response = await work(session)
        session.add(Replay(key=mine, asked=asked, answer=sealed.encrypt(_packed(response)), at=now()))
        return response


async def once_in(
    session: AsyncSession,
    node: Node,
    actor: Actor,
    key: str,
    asked: str,
    work: Callable[[], Awaitable[Any]],
) -> Any:
    """Do a part of a request in the transaction at hand, or answer what it was answered before.

    `key` is the request's with what tells its parts apart, `asked` the digest of the part. Takes and answers
    what JSON holds. Raises `Conflict` when the key was used for something else.
    """
    mine = _mac(node.secret, actor.name, str(actor.provider), key)
    of_part = _mac(node.secret, "part", asked)
    sealed = Fernet(_sealing_key(node.secret, actor.name, key))
    await lock(session)
    earlier = await session.scalar(select(Replay).where(Replay.key == mine))
    if earlier is not None and earlier.at > now() - KEPT:
        if not hmac.compare_digest(earlier.asked, of_part):
            raise Conflict("This Idempotency-Key was used for another request. Take a new one.")
        return msgspec.json.decode(sealed.decrypt(earlier.answer))
    if earlier is not None:
        await session.delete(earlier)
        await session.flush()
    answer = await work()
    kept = sealed.encrypt(msgspec.json.encode(answer))
    session.add(Replay(key=mine, asked=of_part, answer=kept, at=now()))
    return answer


def key_of(request: AnyRequest) -> str | None:
    """The request's Idempotency-Key. Raises `Malformed` for what cannot be one."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    # The draft has it as a structured string, in quotes; most clients send it bare.
    key = key.strip().removeprefix('"').removesuffix('"')
    if not 1 <= len(key) <= LONGEST or forbidden_characters(key):
        raise Malformed(f"An Idempotency-Key has 1 to {LONGEST} characters, such as a UUID.")
    return key


def _replayed(earlier: Replay, asked: str, sealed: Fernet) -> Response[Any]:
    if not hmac.compare_digest(earlier.asked, asked):
        raise Conflict("This Idempotency-Key was used for another request. Take a new one.")
    try:
        status, media_type, headers, body = msgspec.json.decode(sealed.decrypt(earlier.answer))
    except InvalidToken:
        raise RuntimeError("a stored answer does not open under its own key") from None
    return Response(
        body.encode(),
        status_code=status,
        media_type=media_type,
        headers={**headers, "Idempotency-Replayed": "true"},
    )


def _packed(response: Response[Any]) -> bytes:
    body = response.content if isinstance(response.content, bytes) else msgspec.json.encode(response.content)
    return msgspec.json.encode(
        (response.status_code, str(response.media_type), dict(response.headers), body.decode("utf-8"))
    )


def _mac(secret: bytes, *parts: str) -> str:
    return hmac.new(secret, "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def _sealing_key(secret: bytes, name: str, key: str) -> bytes:
    return base64.urlsafe_b64encode(
        hmac.new(secret, f"seal\n{name}\n{key}".encode(), hashlib.sha256).digest()
    )
