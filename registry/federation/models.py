from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, Bytes, Json, UtcDateTime

FOLLOWING, FROZEN, REMOVED = "following", "frozen", "removed"


class Peer(Base):
    """A registry that is followed. Its log is a row of `log`, whose `size` says how far it was read: entries,
    documents and what was made of them move in one transaction.

    `verifiers` are the pinned keys as text, the newest first; nothing else is ever believed. `head` is the
    newest checkpoint that was verified and shown to continue the one before, of `head_size` leaves. `state`
    is following, frozen (it signed what contradicts what it signed before) or removed. From the index
    `cut_off` on nothing is taken: its key was in other hands.

    `due_at` is when it is asked again; whoever asks holds the lease meanwhile. `heard_at` is when it last
    answered with a checkpoint that counts, `failed` how often it did not since then.
    """

    __tablename__ = "peer"

    log_pk: Mapped[int] = mapped_column(ForeignKey("log.pk"), primary_key=True, autoincrement=False)
    url: Mapped[str] = mapped_column(String(2000))
    name: Mapped[str] = mapped_column(String(200))
    verifiers: Mapped[list[str]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(String(16))
    cut_off: Mapped[int | None] = mapped_column(BigInteger)
    head: Mapped[bytes | None] = mapped_column(Bytes)
    head_size: Mapped[int] = mapped_column(BigInteger, default=0)
    head_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    etag: Mapped[str | None] = mapped_column(String(200))
    heard_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    audit_at: Mapped[datetime] = mapped_column(UtcDateTime)
    failed: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[str | None] = mapped_column(String(40))
    error: Mapped[str | None] = mapped_column(String(1000))
    error_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    holder: Mapped[str | None] = mapped_column(String(128))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WitnessedHead(Base):
    """The last checkpoint of a peer's log that was cosigned here, as it was handed in. A pull has to come to
    the same: it is held against this one as well.
    """

    __tablename__ = "witnessed_head"

    log_pk: Mapped[int] = mapped_column(ForeignKey("peer.log_pk"), primary_key=True, autoincrement=False)
    note: Mapped[bytes] = mapped_column(Bytes)
    size: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class PeerItem(Base):
    """An entry of a peer's log whose document is not here, and why.

    `state` is quarantined (what came is not what was promised, or the operator wants none of it), missing
    (nothing came) or suppressed (its registry withholds it by an order). `content` is what came, cut off
    where it is long. `due_at` is when it is asked for again; null where asking again cannot help. An item
    that the operator `released` is taken whatever the cut-off says; nothing releases it from verification.
    """

    __tablename__ = "peer_item"
    __table_args__ = (Index("ix_peer_item_due", "log_pk", "due_at"),)

    log_pk: Mapped[int] = mapped_column(ForeignKey("peer.log_pk"), primary_key=True, autoincrement=False)
    idx: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(16))
    code: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(String(1000))
    content: Mapped[bytes | None] = mapped_column(Bytes)
    tries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    released: Mapped[bool] = mapped_column(default=False)
    since: Mapped[datetime] = mapped_column(UtcDateTime)


class Alarm(Base):
    """What an operator has to know of, once: `key` tells two cases of one code apart.

    `told_at` is when the alert hook took it, `due_at` when it is told next; null once that was given up.
    """

    __tablename__ = "alarm"
    __table_args__ = (UniqueConstraint("origin", "code", "key"), Index("ix_alarm_due_at", "due_at"))

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    origin: Mapped[str] = mapped_column(String(255))
    code: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(String(1000))
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    tries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
