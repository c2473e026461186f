from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, Json, UtcDateTime


class Act(Base):
    """Who did what, when, from where. Append-only: triggers refuse to change or remove a row.

    Never content, and never a plain digest of it: what was done to a version is told by its number and its
    salted commitment, so that erasing the version leaves nothing here. `provider_pk` is the organisation
    whose administrators may read the row; stewards read all.
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_provider", "provider_pk", "pk"),
        Index("ix_audit_subject", "topic", "subject"),
        {"sqlite_autoincrement": True},
    )

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(400))
    actor_provider: Mapped[str | None] = mapped_column(String(64))
    provider_pk: Mapped[int | None] = mapped_column(ForeignKey("provider.pk"))
    topic: Mapped[str] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(400))
    version: Mapped[str | None] = mapped_column(String(16))
    commit: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(64))
    request: Mapped[str | None] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
