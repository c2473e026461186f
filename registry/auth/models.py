from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, Bytes, Json, UtcDateTime


class Token(Base):
    """A token, by its SHA-256: the token itself is not kept anywhere. `id` is what people call it by.

    `purpose` says what it opens (`registry.auth.tokens.Purpose`): a key for a feed is no access token. It
    acts for `provider_pk`; `client_pk` or `person_pk` name who holds it.
    """

    __tablename__ = "token"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(16), unique=True)
    name: Mapped[str | None] = mapped_column(String(100))
    purpose: Mapped[str] = mapped_column(String(16))
    client_pk: Mapped[int | None] = mapped_column(ForeignKey("client.pk"), index=True)
    provider_pk: Mapped[int | None] = mapped_column(ForeignKey("provider.pk"), index=True)
    person_pk: Mapped[int | None] = mapped_column(ForeignKey("person.pk"), index=True)
    scopes: Mapped[list[str]] = mapped_column(Json)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Assertion(Base):
    """A client assertion that was used (RFC 7523), so that it is not used again while it is valid."""

    __tablename__ = "assertion"

    client_pk: Mapped[int] = mapped_column(ForeignKey("client.pk"), primary_key=True, autoincrement=False)
    jti_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Person(Base):
    """Somebody who may sign in. Nobody chooses a password: there is none to lose.

    `email` is normalised (`registry.auth.people.address`). `totp_sealed` opens under a key made from the
    registry's secret; `totp_step` is the last time step that was used; `recovery` holds hashes of codes.
    """

    __tablename__ = "person"

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str | None] = mapped_column(String(200))
    steward: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    totp_sealed: Mapped[bytes | None] = mapped_column(Bytes)
    totp_confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    totp_step: Mapped[int | None]
    recovery: Mapped[list[str]] = mapped_column(Json, default=list)


class Identity(Base):
    """A person as an OpenID provider knows them: its issuer and its subject, never the mail address alone."""

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    person_pk: Mapped[int] = mapped_column(ForeignKey("person.pk"), index=True)
    issuer: Mapped[str] = mapped_column(String(400))
    subject: Mapped[str] = mapped_column(String(255))
    linked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Membership(Base):
    """A person's roles (`registry.auth.roles.Role`) in an organisation."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("person_pk", "provider_pk"),)

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    person_pk: Mapped[int] = mapped_column(ForeignKey("person.pk"))
    provider_pk: Mapped[int] = mapped_column(ForeignKey("provider.pk"), index=True)
    roles: Mapped[list[str]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PersonSession(Base):
    """A browser that somebody signed in with, by the SHA-256 of its cookie.

    `provider_pk` is the organisation acted for. `method` says how they signed in (`link`, `oidc`).
    """

    __tablename__ = "session"

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    id_hash: Mapped[str] = mapped_column(String(64), unique=True)
    person_pk: Mapped[int] = mapped_column(ForeignKey("person.pk"), index=True)
    provider_pk: Mapped[int | None] = mapped_column(ForeignKey("provider.pk"))
    method: Mapped[str] = mapped_column(String(16))
    second_factor: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Link(Base):
    """A one-time link, by the SHA-256 of its token."""

    __tablename__ = "link"

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    person_pk: Mapped[int] = mapped_column(ForeignKey("person.pk"), index=True)
    purpose: Mapped[str] = mapped_column(String(16))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Visit(Base):
    """Somebody on their way through an OpenID provider, by the SHA-256 of their cookie.

    State, nonce and verifier are made from the cookie and the registry's secret, so none is kept.
    """

    __tablename__ = "visit"

    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kept: Mapped[dict[str, Any]] = mapped_column(Json)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
