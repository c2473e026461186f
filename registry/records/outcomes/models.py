from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base
from registry.records.outcomes.claims import LONGEST_POINTER, LONGEST_SUBJECT


class Outcome(Base):
    """What the newest public version of a record reports of a safeguard (`claims.Claim`). A mitigation has a
    row 0 that reports nothing and says what it is.

    `target_origin` and `target_id` name the mitigation record that is spoken of, here or not.
    """

    __tablename__ = "outcome"
    __table_args__ = (Index("ix_outcome_target", "target_id", "target_origin"),)

    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    pointer: Mapped[str] = mapped_column(String(LONGEST_POINTER))
    outcome: Mapped[str] = mapped_column(String(16))
    safeguard: Mapped[str | None] = mapped_column(String(255))
    target_origin: Mapped[str | None] = mapped_column(String(255))
    target_id: Mapped[str | None] = mapped_column(String(16))
    inherits: Mapped[bool]
    measured: Mapped[bool]


class OutcomeSubject(Base):
    """What an outcome is found by: in the role `against` a tag or a record, in the role `with` a safeguard's
    term. The broader tags that a path names have rows, too; those that only a vocabulary knows have none, so
    that rows follow from their document alone.
    """

    __tablename__ = "outcome_subject"
    __table_args__ = (Index("ix_outcome_subject_subject", "subject", "role"),)

    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(String(8), primary_key=True)
    subject: Mapped[str] = mapped_column(String(LONGEST_SUBJECT), primary_key=True)


class RecordPublisher(Base):
    """Who publishes a record that reports outcomes, as its newest public version shows it. Nobody that is
    named has no slug. `domain` is there where it is proven: stamped by this registry, or signed for.
    """

    __tablename__ = "record_publisher"

    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str | None] = mapped_column(String(64))
    domain: Mapped[str | None] = mapped_column(String(253))
