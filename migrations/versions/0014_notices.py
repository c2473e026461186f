"""Notices from outsiders, and the answers to them

Revision: 0014, after 0013
"""

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey
from registry.db import UtcDateTime

revision = '0014'
down_revision = '0013'


def upgrade() -> None:
    op.create_table('notice',
    sa.Column('pk', BigKey, autoincrement=True, nullable=False),
    sa.Column('number', sa.String(length=16), nullable=False),
    sa.Column('receipt_hash', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('about', sa.String(length=500), nullable=False),
    sa.Column('record_id', sa.String(length=16), nullable=True),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('contact', sa.String(length=320), nullable=True),
    sa.Column('language', sa.String(length=35), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('first_answer_at', UtcDateTime(), nullable=True),
    sa.Column('closed_at', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('pk', name=op.f('pk_notice')),
    sa.UniqueConstraint('number', name=op.f('uq_notice_number')),
    sa.UniqueConstraint('receipt_hash', name=op.f('uq_notice_receipt_hash'))
    )
    with op.batch_alter_table('notice', schema=None) as batch_op:
        batch_op.create_index('ix_notice_state_at', ['state', 'at'], unique=False)
        batch_op.create_index('ix_notice_record_id', ['record_id'], unique=False)
    op.create_table('notice_answer',
    sa.Column('pk', BigKey, autoincrement=True, nullable=False),
    sa.Column('notice_pk', BigKey, nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('by', sa.String(length=400), nullable=False),
    sa.Column('action', sa.String(length=16), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('response_id', sa.String(length=16), nullable=True),
    sa.ForeignKeyConstraint(['notice_pk'], ['notice.pk'], name=op.f('fk_notice_answer_notice_pk_notice')),
    sa.PrimaryKeyConstraint('pk', name=op.f('pk_notice_answer'))
    )
    with op.batch_alter_table('notice_answer', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_notice_answer_notice_pk'), ['notice_pk'], unique=False)


def downgrade() -> None:
    op.drop_table('notice_answer')
    op.drop_table('notice')
