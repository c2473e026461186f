from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, Bytes


class Log(Base):
    """The log of one origin: our own, and that of each registry that is followed. Both are kept alike.

    `size` entries are held; `frontier` are the nodes over them, one after the other
    (`registry.transparency.merkle.Frontier`). `checkpoint` is the signed note over the first `published` of
    them, as it is served, with the lines of witnesses. `position` is the `seq` of the changelog up to which
    our own log is published; it stays 0 for any other.
    """

    __tablename__ = "log"

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    origin: Mapped[str] = mapped_column(String(255), unique=True)
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    frontier: Mapped[bytes] = mapped_column(Bytes, default=b"")
    published: Mapped[int] = mapped_column(BigInteger, default=0)
    checkpoint: Mapped[bytes | None] = mapped_column(Bytes)
    position: Mapped[int] = mapped_column(BigInteger, default=0)


class LogEntry(Base):
    """An entry of a log, as its bundle holds it, and the hash of its leaf.

    `record_id` and `version` are what a leaf of a record names; `erased` is the index of the leaf that tells
    of its erasure. `seq` is the change that an entry of our own log tells of.
    """

    __tablename__ = "log_entry"
    __table_args__ = (Index("ix_log_entry_record", "record_id", "version", "log_pk"),)

    log_pk: Mapped[int] = mapped_column(ForeignKey("log.pk"), primary_key=True)
    idx: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(Bytes)
    entry: Mapped[bytes] = mapped_column(Bytes)
    record_id: Mapped[str | None] = mapped_column(String(64))
    version: Mapped[int | None]
    erased: Mapped[int | None] = mapped_column(BigInteger)
    seq: Mapped[int | None] = mapped_column(BigInteger)


class LogFile(Base):
    """A file of a log, where the database keeps them. `path` is such as `log/tile/0/000`; those of another's
    log begin with `mirror/`.
    """

    __tablename__ = "log_file"

    path: Mapped[str] = mapped_column(String(255), primary_key=True)
    body: Mapped[bytes] = mapped_column(Bytes)
