from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, Json, UtcDateTime


class Provider(Base):
    """An organisation, or a researcher, that publishes here.

    `state` is a `registry.providers.onboarding.State`, `kind` a `registry.providers.onboarding.Kind`.
    `four_eyes` asks for somebody else than a draft's authors to approve and to publish it. A steward's hold
    (`held_at`, `hold_reason`) lets it write and publish nothing. `applied_as` is the slug that an application
    had before it was admitted: its sender has no other.
    """

    __tablename__ = "provider"

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    domain: Mapped[str | None] = mapped_column(String(253))
    domain_verified: Mapped[bool] = mapped_column(default=False)
    sector: Mapped[str | None] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(16), default="organisation")
    usage_policy: Mapped[str | None] = mapped_column(String(500))
    contact: Mapped[str | None] = mapped_column(String(320))
    four_eyes: Mapped[bool] = mapped_column(default=False)
    held_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    hold_reason: Mapped[str | None] = mapped_column(String(500))
    applied_as: Mapped[str | None] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Client(Base):
    """A machine that acts for a provider. Only the hash of its secret is kept."""

    __tablename__ = "client"

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    provider_pk: Mapped[int] = mapped_column(ForeignKey("provider.pk"), index=True)
    client_id: Mapped[str] = mapped_column(String(128), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(255))
    scopes: Mapped[list[str]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
