"""Unusual activity: what organisations do by the hour, from where, and what stewards answered

Revision: 0011, after 0010
"""

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey
from registry.db import Json
from registry.db import UtcDateTime

revision = '0011'
down_revision = '0010'


def upgrade() -> None:
    op.create_table('activity_place',
    sa.Column('pk', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('pk', name=op.f('pk_activity_place'))
    )
    op.create_table('anomaly',
    sa.Column('pk', BigKey, autoincrement=True, nullable=False),
    sa.Column('provider_pk', BigKey, nullable=False),
    sa.Column('rule', sa.String(length=32), nullable=False),
    sa.Column('case', sa.String(length=80), nullable=False),
    sa.Column('detail', Json, nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('answer', sa.String(length=8), nullable=True),
    sa.Column('answered_by', sa.String(length=400), nullable=True),
    sa.Column('reason', sa.String(length=500), nullable=True),
    sa.ForeignKeyConstraint(['provider_pk'], ['provider.pk'], name=op.f('fk_anomaly_provider_pk_provider')),
    sa.PrimaryKeyConstraint('pk', name=op.f('pk_anomaly')),
    sa.UniqueConstraint('provider_pk', 'rule', 'case', name=op.f('uq_anomaly_provider_pk_rule_case'))
    )
    with op.batch_alter_table('anomaly', schema=None) as batch_op:
        batch_op.create_index('ix_anomaly_state', ['state', 'pk'], unique=False)

    op.create_table('hour_count',
    sa.Column('provider_pk', BigKey, nullable=False),
    sa.Column('hour', UtcDateTime(), nullable=False),
    sa.Column('action', sa.String(length=16), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['provider_pk'], ['provider.pk'], name=op.f('fk_hour_count_provider_pk_provider')),
    sa.PrimaryKeyConstraint('provider_pk', 'hour', 'action', 'kind', name=op.f('pk_hour_count'))
    )
    op.create_table('known_network',
    sa.Column('who', sa.String(length=32), nullable=False),
    sa.Column('network', sa.String(length=32), nullable=False),
    sa.Column('provider_pk', BigKey, nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['provider_pk'], ['provider.pk'], name=op.f('fk_known_network_provider_pk_provider')),
    sa.PrimaryKeyConstraint('who', 'network', name=op.f('pk_known_network'))
    )


def downgrade() -> None:
    op.drop_table('known_network')
    op.drop_table('hour_count')
    op.drop_table('anomaly')
    op.drop_table('activity_place')
