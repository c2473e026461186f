"""What screening found in records, and the marks of their indicators

Revision: 0008, after 0007
"""

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey
from registry.db import UtcDateTime

revision = '0008'
down_revision = '0007'


def upgrade() -> None:
    op.create_table('screening_hit',
    sa.Column('pk', BigKey, autoincrement=True, nullable=False),
    sa.Column('record_pk', BigKey, nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('rule', sa.String(length=32), nullable=False),
    sa.Column('pointer', sa.Text(), nullable=False),
    sa.Column('message', sa.String(length=500), nullable=False),
    sa.Column('suggestion', sa.String(length=500), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('stewards_only', sa.Boolean(), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('resolved_by', sa.String(length=400), nullable=True),
    sa.Column('reason', sa.String(length=1000), nullable=True),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['record_pk'], ['record.pk'], name=op.f('fk_screening_hit_record_pk_record')),
    sa.PrimaryKeyConstraint('pk', name=op.f('pk_screening_hit')),
    sa.UniqueConstraint('record_pk', 'key', name=op.f('uq_screening_hit_record_pk_key')),
    sa.UniqueConstraint('record_pk', 'number', name=op.f('uq_screening_hit_record_pk_number'))
    )
    with op.batch_alter_table('screening_hit', schema=None) as batch_op:
        batch_op.create_index('ix_screening_hit_stewards', ['stewards_only', 'state', 'at'], unique=False)

    op.create_table('indicator_mark',
    sa.Column('record_pk', BigKey, nullable=False),
    sa.Column('mark', sa.String(length=64), nullable=False),
    sa.Column('hidden', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['record_pk'], ['record.pk'], name=op.f('fk_indicator_mark_record_pk_record')),
    sa.PrimaryKeyConstraint('record_pk', 'mark', name=op.f('pk_indicator_mark'))
    )
    with op.batch_alter_table('indicator_mark', schema=None) as batch_op:
        batch_op.create_index('ix_indicator_mark_mark', ['mark'], unique=False)


def downgrade() -> None:
    op.drop_table('indicator_mark')
    op.drop_table('screening_hit')
