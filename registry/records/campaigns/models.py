from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.db import Base


class CampaignTrait(Base):
    """Something that a listed record has and few others may: an indicator, a host, an alias or an actor, in
    its normal form (`registry.moderation.screening.traits`).
    """

    __tablename__ = "campaign_trait"
    __table_args__ = (Index("ix_campaign_trait_value", "value", "kind"),)

    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[str] = mapped_column(String(300), primary_key=True)


class CampaignMember(Base):
    """That a record stands in a cluster. `cluster` is the smallest key of a record in it."""

    __tablename__ = "campaign_member"
    __table_args__ = (Index("ix_campaign_member_cluster", "cluster"),)

    record_pk: Mapped[int] = mapped_column(ForeignKey("record.pk"), primary_key=True, autoincrement=False)
    cluster: Mapped[int] = mapped_column(BigInteger)


class Campaign(Base):
    """A cluster, as lists are cut from it: how many organisations published its records, and the public
    sequence number of its newest version.
    """

    __tablename__ = "campaign"
    __table_args__ = (Index("ix_campaign_organisations_last", "organisations", "last_seq"),)

    cluster: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    organisations: Mapped[int]
    last_seq: Mapped[int] = mapped_column(BigInteger)
