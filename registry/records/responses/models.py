from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, UtcDateTime


class ResponsesSeen(Base):
    """Up to which response, by its first public sequence number, a record's owner has seen what was said."""

    __tablename__ = "responses_seen"

    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), primary_key=True, autoincrement=False)
    up_to: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
