from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, UtcDateTime


class SharingGroup(Base):
    """A circle of organisations. `slug` is what `handling.groups` names.

    A group that was closed keeps its row: were its name given out again, whoever took it would read what the
    circle before was sent.
    """

    __tablename__ = "sharing_group"

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    owner_pk: Mapped[int] = mapped_column(ForeignKey("provider.pk"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class GroupMember(Base):
    """An organisation's place in a group: `state` is a `membership.Place`. Who left or was removed has no
    row.
    """

    __tablename__ = "group_member"
    __table_args__ = (Index("ix_group_member_provider", "provider_pk", "state"),)

    group_pk: Mapped[int] = mapped_column(ForeignKey("sharing_group.pk"), primary_key=True)
    provider_pk: Mapped[int] = mapped_column(ForeignKey("provider.pk"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
