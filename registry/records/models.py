from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base, BigKey, Bytes, Json, NullableJson, UtcDateTime


class Record(Base):
    """What stays the same about a record, and the columns that lists are cut from.

    `life` is a `workflow.Life`. `current` is the number of its newest public version and `shared` that of its
    newest version below TLP:CLEAR; 0 where there is none. `listed` is false before publication, after
    withdrawal and while `suppressed` holds the code of an order to withhold the record here. `first_seq` and
    `last_seq` are the public sequence numbers of its first and its newest public version. `shown_provider` is
    the slug that readers may know, null where attribution is not named;
    `provider_pk` is the organisation that owns it, whatever readers may know; null for a record of another
    registry, which nobody here works on. `tlp`, with the rows of
    `Audience`, says whom its shared versions are for, also after there is a public one; it is CLEAR where
    nothing was shared.
    """

    __tablename__ = "record"
    __table_args__ = (
        # By id first: most who ask for a record know no more.
        UniqueConstraint("id", "origin"),
        UniqueConstraint("provider_pk", "source_scheme", "source_id"),
        # Each list has an index that ends with its order, so that a page costs the same however long the list
        # is.
        Index("ix_record_listed_first", "listed", "first_seq"),
        Index("ix_record_kind_first", "listed", "kind", "first_seq"),
        Index("ix_record_imported_last", "imported", "last_seq"),
        Index("ix_record_kind_imported_last", "kind", "imported", "last_seq"),
        Index("ix_record_kind_last", "kind", "last_seq"),
        Index("ix_record_last", "last_seq"),
        # What is shared and not public is little, and is looked for among everything.
        Index("ix_record_current_shared", "current", "shared"),
        # What one source became, here and elsewhere.
        Index("ix_record_source", "source_id", "source_scheme"),
    )

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    origin: Mapped[str] = mapped_column(String(255))
    id: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(16))
    provider_pk: Mapped[int | None] = mapped_column(ForeignKey("provider.pk"))
    life: Mapped[str] = mapped_column(String(16))
    listed: Mapped[bool] = mapped_column(default=False)
    imported: Mapped[bool] = mapped_column(default=False)
    shown_provider: Mapped[str | None] = mapped_column(String(64))
    tlp: Mapped[str] = mapped_column(String(16))
    current: Mapped[int] = mapped_column(default=0)
    shared: Mapped[int] = mapped_column(default=0)
    first_seq: Mapped[int | None] = mapped_column(BigInteger)
    last_seq: Mapped[int | None] = mapped_column(BigInteger)
    source_scheme: Mapped[str | None] = mapped_column(String(100))
    source_id: Mapped[str | None] = mapped_column(String(400))
    input_digest: Mapped[str | None] = mapped_column(String(64))
    suppressed: Mapped[str | None] = mapped_column(String(200))
    suppressed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    erased: Mapped[str | None] = mapped_column(String(200))
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def owner(self) -> int:
        """The organisation that owns a record of our own. Raises `RuntimeError` for another registry's."""
        if self.provider_pk is None:
            raise RuntimeError(f"{self.id} is a record of {self.origin}: nobody here works on it")
        return self.provider_pk


class Version(Base):
    """An immutable version: its canonical bytes, and the salt under which they were committed to.

    `shared` versions went to members below TLP:CLEAR, are numbered apart (p1, p2, …) and have no public
    sequence number. `action` is what made it: published, revised, withdrawn or reinstated.
    """

    __tablename__ = "version"
    __table_args__ = (UniqueConstraint("record_pk", "shared", "number"),)

    pk: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"))
    shared: Mapped[bool] = mapped_column(default=False)
    number: Mapped[int]
    action: Mapped[str] = mapped_column(String(16))
    document: Mapped[bytes] = mapped_column(Bytes)
    salt: Mapped[bytes] = mapped_column(Bytes)
    commit: Mapped[str] = mapped_column(String(64))
    public_seq: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def prev(self) -> str | None:
        """What a version that follows this one names as `prev`. What was shared below TLP:CLEAR is named by
        none: whoever verifies the signature of a public version is told `prev`, and would learn of it.
        """
        return None if self.shared else self.commit


