from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, Bytes, UtcDateTime


class EvidenceFile(Base):
    """A file beside a record. In the database and nowhere else, so that erasing the record reaches it.

    `file` is what addresses it. `tlp`, with the rows of `EvidenceAudience`, says whom it is for; `revision`
    counts the changes of that. `added_by` is the actor's name: with the four-eyes rule, somebody else shares
    it.
    """

    __tablename__ = "evidence_file"

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), index=True)
    file: Mapped[str] = mapped_column(String(16), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    # A list of files does not load them.
    content: Mapped[bytes] = mapped_column(Bytes, deferred=True, deferred_raiseload=True)
    tlp: Mapped[str] = mapped_column(String(16))
    revision: Mapped[int] = mapped_column(default=1)
    added_by: Mapped[str] = mapped_column(String(400))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class EvidenceAudience(Base):
    """A sharing group or a person that a file is shared with."""

    __tablename__ = "evidence_audience"

    file_pk: Mapped[int] = mapped_column(ForeignKey("evidence_file.pk"), primary_key=True)
    audience: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(String(400), primary_key=True)
