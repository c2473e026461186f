from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, Json, UtcDateTime


class Provider(Base):
    """An organisation, or a researcher, that publishes here.

    `state` is a `registry.providers.onboarding.State`, `kind` a `registry.providers.onboarding.Kind`.
    `four_eyes` asks for somebody else than a draft's authors to approve and to publish it. A steward's hold
    (`held_at`, `hold_reason`) lets it write and publish nothing. `applied_as` is the slug that an application
    had before it was admitted: its sender has no other. `approved_at` is the first time: before, nobody else
    may know of it. `decided_at` and `reason` are the last decision's.
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
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Application(Base):
    """What came with an application: the slug wished for, a note to the stewards, and whose it is.

    `sender` is a keyed digest of the address that it came from: several of one sender are counted, and no
    address is kept.
    """

    __tablename__ = "application"

    provider_pk: Mapped[int] = mapped_column(ForeignKey("provider.pk"), primary_key=True, autoincrement=False)
    wished: Mapped[str] = mapped_column(String(64))
    note: Mapped[str | None] = mapped_column(String(2000))
    sender: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Client(Base):
    """A machine that acts for a provider, with as many live secrets and keys as a rotation needs."""

    __tablename__ = "client"

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    provider_pk: Mapped[int] = mapped_column(ForeignKey("provider.pk"), index=True)
    client_id: Mapped[str] = mapped_column(String(128), unique=True)
    name: Mapped[str | None] = mapped_column(String(120))
    scopes: Mapped[list[str]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ClientSecret(Base):
    """A client's secret, by its hash. `id` is what people call it by."""

    __tablename__ = "client_secret"

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(16), unique=True)
    client_pk: Mapped[int] = mapped_column(ForeignKey("client.pk"), index=True)
    secret_hash: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ClientKey(Base):
    """A public key with which a client signs its assertions. `alg` is the one algorithm it is good for."""

    __tablename__ = "client_key"
    __table_args__ = (UniqueConstraint("client_pk", "kid"),)

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    client_pk: Mapped[int] = mapped_column(ForeignKey("client.pk"))
    kid: Mapped[str] = mapped_column(String(128))
    alg: Mapped[str] = mapped_column(String(16))
    jwk: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
