"""Names by which a record is known elsewhere, and what stewards decided about records that are the same

Revision: 0022, after 0021
"""

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey, UtcDateTime

revision = '0022'
down_revision = '0021'


def upgrade() -> None:
    op.create_table(
        'record_name',
        sa.Column('record_pk', BigKey, nullable=False),
        sa.Column('name', sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(['record_pk'], ['record.pk'], name=op.f('fk_record_name_record_pk_record')),
        sa.PrimaryKeyConstraint('record_pk', 'name', name=op.f('pk_record_name')),
    )
    op.create_index('ix_record_name_name', 'record_name', ['name'])
    op.create_table(
        'same_as',
        sa.Column('first_origin', sa.String(length=255), nullable=False),
        sa.Column('first_id', sa.String(length=16), nullable=False),
        sa.Column('second_origin', sa.String(length=255), nullable=False),
        sa.Column('second_id', sa.String(length=16), nullable=False),
        sa.Column('accepted', sa.Boolean(), nullable=False),
        sa.Column('by', sa.String(length=255), nullable=False),
        sa.Column('at', UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint(
            'first_id', 'first_origin', 'second_id', 'second_origin', name=op.f('pk_same_as')
        ),
    )
    op.create_index('ix_same_as_second', 'same_as', ['second_id', 'second_origin'])
    op.create_index('ix_record_source', 'record', ['source_id', 'source_scheme'])


def downgrade() -> None:
    op.drop_index('ix_record_source', table_name='record')
    op.drop_table('same_as')
    op.drop_table('record_name')
