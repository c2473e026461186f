from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, Json, UtcDateTime


class Anomaly(Base):
    """Something unusual that an organisation did, and what a steward answered.

    `case` tells what it is a case of, so that it is told once: an hour, a day, or what the rule is about.
    `state` is open or answered; `answer` dismiss or hold. `detail` holds numbers and codes.
    """

    __tablename__ = "anomaly"
    __table_args__ = (
        UniqueConstraint("provider_pk", "rule", "case"),
        Index("ix_anomaly_state", "state", "pk"),
    )

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    provider_pk: Mapped[int] = mapped_column(ForeignKey("provider.pk"))
    rule: Mapped[str] = mapped_column(String(32))
    case: Mapped[str] = mapped_column(String(80))
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(8))
    answer: Mapped[str | None] = mapped_column(String(8))
    answered_by: Mapped[str | None] = mapped_column(String(400))
    reason: Mapped[str | None] = mapped_column(String(500))


class HourCount(Base):
    """How often an organisation did something in one hour: what is usual is read from this."""

    __tablename__ = "hour_count"

    provider_pk: Mapped[int] = mapped_column(ForeignKey("provider.pk"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    action: Mapped[str] = mapped_column(String(16), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    count: Mapped[int]


class KnownNetwork(Base):
    """That a client or person acted from a network, both by keyed hashes: the address itself is not kept
    here.
    """

    __tablename__ = "known_network"

    who: Mapped[str] = mapped_column(String(32), primary_key=True)
    network: Mapped[str] = mapped_column(String(32), primary_key=True)
    provider_pk: Mapped[int] = mapped_column(ForeignKey("provider.pk"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ActivityPlace(Base):
    """How far the log and the audit trail were counted. One row, moved in the transaction that counts."""

    __tablename__ = "activity_place"

    pk: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
