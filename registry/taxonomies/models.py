from datetime import datetime
from typing import Any

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, Json, UtcDateTime


class TaxonomyVersion(Base):
    """One version of one taxonomy, never changed after it was stored. The row with the highest id is the one
    in use.

    `data` is `Taxonomy.as_json()`; `digest` is that of the text as its publisher gave it. Publishers change
    their files without changing their version; such a file is stored as a version of its own, so `version`
    names one text for good.
    """

    __tablename__ = "taxonomy"
    __table_args__ = (UniqueConstraint("namespace", "version"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    namespace: Mapped[str] = mapped_column(String(100))
    version: Mapped[str] = mapped_column(String(120))
    digest: Mapped[str] = mapped_column(String(64))
    data: Mapped[dict[str, Any]] = mapped_column(Json)
    loaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
