"""Files of evidence beside records

Revision: 0010, after 0009
"""

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey
from registry.db import UtcDateTime

revision = '0010'
down_revision = '0009'


def upgrade() -> None:
    op.create_table('evidence_file',
    sa.Column('pk', BigKey, autoincrement=True, nullable=False),
    sa.Column('record_pk', BigKey, nullable=False),
    sa.Column('file', sa.String(length=16), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('media_type', sa.String(length=100), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('tlp', sa.String(length=16), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('added_by', sa.String(length=400), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['record_pk'], ['record.pk'], name=op.f('fk_evidence_file_record_pk_record')),
    sa.PrimaryKeyConstraint('pk', name=op.f('pk_evidence_file')),
    sa.UniqueConstraint('file', name=op.f('uq_evidence_file_file'))
    )
    with op.batch_alter_table('evidence_file', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_evidence_file_record_pk'), ['record_pk'], unique=False)

    op.create_table('evidence_audience',
    sa.Column('file_pk', BigKey, nullable=False),
    sa.Column('audience', sa.String(length=8), nullable=False),
    sa.Column('name', sa.String(length=400), nullable=False),
    sa.ForeignKeyConstraint(['file_pk'], ['evidence_file.pk'], name=op.f('fk_evidence_audience_file_pk_evidence_file')),
    sa.PrimaryKeyConstraint('file_pk', 'audience', 'name', name=op.f('pk_evidence_audience'))
    )


def downgrade() -> None:
    op.drop_table('evidence_audience')
    op.drop_table('evidence_file')
