from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, Json, NullableJson, UtcDateTime


class ProviderKey(Base):
    """A public Ed25519 key with which an organisation signs what it publishes. `kid` is its thumbprint (RFC
    7638). One that ended stays, with its period: what it signed meanwhile still counts.
    """

    __tablename__ = "provider_key"
    __table_args__ = (UniqueConstraint("provider_pk", "kid"),)

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    provider_pk: Mapped[int] = mapped_column(ForeignKey("provider.pk"))
    kid: Mapped[str] = mapped_column(String(64))
    jwk: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DraftSignature(Base):
    """An organisation's signature of a draft's bytes, of which `digest` is the SHA-256. It goes with them:
    where they change, it is dropped; where they are published, it becomes a `VersionSignature`.
    """

    __tablename__ = "draft_signature"

    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), primary_key=True)
    provider_pk: Mapped[int] = mapped_column(ForeignKey("provider.pk"), primary_key=True, index=True)
    key_pk: Mapped[int] = mapped_column(ForeignKey("provider_key.pk"))
    digest: Mapped[str] = mapped_column(String(64))
    jws: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class VersionSignature(Base):
    """A signature of a published version, our own or another registry's.

    `provider` is the organisation's slug as the document shows it, `domain` its domain. `jwk` is the key that
    it was verified with here; null for one that another registry sent along and nobody here could verify.
    """

    __tablename__ = "version_signature"
    __table_args__ = (Index("ix_version_signature_version", "version_pk"),)

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    version_pk: Mapped[int] = mapped_column(ForeignKey("version.pk"))
    provider: Mapped[str | None] = mapped_column(String(64))
    domain: Mapped[str | None] = mapped_column(String(253))
    kid: Mapped[str] = mapped_column(String(128))
    jwk: Mapped[dict[str, Any] | None] = mapped_column(NullableJson)
    jws: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
