from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, UtcDateTime


class Notice(Base):
    """What somebody outside wrote. `number` is what stewards call it by; who sent it holds the receipt, of
    which only the SHA-256 is kept. `record_id` is the id that it names, be there such a record or not.
    """

    __tablename__ = "notice"
    __table_args__ = (Index("ix_notice_state_at", "state", "at"), Index("ix_notice_record_id", "record_id"))

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    receipt_hash: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    about: Mapped[str] = mapped_column(String(500))
    record_id: Mapped[str | None] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    contact: Mapped[str | None] = mapped_column(String(320))
    language: Mapped[str] = mapped_column(String(35))
    state: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    first_answer_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class NoticeAnswer(Base):
    """What a steward did about a notice, as its sender reads it. `response_id` is a published reply."""

    __tablename__ = "notice_answer"

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    notice_pk: Mapped[int] = mapped_column(ForeignKey("notice.pk"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(400))
    action: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    response_id: Mapped[str | None] = mapped_column(String(16))
