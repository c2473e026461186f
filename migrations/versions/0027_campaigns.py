"""Records that look like one campaign

Revision: 0027, after 0026
"""

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey

revision = '0027'
down_revision = '0026'


def upgrade() -> None:
    op.create_table(
        'campaign_trait',
        sa.Column('record_pk', BigKey, nullable=False),
        sa.Column('kind', sa.String(length=16), nullable=False),
        sa.Column('value', sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(['record_pk'], ['record.pk'], name=op.f('fk_campaign_trait_record_pk_record')),
        sa.PrimaryKeyConstraint('record_pk', 'kind', 'value', name=op.f('pk_campaign_trait')),
    )
    op.create_index('ix_campaign_trait_value', 'campaign_trait', ['value', 'kind'])
    op.create_table(
        'campaign_member',
        sa.Column('record_pk', BigKey, nullable=False, autoincrement=False),
        sa.Column('cluster', sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(['record_pk'], ['record.pk'], name=op.f('fk_campaign_member_record_pk_record')),
        sa.PrimaryKeyConstraint('record_pk', name=op.f('pk_campaign_member')),
    )
    op.create_index('ix_campaign_member_cluster', 'campaign_member', ['cluster'])
    op.create_table(
        'campaign',
        sa.Column('cluster', sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column('organisations', sa.Integer(), nullable=False),
        sa.Column('last_seq', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('cluster', name=op.f('pk_campaign')),
    )
    op.create_index('ix_campaign_organisations_last', 'campaign', ['organisations', 'last_seq'])


def downgrade() -> None:
    op.drop_table('campaign')
    op.drop_table('campaign_member')
    op.drop_table('campaign_trait')
