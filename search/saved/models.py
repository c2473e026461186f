from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, UtcDateTime


class SavedSearch(Base):
    """A question that an organisation or a person keeps; one of the two owns it.

    `question` is its canonical query string (`search.request.Request.canonical`), so that a question is
    known again however it was asked.
    """

    __tablename__ = "saved_search"
    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(16), unique=True)
    provider_pk: Mapped[int | None] = mapped_column(ForeignKey("provider.pk"), index=True)
    person_pk: Mapped[int | None] = mapped_column(ForeignKey("person.pk"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    question: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
