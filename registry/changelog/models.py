from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, Json, UtcDateTime


class Change(Base):
    """One row of the changelog.

    `seq` is internal and never leaves: its gaps would tell of drafts and embargoes. `public_seq` is the dense
    public sequence from 1, present only on changes that everybody may know of. `scopes` names what a reader's
    cached answers may depend on (`record:CIR-…`, `tag:misuse:fraud`, …).
    """

    __tablename__ = "changelog"
    __table_args__ = (
        Index("ix_changelog_subject", "topic", "subject"),
        Index("ix_changelog_at", "at"),
        {"sqlite_autoincrement": True},
    )

    seq: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    public_seq: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    topic: Mapped[str] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(32))
    origin: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    version: Mapped[int | None]
    kind: Mapped[str | None] = mapped_column(String(32))
    actor: Mapped[str] = mapped_column(String(255))
    scopes: Mapped[list[str]] = mapped_column(Json)
    detail: Mapped[dict[str, Any]] = mapped_column(Json)


class Counter(Base):
    """A number that only grows, raised under the changelog's lock. A PostgreSQL sequence would leave gaps."""

    __tablename__ = "counter"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


class ReaderState(Base):
    """Where one reader of the log stands, and which process reads for it until when."""

    __tablename__ = "reader"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
    holder: Mapped[str | None] = mapped_column(String(128))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None]
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SetAside(Base):
    """A record that a reader of the log could not deal with, and why: it went on without it. Entered and
    taken out by the reader alone. A reason quotes nothing of the record: erasing it destroys no row here.
    """

    __tablename__ = "set_aside"

    reader: Mapped[str] = mapped_column(String(64), primary_key=True)
    origin: Mapped[str] = mapped_column(String(255), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    reason: Mapped[str]
    since: Mapped[datetime] = mapped_column(UtcDateTime)


class NodeFact(Base):
    """What `init` fixed for good: the origin and the secret from which ids of imported items are derived. And
    what every process shows of this registry, wherever its keys are: the log's verifier keys.
    """

    __tablename__ = "node"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str]
