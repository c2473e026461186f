from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, UtcDateTime


class ScreeningHit(Base):
    """One thing that screening found in a record's draft, and what became of it.

    `number` counts within the record. `state` is open, resolved or gone: a hit is gone when the text that it
    was about is. `resolved_by` and `reason` outlive that, so that a text that comes back stays resolved.
    """

    __tablename__ = "screening_hit"
    __table_args__ = (
        UniqueConstraint("record_pk", "number"),
        UniqueConstraint("record_pk", "key"),
        Index("ix_screening_hit_stewards", "stewards_only", "state", "at"),
    )

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"))
    number: Mapped[int]
    rule: Mapped[str] = mapped_column(String(32))
    pointer: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(String(500))
    suggestion: Mapped[str] = mapped_column(String(500))
    key: Mapped[str] = mapped_column(String(64))
    stewards_only: Mapped[bool]
    state: Mapped[str] = mapped_column(String(8))
    resolved_by: Mapped[str | None] = mapped_column(String(400))
    reason: Mapped[str | None] = mapped_column(String(1000))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class IndicatorMark(Base):
    """That a record holds an indicator, or bears a name without being public: a keyed hash of its normal
    form, which tells nothing by itself.

    `hidden` ones stand in restricted parts, which a reader of the record need not see, and `draft` ones in a
    draft alone that was handed in.
    """

    __tablename__ = "indicator_mark"
    __table_args__ = (Index("ix_indicator_mark_mark", "mark"),)

    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), primary_key=True)
    mark: Mapped[str] = mapped_column(String(64), primary_key=True)
    hidden: Mapped[bool]
    draft: Mapped[bool] = mapped_column(default=False)