class Draft(Base):
    """What is being worked on: at most one beside each record.

    `document` holds the draft bytes: the canonical document less `version published modified updated`, and
    with `prev`. `digest` is their SHA-256, and `revision` counts every change of handling, restricted parts
    and state: together they are the draft's ETag.

    `author` edited it last, `authors` are all who did while it lived: the four-eyes rule asks for somebody
    else. `comments` are what a reviewer returned it with. `trail` tells what each of the last revisions
    changed, so that a stale `If-Match` can be answered with it. A scheduled draft has `due_at`, the ids that
    go out `together` (its own among them, sorted) and `scheduled_by`; `missed` says why a schedule came to
    nothing.
    """

    __tablename__ = "draft"
    # What is due, and nothing else, is what the workers look for twice a second.
    __table_args__ = (Index("ix_draft_due_at", "due_at"),)

    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), primary_key=True)
    step: Mapped[str] = mapped_column(String(16))
    document: Mapped[bytes] = mapped_column(Bytes)
    digest: Mapped[str] = mapped_column(String(64))
    revision: Mapped[int] = mapped_column(default=1)
    handling: Mapped[dict[str, Any]] = mapped_column(Json)
    restricted: Mapped[list[Any]] = mapped_column(Json)
    author: Mapped[str] = mapped_column(String(255))
    authors: Mapped[list[str]] = mapped_column(Json, default=list)
    approved_by: Mapped[str | None] = mapped_column(String(400))
    comments: Mapped[list[Any]] = mapped_column(Json, default=list)
    trail: Mapped[list[Any]] = mapped_column(Json, default=list)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    together: Mapped[list[str]] = mapped_column(Json, default=list)
    scheduled_by: Mapped[str | None] = mapped_column(String(400))
    missed: Mapped[dict[str, Any] | None] = mapped_column(NullableJson)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Invitation(Base):
    """Another organisation that publishes a record jointly, or is asked to.

    `invited` is whether the next version is to name it, `member` whether the newest one does. Its approval is
    of exact bytes: it counts while `digest` is that of the draft.
    """

    __tablename__ = "invitation"

    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), primary_key=True)
    provider_pk: Mapped[int] = mapped_column(ForeignKey("provider.pk"), primary_key=True, index=True)
    position: Mapped[int]
    invited: Mapped[bool]
    member: Mapped[bool] = mapped_column(default=False)
    invited_at: Mapped[datetime] = mapped_column(UtcDateTime)
    digest: Mapped[str | None] = mapped_column(String(64))
    approved_by: Mapped[str | None] = mapped_column(String(400))
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DraftQuota(Base):
    """How many drafts an organisation began on one day (UTC). The row is the lock on it."""

    __tablename__ = "draft_quota"

    provider_pk: Mapped[int] = mapped_column(ForeignKey("provider.pk"), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    used: Mapped[int]


class RestrictedPart(Base):
    """A version of a restricted part: a merge patch (RFC 7396) over the document, stored and committed to
    apart. `handling` and `tlp` say whom this version is for, with the rows of `PartAudience`. A version that
    removes the part has the content `null`.
    """

    __tablename__ = "restricted_part"

    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), primary_key=True)
    part: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    handling: Mapped[dict[str, Any]] = mapped_column(Json)
    tlp: Mapped[str] = mapped_column(String(16))
    removed: Mapped[bool] = mapped_column(default=False)
    content: Mapped[bytes] = mapped_column(Bytes)
    salt: Mapped[bytes] = mapped_column(Bytes)
    commit: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class PartAudience(Base):
    """A sharing group or a person that a version of a restricted part is shared with."""

    __tablename__ = "part_audience"
    __table_args__ = (
        ForeignKeyConstraint(
            ["record_pk", "part", "number"],
            ["restricted_part.record_pk", "restricted_part.part", "restricted_part.number"],
            name="fk_part_audience_restricted_part",
        ),
    )

    record_pk: Mapped[int] = mapped_column(BigKey, primary_key=True)
    part: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    audience: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(String(400), primary_key=True)


class RecordTag(Base):
    """A tag under which a record is found: its own, and every broader one. Copies the sequence numbers to
    sort by.
    """

    __tablename__ = "record_tag"
    __table_args__ = (
        Index("ix_record_tag_first", "tag", "first_seq"),
        Index("ix_record_tag_last", "tag", "last_seq"),
    )

    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(255), primary_key=True)
    first_seq: Mapped[int] = mapped_column(BigInteger)
    last_seq: Mapped[int] = mapped_column(BigInteger)


class RecordProvider(Base):
    """An organisation that readers know to have published a record, alone or with others. Copies the sequence
    numbers to sort by.
    """

    __tablename__ = "record_provider"
    __table_args__ = (
        Index("ix_record_provider_slug_first", "slug", "first_seq"),
        Index("ix_record_provider_slug_last", "slug", "last_seq"),
    )

    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), primary_key=True)
    first_seq: Mapped[int] = mapped_column(BigInteger)
    last_seq: Mapped[int] = mapped_column(BigInteger)


class RecordLink(Base):
    """A reference from a record's newest public version to another record: what `/responses` is read from."""

    __tablename__ = "record_link"
    __table_args__ = (Index("ix_record_link_target", "target_id", "role"),)

    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), primary_key=True)
    role: Mapped[str] = mapped_column(String(32), primary_key=True)
    target_origin: Mapped[str] = mapped_column(String(255), primary_key=True)
    target_id: Mapped[str] = mapped_column(String(16), primary_key=True)


class RecordName(Base):
    """A name by which a record is known elsewhere: its source and its aliases, as `identity.name_of` writes
    them.
    """

    __tablename__ = "record_name"
    __table_args__ = (Index("ix_record_name_name", "name"),)

    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), primary_key=True)
    name: Mapped[str] = mapped_column(String(300), primary_key=True)


class SameAs(Base):
    """What a steward here decided about two records that are said to be the same. The lesser (origin, id)
    stands first.
    """

    __tablename__ = "same_as"
    __table_args__ = (Index("ix_same_as_second", "second_id", "second_origin"),)

    first_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    first_origin: Mapped[str] = mapped_column(String(255), primary_key=True)
    second_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    second_origin: Mapped[str] = mapped_column(String(255), primary_key=True)
    accepted: Mapped[bool]
    by: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Audience(Base):
    """A sharing group or a person that a record below TLP:CLEAR is shared with."""

    __tablename__ = "audience"

    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), primary_key=True)
    audience: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(String(400), primary_key=True)
