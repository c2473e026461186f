"""Registries that are followed, what of theirs is not here and why, and alarms

Revision: 0019, after 0018
"""

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey, Json, UtcDateTime

revision = '0019'
down_revision = '0018'


def upgrade() -> None:
    op.create_table(
        'alarm',
        sa.Column('pk', BigKey, autoincrement=True, nullable=False),
        sa.Column('origin', sa.String(length=255), nullable=False),
        sa.Column('code', sa.String(length=40), nullable=False),
        sa.Column('key', sa.String(length=64), nullable=False),
        sa.Column('text', sa.String(length=1000), nullable=False),
        sa.Column('detail', Json, nullable=False),
        sa.Column('at', UtcDateTime(), nullable=False),
        sa.Column('tries', sa.Integer(), nullable=False),
        sa.Column('due_at', UtcDateTime(), nullable=True),
        sa.Column('told_at', UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('pk', name=op.f('pk_alarm')),
        sa.UniqueConstraint('origin', 'code', 'key', name=op.f('uq_alarm_origin_code_key')),
    )
    op.create_index('ix_alarm_due_at', 'alarm', ['due_at'])
    op.create_table(
        'peer',
        sa.Column('log_pk', BigKey, autoincrement=False, nullable=False),
        sa.Column('url', sa.String(length=2000), nullable=False),
        sa.Column('name', sa.String(length=200), nullable=False),
        sa.Column('verifiers', Json, nullable=False),
        sa.Column('state', sa.String(length=16), nullable=False),
        sa.Column('cut_off', sa.BigInteger(), nullable=True),
        sa.Column('head', sa.LargeBinary(), nullable=True),
        sa.Column('head_size', sa.BigInteger(), nullable=False),
        sa.Column('head_at', UtcDateTime(), nullable=True),
        sa.Column('etag', sa.String(length=200), nullable=True),
        sa.Column('heard_at', UtcDateTime(), nullable=True),
        sa.Column('due_at', UtcDateTime(), nullable=False),
        sa.Column('audit_at', UtcDateTime(), nullable=False),
        sa.Column('failed', sa.Integer(), nullable=False),
        sa.Column('error_code', sa.String(length=40), nullable=True),
        sa.Column('error', sa.String(length=1000), nullable=True),
        sa.Column('error_at', UtcDateTime(), nullable=True),
        sa.Column('holder', sa.String(length=128), nullable=True),
        sa.Column('lease_until', UtcDateTime(), nullable=True),
        sa.Column('added_at', UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['log_pk'], ['log.pk'], name=op.f('fk_peer_log_pk_log')),
        sa.PrimaryKeyConstraint('log_pk', name=op.f('pk_peer')),
    )
    op.create_table(
        'peer_item',
        sa.Column('log_pk', BigKey, autoincrement=False, nullable=False),
        sa.Column('idx', sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column('state', sa.String(length=16), nullable=False),
        sa.Column('code', sa.String(length=40), nullable=False),
        sa.Column('text', sa.String(length=1000), nullable=False),
        sa.Column('content', sa.LargeBinary(), nullable=True),
        sa.Column('tries', sa.Integer(), nullable=False),
        sa.Column('due_at', UtcDateTime(), nullable=True),
        sa.Column('released', sa.Boolean(), nullable=False),
        sa.Column('since', UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['log_pk'], ['peer.log_pk'], name=op.f('fk_peer_item_log_pk_peer')),
        sa.PrimaryKeyConstraint('log_pk', 'idx', name=op.f('pk_peer_item')),
    )
    op.create_index('ix_peer_item_due', 'peer_item', ['log_pk', 'due_at'])


def downgrade() -> None:
    op.drop_index('ix_peer_item_due', table_name='peer_item')
    op.drop_table('peer_item')
    op.drop_table('peer')
    op.drop_index('ix_alarm_due_at', table_name='alarm')
    op.drop_table('alarm')
