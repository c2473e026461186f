from datetime import datetime
from typing import Any

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, Json, UtcDateTime


class TaxonomyVersion(Base):
    """One version of one taxonomy, never changed after it was stored. The row with the highest id is the one in use.

    `data` is `Taxonomy.as_json()` and `digest` its SHA-256. `number` counts the versions that this registry stored of
    the namespace: publishers change their files without changing their version, and classifications made under the
    older text have to keep it.
    """

    __tablename__ = "taxonomy"
    __table_args__ = (
        UniqueConstraint("namespace", "version", "number"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    namespace: Mapped[str] = mapped_column(String(100))
    version: Mapped[str] = mapped_column(String(100))
    number: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    data: Mapped[dict[str, Any]] = mapped_column(Json)
    loaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
